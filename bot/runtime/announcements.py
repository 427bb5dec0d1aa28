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

from bot.domain.message import Head
from bot.domain.papers import fingerprint
from bot.domain.request import Address, Wish
from bot.errors import PaperboyError
from bot.runtime.clock import Ticked
from bot.runtime.posting import Pace, Poster, Thread
from bot.store.outbox import Outbox
from bot.views import refusals, subscriptions

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


log = structlog.get_logger()

# Side by side on each platform: one that is slow, or away, holds up neither clock nor other.
_AT_ONCE = 20


class Platform(Protocol):
    """What the clock says something by."""

    chat: Chat

    async def before(self, wish: Wish) -> None:
        """Tell who asked that the day was delivered before."""


Say = Callable[[], Awaitable[None]]


class Herald:
    """The clock's voice on the platforms (by name) that there are."""

    def __init__(self, platforms: Mapping[str, Platform]) -> None:
        self._platforms = platforms
        self._said: dict[str, asyncio.Task[bool]] = {}
        self._turns: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE))

    def tell(self, ticked: Ticked) -> None:
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
                log.error("redis is away", error=type(error).__name__)
                return False
            except Exception:  # a fault of ours, which must not silence the others
                log.exception("could not say", platform=platform)
            return True

    def _news(self, ticked: Ticked) -> Iterator[tuple[str, str, Say]]:
        """What there is to say: its name, its platform, and how to say it."""
        for wish in ticked.before:
            if answers := self._platforms.get(wish.address.platform):
                name = fingerprint("before", wish.model_dump_json())
                yield name, wish.address.platform, _calling(answers.before, wish)
        for found, wish, why in ticked.late:
            if answers := self._platforms.get(wish.address.platform):
                name = fingerprint("late", wish.subscription, str(wish.at))
                note = subscriptions.late(found, wish, why)
                say = _calling(answers.chat.say, wish.address, note, name)
                yield name, wish.address.platform, say
        for found, at in ticked.quiet:
            if answers := self._platforms.get(found.address.platform):
                name = fingerprint("quiet", found.key, str(at))
                say = _calling(answers.chat.say, found.address, subscriptions.quiet(), name)
                yield name, found.address.platform, say
        for name, note, wishes in (
            ("failed", refusals.failed(), ticked.failed),
            ("given up", refusals.given_up(), ticked.given_up),
        ):
            for wish in wishes:
                if answers := self._platforms.get(wish.address.platform):
                    once = fingerprint(name, wish.model_dump_json())
                    say = _calling(answers.chat.say, wish.address, note, once)
                    yield once, wish.address.platform, say


def _calling(ask: Callable[..., Awaitable[None]], *args: object) -> Say:
    return lambda: ask(*args)
