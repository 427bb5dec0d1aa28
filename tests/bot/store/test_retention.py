"""What is kept for ever is bounded: a channel's past, a profile's days, a command's own queues."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from bot.domain.digest import Digest, Outcome
from bot.domain.request import Address
from bot.store.gates import Gates
from bot.store.queues import Queues
from bot.store.store import Store
from bot.store.values.stored_forms import LOOKING_BACK, RETENTION
from tests.factories import DAY, NOW, announced, decision, digest, listing, paper_ids, profile
from workers.gate.nightly import GateState

HERE = Address(platform="slack", workspace="T1", channel="C1")


def day(number: int, id: str) -> Digest:
    """A profile's day so many days ago, with one picked paper."""
    found = digest(decision(id, Outcome.PICKED), judged_at=NOW - timedelta(days=number))
    date = DAY - timedelta(days=number)
    list_result = found.listed.model_copy(update={"batch": str(date), "date": date})
    return found.model_copy(update={"listed": list_result})


def test_what_a_channel_had_is_forgotten_when_the_days_are(store: Store) -> None:
    rows = ((401, "2401.00001"), (390, "2401.00002"), (180, "2409.00003"), (0, "2503.10000"))
    for number, id in rows:
        given = day(number, id)
        store.lists.add(given.listed.batch, listing(announced(id)), NOW)
        store.days.put_decided(f"day{number}", given)
        store.history.put_delivered(HERE, f"{HERE}:day{number}", given, given.judged_at)
    # A delivery as long as its day; its papers for more than a year, so that none comes twice.
    assert [each.day for each in store.history.of(HERE)] == ["day180", "day0"]
    had = {"2401.00002", "2409.00003", "2503.10000"}
    assert store.shown_papers.ids_from_other_deliveries(HERE, "-") == had
    for kind, life in (("history", LOOKING_BACK), ("had", RETENTION)):
        # and all of it, once nothing comes any more
        assert 0 < int(str(store.redis.ttl(f"pb:{kind}:{HERE}"))) <= life.total_seconds()


def test_what_is_old_is_forgotten_each_week_and_nothing_is_read_for_it_on_other_days(
    redis_url: str, store: Store
) -> None:
    commands, read = Redis.from_url(redis_url), list[int]()
    for number in range(230, -1, -1):
        given = day(number, f"25{number // 100:02}.{number:05}")
        before = calls_of(commands, "hgetall")
        store.history.put_delivered(HERE, f"{HERE}:day{number}", given, given.judged_at)
        read.append(calls_of(commands, "hgetall") - before)
        oldest = min(each.at for each in store.history.of(HERE))
        assert given.judged_at - oldest < LOOKING_BACK + timedelta(days=7)
    commands.close()
    every_week = [turn for turn, reads in enumerate(read) if reads > min(read)]
    assert [later - turn for turn, later in pairwise(every_week[1:])] == [7] * 32
    assert len(store.history.of(HERE)) < 198 < len(read)


def calls_of(redis: Redis, command: str) -> int:
    stats: Any = redis.info("commandstats")
    return int(stats.get(f"cmdstat_{command}", {}).get("calls", 0))


def test_a_profiles_days_are_as_many_as_are_looked_at(store: Store) -> None:
    for number in range(410, -1, -10):
        store.days.put_decided(f"day{number}", day(number, "2503.10000"))
    key = profile().fingerprint
    assert "day190" in store.days.names(key)
    assert store.redis.zscore(f"pb:days:{key}", "day200") is None
    assert store.redis.hlen(f"pb:usual:{key}") == 5
    assert store.days.typical_counts(key) == (1, 1)


def test_a_gates_days_are_as_many_as_are_learned_from(store: Store) -> None:
    gates = Gates(store)
    for number in range(70):
        gates.put_day("key", date(2025, 1, 1) + timedelta(days=number), "day", GateState())
    assert store.redis.hlen("pb:gate-days:key") == store.redis.hlen("pb:gate-tallies:key") == 60
    assert min(gates.days("key")) == date(2025, 1, 11)
    gates.put_last_trained("old", DAY - timedelta(days=401))
    gates.put_last_trained("new", DAY)
    assert gates.last_trained() == {"new": DAY}


