"""Who a person is in Slack, and which channels that person is in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict
from slack_sdk.errors import SlackApiError

from bot.commands.permissions import Person, PersonKind, Right
from bot.commands.typed import parse
from bot.errors import Refused
from bot.runtime.expiring_cache import ExpiringCache
from bot.slack.errors import CLIENT_ERRORS, ERRORS, to_paperboy_error
from bot.slack.workspaces import WebOf

log = structlog.get_logger()

# People press several buttons in a row, and look at their home tab. A right to change something is
# never taken from the cache.
_KEPT: Final = timedelta(seconds=20)
_DAY: Final = timedelta(days=1)
_MOST: Final = 2_000
# Slack returns at most 999 of a person's channels at a time (Tier 3: fifty calls a minute).
_PAGE: Final = 999
_KINDS: Final = ("public_channel", "private_channel", "mpim")

_FIND_SECONDS: Final = 10.0  # where nobody waits
_LEFT: Final = ("user_not_found", "user_not_visible")

T = TypeVar("T")


class _Enterprise(BaseModel):
    teams: tuple[str, ...] = ()


class _User(BaseModel):
    """The fields of users.info that rights depend on."""

    model_config = ConfigDict(frozen=True)

    team_id: str
    tz: str | None = None
    deleted: bool = False
    is_bot: bool = False
    is_admin: bool = False
    is_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    enterprise_user: _Enterprise = _Enterprise()


class _Channel(BaseModel):
    id: str


class _Cursor(BaseModel):
    next_cursor: str | None = None


class _Channels(BaseModel):
    """A page of users.conversations."""

    channels: tuple[_Channel, ...]
    response_metadata: _Cursor = _Cursor()


class People:
    """The people of one workspace, as users.info and users.conversations describe them."""

    def __init__(self, web: WebOf) -> None:
        self._web = web
        self._users: ExpiringCache[str, _User] = ExpiringCache(_KEPT, _MOST)
        self._inside: ExpiringCache[str, frozenset[str]] = ExpiringCache(_KEPT, _MOST)
        self._direct: ExpiringCache[str, str] = ExpiringCache(_DAY, _MOST)
        self._kinds: tuple[str, ...] = _KINDS

    async def identify(
        self, id: str, team: str, right: Right, direct: bool, now: datetime, seconds: float
    ) -> tuple[Person | None, str]:
        """A person, as far as the right needs it (what everybody may do needs no channels), and the
        time zone (UTC when Slack does not say). None when Slack does not answer in so many seconds;
        `direct` adds the person's direct messages with the bot to the channels."""
        fresh = right is Right.CHANGE

        async def user() -> _User | None:
            return await self._cached(self._users, self._user, id, now, fresh, seconds)

        async def inside() -> frozenset[str] | None:
            if right is Right.ASK and not direct:
                return frozenset()
            return await self._cached(self._inside, self._channels, id, now, fresh, seconds)

        async def direct_channel() -> str | None:
            if not direct:
                return None
            return await self._cached(self._direct, self._conversation, id, now, False, seconds)

        info, channels, own = await asyncio.gather(user(), inside(), direct_channel())
        zone = _zone(info) if info else "UTC"
        if info is None or channels is None:
            return None, zone
        every = channels | {own} if own else channels
        return Person(kind=_kind(info, team), channels=every), zone

    async def find(self, team: str, id: str) -> Person | None:
        """Somebody who asks for nothing just now, as far as the right USE needs it. Whom Slack
        knows no more has left, and is a guest here."""
        return await self._find(team, id, False, datetime.now(UTC))

    async def find_reader(self, team: str, id: str) -> Person | None:
        """The same for somebody whose program asks, with their direct messages with the bot. A
        program asks often: as with buttons, what Slack said a moment ago is good enough."""
        now = datetime.now(UTC)
        if self._users.get(id, now) is not None:
            return (await self.identify(id, team, Right.USE, True, now, _FIND_SECONDS))[0]
        return await self._find(team, id, True, now)

    async def _find(self, team: str, id: str, direct: bool, now: datetime) -> Person | None:
        try:
            self._users.put(id, await self._user(id), now)
        except SlackApiError as error:
            if error.response.get("error") in _LEFT:
                return Person(kind=PersonKind.GUEST)
        except ERRORS as error:
            log.info("person not found", why=str(to_paperboy_error(error)))
        return (await self.identify(id, team, Right.USE, direct, now, _FIND_SECONDS))[0]

    async def _cached(
        self,
        kept: ExpiringCache[str, T],
        ask: Callable[[str], Awaitable[T]],
        id: str,
        now: datetime,
        fresh: bool,
        seconds: float,
    ) -> T | None:
        """A cached value of a person, or a fresh one from Slack; None when Slack fails."""
        value = None if fresh else kept.get(id, now)
        if value is not None:
            return value
        try:
            async with asyncio.timeout(seconds):
                value = await ask(id)
        except ERRORS as error:
            log.warning("person not identified", person=id, why=str(to_paperboy_error(error)))
            return None
        kept.put(id, value, now)
        return value

    async def _user(self, id: str) -> _User:
        return _User.model_validate((await (await self._web()).users_info(user=id)).get("user"))

    async def _channels(self, id: str) -> frozenset[str]:
        channels, cursor = set[str](), ""
        while True:
            page = await self._page(id, cursor)
            channels.update(channel.id for channel in page.channels)
            cursor = page.response_metadata.next_cursor or ""
            if not cursor:
                return frozenset(channels)

    async def _page(self, id: str, cursor: str) -> _Channels:
        """Without group messages when the app was installed before it asked for their scope."""
        ask = (await self._web()).users_conversations
        kinds = ",".join(self._kinds)
        try:
            answer = await ask(user=id, types=kinds, limit=_PAGE, cursor=cursor or None)
        except CLIENT_ERRORS as error:
            scope = getattr(getattr(error, "response", None), "data", None) or {}
            if scope.get("needed") != "mpim:read" or len(self._kinds) < len(_KINDS):
                raise
            self._kinds = _KINDS[:-1]
            return await self._page(id, cursor)
        return _Channels.model_validate(answer.data)

    async def _conversation(self, id: str) -> str:
        """The id of a person's direct messages with the bot; opening them shows nothing."""
        opened = await (await self._web()).conversations_open(users=id)
        return _Channel.model_validate(opened.get("channel")).id


def _kind(user: _User, team: str) -> PersonKind:
    """In Enterprise Grid a person may belong to several workspaces."""
    if user.is_stranger or team not in (user.team_id, *user.enterprise_user.teams):
        return PersonKind.STRANGER
    if user.is_restricted or user.is_ultra_restricted or user.is_bot or user.deleted:
        return PersonKind.GUEST
    return PersonKind.ADMIN if user.is_admin or user.is_owner else PersonKind.MEMBER


def _zone(user: _User) -> str:
    try:
        return parse.parse_zone(user.tz or "UTC")
    except Refused:
        return "UTC"
