"""Slack's Web API in the simulation, for workspaces that install Paperboy, each with its token.

It stands where slack_sdk sends a request. Who a token is of is decided here; what is asked with it
goes on to the chat, as that workspace's.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp

from bot.commands.permissions import PersonKind
from bot.domain.readers.elsewhere import Audience
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.errors import Gone, PaperboyError, Refused, Unavailable
from bot.sealing import Sealer
from bot.slack import tokens
from bot.store.chats.installations import Installation
from tests.simulation.scheduler import Scheduler

if TYPE_CHECKING:
    from bot.slack.installing import InstallFlow
    from tests.simulation.chat_edge import Chat

Json = dict[str, Any]

KEY: Final = "A" * 43 + "="
# Slack's tokens live for twelve hours where it rotates them.
LIVES: Final = 12 * 3600
# So long before its end Paperboy begins to exchange one.
AHEAD: Final = 2 * 3600.0
_CODES: Final = {
    ChannelReason.ARCHIVED: "is_archived",
    ChannelReason.NOT_A_MEMBER: "not_in_channel",
    ChannelReason.CHANNEL_GONE: "channel_not_found",
    ChannelReason.MAY_NOT_POST: "restricted_action",
    ChannelReason.BAD_TOKEN: "token_revoked",
    ChannelReason.NO_SCOPE: "missing_scope",
    ChannelReason.MESSAGE_GONE: "thread_not_found",
    ChannelReason.THREAD_LOCKED: "cannot_reply_to_message",
    ChannelReason.NOT_EDITABLE: "cant_update_message",
    ChannelReason.BAD_MESSAGE: "invalid_blocks",
}


class SlackWire:
    """`strays` is what was sent with another workspace's token; `late` what was asked with one that
    Slack had called dead long before. `flow` has the bot's pages for those who install it."""

    def __init__(self, chat: Chat, scheduler: Scheduler, rotates: bool) -> None:
        self._chat, self._scheduler, self._rotates = chat, scheduler, rotates
        self._teams: dict[str, str] = {}  # by token that is good
        self._ends: dict[str, float] = {}  # when it expires (monotonic), where it does
        self._refreshing: dict[str, str] = {}  # teams, by what is exchanged for a new token
        self._codes: dict[str, str] = {}  # teams, by the code that Slack sends them back with
        self._refused: dict[str, float] = {}  # when a dead token was first refused (monotonic)
        self._numbers = 0
        self.strays: list[str] = []
        self.late: list[str] = []
        self.exchanged = 0
        self.flow: InstallFlow | None = None

    # -- what people do

    def grant(self, team: str) -> Json:
        """A workspace says yes: its new tokens, as oauth.v2.access has them."""
        self._numbers += 1
        access, refresh = f"xoxb-{team}-{self._numbers}", f"xoxe-{team}-{self._numbers}"
        self._teams[access] = team
        given: Json = {"ok": True, "token_type": "bot", "access_token": access}
        if self._rotates:
            self._ends[access] = self._scheduler.now + LIVES
            self._refreshing[refresh] = team
            given |= {"refresh_token": refresh, "expires_in": LIVES}
        return given

    def remove(self, team: str) -> None:
        """A workspace removes Paperboy: whatever it gave is dead."""
        for known in (self._teams, self._refreshing):
            for key in [key for key, owner in known.items() if owner == team]:
                del known[key]

    async def install(self, team: str) -> bool:
        """Somebody opens the bot's page, says yes, and comes back to it; whether that went well."""
        if self.flow is None:
            return False
        page = await self.flow.respond("/slack/install", "", {})
        if page.status != 200:
            return False
        cookie = page.headers["set-cookie"][0].partition(";")[0]
        state, code = cookie.partition("=")[2], f"code-{team}-{self._numbers}"
        self._codes[code] = team
        query = f"code={code}&state={state}"
        back = await self.flow.respond("/slack/oauth_redirect", query, {"cookie": [cookie]})
        return back.status == 200

    def next_end(self) -> float | None:
        """When (monotonic) the next token expires that has not yet."""
        now = self._scheduler.now
        ends = [end for token, end in self._ends.items() if end > now and token in self._teams]
        return min(ends, default=None)

    def takes(self, found: Installation | None) -> bool:
        """Whether Slack takes what is stored of a workspace: the newest tokens that it gave."""
        if found is None or found.refused:
            return False
        own = [token for token, team in self._teams.items() if team == found.team]
        opened = tokens.opened(Sealer([KEY]), found)
        return opened is not None and bool(own) and opened.access == own[-1]

    def team_of(self, token: str) -> str | None:
        return self._teams.get(token)

    # -- in place of slack_sdk's request

    async def request(self, *, api_url: str, req_args: Json, **_: object) -> Json:
        method = urlsplit(api_url).path.rpartition("/")[2]
        given = _arguments(req_args)
        token = str(req_args["headers"].get("Authorization", "")).removeprefix("Bearer ")
        try:
            if method == "oauth.v2.access":
                await self._chat.asked()
                return _answer(self._access(given))
            team = self._owner(token, method)
            found = await self._methods[method](self, team, given)
            return _answer({"ok": True, **found})
        except PaperboyError as error:
            return _refusal(error, method)

    def _access(self, given: Mapping[str, Any]) -> Json:
        known = self._refreshing if given.get("grant_type") == "refresh_token" else self._codes
        team = known.pop(str(given.get("refresh_token") or given.get("code")), None)
        if team is None:
            return {"ok": False, "error": "invalid_refresh_token"}
        self.exchanged += known is self._refreshing
        return {**self.grant(team), "team": {"id": team, "name": f"Testers {team}"}, "app_id": "A1"}

    def _owner(self, token: str, method: str) -> str:
        """The workspace that a token is of. Raises _Dead."""
        team, now = self._teams.get(token), self._scheduler.now
        if team and self._ends.get(token, math.inf) > now:
            return team
        first = self._refused.setdefault(token, now)
        if method != "auth.test" and now - first > 60.0:
            self.late.append(f"{method} with {token}, dead for {now - first:.0f} s")
        raise _Dead("token_expired" if team else "token_revoked")

    async def _auth_test(self, team: str, given: Json) -> Json:
        await self._chat.asked()
        return {"team_id": team, "user_id": f"B{team}", "url": f"https://{team}.example/"}

    def _address(self, team: str, given: Json) -> Address:
        """A channel of the token's workspace. Raises Gone."""
        channel = str(given["channel"])
        owner = self._chat.homes.get(channel)
        if owner not in (None, team):
            self.strays.append(f"something for {channel} of {owner} came with the token of {team}")
            raise Gone("That is another workspace's.", ChannelReason.CHANNEL_GONE)
        return Address(platform="slack", workspace=team, channel=channel)

    async def _post(self, team: str, given: Json) -> Json:
        key, under = given["metadata"]["event_payload"]["key"], given.get("thread_ts")
        ts = await self._chat.send(self._address(team, given), given["post"], key, under)
        return {"ts": ts, "message": {"thread_ts": under}}

    async def _update(self, team: str, given: Json) -> Json:
        await self._chat.edit(self._address(team, given), given["ts"], given["post"])
        return {}

    async def _delete(self, team: str, given: Json) -> Json:
        await self._chat.remove(self._address(team, given), given["ts"], None)
        return {}

    async def _messages(self, team: str, given: Json) -> Json:
        address, under = self._address(team, given), given.get("ts")
        await self._chat.look(address)
        rows = [m for m in self._chat.channels[address] if m.under == under and not m.removed]
        found = [{"ts": m.id, "metadata": {"event_payload": {"key": m.key}}} for m in rows]
        return {"messages": found}

    async def _open(self, team: str, given: Json) -> Json:
        here = Address(platform="slack", workspace=team, channel="-")
        there = await self._chat.open_direct(here, str(given["users"]))
        return {"channel": {"id": there.channel}}

    async def _info(self, team: str, given: Json) -> Json:
        audience = await self._chat.audience(self._address(team, given))
        is_shared = audience is Audience.OUTSIDERS
        is_private = audience is Audience.MEMBERS
        return {"channel": {"is_private": is_private, "is_ext_shared": is_shared}}

    async def _permalink(self, team: str, given: Json) -> Json:
        address = self._address(team, given)
        return {"permalink": await self._chat.link(address, given["message_ts"])}

    async def _user(self, team: str, given: Json) -> Json:
        await self._chat.asked()
        person = self._chat.person(team, str(given["user"]))
        is_guest, is_gone = person.kind is PersonKind.GUEST, person.kind is PersonKind.STRANGER
        user = {"id": given["user"], "team_id": team, "is_restricted": is_guest}
        return {"user": {**user, "deleted": is_gone, "tz": "UTC"}}

    _methods: Mapping[str, Callable[[SlackWire, str, Json], Awaitable[Json]]] = {
        "auth.test": _auth_test,
        "chat.postMessage": _post,
        "chat.update": _update,
        "chat.delete": _delete,
        "conversations.history": _messages,
        "conversations.replies": _messages,
        "conversations.open": _open,
        "conversations.info": _info,
        "chat.getPermalink": _permalink,
        "users.info": _user,
    }


class _Dead(PaperboyError):
    """Slack's name for what is wrong with a token."""


def _arguments(req_args: Json) -> Json:
    for place in ("json", "data", "params"):
        if req_args.get(place):
            return dict(req_args[place])
    return {}


def _answer(data: Json, status: int = 200, **headers: str) -> Json:
    return {"data": data, "headers": headers, "status_code": status}


def _refusal(error: PaperboyError, method: str) -> Json:
    """What Slack answers, or how its answer is lost."""
    if isinstance(error, _Dead):
        return _answer({"ok": False, "error": str(error)})
    reason = error.reason
    if isinstance(error, Unavailable):
        if error.retry_after is not None:
            wait = {"Retry-After": str(math.ceil(error.retry_after))}
            return _answer({"ok": False, "error": "ratelimited"}, 429, **wait)
        if error.outcome_unknown or method == "oauth.v2.access":
            raise aiohttp.ServerDisconnectedError(str(error))
        raise TimeoutError(str(error))
    assert isinstance(error, Gone | Refused), "the chat raises nothing else"
    assert isinstance(reason, ChannelReason), "the chat says why"
    return _answer({"ok": False, "error": _CODES[reason]})
