"""What the clock says: each thing once, and nobody waits for a platform that is slow."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import redis

from bot.domain.message import Message
from bot.domain.reasons import ArxivReason
from bot.domain.request import Address, DigestRequest
from bot.domain.subscription import Subscription
from bot.runtime.tick import TickResult
from bot.runtime.tick_announcer import TickAnnouncer
from tests.factories import scheduled_request, subscription


class Chat:
    """Keeps what is said; `slow` waits until it is let go, `errors` come first."""

    def __init__(self, slow: bool = False, errors: int = 0) -> None:
        self.said: list[str] = []
        self.tries, self.errors = 0, errors
        self.go_on = asyncio.Event()
        if not slow:
            self.go_on.set()

    async def say(self, address: Address, head: Message, name: str) -> None:
        self.tries += 1
        await self.go_on.wait()
        if self.tries <= self.errors:
            raise redis.ConnectionError("Away.")
        self.said.append(address.channel)


class Platform:
    def __init__(self, announcer: Chat) -> None:
        self.announcer: Any = announcer

    async def tell_delivered_before(self, request: DigestRequest) -> None:
        self.announcer.said.append(f"before {request.by}")


def late(platform: str, n: int) -> tuple[Subscription, DigestRequest, ArxivReason]:
    address = Address(platform=platform, workspace="T1", channel=f"C{n}")
    found = subscription(address=address)
    request = scheduled_request(0).model_copy(
        update={"address": address, "subscription": found.key}
    )
    return found, request, ArxivReason.EMPTY_WEEKDAY


async def rounds() -> None:
    """Let everybody have a turn."""
    for _ in range(20):
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
        announcer = TickAnnouncer({"slack": Platform(slack)})
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
        await rounds()
        assert sorted(slack.said) == ["C1", "C2", "C2", "C2", "before U1"]

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
