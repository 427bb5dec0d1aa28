"""What form 4 changed: long texts are packed, messages and what a channel had take less room."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest import Outcome
from bot.domain.papers import Paper
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.store.keeping.backup import Backup, checked
from bot.store.key_kinds import kind_of
from bot.store.outbox import Outbox, OutboxEntry, read_entry, write_entry
from bot.store.store import Store
from bot.store.values.packing import packed, unpacked
from bot.store.values.quarantine import claim_server, quarantine_counts
from bot.store.values.stored_forms import deserialise, serialise, serialise_packed
from tests.factories import NOW, decision, digest, paper
from tests.old_store import BACKUP_FORM_3, backup_rows
from workers.arxiv import sample

ONE, TWO = (Address(platform="slack", workspace="T1", channel=c) for c in ("C1", "C2"))
ENTRY = OutboxEntry(at=NOW, message="1742459999.123456", body="0123456789abcdef")


@pytest.fixture
def old(store: Store) -> Store:
    """A server that the version before has left."""
    for row in backup_rows(BACKUP_FORM_3):
        Backup(store).put(checked(row), datetime.now(UTC))
    store.redis.set("pb:form", "3")
    claim_server(store.redis)
    return store


# -- the way up


def test_what_the_version_before_stored_is_read_as_it_was(old: Store) -> None:
    (delivery,) = old.history.of(ONE)
    given = old.history.digest_given_to(ONE, delivery.day)
    assert given is not None
    assert [d.outcome for d in given.decisions[:3]] == [Outcome.PICKED] * 2 + [Outcome.OVER_LIMIT]
    ids = [d.paper.id for d in given.posted]
    assert len(ids) == 2
    assert all(d.paper.abstract and d.paper.title for d in given.decisions)
    entries = Outbox(old.trips, f"{ONE}:{delivery.day}").entries()
    assert set(entries) == {"head", *ids}
    assert all(entry.message and entry.body and entry.at == NOW for entry in entries.values())
    assert old.shown_papers.day_that_brought(ONE, ids[0]) == delivery.day
    assert old.shown_papers.in_other_channels(ONE, ids) == {id: {TWO: delivery.day} for id in ids}
    batch = old.lists.batch("2025-03-20")
    assert (len(batch.papers), len(batch.replaced)) == (6, 150)
    assert old.scores.results("j" * 16, [d.paper.versioned for d in given.decisions]).keys()
    assert quarantine_counts(old.redis) == {}


def test_a_digest_that_goes_on_after_the_upgrade_keeps_what_it_had(old: Store) -> None:
    (delivery,) = old.history.of(ONE)
    given = old.history.digest_given_to(ONE, delivery.day)
    assert given is not None
    first, second = (d.paper.id for d in given.posted)
    more = given.model_copy(
        update={"decisions": (*given.decisions, decision("2503.77777", Outcome.PICKED))}
    )
    old.history.put_delivered(ONE, f"{ONE}:{delivery.day}", more, NOW, "1.0")
    assert old.shown_papers.ids_from_other_deliveries(ONE, "-") == {first, second, "2503.77777"}
    found = old.shown_papers.in_other_channels(TWO, [first, "2503.77777"])
    assert found == {id: {ONE: delivery.day} for id in (first, "2503.77777")}
    # The papers' own rows are gone: no paper is in two.
    fields = old.redis.hkeys(f"pb:had:{ONE}")
    assert fields == [f"@{delivery.day}"]
    old.shown_papers.drop(ONE, delivery.day, kept=[second])
    assert old.shown_papers.ids_from_other_deliveries(ONE, "-") == {second}
    old.shown_papers.drop(TWO, delivery.day)
    assert old.shown_papers.ids_from_other_deliveries(TWO, "-") == set()


def test_a_message_begun_before_the_upgrade_is_looked_for_not_sent_again(old: Store) -> None:
    box = Outbox(old.trips, f"{ONE}:another")
    old.redis.hset("pb:outbox:slack:T1:C1:another", "head", serialise(OutboxEntry(at=NOW)))
    begun = asyncio.run(box.begin("head", 7, NOW + timedelta(hours=1)))
    assert begun == OutboxEntry(at=NOW)


# -- packed texts


def test_a_text_takes_half_its_room_and_comes_back() -> None:
    texts = [serialise(each.paper) for each in sample.listing().papers[60:]]
    assert all(unpacked(packed(text)) == text for text in texts)
    assert sum(len(packed(text)) for text in texts) < 0.55 * sum(map(len, texts))
    long = paper(abstract="We prove that it is so, twice. " * 20)
    assert deserialise(Paper, serialise_packed(long)) == long
    assert serialise_packed(long).startswith("~")


@given(st.text(max_size=3000))
def test_any_text_comes_back(text: str) -> None:
    if not text.startswith("~"):
        assert unpacked(packed(text)) == text


@given(st.text(alphabet="~0aZ{", max_size=60))
def test_a_damaged_text_is_refused_or_is_another(text: str) -> None:
    whole = packed("We prove a bound. " * 40)
    with pytest.raises(ValueError, match="packed"):
        unpacked(whole[:-5])
    with suppress(ValueError):
        unpacked(f"~{text}")
    with suppress(ValueError):
        unpacked(whole + text)


def test_a_small_text_that_would_fill_the_machine_is_refused() -> None:
    with pytest.raises(ValueError, match="not whole"):
        unpacked(packed("x" * 30_000_000))


# -- messages


@pytest.mark.parametrize(
    "entry",
    [
        ENTRY,
        OutboxEntry(at=NOW),
        OutboxEntry(at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), message="123"),
        OutboxEntry(at=NOW, refused=ChannelReason.BAD_MESSAGE),
        OutboxEntry(at=NOW, body="b", refused=ChannelReason.NOT_EDITABLE),
        OutboxEntry(at=NOW, message="with a space"),
    ],
)
def test_a_message_comes_back_from_either_form(entry: OutboxEntry) -> None:
    assert read_entry(write_entry(entry)) == entry
    assert read_entry(serialise(entry)) == entry
    kind = kind_of("pb:outbox:slack:T1:C1:day")
    assert kind is not None
    assert kind.check("head", write_entry(entry))


def test_a_message_is_short_enough_for_a_small_hash_in_one_piece(store: Store) -> None:
    assert len(write_entry(ENTRY)) <= 64
    box = Outbox(store.trips, "slack:T1:C1:day")
    for n in range(21):
        asyncio.run(box.begin(f"2611.{n:05}", 1, NOW))
        asyncio.run(box.put_result(f"2611.{n:05}", ENTRY))
    assert store.redis.object("encoding", "pb:outbox:slack:T1:C1:day") == "listpack"


@pytest.mark.parametrize("text", ["x", "12 a b c d", "-1", "9" * 18, "1 a b no_reason"])
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"message|valid"):
        read_entry(text)


# -- what a channel had


def test_a_paper_belongs_to_the_delivery_that_brought_it_last(store: Store) -> None:
    first = digest(decision("2503.00001", Outcome.PICKED), decision("2503.00002", Outcome.PICKED))
    second = digest(decision("2503.00002", Outcome.PICKED))
    store.shown_papers.put(ONE, first, "one")
    store.shown_papers.put(ONE, second, "two")
    assert store.shown_papers.day_that_brought(ONE, "2503.00001") == "one"
    assert store.shown_papers.day_that_brought(ONE, "2503.00002") == "two"
    store.shown_papers.drop(ONE, "two")
    assert store.shown_papers.ids_from_other_deliveries(ONE, "-") == {"2503.00001"}
    store.shown_papers.drop(ONE, "one")
    assert not store.redis.exists(f"pb:had:{ONE}")


@pytest.mark.parametrize("had", [None, {"2503.00001"}], ids=["looked for", "just read"])
def test_a_paper_that_comes_again_is_taken_from_the_delivery_that_brought_it(
    had: set[str] | None, store: Store
) -> None:
    given = digest(decision("2503.00001", Outcome.PICKED))
    store.shown_papers.put(ONE, given, "one")
    store.shown_papers.put(ONE, given, "two", had)
    assert store.redis.hkeys(f"pb:had:{ONE}") == ["@two"]


def test_papers_of_old_lists_are_forgotten_by_their_list(store: Store) -> None:
    for day, batch in (("a", "2024-01-02"), ("b", "2025-03-20")):
        given = digest(decision(f"2503.0000{ord(day)}", Outcome.PICKED))
        listed = given.listed.model_copy(update={"batch": batch})
        store.shown_papers.put(ONE, given.model_copy(update={"listed": listed}), day)
    store.shown_papers.drop_before(ONE, date(2025, 1, 1))
    assert store.shown_papers.ids_from_other_deliveries(ONE, "-") == {f"2503.0000{ord('b')}"}
