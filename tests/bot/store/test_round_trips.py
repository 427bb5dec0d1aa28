"""What many tasks ask of Redis at once: one message, and each its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.retry import Retry

from bot.domain.request import Address
from bot.store.key_repair import RepairingRedis
from bot.store.outbox import Outbox, Turns
from bot.store.store import Store
from bot.store.values.quarantine import quarantine_counts
from bot.store.values.round_trips import RoundTrips
from tests.factories import NOW

HERE = Address(platform="slack", workspace="T1", channel="C1")


class _Line(redis.UnixDomainSocketConnection):
    """Counts the commands of each message, and loses an answer for each that is in `lost`."""

    def __init__(self, sent: list[int], lost: list[int], **options: Any) -> None:
        self.sent, self._losing = sent, lost
        super().__init__(**options)

    def pack_commands(self, commands: Any) -> Any:
        self.sent.append(len(commands))
        return super().pack_commands(commands)

    def read_response(self, *args: Any, **options: Any) -> Any:
        answer = super().read_response(*args, **options)
        if self.sent and self._losing:
            self._losing.pop()
            self.disconnect()
            raise redis.ConnectionError("the answer was lost")
        return answer


@pytest.fixture
def sent() -> list[int]:
    return []


@pytest.fixture
def losing() -> list[int]:
    return []


@pytest.fixture
def line(
    redis_url: str, store: Store, sent: list[int], losing: list[int]
) -> Iterator[RepairingRedis]:
    pool = redis.ConnectionPool.from_url(
        redis_url,
        connection_class=_Line,
        sent=sent,
        lost=losing,
        decode_responses=True,
        retry=Retry(NoBackoff(), 1),
    )
    with RepairingRedis(connection_pool=pool) as client:
        yield client


def test_what_is_asked_at_once_goes_together_and_the_rest_with_the_next(
    line: RepairingRedis, sent: list[int]
) -> None:
    trips = RoundTrips(line)

    async def asking(n: int) -> tuple[object, object]:
        await trips.ask("SET", f"x{n}", str(n))
        return await trips.ask("GET", f"x{n}"), await trips.ask("GET", "none")

    async def all_of_them() -> list[tuple[object, object]]:
        return await asyncio.gather(*(asking(n) for n in range(50)))

    assert asyncio.run(all_of_them()) == [(str(n), None) for n in range(50)]
    assert sum(sent) == 150
    assert len(sent) <= 5


def test_one_that_is_refused_is_nobody_elses_trouble(store: Store) -> None:
    async def both() -> list[Any]:
        asked = store.trips.ask("INCR", "word"), store.trips.ask("GET", "word")
        return await asyncio.gather(*asked, return_exceptions=True)

    store.redis.set("word", "x")
    refused, found = asyncio.run(both())
    assert isinstance(refused, ResponseError)
    assert found == "x"


def test_who_leaves_leaves_the_others_their_answers(store: Store) -> None:
    async def two() -> object:
        leaving = asyncio.create_task(store.trips.ask("GET", "a"))
        staying = asyncio.create_task(store.trips.ask("SET", "b", "1"))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(two())
    assert store.redis.get("b") == "1"


def test_a_server_that_is_away_is_said_to_all_who_asked_and_who_asks_again_is_heard(
    line: RepairingRedis, losing: list[int], store: Store
) -> None:
    trips = RoundTrips(line)

    async def two() -> list[Any]:
        asked = trips.ask("GET", "a"), trips.ask("GET", "a")
        return await asyncio.gather(*asked, return_exceptions=True)

    losing[:] = [1, 1]  # again after the first try
    assert [type(each) for each in asyncio.run(two())] == [redis.ConnectionError] * 2
    store.redis.set("a", "1")
    assert asyncio.run(two()) == ["1", "1"]


def test_a_message_whose_beginning_was_written_twice_may_have_been_sent(
    line: RepairingRedis, losing: list[int]
) -> None:
    """redis-py asks again when an answer is lost; to look into the channel once is all it costs."""
    trips = RoundTrips(line)
    losing[:] = [1]
    begun = asyncio.run(Outbox(trips, f"{HERE}:day").begin("head", 1, NOW))
    assert begun is not None
    assert not begun.message


def test_a_turn_that_was_taken_twice_passes_unused(line: RepairingRedis, losing: list[int]) -> None:
    losing[:] = [1]
    assert 4_000 < asyncio.run(Turns(RoundTrips(line)).take(HERE, 5_000)) <= 5_000


def test_what_a_key_should_not_hold_is_set_aside_for_all_who_ask_together(store: Store) -> None:
    store.redis.rpush(f"pb:turn:{HERE}", "x")

    async def both() -> list[Any]:
        outbox = Outbox(store.trips, f"{HERE}:day")
        return await asyncio.gather(
            outbox.begin("head", 1, NOW), Turns(store.trips).take(HERE, 1000)
        )

    begun, wait = asyncio.run(both())
    assert begun is not None  # it was written twice
    assert wait == 0
    assert quarantine_counts(store.redis) == {"turn": 1}
