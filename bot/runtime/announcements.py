"""Saying something to a channel from the bot: once, at the channel's pace; and waking the clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog
from redis import Redis, RedisError

from bot.domain.message import Head
from bot.domain.request import Address
from bot.errors import PaperboyError
from bot.runtime.posting import Pace, Poster, Thread
from bot.store.outbox import Outbox

log = structlog.get_logger()


class Bell:
    """Wakes the clock when somebody wishes for something."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def heard(self, seconds: float) -> None:
        """Wait until it rings, or for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        self._rung.clear()


class Chat:
    """One platform's channels, as the bot talks to them."""

    def __init__(self, poster: Poster, redis: Redis, pace: Pace) -> None:
        self._poster, self._redis, self._pace = poster, redis, pace

    async def say(self, address: Address, head: Head, name: str, under: str | None = None) -> None:
        """Post it, unless it was said under this name before. What cannot be said is logged: it
        was done all the same, and who did it knows."""
        outbox = Outbox(self._redis, f"{address}:said:{name}")
        thread = Thread(self._poster, outbox, address, self._pace.turn, lambda: datetime.now(UTC))
        try:
            await thread.one("said", head, under)
        except (PaperboyError, RedisError) as error:
            log.warning("could not say", channel=str(address), why=str(error))
