"""The answer to one interaction on Discord: at once or a little later, changed, or added to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from bot.discord import forms, render
from bot.discord.poster import ACKNOWLEDGED, DiscordPoster, DiscordRefused
from bot.domain.message import Form, Message, Post
from bot.errors import PaperboyError, Unavailable

log = structlog.get_logger()

Json = dict[str, Any]

# An interaction's token serves for fifteen minutes (docs.discord.com, "Interactions").
_TOKEN_SECONDS: Final = 14 * 60
_WAITS: Final = (0.2, 0.5)
_LONGEST_WAIT: Final = 0.7

_MESSAGE, _LATER, _UPDATE_LATER, _UPDATE, _MODAL = 4, 5, 6, 7, 9
_EPHEMERAL: Final = 1 << 6
_TOKEN = "/webhooks/{webhook_id}/{webhook_token}"


class Reply:
    """The answer to one interaction, seen by who asked alone. `mark` is the first component's id
    of the message whose button was pressed: posting.Poster.find knows the message by it."""

    def __init__(
        self, poster: DiscordPoster, ids: tuple[str, str, str], mark: int | None = None
    ) -> None:
        """`ids` are the application's, the interaction's and its token."""
        self._poster, (self._app, self._id, self._token), self._mark = poster, ids, mark
        self._begun = 0
        self._turn = asyncio.Lock()
        self.at = datetime.now(UTC)

    async def defer(self) -> None:
        """Say that the answer is coming, unless it is there."""
        async with self._turn:
            if not self._begun and self._mark is not None:
                await self._begin(_UPDATE_LATER, None)
            elif not self._begun:
                await self._begin(_LATER, {"flags": _EPHEMERAL})

    async def say(self, head: Message) -> bool:
        """Whether it could be said."""
        body = render.message(head)
        whisper = body | {"flags": body["flags"] | _EPHEMERAL}
        async with self._turn:
            if not self._begun:
                return await self._begin(_MESSAGE, whisper)
            if self._begun == _LATER:
                self._begun = _MESSAGE
                return await self._sent("PATCH", f"{_TOKEN}/messages/@original", body)
            return await self._sent("POST", _TOKEN, whisper)

    async def amend(self, whole: Message, rest: Message) -> bool:
        """Say the whole in place of the answer given, or the rest after it."""
        if self._begun != _MESSAGE:  # what the interaction began is a card, not our answer
            return await self.say(rest)
        async with self._turn:
            path = f"{_TOKEN}/messages/@original"
            return await self._sent("PATCH", path, render.message(whole))

    async def update(self, post: Post) -> None:
        """Change the message whose button was pressed."""
        body = render.message(post)
        if body["components"] and self._mark:
            body["components"][0]["id"] = self._mark
        async with self._turn:
            if not self._begun:
                await self._begin(_UPDATE, body)
            else:
                await self._sent("PATCH", f"{_TOKEN}/messages/@original", body)

    async def open(self, form: Form) -> bool:
        """Show a form, which has to be the first answer; False when it could not be shown."""
        try:
            modal = forms.modal(form)
        except ValueError as error:
            log.error("a form does not fit", form=form.name, why=str(error))
            return False
        async with self._turn:
            return not self._begun and await self._begin(_MODAL, modal)

    @property
    def is_open(self) -> bool:
        """Whether the interaction can still be answered."""
        return (datetime.now(UTC) - self.at).total_seconds() < _TOKEN_SECONDS

    async def _begin(self, kind: int, data: Json | None) -> bool:
        path = "/interactions/{webhook_id}/{webhook_token}/callback"
        body = {"type": kind} | ({"data": data} if data else {})
        self._begun = kind if await self._sent("POST", path, body, self._id) else 0
        return bool(self._begun)

    async def _sent(self, method: str, path: str, body: Json, id: str = "") -> bool:
        """Tried a few times, because a person waits: a whisper that comes twice is no harm."""

        ids = {"webhook_id": id or self._app, "webhook_token": self._token}
        for wait in (*_WAITS, None):
            try:
                await self._poster.request(method, path, body, None, **ids)
                return True
            except Unavailable as away:
                if wait is None or (away.retry_after or 0) > _LONGEST_WAIT:
                    log.warning("could not answer", why=str(away))
                    return False
                await asyncio.sleep(max(wait, away.retry_after or 0))
            except PaperboyError as error:
                if isinstance(error, DiscordRefused) and error.code == ACKNOWLEDGED:
                    return True  # by the try before, whose answer was lost
                log.warning("could not answer", why=str(error))
                return False
        return False
