"""Who a person is on a Discord server, and which of its channels that person sees."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import discord
import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError

from bot.commands.permissions import Person, PersonKind
from bot.discord.poster import CLIENT_ERRORS, DiscordPoster, DiscordRefused, to_paperboy_error
from bot.domain.request import Address
from bot.errors import PaperboyError
from bot.runtime.expiring_cache import ExpiringCache

log = structlog.get_logger()

_KEPT: Final = timedelta(seconds=20)
_MOST: Final = 2_000
_SECONDS: Final = 2.0

_ROLE, _USER, _CHANNEL = 1, 2, 3

# The channels of one who is not on a server: no channel has this id.
_NOWHERE: Final = frozenset({"-"})
# Of a server that removed the bot nobody reads anything by it.
_GONE: Final = Person(kind=PersonKind.GUEST)


class _Overwrite(BaseModel):
    """A server's setting of a command for one role, person or channel."""

    id: int
    type: int
    permission: bool


class _Overwrites(BaseModel):
    """The settings of one command, or, under the application's id, of all without their own."""

    id: int
    permissions: tuple[_Overwrite, ...]


class _Command(BaseModel):
    id: int
    name: str


_SERVERS: Final = TypeAdapter(tuple[_Overwrites, ...])
_COMMANDS: Final = TypeAdapter(tuple[_Command, ...])


