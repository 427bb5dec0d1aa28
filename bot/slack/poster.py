"""Slack's messages: send, find, edit, delete; each request is made once, errors are typed."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import structlog
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.message import File, Message, Post
from bot.domain.readers.best import PersonReply
from bot.domain.readers.elsewhere import Audience
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.errors import Gone, PaperboyError, Refused, Unavailable
from bot.network import describe_error, retry_after_seconds
from bot.slack import render

log = structlog.get_logger()

# A request that takes longer counts as lost. Shorter than a delivery's lease.
_SECONDS = 10
# How far our clock and Slack's may differ.
_SKEW = timedelta(minutes=5)
_EVENT = "paperboy_message"
_OTHER_TOKEN = "apps.connections.open"
# With other workspaces, of another company or of the same (docs.slack.dev, "conversation object").
_SHARED = ("shared", "ext_shared", "org_shared")
_NOT_UPLOADED = "Slack took no file"
_PAGE = 100
# Of what people write: other subtypes are news of Slack's, or a message that is gone.
_WRITTEN = (None, "file_share", "me_message", "thread_broadcast")

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


class _Web(AsyncWebClient):
    """Slack's client, which raises ValueError for an answer that is not in Slack's form. `scopes`
    are the bot token's, as Slack said last; empty while it has said nothing."""

    scopes: frozenset[str] = frozenset()

    async def api_call(self, *args: Any, **kwargs: Any) -> AsyncSlackResponse:
        try:
            answer = await super().api_call(*args, **kwargs)
            if _OTHER_TOKEN not in args:
                granted = str(answer.headers.get("X-OAuth-Scopes") or "")
                self.scopes = frozenset(granted.replace(" ", "").split(",")) - {""}
            return answer
        except (AttributeError, KeyError, TypeError) as error:  # plain text, or another JSON
            raise ValueError("not Slack's form") from error


def lacks_scope(web: AsyncWebClient, scope: str) -> bool:
    """Whether the bot is known to lack a scope."""
    granted = web.scopes if isinstance(web, _Web) else frozenset[str]()
    return bool(granted) and scope not in granted


def client(token: SecretStr, api_url: str, seconds: int = _SECONDS) -> AsyncWebClient:
    """Slack's own client without its retries: the default handler posts a message twice when the
    connection is lost after Slack accepted it."""
    return _Web(
        token=token.get_secret_value(), base_url=api_url, timeout=seconds, retry_handlers=[]
    )


def to_paperboy_error(error: Exception) -> PaperboyError:
    """Slack's error, or the connection's, as the type that says what to do next."""
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
        return Unavailable(f"Slack is away: {code}.", ChannelReason.CHAT_DOWN)
    if code in _GONE:
        needed = f", it needs {data['needed']}" if data.get("needed") else ""
        return Gone(f"Slack says {code}{needed}.", _GONE[code])
    if code and code not in _DOWN:
        return SlackRefused(code)
    why = f"Slack has a fault of its own ({code or status})."
    return Unavailable(why, ChannelReason.CHAT_DOWN, outcome_unknown=True)


# What the client raises: Slack's errors, lost connections, timeouts, and HTML in place of JSON.
CLIENT_ERRORS = (SlackApiError, aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError)


