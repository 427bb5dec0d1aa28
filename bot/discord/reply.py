"""The answer to one Discord interaction: sent, deferred, edited or followed up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from bot.discord import forms, render
from bot.discord.poster import ACKNOWLEDGED, DiscordPoster, DiscordRefused
from bot.domain.message import File, Form, Message, Post
from bot.errors import PaperboyError, Unavailable

log = structlog.get_logger()

Json = dict[str, Any]

# An interaction's token is valid for fifteen minutes (docs.discord.com, "Interactions").
_TOKEN_SECONDS: Final = 14 * 60
_WAITS: Final = (0.2, 0.5)
_LONGEST_WAIT: Final = 0.7

_MESSAGE, _LATER, _UPDATE_LATER, _UPDATE, _MODAL = 4, 5, 6, 7, 9
_EPHEMERAL: Final = 1 << 6
_TOKEN = "/webhooks/{webhook_id}/{webhook_token}"


class Reply:
    """The answer to one interaction, which only the person who asked sees. `mark` is the id of the
    first component of the message whose button was pressed, by which DiscordPoster.find knows it:
    an edit keeps it."""

    def __init__(
        self, poster: DiscordPoster, ids: tuple[str, str, str], mark: int | None = None
    ) -> None:
        """`ids` are the application's id, the interaction's id and its token."""
        self._poster, (self._app, self._id, self._token), self._mark = poster, ids, mark
        self._first = 0  # the type of the first response, once Discord has it
        self._turn = asyncio.Lock()
        self.at = datetime.now(UTC)

    async def defer(self) -> None:
        """Acknowledge the interaction, unless it is answered."""
        async with self._turn:
            if not self._first and self._mark is not None:
                await self._begin(_UPDATE_LATER, None)
            elif not self._first:
                await self._begin(_LATER, {"flags": _EPHEMERAL})

    async def say(self, post: Post) -> bool:
        """Send a message; returns whether it could be sent."""
        body = render.message(post, self._poster.command_ids)
        private = body | {"flags": body["flags"] | _EPHEMERAL}
        async with self._turn:
            if not self._first:
                return await self._begin(_MESSAGE, private)
            if self._first == _LATER:
                self._first = _MESSAGE
                return await self._sent("PATCH", f"{_TOKEN}/messages/@original", body)
            return await self._sent("POST", _TOKEN, private)

    async def show(self, file: File) -> bool:
        """Send a file after the message; returns whether it could be sent."""
        async with self._turn:
            return await self._sent("POST", _TOKEN, {"flags": _EPHEMERAL}, file=file)

    async def amend(self, complete: Message, rest: Message | None) -> bool:
        """Replace the answer by the complete one, or send the rest after it, if there is any;
        returns whether it could be sent."""
        if self._first != _MESSAGE:  # the original message is a card, not our answer
            return rest is None or await self.say(rest)
        async with self._turn:
            path = f"{_TOKEN}/messages/@original"
            return await self._sent(
                "PATCH", path, render.message(complete, self._poster.command_ids)
            )

    async def update(self, post: Post) -> None:
        """Edit the message whose button was pressed."""
        body = render.message(post, self._poster.command_ids)
        if body["components"] and self._mark:
            body["components"][0]["id"] = self._mark
        async with self._turn:
            if not self._first:
                await self._begin(_UPDATE, body)
            else:
                await self._sent("PATCH", f"{_TOKEN}/messages/@original", body)

    async def open(self, form: Form) -> bool:
        """Show a form, which has to be the first response; returns whether it could be shown."""
        try:
            modal = forms.modal(form)
        except ValueError as error:
            log.error("form does not fit", form=form.name, why=str(error))
            return False
        async with self._turn:
            return not self._first and await self._begin(_MODAL, modal)

    @property
    def is_open(self) -> bool:
        """Whether the interaction can still be answered."""
        return (datetime.now(UTC) - self.at).total_seconds() < _TOKEN_SECONDS

    async def _begin(self, kind: int, data: Json | None) -> bool:
        path = "/interactions/{webhook_id}/{webhook_token}/callback"
        body = {"type": kind} | ({"data": data} if data else {})
        self._first = kind if await self._sent("POST", path, body, self._id) else 0
        return bool(self._first)

    async def _sent(
        self, method: str, path: str, body: Json, id: str = "", file: File | None = None
    ) -> bool:
        """Tried a few times, because a person waits: a private answer may come twice."""

        ids = {"webhook_id": id or self._app, "webhook_token": self._token}
        for wait in (*_WAITS, None):
            try:
                await self._poster.request(method, path, body, None, file, **ids)
                return True
            except Unavailable as away:
                if wait is None or (away.retry_after or 0) > _LONGEST_WAIT:
                    log.warning("could not answer", why=str(away))
                    return False
                await asyncio.sleep(max(wait, away.retry_after or 0))
            except PaperboyError as error:
                if isinstance(error, DiscordRefused) and error.code == ACKNOWLEDGED:
                    return True  # by the try before, whose response was lost
                log.warning("could not answer", why=str(error))
                return False
        return False