def test_a_list_that_is_read_again_writes_nothing(redis_url: str, store: Store) -> None:
    whole = listing(*(announced(id) for id in paper_ids(50)), replaced=5)
    store.lists.add("b", whole, NOW)
    store.lists.put_answered_categories("b", ["cs.LG"], NOW)
    commands = Redis.from_url(redis_url)
    before: Any = commands.info("commandstats")
    store.lists.add("b", whole, NOW + timedelta(minutes=10))
    store.lists.put_answered_categories("b", ["cs.LG"], NOW + timedelta(minutes=10))
    after: Any = commands.info("commandstats")
    commands.close()
    for name in ("set", "hset", "expire", "del"):
        row = f"cmdstat_{name}"
        assert after.get(row, {}).get("calls") == before.get(row, {}).get("calls"), name


def test_one_more_paper_of_a_list_writes_that_one(store: Store) -> None:
    first, *_, last = papers = [announced(id) for id in paper_ids(50)]
    store.lists.add("b", listing(*papers[:-1]), NOW)
    store.redis.delete(*store.redis.keys(f"pb:paper:{first.paper.id}v*"))  # type: ignore[misc]
    store.lists.add("b", listing(*papers), NOW)
    assert not store.redis.keys(f"pb:paper:{first.paper.id}v*")
    assert store.redis.keys(f"pb:paper:{last.paper.id}v*")


def test_a_text_that_is_named_anew_is_kept_for_as_long(store: Store) -> None:
    found = digest(decision("2503.10000", Outcome.PICKED))
    store.lists.add("b", listing(announced("2503.10000")), NOW)
    (key,) = store.redis.keys("pb:paper:*")
    store.redis.expire(key, timedelta(days=30))
    store.days.put("day", found)
    assert int(str(store.redis.ttl(key))) > LOOKING_BACK.total_seconds()
    store.redis.expire(key, timedelta(days=30))
    store.lists.add("another", listing(announced("2503.10000")), NOW)
    assert int(str(store.redis.ttl(key))) > LOOKING_BACK.total_seconds()
    store.papers.extend([key.removeprefix("pb:paper:")])  # somebody's list names it
    store.papers.put(found.decisions[0].paper)
    assert int(str(store.redis.ttl(key))) > RETENTION.total_seconds()


def test_a_commands_own_queues_leave_nothing_behind(redis_url: str, store: Store) -> None:
    redis = Redis.from_url(redis_url)
    queues = Queues(redis, "0123abcd")
    queues.enqueue_lookups()
    queue = Queue(queues.queues["now"], connection=redis, serializer=JSONSerializer)
    queue.enqueue("builtins.repr", "it ends well", job_id="well-0123abcd", result_ttl=60)
    queue.enqueue("builtins.int", "it fails", job_id="badly-0123abcd", failure_ttl=60)
    SimpleWorker([queue], connection=redis, serializer=JSONSerializer).work(
        burst=True, logging_level="CRITICAL"
    )
    left: Any = redis.keys("rq:*0123abcd*")
    assert left
    queues.forget()
    assert [key for key in redis.keys("rq:*") if redis.ttl(key) == -1] == []  # type: ignore[union-attr]
    assert redis.keys("rq:*0123abcd*") == []
    redis.close()


@pytest.mark.parametrize("harm", ["expired", "its worker was killed"])
def test_a_job_whose_traces_are_half_gone_ends_no_command(
    harm: str, redis_url: str, store: Store
) -> None:
    redis = Redis.from_url(redis_url)
    queues = Queues(redis, "0123abcd")
    queue = Queue(queues.queues["now"], connection=redis, serializer=JSONSerializer)
    job = queue.enqueue("builtins.repr", "it ends well", job_id="well-0123abcd", result_ttl=60)
    SimpleWorker([queue], connection=redis, serializer=JSONSerializer).work(
        burst=True, logging_level="CRITICAL"
    )
    if harm == "expired":
        redis.hdel(job.key, "status")
    else:
        redis.zadd(job.execution_registry.key, {"an execution that is nowhere": 9e9})
    queues.forget()
    assert redis.keys("rq:*0123abcd*") == []
    redis.close()


def test_many_ask_at_once_about_more_days_than_are_cached(store: Store) -> None:
    for number in range(12):
        given = day(number, f"2503.1000{number % 10}")
        store.lists.add(given.listed.batch, listing(given.decisions[0].announced), NOW)
        store.days.put_decided(f"day{number}", given)
        store.history.put_delivered(HERE, f"{HERE}:day{number}", given, NOW)

    def asks(turn: int) -> date | None:
        found = store.history.digest_given_to(HERE, f"day{turn % 12}")
        return found.date if found else None

    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(asks, range(600)))
    assert found == [DAY - timedelta(days=turn % 12) for turn in range(600)]
