"""Answers to what a person writes: a mention in a channel, or a direct message."""

from __future__ import annotations

from dataclasses import dataclass

import discord
import structlog

from bot.discord.poster import DiscordPoster
from bot.domain.message import File, Form, Message, Post
from bot.domain.request import Address
from bot.errors import PaperboyError
from bot.runtime.announcements import Announcer

log = structlog.get_logger()


@dataclass(frozen=True)
class Written:
    """A message that a person wrote, as far as an answer needs it; `guild` is None in direct
    messages. It stands in for the interaction that a message is not."""

    client: discord.Client
    user: discord.abc.User
    guild: discord.Guild | None

    @property
    def guild_id(self) -> int | None:
        return self.guild.id if self.guild else None


class WrittenReply:
    """The answer to a message, in place of reply.Reply. Discord shows nothing to one person alone
    that no interaction asked for: what is not for everybody goes into a direct message."""

    is_open = True

    def __init__(
        self,
        poster: DiscordPoster,
        announcer: Announcer,
        address: Address,
        person: str,
        name: str,
        thread: str = "",
        is_public: bool = False,
    ) -> None:
        """`name` is the same for the same message, however often its event arrives."""
        self._poster, self._announcer, self._address = poster, announcer, address
        self._person, self._name, self._thread = person, name, thread
        self._is_public, self._said = is_public, 0

    async def defer(self) -> None:
        """Nobody waits for an acknowledgement."""

    async def say(self, post: Post) -> bool:
        """Post the next message of the answer; returns whether there was a place for it."""
        place = await self._place()
        if place is None:
            return False
        address, thread = place
        self._said += 1
        await self._announcer.say(address, post, f"{self._name} {self._said}", thread)
        return True

    async def show(self, file: File) -> bool:
        """What has a file is for one person alone, and answers an interaction."""
        return False

    async def amend(self, complete: Message, rest: Message | None) -> bool:
        """Replace the last message by the complete one, or post the rest after it, if there is
        any."""
        place = await self._place()
        if place is None:
            return False
        address, thread = place
        changed = await self._announcer.change(
            address, complete, f"{self._name} {self._said}", thread
        )
        return changed or rest is None or await self.say(rest)

    async def _place(self) -> tuple[Address, str | None] | None:
        """The channel, and its thread, where the answer goes; None when it can't be opened."""
        if not self._address.workspace or self._is_public:
            return self._address, self._thread or None
        try:
            return await self._poster.open_direct(self._address, self._person), None
        except PaperboyError as error:
            log.warning("could not answer", why=str(error))
            return None

    async def update(self, post: Post) -> None:
        """There is no message of ours that a button was pressed on."""

    async def open(self, form: Form) -> bool:
        """Only an interaction opens a form."""
        return False
