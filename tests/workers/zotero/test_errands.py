"""Saved papers to a Zotero on loopback: once each, patiently, and with a key that nobody sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from bot.domain.readers.zotero import ZoteroAccess, item_key
from bot.store.papers import paper_ref
from bot.store.store import Store
from tests.conftest import check_golden
from tests.factories import paper, paper_ids, saved_paper
from tests.servers.fake_http import run_fake_server
from tests.servers.fake_zotero import FakeZotero, run_fake_zotero
from tests.zotero_at_work import (
    KEY,
    OLD_SEALING,
    OTHER_KEY,
    OWNER,
    READ_ONLY,
    SEALING,
    Worker,
    worker_at,
)
from workers.zotero.api import ZoteroApi
from workers.zotero.errands import Zotero

MINE = "users/11"


@pytest.fixture
def fake_zotero() -> Iterator[FakeZotero]:
    with run_fake_zotero() as fake:
        fake.add_key(KEY, 11, "ada", groups={"7": {"write": True}, "8": {"library": True}})
        fake.add_key(OTHER_KEY, 12, "emmy", groups={"all": {"write": True}, "9": {}})
        fake.add_key(READ_ONLY, 13, "karl", write=False)
        yield fake


@pytest.fixture
def worker(store: Store, fake_zotero: FakeZotero) -> Iterator[Worker]:
    with worker_at(store, fake_zotero) as it:
        yield it


def give(worker: Worker, key: str = KEY, group: str = "", owner: str = "slack:T1 U1") -> None:
    """As the form does."""
    new = ZoteroAccess(sealed=worker.sealer.seal(key, owner), library=group, at=worker.now)
    worker.store.zotero.propose(*OWNER, new)


def connect(worker: Worker, key: str = KEY, group: str = "") -> None:
    give(worker, key, group)
    found = worker.do("check")
    assert found.zotero, found.refused


def save(store: Store, number: int) -> list[str]:
    for id in paper_ids(number):
        store.papers.put(paper(id, title=f"On {id}"))
        mine = saved_paper(id, ref=paper_ref(paper(id, title=f"On {id}")))
        store.saved.change(*OWNER, id, lambda _, mine=mine: mine)
    return paper_ids(number)


def writes(fake: FakeZotero) -> list[int]:
    """How many items each request had."""
    return [len(json.loads(body)) for asked, _, body in fake.requests if asked.startswith("POST")]


@pytest.mark.parametrize(
    ("key", "group", "library"),
    [(KEY, "", MINE), (KEY, "11", MINE), (KEY, "7", "groups/7"), (OTHER_KEY, "9", "groups/9")],
)
def test_a_key_that_may_write_is_used(
    worker: Worker, store: Store, key: str, group: str, library: str
) -> None:
    give(worker, key, group)
    found = worker.do("check").zotero
    assert found is not None
    assert found.library == library
    used = store.zotero.access(*OWNER)
    assert used is not None
    assert (used.library, used.name) == (library, found.name)
    assert store.zotero.proposed(*OWNER) is None


@pytest.mark.parametrize(
    ("key", "group", "why"),
    [
        ("a" * 24, "", "Zotero doesn't know this key"),
        (READ_ONLY, "", "may not write to your library"),
        (KEY, "8", "may not write to group 8"),
        (KEY, "12", "may not write to group 12"),
    ],
)
def test_a_key_that_may_not_is_forgotten_and_the_one_before_stays(
    worker: Worker, store: Store, key: str, group: str, why: str
) -> None:
    connect(worker)
    before = store.zotero.access(*OWNER)
    give(worker, key, group)
    assert why in worker.do("check").refused
    assert store.zotero.proposed(*OWNER) is None
    assert store.zotero.access(*OWNER) == before


def test_papers_are_sent_fifty_at_a_time_and_each_once(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    connect(worker)
    ids = save(store, 120)
    found = worker.do("send").zotero
    assert found is not None
    assert (found.sent, found.there, found.refused) == (120, 0, ())
    assert writes(fake_zotero) == [50, 50, 20]
    items = fake_zotero.libraries[MINE]
    assert set(items) == {item_key(MINE, id) for id in ids}
    assert {each["archiveID"] for each in items.values()} == {f"arXiv:{id}" for id in ids}
    assert {(each.paper, each.item) for each in store.zotero.sent(*OWNER)} == {
        (id, item_key(MINE, id)) for id in ids
    }
    again = worker.do("send").zotero
    assert again is not None
    assert again.sent == 0
    assert len(writes(fake_zotero)) == 3


def test_a_preprint_has_the_fields_that_zotero_gives_it(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    connect(worker)
    whole = paper(
        "2503.15294",
        title="A $\\lambda$-calculus of {\\'e}tudes",
        authors=("Ada Lovelace", "Ludwig van Beethoven", "ATLAS Collaboration", "and others"),
        categories=("cs.LG", "math.ST"),
    )
    store.papers.put(whole)
    store.saved.change(*OWNER, whole.id, lambda _: saved_paper(whole.id, ref=paper_ref(whole)))
    worker.do("send")
    (item,) = fake_zotero.libraries[MINE].values()
    check_golden("views/zotero-item.json", json.dumps(item, ensure_ascii=False, indent=2) + "\n")


def test_what_zotero_took_before_its_answer_was_lost_is_not_there_twice(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    connect(worker)
    save(store, 60)
    fake_zotero.faults.append("lost_reply")
    assert "Zotero can't be reached" in worker.do("send").refused
    assert store.zotero.sent(*OWNER) == []
    found = worker.do("send").zotero
    assert found is not None
    assert (found.sent, found.there) == (10, 50)
    assert len(fake_zotero.libraries[MINE]) == 60
    assert len(store.zotero.sent(*OWNER)) == 60


def test_a_worker_that_dies_between_two_batches_goes_on_with_the_second(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    connect(worker)
    save(store, 60)
    fake_zotero.headers["Backoff"] = "5"

    def die(seconds: float) -> None:
        raise KeyboardInterrupt

    alive, worker.zotero = worker.zotero, Zotero(worker.zotero.api, worker.sealer, die)
    with pytest.raises(KeyboardInterrupt):
        worker.do("send")
    worker.zotero = alive
    found = worker.do("send").zotero
    assert found is not None
    assert (found.sent, found.there) == (10, 0)
    assert writes(fake_zotero) == [50, 10]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 413, 428, 500, 503])
def test_a_refusal_is_one_sentence_and_what_was_sent_before_is_kept(
    worker: Worker, store: Store, fake_zotero: FakeZotero, status: int
) -> None:
    connect(worker)
    save(store, 60)
    said = f"<b>@everyone {KEY}</b>"
    fake_zotero.faults.append((status, {}, said))
    refused = worker.do("send").refused
    assert refused.count(". ") == 0
    assert refused.endswith(".")
    assert "Zotero" in refused
    assert "everyone" not in refused
    fake_zotero.faults.extend(["ok", (status, {}, said)])
    found = worker.do("send").zotero
    assert found is not None
    assert (found.sent, found.stopped) == (50, refused)


def test_zotero_is_left_alone_as_long_as_it_asks(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    connect(worker)
    save(store, 120)
    fake_zotero.faults.extend([(429, {"Retry-After": "7"}, ""), "ok", (429, {}, "")])
    fake_zotero.headers["Backoff"] = "3"
    assert worker.do("send").zotero
    # After a refusal, after what was taken, after one that doesn't say how long, and again.
    assert worker.pauses == [7, 3, 10, 3]
    assert len(fake_zotero.libraries[MINE]) == 120


def test_what_would_take_too_long_is_said_and_nobody_asks_before(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    connect(worker)
    save(store, 60)
    fake_zotero.faults.extend(["ok", (503, {"Retry-After": "240"}, "")])
    found = worker.do("send").zotero
    assert found is not None
    assert found.sent == 50
    assert "left alone for 4 minutes" in found.stopped
    asked = len(fake_zotero.requests)
    assert "left alone for 4 minutes" in worker.do("send").refused
    assert len(fake_zotero.requests) == asked
    worker._pause(240)
    later = worker.do("send").zotero
    assert later is not None
    assert later.sent == 10


def test_short_pauses_are_made_for_a_minute_in_all(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    connect(worker)
    save(store, 1)
    fake_zotero.faults.extend([(429, {"Retry-After": "25"}, "")] * 3)
    assert "left alone for 1 minute" in worker.do("send").refused
    assert worker.pauses == [25, 25]


def test_a_key_is_checked_at_once_or_not_at_all(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    give(worker)
    fake_zotero.faults.append((429, {"Retry-After": "3"}, ""))
    assert worker.do("check").zotero
    give(worker)
    fake_zotero.faults.append((429, {"Retry-After": "30"}, ""))
    assert "left alone for 1 minute" in worker.do("check").refused
    assert worker.pauses == [3]


def test_papers_that_zotero_does_not_take_are_named_and_tried_again_later(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    connect(worker)
    save(store, 3)
    long = paper("2503.10001", title="On 2503.10001", abstract="x" * 70_000)
    store.papers.put(long)
    store.saved.change(*OWNER, long.id, lambda _: saved_paper(long.id, ref=paper_ref(long)))
    gone = saved_paper("2401.00001", ref="2401.00001v1:0000000000000000")
    store.saved.change(*OWNER, gone.paper, lambda _: gone)
    found = worker.do("send").zotero
    assert found is not None
    assert (found.sent, found.refused, found.missing) == (2, ("2503.10001",), 1)
    assert "2503.10001" not in {each.paper for each in store.zotero.sent(*OWNER)}


def test_a_key_goes_to_no_other_host(worker: Worker, store: Store, fake_zotero: FakeZotero) -> None:
    connect(worker)
    save(store, 1)
    with run_fake_server(lambda path, body: (200, {}, b"{}")) as elsewhere:
        fake_zotero.faults.append((307, {"Location": f"{elsewhere.url}/users/11/items"}, ""))
        assert "HTTP 307" in worker.do("send").refused
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "body", ["", "[]", "null", '{"userID": "x"}', "[" * 100_000, '{"userID": 1}']
)
def test_what_is_not_zotero_is_told_from_it(
    worker: Worker, fake_zotero: FakeZotero, body: str
) -> None:
    give(worker)
    fake_zotero.faults.append((200, {}, body))
    said = worker.do("check").refused
    assert "isn't Zotero" in said or "may not write" in said
    assert worker.store.zotero.access(*OWNER) is None


def test_an_answer_without_a_word_of_an_item_is_no_success(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    connect(worker)
    save(store, 2)
    fake_zotero.faults.append(
        (200, {}, {"success": {"0": "KEY", "x": "y", "99": "z", "9" * 5000: ""}})
    )
    found = worker.do("send").zotero
    assert found is not None
    assert found.refused
    assert [each.paper for each in store.zotero.sent(*OWNER)] == ["2503.10000"]


def test_nothing_stored_or_logged_has_the_key(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    with capture_logs() as logged:
        structlog.get_logger().info("something")
        give(worker, "a" * 24)
        worker.do("check")
        connect(worker)
        save(store, 2)
        fake_zotero.faults.append((500, {}, KEY))
        worker.do("send")
        worker.do("send")
    redis: Any = store.redis
    stored = "".join(
        str(redis.hgetall(key) if redis.type(key) == "hash" else redis.get(key))
        for key in redis.keys("*")
        if redis.type(key) in ("hash", "string")
    )
    assert store.zotero.access(*OWNER)
    assert KEY not in stored + str(logged)
    assert all(given["zotero-api-key"] for _, given, _ in fake_zotero.requests)


def test_an_older_key_of_the_installation_still_opens_and_is_not_needed_after_the_next_sending(
    store: Store, fake_zotero: FakeZotero
) -> None:
    save(store, 1)
    with worker_at(store, fake_zotero, OLD_SEALING) as before:
        connect(before)
    with worker_at(store, fake_zotero, SEALING) as lost:
        assert "can't be read any more" in lost.do("send").refused
    with worker_at(store, fake_zotero, SEALING, OLD_SEALING) as both:
        assert both.do("send").zotero
    save(store, 2)
    with worker_at(store, fake_zotero, SEALING) as after:
        found = after.do("send").zotero
    assert found is not None
    assert found.sent == 1


def test_a_key_that_was_copied_to_somebody_else_does_not_open(worker: Worker, store: Store) -> None:
    give(worker, owner="slack:T1 U2")
    assert "can't be read any more" in worker.do("check").refused
    assert store.zotero.access(*OWNER) is None


def test_what_is_forgotten_while_it_is_under_way_stays_forgotten(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    connect(worker)
    save(store, 60)
    fake_zotero.headers["Backoff"] = "5"

    def forget(seconds: float) -> None:
        worker._pause(seconds)
        store.zotero.erase(*OWNER)

    worker.zotero = Zotero(worker.zotero.api, worker.sealer, forget)
    worker.do("send")
    assert store.redis.keys("pb:zotero:*") == store.redis.keys("pb:zotero-sent:*") == []
    assert "was forgotten meanwhile" in worker.do("send").refused
    assert "was forgotten meanwhile" in worker.do("check").refused


def test_without_a_key_to_seal_with_nothing_is_asked(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    connect(worker)
    asked = len(fake_zotero.requests)
    worker.zotero = Zotero(ZoteroApi(fake_zotero.url, worker.zotero.api._loop), None)
    assert "PAPERBOY_SECRETS_KEY" in worker.do("send").refused
    assert len(fake_zotero.requests) == asked


def test_another_library_gets_all_papers(
    worker: Worker, store: Store, fake_zotero: FakeZotero
) -> None:
    connect(worker)
    save(store, 2)
    worker.do("send")
    connect(worker, group="7")
    found = worker.do("send").zotero
    assert found is not None
    assert (found.sent, found.library) == (2, "groups/7")
    assert len(fake_zotero.libraries["groups/7"]) == 2