class People:
    """The people of every server that the bot is in. Nothing is asked about those who may manage
    the server: every interaction says so."""

    def __init__(self, poster: DiscordPoster) -> None:
        self._poster = poster
        self.client: discord.Client | None = None  # set by whoever connects it
        self._settings: ExpiringCache[int, tuple[_Overwrite, ...]] = ExpiringCache(_KEPT, _MOST)
        self._readers: ExpiringCache[tuple[int, int], Person] = ExpiringCache(_KEPT, _MOST)
        self._members: ExpiringCache[tuple[int, int], frozenset[str]] = ExpiringCache(_KEPT, _MOST)

    async def member(self, asked: discord.Interaction[Any], now: datetime) -> Person | None:
        """A person on a server; None when Discord does not say what the server's settings are."""
        guild, person = asked.guild, asked.user
        if guild is None or not isinstance(person, discord.Member):
            return None
        here = {asked.channel_id, getattr(asked.channel, "parent_id", None)}
        channels = _seen(guild, person) | {str(id) for id in here if id}
        if asked.permissions.administrator or asked.permissions.manage_guild:
            return Person(kind=PersonKind.ADMIN, channels=channels)
        try:
            rules = await self._rules(asked.application_id, guild.id, now)
        except (PaperboyError, ValidationError) as error:
            log.warning(
                "command permissions not available", server=guild.id, why=type(error).__name__
            )
            return None
        roles = {role.id for role in person.roles}
        allowed = is_offered(rules, guild.id, {id for id in here if id}, person.id, roles)
        return Person(kind=PersonKind.MEMBER if allowed else PersonKind.BARRED, channels=channels)

    async def in_direct_messages(
        self,
        client: discord.Client,
        person: int,
        here: str,
        subscribed: Iterable[Address],
        now: datetime,
    ) -> Person | None:
        """A person in direct messages with the bot: of the channels the person subscribed, those
        the person still sees. None when Discord does not say."""
        channels = {here}
        for server in {address.workspace for address in subscribed if address.workspace}:
            guild = client.get_guild(int(server))
            if guild is None or guild.unavailable:
                continue  # the bot was removed, or the server is unavailable
            found = await self._inside(guild, person, now)
            if found is None:
                return None
            channels |= found
        return Person(kind=PersonKind.ALONE, channels=frozenset(channels))

    async def find(self, server: str, person: str) -> Person | None:
        """Somebody who asks for nothing just now; a guest where they have left the server, or it
        removed the bot. None when Discord does not say, and before the first connection, which
        brings the channels."""
        guild = self._guild(server)
        if guild is None or not person.isdecimal():
            return _GONE if self._is_gone(server) else None
        found = await self._inside(guild, int(person), datetime.now(UTC))
        if found is None:
            return None
        kind = PersonKind.GUEST if found == _NOWHERE else PersonKind.MEMBER
        return Person(kind=kind, channels=found)

    async def find_reader(self, server: str, person: str) -> Person | None:
        """The same for somebody whose program asks: of the channels they see, those in which the
        server's settings offer them /digest; barred where there are none."""
        guild = self._guild(server)
        if self.client is None or guild is None or not person.isdecimal():
            return _GONE if self._is_gone(server) else None
        now, known = datetime.now(UTC), (guild.id, int(person))
        found = self._readers.get(known, now)
        if found is None and (found := await self._reader(self.client, guild, known[1], now)):
            self._readers.put(known, found, now)
        return found

    def _guild(self, server: str) -> discord.Guild | None:
        """A server whose channels are known now."""
        if self.client is None or not server.isdecimal():
            return None
        guild = self.client.get_guild(int(server))
        return None if guild is None or guild.unavailable else guild

    def _is_gone(self, server: str) -> bool:
        """Whether the bot is on that server no more: once connected, it knows of all it is on, also
        of those that Discord can't serve just now."""
        if self.client is None or not self.client.is_ready() or not server.isdecimal():
            return False
        return self.client.get_guild(int(server)) is None

    async def _reader(
        self, client: discord.Client, guild: discord.Guild, person: int, now: datetime
    ) -> Person | None:
        try:
            async with asyncio.timeout(_SECONDS):
                member = await guild.fetch_member(person)
                rules = await self._rules(client.application_id or 0, guild.id, now)
        except discord.NotFound:
            return Person(kind=PersonKind.GUEST)
        except (*CLIENT_ERRORS, PaperboyError, ValidationError) as error:
            log.warning("person not identified", why=type(error).__name__)
            return None
        seen, may = _seen(guild, member), member.guild_permissions
        if may.administrator or may.manage_guild:
            return Person(kind=PersonKind.ADMIN, channels=seen)
        roles = {role.id for role in member.roles}
        offered = frozenset(
            id for id in seen if is_offered(rules, guild.id, {int(id)}, person, roles)
        )
        kind = PersonKind.MEMBER if offered else PersonKind.BARRED
        return Person(kind=kind, channels=offered)

    async def _inside(
        self, guild: discord.Guild, person: int, now: datetime
    ) -> frozenset[str] | None:
        """The channels a person sees on a server, _NOWHERE for one who is not there; None when
        Discord does not say."""
        found = self._members.get((guild.id, person), now)
        if found is None:
            try:  # discord.py retries for half a minute, and a person waits
                async with asyncio.timeout(_SECONDS):
                    found = _seen(guild, await guild.fetch_member(person))
            except discord.NotFound:
                found = _NOWHERE
            except CLIENT_ERRORS as error:
                log.warning("person not identified", why=str(to_paperboy_error(error)))
                return None
            self._members.put((guild.id, person), found, now)
        return found

    async def _rules(self, application: int, guild: int, now: datetime) -> tuple[_Overwrite, ...]:
        """The server's settings of /digest. Raises PaperboyError, ValidationError."""
        found = self._settings.get(guild, now)
        if found is None:
            path = f"/applications/{application}"
            try:
                settings = await self._poster.request(
                    "GET", f"{path}/guilds/{guild}/commands/permissions"
                )
                every = {row.id: row.permissions for row in _SERVERS.validate_python(settings)}
            except DiscordRefused:  # there are none: the command's default counts
                every = {}
            found = every.get(application, ())
            if every:
                listed = await self._poster.request("GET", f"{path}/commands")
                (digest,) = (c.id for c in _COMMANDS.validate_python(listed) if c.name == "digest")
                found = every.get(digest, found)
            self._settings.put(guild, found, now)
        return found


def _seen(guild: discord.Guild, person: discord.Member) -> frozenset[str]:
    """The ids of the channels a person sees."""
    found = (c for c in guild.text_channels if c.permissions_for(person).view_channel)
    return frozenset(str(channel.id) for channel in found)


def is_offered(
    rules: Iterable[_Overwrite], guild: int, channels: set[int], person: int, roles: set[int]
) -> bool:
    """Whether Discord offers /digest to a person who may not manage the server: a channel can
    exclude it, then the person's own rule counts, then the roles', then everybody's
    (docs.discord.com, "Application Commands", Permissions)."""
    allowed: Mapping[tuple[int, int], bool] = {(r.type, r.id): r.permission for r in rules}
    everywhere = allowed.get((_CHANNEL, guild - 1), True)
    if not all(allowed.get((_CHANNEL, id), everywhere) for id in channels):
        return False
    if (_USER, person) in allowed:
        return allowed[_USER, person]
    by_role = [allowed[_ROLE, id] for id in roles if id != guild and (_ROLE, id) in allowed]
    return any(by_role) if by_role else allowed.get((_ROLE, guild), False)
