"""What a tick announces on the platforms: each thing once, and no platform waits for another."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import redis
import structlog

from bot.commands import saved
from bot.domain.papers import fingerprint
from bot.domain.request import Address, DigestRequest
from bot.runtime.answers import Answers
from bot.runtime.tick import TickResult
from bot.views import refusals, subscriptions

log = structlog.get_logger()

# At once on each platform: one that is slow or away delays neither the clock nor the others.
_CONCURRENT = 20

# Says something; whether that is over: said, or refused for good.
Say = Callable[[], Awaitable[bool]]


class TickAnnouncer:
    """Announces the results of ticks on the platforms, which are given by name."""

    def __init__(self, platforms: Mapping[str, Answers[Any]]) -> None:
        self._platforms = platforms
        self._said: dict[str, asyncio.Task[bool]] = {}
        self._limits = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(_CONCURRENT))

    def announce(self, ticked: TickResult) -> None:
        """Start to announce what is new. What a later tick repeats, because it still holds, is
        announced again only when Redis or the platform was away the first time. A request that is
        there again though it was answered, because its writing was repeated, is forgotten again."""
        news = {name: (chat, say, forget) for name, chat, say, forget in self._news(ticked)}
        for name in [n for n, task in self._said.items() if task.done()]:
            if name not in news or not self._said[name].result():
                del self._said[name]
        for name, (platform, say, forget) in news.items():
            if name not in self._said:
                self._said[name] = asyncio.create_task(self._one(platform, say))
            elif self._said[name].done() and forget:
                self._said[name] = asyncio.create_task(self._one(platform, forget))

    async def _one(self, platform: str, say: Say) -> bool:
        async with self._limits[platform]:
            try:
                return await say()
            except redis.RedisError as error:
                log.error("redis unreachable", error=type(error).__name__)
                return False
            except Exception:  # our own fault must not silence the others
                log.exception("announcement failed", platform=platform)
            return True

    def _news(self, ticked: TickResult) -> Iterator[tuple[str, str, Say, Say | None]]:
        """Each announcement: its name, its platform, the call that makes it, and one that only
        forgets the requests it is about, where there are any."""
        yield from self._told(ticked)
        for found, request, why in ticked.late:
            if answers := self._platforms.get(request.address.platform):
                name = fingerprint("late", request.subscription, str(request.at))
                note = subscriptions.late(found, request, why)
                say = _calling(answers.announcer.say, request.address, note, name)
                yield name, request.address.platform, say, None
        for found, at in ticked.quiet_days:
            if answers := self._platforms.get(found.address.platform):
                name = fingerprint("quiet", found.key, str(at))
                say = _calling(answers.announcer.say, found.address, subscriptions.quiet(), name)
                yield name, found.address.platform, say, None

        for address, day in ticked.weekly_best:
            if answers := self._platforms.get(address.platform):
                name = fingerprint("best", str(address), day.isoformat())
                yield name, address.platform, _calling(_say_best, answers, address, name), None

    def _told(self, ticked: TickResult) -> Iterator[tuple[str, str, Say, Say]]:
        """What people's own requests came to."""
        for name, groups in (
            ("before", zip(ticked.already_delivered)),
            ("preview", zip(ticked.previews)),
            ("failed", _heard_together(ticked.failed)),
            ("given up", _heard_together(ticked.given_up)),
        ):
            for request, *others in groups:
                if answers := self._platforms.get(request.address.platform):
                    once = fingerprint(name, request.model_dump_json())
                    drop = answers.context.store.requests.drop
                    drops = [partial(drop, each) for each in (request, *others)]
                    say = _telling(answers, name, request, once)
                    forget = partial(_forget, drops)
                    yield once, request.address.platform, _then(say, forget), forget


def _telling(answers: Answers[Any], name: str, request: DigestRequest, once: str) -> Say:
    """How what a request came to is told: to its person, or for all who asked in the channel."""
    match name:
        case "before":
            return _calling(answers.tell_delivered_before, request)
        case "preview":
            return _calling(answers.show_preview, request)
    note = refusals.failed() if name == "failed" else refusals.given_up()
    if request.preview:
        return _calling(answers.tell_requester, request, note)
    return _calling(answers.announcer.say, request.address, note, once)


async def _say_best(answers: Answers[Any], address: Address, name: str) -> bool:
    """Nothing is said of a week in which nobody voted, shared or replied."""
    now = datetime.now(UTC)
    discussion = await answers.discussions.since(address, saved.week_before(now), now)
    given = answers.context, address, now, discussion
    found = await asyncio.to_thread(saved.best_of_week, *given)
    return found is None or await answers.announcer.say(address, found, name)


def _calling(ask: Callable[..., Awaitable[bool]], *args: object) -> Say:
    return lambda: ask(*args)


def _heard_together(requests: Iterable[DigestRequest]) -> Iterator[list[DigestRequest]]:
    """What a channel is told at once: the requests of several people for the same digest. What is
    told in private stays apart."""
    groups = defaultdict[str, list[DigestRequest]](list)
    for request in requests:
        groups[request.key if request.preview else request.subject].append(request)
    yield from groups.values()


def _then(say: Say, forget: Say) -> Say:
    """Say it, and forget the requests after that: a bot that dies in between says it again."""

    async def both() -> bool:
        return await say() and await forget()

    return both


async def _forget(drops: Sequence[Callable[[], None]]) -> bool:
    for drop in drops:
        await asyncio.to_thread(drop)
    return True
