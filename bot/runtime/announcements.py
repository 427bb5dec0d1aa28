"""What the bot says to a channel: once under each name, at the channel's pace."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

import structlog
from redis import RedisError

from bot.domain.message import Post
from bot.domain.request import Address
from bot.errors import PaperboyError, Unavailable
from bot.runtime.posting import ChannelRateLimit, Poster, ThreadPoster
from bot.store.outbox import Outbox
from bot.store.values.lease import Lease
from bot.store.values.round_trips import RoundTrips

log = structlog.get_logger()

_SLOT = "said"


class Wakeup:
    """Wakes the clock when somebody requests a digest."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Wait for wake(), but no longer than so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()


class Announcer:
    """Posts to one platform's channels."""

    def __init__(self, poster: Poster, trips: RoundTrips, rate_limit: ChannelRateLimit) -> None:
        self.poster, self._trips, self._rate_limit = poster, trips, rate_limit

    async def say(self, address: Address, post: Post, name: str, under: str | None = None) -> bool:
        """Post a message, unless one was posted under this name before. A failure is logged: what
        is announced has happened all the same, and the person who did it was answered. False when
        the same may be tried again: the platform or Redis is away."""
        try:
            await self.post(address, post, name, under)
        except (PaperboyError, RedisError) as error:
            log.warning("announcement failed", channel=str(address), why=str(error))
            return not isinstance(error, Unavailable | RedisError)
        return True

    async def post(self, address: Address, post: Post, name: str, under: str | None = None) -> None:
        """The same for whom it matters what became of it. Raises PaperboyError and RedisError."""
        await self._thread(address, name).post_one(_SLOT, post, under)

    async def change(
        self, address: Address, post: Post, name: str, under: str | None = None
    ) -> bool:
        """Edit what was posted under this name; returns whether it says this now."""
        try:
            return await self._thread(address, name).change(_SLOT, post, under)
        except (PaperboyError, RedisError) as error:
            log.warning("announcement not edited", channel=str(address), why=str(error))
            return False

    def thread(self, address: Address, name: str, lease: Lease) -> ThreadPoster:
        """What posts there for whoever holds a lease; `name` is the outbox's. For what has to know
        what became of it."""
        return ThreadPoster(
            self.poster,
            Outbox(self._trips, name),
            address,
            self._rate_limit.acquire,
            lambda: datetime.now(UTC),
            lease.number,
            partial(lease.renew_together, self._trips),
        )

    def _thread(self, address: Address, name: str) -> ThreadPoster:
        outbox = Outbox(self._trips, f"{address}:said:{name}")
        return ThreadPoster(
            self.poster, outbox, address, self._rate_limit.acquire, lambda: datetime.now(UTC)
        )
