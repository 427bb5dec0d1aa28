"""What the bot says to channels unasked, after a tick above all: once, at each one's pace."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Protocol

import redis
import structlog
from redis import Redis, RedisError

from bot.domain.message import Message
from bot.domain.papers import fingerprint
from bot.domain.request import Address, DigestRequest
from bot.errors import PaperboyError
from bot.runtime.clock import TickResult
from bot.runtime.posting import ChannelRateLimit, Poster, ThreadPoster
from bot.store.outbox import Outbox
from bot.views import refusals, subscriptions

log = structlog.get_logger()


class Wakeup:
    """Wakes the clock when somebody wishes for something."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def wake(self) -> None:
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Wait until it rings, or for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        self._rung.clear()


class Announcer:
    """One platform's channels, as the bot talks to them."""

    def __init__(self, poster: Poster, redis: Redis, pace: ChannelRateLimit) -> None:
        self._poster, self._redis, self._pace = poster, redis, pace

    async def say(
        self, address: Address, head: Message, name: str, under: str | None = None
    ) -> None:
        """Post it, unless it was said under this name before. What cannot be said is logged: it
        was done all the same, and who did it knows."""
        outbox = Outbox(self._redis, f"{address}:said:{name}")
        thread = ThreadPoster(
            self._poster, outbox, address, self._pace.acquire, lambda: datetime.now(UTC)
        )
        try:
            await thread.post_one("said", head, under)
        except (PaperboyError, RedisError) as error:
            log.warning("announcement failed", channel=str(address), why=str(error))


log = structlog.get_logger()

# Side by side on each platform: one that is slow, or away, holds up neither clock nor other.
_AT_ONCE = 20


class Platform(Protocol):
    """What the clock says something by."""

    announcer: Announcer

    async def tell_delivered_before(self, request: DigestRequest) -> None:
        """Tell who asked that the day was delivered before."""


Say = Callable[[], Awaitable[None]]


class TickAnnouncer:
    """The clock's voice on the platforms (by name) that there are."""

    def __init__(self, platforms: Mapping[str, Platform]) -> None:
        self._platforms = platforms
        self._said: dict[str, asyncio.Task[bool]] = {}
        self._turns: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE))

    def announce(self, ticked: TickResult) -> None:
        """Begin to say what is new. What a tick repeats, because it still holds, is not said again
        unless it could not be said."""
        news = {name: (platform, say) for name, platform, say in self._news(ticked)}
        for name in [n for n, task in self._said.items() if task.done()]:
            if name not in news or not self._said[name].result():
                del self._said[name]
        for name, (platform, say) in news.items():
            if name not in self._said:
                self._said[name] = asyncio.create_task(self._one(platform, say))

    async def _one(self, platform: str, say: Say) -> bool:
        async with self._turns[platform]:
            try:
                await say()
            except redis.RedisError as error:
                log.error("redis unreachable", error=type(error).__name__)
                return False
            except Exception:  # a fault of ours, which must not silence the others
                log.exception("announcement failed", platform=platform)
            return True

    def _news(self, ticked: TickResult) -> Iterator[tuple[str, str, Say]]:
        """What there is to say: its name, its platform, and how to say it."""
        for request in ticked.already_delivered:
            if answers := self._platforms.get(request.address.platform):
                name = fingerprint("before", request.model_dump_json())
                yield (
                    name,
                    request.address.platform,
                    _calling(answers.tell_delivered_before, request),
                )
        for found, request, why in ticked.late:
            if answers := self._platforms.get(request.address.platform):
                name = fingerprint("late", request.subscription, str(request.at))
                note = subscriptions.late(found, request, why)
                say = _calling(answers.announcer.say, request.address, note, name)
                yield name, request.address.platform, say
        for found, at in ticked.quiet_days:
            if answers := self._platforms.get(found.address.platform):
                name = fingerprint("quiet", found.key, str(at))
                say = _calling(answers.announcer.say, found.address, subscriptions.quiet(), name)
                yield name, found.address.platform, say
        for name, note, requests in (
            ("failed", refusals.failed(), ticked.failed),
            ("given up", refusals.given_up(), ticked.given_up),
        ):
            for request in requests:
                if answers := self._platforms.get(request.address.platform):
                    once = fingerprint(name, request.model_dump_json())
                    say = _calling(answers.announcer.say, request.address, note, once)
                    yield once, request.address.platform, say


def _calling(ask: Callable[..., Awaitable[None]], *args: object) -> Say:
    return lambda: ask(*args)
