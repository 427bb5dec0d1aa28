"""A thread, posted completely, in order and once, whatever happens in between.

Before a message goes out its intent is written down, and its id after it. Who finds an intent
without an id looks into the channel before sending again: the reply may have been lost, or the
worker killed, after the platform took the message. Redis is asked from threads, because the bot
posts from the loop that has to acknowledge events.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

import redis.asyncio
import structlog
from pyrate_limiter import Duration, Limiter, Rate, RedisBucket
from pyrate_limiter.limiter import SingleBucketFactory

from bot.domain import fingerprint
from bot.errors import Unavailable
from bot.message import Head, Post
from bot.store_outbox import PACE, Entry, Outbox
from bot.wish import Address

log = structlog.get_logger()

T = TypeVar("T")

HEAD = "head"

# Between the tries of one message; a service that asks for longer than this is left for later.
_WAITS = (1.0, 2.0, 4.0, 8.0)
_LONGEST = 60.0
# After an answer, before the next message of a channel.
_GAP = 1.0


class Poster(Protocol):
    """A platform's messages. Every method raises Unavailable, Gone, or Refused for what is wrong
    with the message itself; none repeats a request by itself."""

    async def send(self, address: Address, post: Post, key: str, under: str | None) -> str:
        """Post to the channel, or under a thread, marked with `key`; returns the message's id."""

    async def thread(self, address: Address, message: str, head: Head) -> str:
        """Where the replies to a message go (`under`); asking again gives the same."""

    async def find(
        self, address: Address, key: str, since: datetime, under: str | None
    ) -> list[str]:
        """Ids of our messages marked with `key`, the oldest first."""

    async def edit(
        self, address: Address, message: str, post: Post, under: str | None = None
    ) -> None:
        """Change a message; one that somebody deleted stays so."""

    async def remove(self, address: Address, message: str, under: str | None) -> None:
        """Delete a message of ours."""

    async def direct(self, address: Address, person: str) -> Address:
        """Where this workspace's person can be told something alone."""


class Pace:
    """One message a second and channel, over all processes: Slack's limit, a calm one elsewhere
    (docs.slack.dev, "rate limits": chat.postMessage)."""

    def __init__(self, redis: redis.asyncio.Redis) -> None:
        self._redis = redis
        self._limiters: dict[str, Limiter] = {}

    async def turn(self, address: Address) -> None:
        """Wait for this channel's next turn."""
        key = PACE.format(address=address)
        if key not in self._limiters:
            rates = [Rate(1, Duration.SECOND)]
            bucket = await RedisBucket.init(rates, self._redis, key)
            # Without its clean-up task, one for each channel: the key as a whole goes when idle.
            self._limiters[key] = Limiter(SingleBucketFactory(bucket, schedule_leak=False))
        await self._limiters[key].try_acquire_async("message")
        await self._redis.expire(key, 60)


class Thread:
    """One delivery to one channel under way. `number` is the lease's; `renew` keeps it."""

    def __init__(
        self,
        poster: Poster,
        outbox: Outbox,
        address: Address,
        turn: Callable[[Address], Awaitable[None]],
        clock: Callable[[], datetime],
        number: int = 0,
        renew: Callable[[], None] = lambda: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.poster, self.outbox, self.address, self.turn = poster, outbox, address, turn
        self.clock, self.number, self.renew, self.sleep = clock, number, renew, sleep
        self._free = 0.0
        self._unclear: dict[str, tuple[datetime, str | None]] = {}

    async def post(self, head: Head, replies: Sequence[tuple[str, Post]]) -> str:
        """Post what is missing of a head and its replies (slot, post); returns the head's id.

        A head that says something else by now is changed. Raises what the poster raises when the
        tries are used up, and LeaseLost.
        """
        message = await self.one(HEAD, head)
        if replies:
            under = await self._tried(lambda: self.poster.thread(self.address, message, head))
            for slot, post in replies:
                await self.one(slot, post, under)
        await self._sweep()
        return message

    async def one(self, slot: str, post: Post, under: str | None = None) -> str:
        """Post one message, unless it is there; returns its id."""
        key, body = self._key(slot), fingerprint(post.model_dump_json())

        async def attempt() -> str:
            now = self.clock()
            known = await asyncio.to_thread(self.outbox.begin, slot, self.number, now)
            if known and known.message:
                if slot == HEAD and known.body != body:
                    await self.poster.edit(self.address, known.message, post)
                    changed = known.model_copy(update={"body": body})
                    await asyncio.to_thread(self.outbox.sent, slot, changed)
                return known.message
            began = known.at if known else now
            message = await self._looked(slot, key, began, under) if known else None
            if message is None:
                await self.turn(self.address)
                await asyncio.to_thread(self.renew)
                # A turn that was used late must not let the next message come too early.
                if (early := self._free - time.monotonic()) > 0:
                    await self.sleep(early)
                try:
                    message = await self.poster.send(self.address, post, key, under)
                    self._free = time.monotonic() + _GAP
                except Unavailable as away:
                    if known is None and not away.unclear:
                        await asyncio.to_thread(self.outbox.withdraw, slot)
                    raise
            done = Entry(at=began, message=message, body=body)
            await asyncio.to_thread(self.outbox.sent, slot, done)
            return message

        return await self._tried(attempt)

    async def _looked(self, slot: str, key: str, since: datetime, under: str | None) -> str | None:
        self._unclear[slot] = (since, under)
        found = await self.poster.find(self.address, key, since, under)
        return found[0] if found else None

    async def _tried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        for wait in _WAITS:
            try:
                return await attempt()
            except Unavailable as away:
                if (away.retry_after or 0) > _LONGEST:
                    raise
                log.info("a message has to wait", channel=str(self.address), why=str(away))
                await self.sleep(max(wait, away.retry_after or 0))
        return await attempt()

    async def _sweep(self) -> None:
        """A message that turned up after we had looked for it in vain is there twice: the second
        one goes."""
        for slot, (since, under) in self._unclear.items():
            entry = await asyncio.to_thread(self.outbox.entry, slot)
            find = partial(self.poster.find, self.address, self._key(slot), since, under)
            for extra in await self._tried(find):
                if entry and extra != entry.message:
                    log.warning("a message arrived late, deleting the second", slot=slot)
                    await self._tried(partial(self.poster.remove, self.address, extra, under))

    def _key(self, slot: str) -> str:
        return fingerprint(self.outbox.name, slot)
