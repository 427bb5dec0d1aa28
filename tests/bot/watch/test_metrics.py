"""What Prometheus scrapes: each name and number, and nobody named."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from bot.domain.budget import Period, SpentTotals
from bot.domain.watching.figures import Figures, QueueLoad, Vitals
from bot.domain.watching.ledger import Excuse
from bot.store.queues import Queues
from bot.store.store import Store
from bot.store.values.stored_forms import serialise
from bot.watch import pages
from bot.watch.figures import gather
from bot.watch.metrics import exposition
from tests.conftest import check_golden
from tests.factories import NOW, profile, subscription
from tests.old_store import fill_store
from tests.ports import free_port

MONDAY = datetime(2026, 10, 5, 9, tzinfo=UTC)
LIVING = Vitals(ticked_at=MONDAY, chats={"slack": True, "discord": False})
FIGURES = Figures(
    at=MONDAY,
    counts={
        "announced": 900,
        "scored": 880,
        "unscored model_down": 20,
        "posted": 36,
        "owed": 7,
        "made 60": 3,
        "made 900": 1,
        "made -1": 1,
        "seconds": 90_000,
        f"excused {Excuse.PAUSED}": 1,
    },
    waiting=1,
    unexplained=0,
    spent={
        Period.DAY: SpentTotals(nano=35_200_000, calls=24, prompt=247_000, cached=1000),
        Period.MONTH: SpentTotals(nano=70_400_000, calls=48, prompt=494_000, completion=42_000),
    },
    queues={
        "now": QueueLoad(workers=1, waiting=0, running=1, failed=0),
        "batch": QueueLoad(
            workers=0, waiting=2, running=0, failed=1, oldest=MONDAY - timedelta(seconds=75)
        ),
    },
    lists={"cs.LG": MONDAY - timedelta(hours=3), "quant-ph": MONDAY - timedelta(days=4)},
    subscriptions=5,
    paused=1,
    unreadable=2,
    unreachable={"slack": 3},
)


def samples(page: bytes) -> dict[str, float]:
    """By name and labels."""
    found = {}
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name} {labels}".strip()] = sample.value
    return found


def test_every_metric_has_its_name_its_help_and_its_number() -> None:
    page = exposition(FIGURES, LIVING)
    check_golden("watch/metrics.txt", page.decode())
    found = samples(page)
    assert found["paperboy_papers_announced_total"] == 900
    assert found["paperboy_papers_unscored_total reason=model_down"] == 20
    assert found["paperboy_delivery_lateness_seconds_count"] == 5
    assert found["paperboy_delivery_lateness_seconds_bucket le=900.0"] == 4
    assert found["paperboy_queue_oldest_job_age_seconds queue=batch"] == 75
    assert found["paperboy_chat_up chat=discord"] == 0
    assert found["paperboy_model_dollars period=day"] == 0.0352


@pytest.fixture
def queues(redis_url: str) -> Iterator[Queues]:
    with Redis.from_url(redis_url) as redis:
        yield Queues(redis)


def test_no_channel_person_workspace_profile_or_paper_is_named(
    store: Store, queues: Queues
) -> None:
    fill_store(store)
    mine = subscription()
    store.subscriptions.put(mine)
    store.ledger.open(mine.key, [NOW], NOW)
    store.counts.raise_to(f"{mine.address}:day", {"posted": 3})
    store.lists.put_answered_categories("2025-03-20", ["cs.LG", "secret.T1"], NOW)
    page = exposition(gather(queues, store, NOW, 12), LIVING).decode()
    assert "paperboy_list_last_timestamp_seconds{category=" in page
    assert "secret" not in page
    named = [
        mine.profile,
        profile().title,
        "2503.15294",
        mine.by,
        *str(mine.address).split(":")[1:],
    ]
    stored = {
        word for key in store.redis.scan_iter() for word in re.split("[^A-Za-z0-9.]+", str(key))
    }
    ids = {word for word in stored if re.fullmatch(r"[TCUG]\d+|\d{4}\.\d{5}|[0-9a-f]{16}", word)}
    assert ids
    assert [name for name in (*named, *ids) if re.search(rf"\b{re.escape(name)}\b", page)] == []


def test_figures_are_those_that_are_stored(store: Store, queues: Queues) -> None:
    for what in ("slack:T1", "slack:T2", "Slack login"):
        store.outages.put(what, "Away.", NOW)
    store.subscriptions.put(subscription())
    queues.enqueue_lookups()
    Redis.sadd(queues.redis, "rq:workers:now", "rq:worker:dead", "rq:worker:alive")
    queues.redis.hset("rq:worker:alive", "birth", "x")
    found = gather(queues, store, datetime.now(UTC), 12)
    assert (found.queues["ask"].waiting, found.queues["now"].workers) == (1, 1)
    oldest = found.queues["ask"].oldest
    assert oldest
    assert abs(found.at - oldest) < timedelta(minutes=1)
    assert found.subscriptions == 1
    assert found.unreachable == {"slack": 2}
    assert samples(exposition(found, LIVING))["paperboy_queue_jobs queue=ask,state=waiting"] == 1


async def _asked(
    store: Store, queues: Queues, vitals: Vitals, *paths: str
) -> list[tuple[int, str]]:
    own = pages.Pages(store, queues, lambda: vitals, 12)
    answers, port = [], free_port()
    async with pages.serving(own, "127.0.0.1", port), ClientSession() as session:
        for path in paths:
            method, _, where = path.rpartition(" ")
            async with session.request(method or "GET", f"http://127.0.0.1:{port}{where}") as got:
                answers.append((got.status, await got.text()))
    return answers


def test_the_pages_say_that_the_process_lives_and_is_ready(store: Store, queues: Queues) -> None:
    well = Vitals(ticked_at=datetime.now(UTC), chats={"slack": True})
    paths = "/healthz", "/readyz", "/metrics", "/slack/events", "POST /metrics"
    health, ready, metrics, other, posted = asyncio.run(_asked(store, queues, well, *paths))
    assert health[0] == 200
    assert ready == (200, "ready\n")
    assert metrics[0] == 200
    assert samples(metrics[1].encode())["paperboy_chat_up chat=slack"] == 1
    assert (other[0], posted[0]) == (404, 405)


@pytest.mark.parametrize(
    ("vitals", "why"),
    [
        (Vitals(ticked_at=None, chats={}), "The clock has not ticked yet."),
        (
            Vitals(ticked_at=datetime(2026, 1, 1, tzinfo=UTC), chats={"slack": True}),
            "The clock has not ticked for",
        ),
        (
            Vitals(ticked_at=None, chats={"slack": False, "discord": True}),
            "Slack is not logged in.",
        ),
        (
            Vitals(ticked_at=None, chats={"slack": False, "discord": False}),
            "Slack and Discord are not logged in.",
        ),
        (
            Vitals(ticked_at=NOW, chats={"slack": True}, unserved=("No key opens a token.",)),
            "No key opens a token.",
        ),
    ],
)
def test_what_is_not_ready_says_why_in_one_sentence(
    vitals: Vitals, why: str, store: Store, queues: Queues
) -> None:
    ((status, said), health) = asyncio.run(_asked(store, queues, vitals, "/readyz", "/healthz"))
    assert status == 503
    assert said.startswith(why)
    assert health[0] == 200


def test_without_a_database_it_lives_and_is_not_ready(queues: Queues) -> None:
    away = Store(Redis(unix_socket_path="/nowhere.sock", decode_responses=True))
    gone = Queues(Redis(unix_socket_path="/nowhere.sock"))
    well = Vitals(ticked_at=datetime.now(UTC), chats={})
    health, ready, metrics = asyncio.run(
        _asked(away, gone, well, "/healthz", "/readyz", "/metrics")
    )
    assert health[0] == 200
    assert ready == metrics == (503, "The database doesn't answer.\n")


def test_a_port_that_is_taken_stops_nothing(
    store: Store, queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    async def twice() -> None:
        own = pages.Pages(store, queues, lambda: LIVING, 12)
        port = free_port()
        first, second = (pages.serving(own, "127.0.0.1", port) for _ in range(2))
        async with first, second:
            pass

    asyncio.run(twice())
    assert "health and metrics are not served" in capsys.readouterr().out


def test_what_is_stored_and_unreadable_ends_no_page(store: Store, queues: Queues) -> None:
    store.redis.hset("pb:counts", mapping={"announced": "many", "scored": "5"})
    store.redis.hset("pb:owed-digests", "x", "nonsense")
    store.redis.hset("pb:asked:2025-03-20", "cs.LG", serialise(profile()))
    found = gather(queues, store, NOW, 12)
    assert found.counts == {"scored": 5}
    assert found.unreadable == 3
