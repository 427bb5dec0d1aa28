"""A clock that was set back: Redis keeps moments, so what was to last seconds would last hours."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest
from redis import ConnectionPool, Redis
from redis.exceptions import ConnectionError as Lost

from bot.domain.request import Address
from bot.store.connection import connect
from bot.store.lists import ARXIV_PACE_KEY
from bot.store.outbox import Turns
from bot.store.queues import Queues
from bot.store.store import Store
from bot.store.values.lease import Lease
from workers.arxiv.http import ArxivHttp

HOUR = 3600
HERE = Address(platform="slack", workspace="T1", channel="C1")


def test_a_lease_from_a_later_clock_lasts_no_longer_than_any_lease(store: Store) -> None:
    assert Lease.take(store.redis, "pb:lease:x", 20, 0)
    store.redis.expire("pb:lease:x", HOUR)
    assert Lease.take(store.redis, "pb:lease:x", 20, 0) is None
    assert store.redis.ttl("pb:lease:x") <= 20


def test_a_lease_that_is_held_is_not_cut_short(store: Store) -> None:
    assert Lease.take(store.redis, "pb:lease:x", 20, 0)
    store.redis.pexpire("pb:lease:x", 15000)
    assert Lease.take(store.redis, "pb:lease:x", 20, 0) is None
    assert store.redis.pttl("pb:lease:x") <= 15000


def test_the_arxiv_lock_is_free_again_soon(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.redis.set(ARXIV_PACE_KEY, "another", ex=HOUR)
    monkeypatch.setattr("workers.arxiv.http._TURN_SECONDS", 0.01)
    with pytest.raises(Exception, match="taking too long"):
        ArxivHttp(store.redis, 3, 20)._paced("http://127.0.0.1:1/")
    assert store.redis.ttl(ARXIV_PACE_KEY) <= 30


def test_a_message_does_not_wait_for_turns_that_are_hours_ahead(store: Store) -> None:
    turn = f"pb:turn:{HERE}"
    store.redis.set(turn, int(time.time() + HOUR) * 1000, ex=HOUR)
    assert asyncio.run(Turns(store.trips).take(HERE, 1000)) == 0
    assert 0 < store.redis.pttl(turn) <= 1000
    assert 0 < asyncio.run(Turns(store.trips).take(HERE, 1000)) <= 1000


def test_a_question_that_was_answered_can_be_asked_again_soon(redis_url: str, store: Store) -> None:
    with Redis.from_url(redis_url) as client:
        queues = Queues(client)
        queues.enqueue_lookups()
        client.hset("rq:job:inquire", "status", "finished")
        client.expire("rq:job:inquire", HOUR)
        queues.enqueue_lookups()
        assert 0 < client.ttl("rq:job:inquire") < 60


class Unreliable(Redis):
    """Does what it is told, and loses the first answer."""

    lose = 1

    def eval(self, *args: object) -> object:
        found = super().eval(*args)  # type: ignore[arg-type]
        if self.lose:
            self.lose -= 1
            return super().eval(*args)  # type: ignore[arg-type]  # redis-py asks again
        return found


def test_a_lease_whose_answer_was_lost_is_ours_all_the_same(redis_url: str, store: Store) -> None:
    client = Unreliable(connection_pool=ConnectionPool.from_url(redis_url, decode_responses=True))
    lease = Lease.take(client, "pb:lease:y", 20, 0)
    assert lease is not None
    lease.renew()
    assert Lease.take(store.redis, "pb:lease:y", 20, 0) is None
    lease.release()
    assert Lease.take(store.redis, "pb:lease:y", 20, 0)


def test_a_lease_is_let_go_over_a_connection_that_broke(redis_url: str, store: Store) -> None:
    client, broken = connect(redis_url), [Lost("gone")]
    lease = Lease.take(client, "pb:lease:z", 20, 0)
    assert lease is not None
    whole = client.eval

    def once(*args: object) -> object:
        if broken:
            raise broken.pop()
        return whole(*args)  # type: ignore[arg-type]

    client.eval = once  # type: ignore[assignment,method-assign]
    lease.release()
    assert Lease.take(store.redis, "pb:lease:z", 20, 0)
    assert timedelta(seconds=store.redis.ttl("pb:lease:z")) <= timedelta(seconds=20)