class SlackPoster:
    """posting.Poster for Slack. A message's id is its `ts`, a thread is its parent's `ts`."""

    def __init__(self, web: AsyncWebClient) -> None:
        self.web = web

    async def send(self, address: Address, post: Post, key: str, under: str | None) -> str:
        async def out(content: dict[str, Any]) -> AsyncSlackResponse:
            return await self._call(
                self.web.chat_postMessage,
                channel=address.channel,
                thread_ts=under,
                metadata={"event_type": _EVENT, "event_payload": {"key": key}},
                unfurl_links=False,
                unfurl_media=False,
                client_msg_id=str(uuid.UUID(hex=key.rjust(32, "0"))),
                **content,
            )

        try:
            sent = await out(render.message(post))
        except SlackRefused as refused:
            if refused.reason is not ChannelReason.BAD_MESSAGE:
                raise
            log.error("Slack refuses the blocks, sending plain text", key=key, why=str(refused))
            sent = await out(render.plain(post))
        if under and _is_outside_thread(sent):
            await self.remove(address, str(sent["ts"]), None)
            raise SlackRefused("thread_not_found")
        return str(sent["ts"])

    async def open_thread(self, address: Address, message: str, head: Message) -> str:
        return message

    async def find(
        self, address: Address, key: str, since: datetime, under: str | None
    ) -> list[str]:
        try:
            return await self._marked(address, key, since, under)
        except SlackRefused as refused:
            if under and refused.reason is ChannelReason.MESSAGE_GONE:
                for alone in await self._marked(address, key, since, None):
                    await self.remove(address, alone, None)
            raise

    async def _marked(
        self, address: Address, key: str, since: datetime, under: str | None
    ) -> list[str]:
        read = self.web.conversations_replies if under else self.web.conversations_history
        where = {"ts": under} if under else {}
        oldest = f"{(since - _SKEW).timestamp():.6f}"
        found, cursor = [], ""
        while True:
            page = await self._call(
                read,
                channel=address.channel,
                oldest=oldest,
                include_all_metadata=True,
                limit=_PAGE,
                cursor=cursor or None,
                **where,
            )
            for message in page["messages"]:
                payload = (message.get("metadata") or {}).get("event_payload") or {}
                if payload.get("key") == key:
                    found.append(str(message["ts"]))
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return sorted(found, key=float)

    async def edit(
        self, address: Address, message: str, post: Post, under: str | None = None, key: str = ""
    ) -> None:
        """Metadata stays when an update does not name it."""
        where = {"channel": address.channel, "ts": message}
        try:
            await self._call(self.web.chat_update, **where, **render.message(post))
        except SlackRefused as refused:
            if refused.reason is not ChannelReason.BAD_MESSAGE:
                raise
            await self._call(self.web.chat_update, **where, **render.plain(post), blocks=[])

    async def remove(self, address: Address, message: str, under: str | None) -> None:
        try:
            await self._call(self.web.chat_delete, channel=address.channel, ts=message)
        except SlackRefused as refused:
            if refused.reason is not ChannelReason.MESSAGE_GONE:
                raise

    async def open_direct(self, address: Address, person: str) -> Address:
        opened = await self._call(self.web.conversations_open, users=person)
        return address.model_copy(update={"channel": str(opened["channel"]["id"])})

    async def audience(self, address: Address) -> Audience:
        info = await self._call(self.web.conversations_info, channel=address.channel)
        channel = info.get("channel")
        about = channel if isinstance(channel, dict) else {}
        if any(about.get(f"is_{how}") for how in _SHARED):
            return Audience.OUTSIDERS
        is_open = about.get("is_private") is False and not (
            about.get("is_im") or about.get("is_mpim")
        )
        return Audience.EVERYONE if is_open else Audience.MEMBERS

    async def upload(self, person: str, file: File) -> None:
        """Post a file into the direct messages with a person."""
        opened = await self._call(self.web.conversations_open, users=person)
        try:
            await self._call(
                self.web.files_upload_v2,
                channel=str(opened["channel"]["id"]),
                filename=file.name,
                title=file.name,
                alt_txt=file.alt,
                content=file.content,
            )
        except SlackRequestError as error:
            raise Unavailable(_NOT_UPLOADED, ChannelReason.CHAT_DOWN) from error

    async def replies(self, address: Address, under: str) -> list[PersonReply]:
        """Slack's threads are flat: no reply says which one it answers."""
        found, cursor = [], ""
        while True:
            page = await self._call(
                self.web.conversations_replies,
                channel=address.channel,
                ts=under,
                limit=_PAGE,
                cursor=cursor or None,
            )
            for message in page["messages"]:
                is_ours = message.get("bot_id") or message["ts"] == under
                if message.get("user") and not is_ours and message.get("subtype") in _WRITTEN:
                    found.append(PersonReply(str(message["ts"]), str(message["user"])))
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return found

    async def link(self, address: Address, message: str) -> str:
        """The web address of a message."""
        read = self.web.chat_getPermalink
        found = await self._call(read, channel=address.channel, message_ts=message)
        return str(found["permalink"])

    async def _call(
        self, method: Callable[..., Awaitable[AsyncSlackResponse]], **arguments: Any
    ) -> AsyncSlackResponse:
        try:
            return await method(**arguments)
        except CLIENT_ERRORS as error:
            raise to_paperboy_error(error) from error


def _is_outside_thread(sent: AsyncSlackResponse) -> bool:
    """Whether a reply was posted outside its thread: Slack accepts a reply to a message that was
    deleted before it had any (slack-go issue 1571)."""
    message = sent.get("message")
    return isinstance(message, dict) and not message.get("thread_ts")


@asynccontextmanager
async def open_poster(token: SecretStr, api_url: str) -> AsyncIterator[SlackPoster]:
    """A poster on connections of its own, kept open while it is used."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session:
        web = client(token, api_url)
        web.session = session
        yield SlackPoster(web)
