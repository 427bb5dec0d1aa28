"""What the clock says: each thing once, and nobody waits for a platform that is slow."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import redis

from bot.commands import saved
from bot.domain.message import Message
from bot.domain.readers.best import Discussion
from bot.domain.reasons import ArxivReason
from bot.domain.request import Address, DigestRequest
from bot.domain.subscription import Subscription
from bot.runtime.tick import TickResult
from bot.runtime.tick_announcer import TickAnnouncer
from tests.factories import DAY, scheduled_request, subscription

SILENT = Address(platform="slack", workspace="T1", channel="C2")


class Chat:
    """Keeps what is said; `slow` waits until it is let go, `errors` come first; then it is `away`
    for so many tries."""

    def __init__(self, slow: bool = False, errors: int = 0, away: int = 0) -> None:
        self.said: list[str] = []
        self.tries, self.errors, self.away = 0, errors, away
        self.go_on = asyncio.Event()
        if not slow:
            self.go_on.set()

    async def say(self, address: Address, head: Message, name: str) -> bool:
        self.tries += 1
        await self.go_on.wait()
        if self.tries <= self.errors:
            raise redis.ConnectionError("Away.")
        if self.tries <= self.errors + self.away:
            return False
        self.said.append(address.channel)
        return True


class Platform:
    """`dropped` are the requests of people who have been told."""

    def __init__(self, announcer: Chat) -> None:
        self.announcer: Any = announcer
        self.dropped = list[DigestRequest]()
        requests = SimpleNamespace(drop=self.dropped.append)
        self.context = SimpleNamespace(store=SimpleNamespace(requests=requests))
        self.discussions = SimpleNamespace(since=self._nothing)

    async def _nothing(self, *_: object) -> Discussion:
        """Nobody replied."""
        return Discussion([], [], 0)

    async def tell_delivered_before(self, request: DigestRequest) -> bool:
        self.announcer.said.append(f"before {request.by}")
        return True


def late(platform: str, n: int) -> tuple[Subscription, DigestRequest, ArxivReason]:
    address = Address(platform=platform, workspace="T1", channel=f"C{n}")
    found = subscription(address=address)
    request = scheduled_request(0).model_copy(
        update={"address": address, "subscription": found.key}
    )
    return found, request, ArxivReason.EMPTY_WEEKDAY


async def rounds() -> None:
    """Let everybody have a turn, until nobody has anything left to do but to wait."""
    for _ in range(20):
        await asyncio.sleep(0)


async def settled(platform: Platform, requests: int) -> None:
    """Wait until so many requests are dropped, which is done in a thread."""
    while len(platform.dropped) < requests:
        await asyncio.sleep(0)


def test_a_slow_platform_keeps_neither_the_clock_nor_the_other_waiting() -> None:
    async def talk() -> None:
        slack, discord = Chat(slow=True), Chat()
        announcer = TickAnnouncer({"slack": Platform(slack), "discord": Platform(discord)})
        every = [late(chat, n) for chat in ("slack", "discord") for n in range(50)]
        announcer.announce(TickResult(late=tuple(every)))
        await rounds()
        assert slack.said == []
        assert len(discord.said) == 50
        assert slack.tries < 50
        slack.go_on.set()
        await rounds()
        assert len(slack.said) == 50

    asyncio.run(talk())


def test_what_still_holds_at_the_next_tick_is_said_once() -> None:
    async def talk() -> None:
        slack = Chat()
        platform = Platform(slack)
        announcer = TickAnnouncer({"slack": platform})
        for _ in range(3):
            announcer.announce(TickResult(late=(late("slack", 1),)))
            await rounds()
        assert slack.said == ["C1"]
        quiet = ((subscription("C2"), datetime(2025, 3, 22, 8, tzinfo=UTC)),)
        told = scheduled_request(0).model_copy(update={"address": quiet[0][0].address, "by": "U1"})
        announcer.announce(
            TickResult(
                quiet_days=quiet, already_delivered=(told,), failed=(told,), given_up=(told,)
            )
        )
        await settled(platform, 3)
        assert sorted(slack.said) == ["C1", "C2", "C2", "C2", "before U1"]

    asyncio.run(talk())


def test_a_request_that_is_there_again_when_it_was_answered_is_forgotten_and_told_once() -> None:
    """Its writing was repeated meanwhile (found by the simulator, seed 52, 5 days, 2 by 12)."""

    async def talk() -> None:
        slack = Chat()
        platform = Platform(slack)
        announcer = TickAnnouncer({"slack": platform})
        _, request, _ = late("slack", 1)
        for times in (1, 2):
            announcer.announce(TickResult(already_delivered=(request,)))
            await settled(platform, times)
            await rounds()
        assert slack.said == [f"before {request.by}"]
        assert platform.dropped == [request, request]

    asyncio.run(talk())


def test_who_asked_is_told_when_the_platform_is_back_and_the_request_stays_until_then() -> None:
    async def talk() -> None:
        slack = Chat(away=2)
        platform = Platform(slack)
        announcer = TickAnnouncer({"slack": platform})
        _, request, _ = late("slack", 1)
        for tries in (1, 2):
            announcer.announce(TickResult(given_up=(request,)))
            await rounds()
            assert (slack.tries, slack.said, platform.dropped) == (tries, [], [])
        announcer.announce(TickResult(given_up=(request,)))
        await settled(platform, 1)
        assert (slack.said, platform.dropped) == (["C1"], [request])

    asyncio.run(talk())


def test_two_people_who_asked_for_the_same_hear_of_it_once_in_their_channel() -> None:
    async def talk() -> None:
        slack = Chat()
        platform = Platform(slack)
        announcer = TickAnnouncer({"slack": platform})
        _, request, _ = late("slack", 1)
        _, elsewhere, _ = late("slack", 2)
        both = tuple(request.model_copy(update={"by": by}) for by in ("U1", "U2"))
        announcer.announce(TickResult(failed=(*both, elsewhere), already_delivered=both))
        await settled(platform, 5)
        assert sorted(slack.said) == ["C1", "C2", "before U1", "before U2"]
        assert sorted(each.by for each in platform.dropped) == ["", "U1", "U1", "U2", "U2"]

    asyncio.run(talk())


def test_what_could_not_be_said_is_said_at_the_next_tick() -> None:
    async def talk() -> None:
        slack = Chat(errors=1)
        announcer = TickAnnouncer({"slack": Platform(slack)})
        for _ in range(3):
            announcer.announce(TickResult(late=(late("slack", 1),)))
            await rounds()
        assert (slack.said, slack.tries) == (["C1"], 2)

    asyncio.run(talk())


def test_the_best_of_the_week_is_told_once_and_only_where_there_is_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The clock finds the same Friday at each tick."""
    there = Address(platform="slack", workspace="T1", channel="C1")
    best = {there: Message(title="The best of this week"), SILENT: None}
    monkeypatch.setattr(saved, "best_of_week", lambda context, address, *_: best[address])

    async def talk() -> None:
        chat = Chat(away=1)
        announcer: Any = TickAnnouncer({"slack": Platform(chat)})  # type: ignore[dict-item]
        ticked = TickResult(weekly_best=tuple((address, DAY) for address in best))
        for _ in range(4):
            announcer.announce(ticked)
            await asyncio.gather(*announcer._said.values())
        assert chat.said == ["C1"]
        announcer.announce(TickResult(weekly_best=((there, DAY + timedelta(days=7)),)))
        await asyncio.gather(*announcer._said.values())
        assert chat.said == ["C1", "C1"]

    asyncio.run(talk())
