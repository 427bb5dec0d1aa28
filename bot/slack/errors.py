"""Slack's errors, as the types that say what to do next."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.domain.reasons import ChannelReason
from bot.errors import Gone, PaperboyError, Refused, Unavailable
from bot.network import describe_error, retry_after_seconds

_GONE = {
    "is_archived": ChannelReason.ARCHIVED,
    "not_in_channel": ChannelReason.NOT_A_MEMBER,
    "channel_not_found": ChannelReason.CHANNEL_GONE,
    "restricted_action": ChannelReason.MAY_NOT_POST,
    "restricted_action_read_only_channel": ChannelReason.MAY_NOT_POST,
    "restricted_action_thread_only_channel": ChannelReason.MAY_NOT_POST,
    "restricted_action_non_threadable_channel": ChannelReason.MAY_NOT_POST,
    "cannot_dm_bot": ChannelReason.MAY_NOT_POST,
    "user_disabled": ChannelReason.CHANNEL_GONE,
    "invalid_auth": ChannelReason.BAD_TOKEN,
    "not_authed": ChannelReason.BAD_TOKEN,
    "account_inactive": ChannelReason.BAD_TOKEN,
    "token_revoked": ChannelReason.BAD_TOKEN,
    "token_expired": ChannelReason.BAD_TOKEN,
    "app_uninstalled": ChannelReason.BAD_TOKEN,
    "not_allowed_token_type": ChannelReason.BAD_TOKEN,
    "missing_scope": ChannelReason.NO_SCOPE,
    "no_permission": ChannelReason.NO_SCOPE,
    "team_access_not_granted": ChannelReason.NO_SCOPE,
    "ekm_access_denied": ChannelReason.MAY_NOT_POST,
    "access_denied": ChannelReason.MAY_NOT_POST,
    "enterprise_is_restricted": ChannelReason.MAY_NOT_POST,
}
# Slack's own faults, which it names instead of an HTTP status; it may have acted all the same.
_DOWN = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
_BUSY = {"ratelimited", "rate_limited", "message_limit_exceeded"}
# The workspace is being moved, or is closed to this network: nothing was done.
_AWAY = {"team_added_to_org", "org_login_required", "external_channel_migrating", "accesslimited"}
# About one message or its thread, whatever it says (docs.slack.dev, the methods' errors).
_MESSAGE = {
    "message_not_found": ChannelReason.MESSAGE_GONE,
    "thread_not_found": ChannelReason.MESSAGE_GONE,
    "cannot_reply_to_message": ChannelReason.THREAD_LOCKED,
    "edit_window_closed": ChannelReason.NOT_EDITABLE,
    "cant_update_message": ChannelReason.NOT_EDITABLE,
    "is_inactive": ChannelReason.NOT_EDITABLE,
    "update_failed": ChannelReason.NOT_EDITABLE,
    "streaming_state_conflict": ChannelReason.NOT_EDITABLE,
}


class SlackRefused(Refused):
    """Slack rejects the request as it is; `code` is Slack's."""

    def __init__(self, code: str) -> None:
        super().__init__(
            f"Slack refuses this: {code}.", _MESSAGE.get(code, ChannelReason.BAD_MESSAGE)
        )
        self.code = code


def to_paperboy_error(error: Exception) -> PaperboyError:
    """Slack's error, or the connection's, as the type that says what to do next; ours as it is."""
    if isinstance(error, PaperboyError):
        return error
    if not isinstance(error, SlackApiError):
        return Unavailable(
            f"Slack did not answer: {describe_error(error)}.",
            ChannelReason.CHAT_DOWN,
            outcome_unknown=True,
        )
    response: Any = error.response
    status = getattr(response, "status_code", 200)
    data = response.data if isinstance(getattr(response, "data", None), dict) else {}
    code = str(data.get("error") or "")
    if status == 429 or code in _BUSY:
        wait = retry_after_seconds(str((response.headers or {}).get("Retry-After", 1)))
        return Unavailable(
            "Slack asks for fewer messages.", ChannelReason.CHAT_BUSY, retry_after=wait
        )
    if code in _AWAY:
        return Unavailable(f"Slack can't reach it: {code}.", ChannelReason.WORKSPACE_AWAY)
    if code in _GONE:
        needed = f", it needs {data['needed']}" if data.get("needed") else ""
        return Gone(f"Slack says {code}{needed}.", _GONE[code])
    if code and code not in _DOWN:
        return SlackRefused(code)
    why = f"Slack has a fault of its own ({code or status})."
    return Unavailable(why, ChannelReason.CHAT_DOWN, outcome_unknown=True)


# What the client raises: Slack's errors, lost connections, timeouts, and HTML in place of JSON.
CLIENT_ERRORS = (SlackApiError, aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError)
# That, and why a workspace has no client now.
ERRORS = (*CLIENT_ERRORS, PaperboyError)
