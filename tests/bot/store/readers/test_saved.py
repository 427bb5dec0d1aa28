"""Saved papers in the store: each person's own, and what a channel sees of them."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.readers.saved import Reading, SavedPaper
from bot.domain.readers.traces import TraceKind
from bot.store.key_kinds import kind_of
from bot.store.store import Store
from bot.store.values.quarantine import QUARANTINE_KEY
from bot.store.values.stored_forms import RETENTION
from tests.factories import NOW, saved_paper

T1, C1, C2 = "slack:T1", "slack:T1:C1", "slack:T1:C2"
ID = "2503.15294"


def put(store: Store, paper: SavedPaper, workspace: str = T1) -> None:
    store.saved.change(workspace, paper.by, paper.paper, lambda _: paper)


def shared(store: Store, channel: str = C1) -> list[SavedPaper]:
    return store.saved.shared_with(channel, NOW)


def test_each_person_has_their_own_in_each_workspace(store: Store) -> None:
    put(store, saved_paper())
    assert store.saved.of("slack:T2", "U1") == []
    assert store.saved.of(T1, "U2") == []
    assert store.saved.of("discord:T1", "U1") == []
    assert store.saved.of(T1, "U1") == [saved_paper()]


def test_the_latest_come_first(store: Store) -> None:
    for number, id in enumerate(("2503.10002", "2503.10000", "2503.10001")):
        put(store, saved_paper(id, at=NOW + timedelta(hours=number), shared=(C1,)))
    ids = ["2503.10001", "2503.10000", "2503.10002"]
    assert [each.paper for each in store.saved.of(T1, "U1")] == ids
    assert [each.paper for each in shared(store)] == ids


def test_a_channel_sees_a_paper_only_as_long_and_as_it_is_shared(store: Store) -> None:
    put(store, saved_paper())
    assert shared(store) == []
    put(store, saved_paper(shared=(C1,)))
    put(store, saved_paper(shared=(C1,), state=Reading.READING))
    (seen,) = shared(store)
    assert seen.state is Reading.READING
    put(store, saved_paper(shared=(C2,)))
    assert (shared(store), len(shared(store, C2))) == ([], 1)
    store.saved.change(T1, "U1", ID, lambda _: None)
    assert shared(store, C2) == []


def test_what_was_shared_long_ago_is_not_shown_to_the_channel_any_more(store: Store) -> None:
    put(store, saved_paper(shared=(C1,), at=NOW - RETENTION - timedelta(days=1)))
    put(store, saved_paper("2503.10000", shared=(C1,)))
    assert [each.paper for each in shared(store)] == ["2503.10000"]
    assert store.redis.hlen(f"pb:shared:{C1}") == 1
    assert len(store.saved.of(T1, "U1")) == 2


def test_saved_papers_live_as_long_as_other_things_after_the_last_change(store: Store) -> None:
    put(store, saved_paper(shared=(C1,)))
    for key in (f"pb:saved:{T1}:U1", f"pb:shared:{C1}"):
        assert int(str(store.redis.ttl(key))) > RETENTION.total_seconds() - 60


def test_whoever_changes_a_paper_at_the_same_moment_loses_nothing(store: Store) -> None:
    put(store, saved_paper())
    calls = 0

    def shared_meanwhile(saved: SavedPaper | None) -> SavedPaper | None:
        nonlocal calls
        calls += 1
        if calls == 1:
            put(store, saved_paper(shared=(C1,)))
        assert saved is not None
        return saved.model_copy(update={"state": Reading.DONE})

    _, after = store.saved.change(T1, "U1", ID, shared_meanwhile)
    assert after == saved_paper(shared=(C1,), state=Reading.DONE)
    assert shared(store) == [after]


def test_one_that_cannot_be_read_is_set_aside_and_can_be_saved_anew(store: Store) -> None:
    store.redis.hset(f"pb:saved:{T1}:U1", ID, "{")
    assert store.saved.of(T1, "U1") == []
    put(store, saved_paper())
    assert store.saved.of(T1, "U1") == [saved_paper()]
    store.saved.erase(T1, "U1")
    assert store.redis.hlen(QUARANTINE_KEY) == 0


def test_what_is_erased_is_one_persons_in_one_workspace(store: Store) -> None:
    for person in ("U1", "U2"):
        put(store, saved_paper(by=person, shared=(C1, C2)))
    put(store, saved_paper(), "slack:T2")
    (trace,) = store.saved.traces(T1, "U1")
    assert (trace.kind, trace.paper, trace.channels) == (TraceKind.SAVED, ID, (C1, C2))
    store.saved.erase(T1, "U1")
    assert store.saved.traces(T1, "U1") == store.saved.of(T1, "U1") == []
    assert [each.by for each in (*shared(store), *shared(store, C2))] == ["U2", "U2"]
    assert store.saved.of(T1, "U2")
    assert store.saved.of("slack:T2", "U1")


def test_a_backup_takes_them(store: Store) -> None:
    put(store, saved_paper(shared=(C1,)))
    for key in store.redis.keys("pb:s*"):  # type: ignore[union-attr]
        kind = kind_of(key)
        assert kind is not None
        assert not kind.is_transient
        for field, row in store.redis.hgetall(key).items():  # type: ignore[union-attr]
            kind.check(field, row)
