"""What an older, a newer or a broken hand has stored: read, set aside and named, never the end."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from redis import Redis

from bot.commands.context import Context
from bot.domain.digest import Digest
from bot.domain.lookup import Assessment
from bot.domain.papers import Paper, Profile, Value
from bot.errors import Refused
from bot.runtime import status
from bot.store.key_repair import repair_key
from bot.store.lookups import Lookups
from bot.store.outbox import Outbox, OutboxEntry
from bot.store.queues import Queues
from bot.store.store import Store
from bot.store.values.quarantine import NewerPaperboy, claim_server, quarantine_counts
from bot.store.values.stored_forms import (
    FORMAT_VERSION,
    Replaced,
    Unreadable,
    deserialise,
    reader_for,
    serialise,
    unreadable_reason,
)
from bot.terminal.render import as_text
from bot.views.status import status_text
from tests import TESTS
from tests.factories import (
    NOW,
    announced,
    digest,
    listing,
    paper,
    paper_ids,
    profile,
    subscription,
)
from tests.old_store import (
    CORRUPTIONS,
    JUDGE,
    corrupt,
    fill_store,
    typed,
    use_everything,
)

ROOT = TESTS.parent


@pytest.fixture
def context(store: Store, redis_url: str) -> Iterator[Context]:
    fill_store(store)
    queues = Queues(Redis.from_url(redis_url))
    yield Context(
        store=store,
        lookups=Lookups(store),
        judge=JUDGE,
        status=lambda: status.gather(queues, store, JUDGE),
    )
    queues.redis.close()


KINDS = {
    name: key
    for key in (
        *("pb:aside", "pb:form"),
        *("pb:document:*", "pb:progress:*", "pb:found:*", "pb:inquiries:", "pb:opinion:*"),
        "pb:vector:*",
        *("pb:outages", "pb:heard:*", "pb:event:*"),
        *("pb:lease:*:number", "pb:lease:*"),
        *("pb:asked-of-model:*", "pb:profile:*", "pb:profiles", "pb:profiles:*", "pb:paper:*"),
        *("pb:batch:2025-03-20", "pb:batch:*:replaced", "pb:batch:*:changed", "pb:listed:*"),
        *("pb:asked:*", "pb:verdict:*", "pb:call:*", "pb:order:*", "pb:shape:*", "pb:digest:*"),
        *("pb:basis:*", "pb:judged:*", "pb:days:*", "pb:usual:*", "pb:delivered:*"),
        *("pb:chosen:*", "pb:history:*", "pb:had:*", "pb:also:*", "pb:outbox:*", "pb:wishes"),
        *("pb:subscriptions", "pb:served", "pb:votes:*", "pb:spent:*", "pb:spenders:*"),
        *("pb:gate:*", "pb:gate-days:*", "pb:gate-tallies:*", "pb:learnt"),
    )
    for name in [key[3:].replace(":*", "").replace("2025-03-20", "list").rstrip(":")]
}


@pytest.mark.parametrize("harm", [*CORRUPTIONS, "another type"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_is_stored_can_end_the_bot(
    kind: str, harm: str, context: Context, store: Store, redis_url: str
) -> None:
    store.redis.hset("pb:aside", "pb:x", "{}")
    claim_server(store.redis)
    keys: list[str] = store.redis.keys(KINDS[kind])  # type: ignore[assignment]
    assert keys
    for key in keys:
        corrupt(store.redis, key, harm)
    with Redis.from_url(redis_url) as redis:
        use_everything(context, redis)


@pytest.mark.parametrize("harm", [*CORRUPTIONS, "another type"])
def test_one_unreadable_subscription_is_quarantined_and_affects_no_other(
    harm: str, context: Context, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    (mine,) = context.store.subscriptions.all()
    other = mine.model_copy(update={"profile": "exoplanets"})
    corrupt(store.redis, "pb:subscriptions", harm)
    broken = store.redis.hget("pb:subscriptions", mine.key) if harm in CORRUPTIONS else None
    context.store.subscriptions.put(other)
    assert context.store.subscriptions.all() == [other]
    assert context.store.subscriptions.all() == [other]
    assert capsys.readouterr().out.count("quarantined: stored value cannot be read") == 1
    assert quarantine_counts(store.redis) == {"subscriptions": 1}
    said = as_text([status_text(context.status())])
    assert "unreadable and set aside (details in the log): 1 of subscr" in said
    if harm in CORRUPTIONS:
        kept = json.loads(str(store.redis.hget("pb:aside", f"pb:subscriptions {mine.key}")))
        assert kept["value"] == broken
        assert str(broken)[:20] not in kept["why"]
    else:
        assert store.redis.lrange("pb:aside:pb:subscriptions", 0, -1) == ["x"]
    typed("/digest subscribe matters", context)  # the channel may have it anew
    assert [found.profile for found in context.store.subscriptions.all()] == [
        "exoplanets",
        "matters",
    ]


def test_a_value_that_was_repaired_meanwhile_is_not_quarantined(store: Store) -> None:
    rows = store.reader
    store.redis.hset("pb:profiles", "matters", serialise(profile()))
    assert rows.decode("pb:profiles", "matters", '{"colour": "red"}', reader_for(Profile)) is None
    assert store.profiles.shared() == {"matters": profile()}
    assert quarantine_counts(store.redis) == {}


def test_a_day_that_cannot_be_read_is_judged_again_by_the_scores_there_are(store: Store) -> None:
    day = digest()
    store.days.put_decided("day", day)
    corrupt(store.redis, "pb:digest:day", "no JSON")
    assert store.days.get("day") is None
    assert not store.redis.exists("pb:judged:day")
    store.days.put_decided("day", day)
    assert store.days.get("day") == day


def test_a_paper_whose_text_cannot_be_read_comes_again_with_the_next_list(store: Store) -> None:
    first, second = (announced(id) for id in paper_ids(2))
    store.lists.add("b", listing(first, second), NOW)
    (key,) = store.redis.keys(f"pb:paper:{first.paper.id}*")
    corrupt(store.redis, key, "no JSON")
    assert store.lists.batch("b").papers == (second,)
    assert quarantine_counts(store.redis) == {"batch": 1, "paper": 1}
    store.lists.add("b", listing(first, second), NOW)
    assert store.lists.batch("b").papers == (first, second)


def test_a_message_whose_entry_cannot_be_read_may_have_been_sent(store: Store) -> None:
    outbox = Outbox(store.trips, "slack:T1:C1:day")
    asyncio.run(outbox.put_result("head", OutboxEntry(at=NOW, message="17.0001")))
    corrupt(store.redis, "pb:outbox:slack:T1:C1:day", "an unknown field")
    assert outbox.entry("head") is not None
    begun = asyncio.run(outbox.begin("head", 1, NOW))
    assert begun is not None
    assert not begun.message


# -- forms


VALUES: list[Value] = [
    profile(),
    paper(),
    digest(),
    Replaced(categories=("cs.LG",)),
    OutboxEntry(at=NOW),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_every_value_carries_its_form_and_comes_back_as_it_was(value: Value) -> None:
    text = serialise(value)
    assert json.loads(text)["v"] == FORMAT_VERSION
    assert deserialise(type(value), text) == value
    assert deserialise(type(value), json.dumps(json.loads(text), indent=1)) == value
    if not isinstance(value, Replaced):  # as it was before forms
        assert deserialise(type(value), value.model_dump_json()) == value


def test_an_older_form_is_brought_up(store: Store) -> None:
    """Replacements were bare lists in form 1."""
    store.redis.hset("pb:batch:b:replaced", "2401.00000", '["cs.LG"]')
    assert store.lists.batch("b").replaced == (("2401.00000", ("cs.LG",)),)
    store.lists.add("b", listing(replaced=1), NOW)
    assert store.redis.hget("pb:batch:b:replaced", "2401.00000") == '["cs.LG"]'


@given(
    st.text(max_size=40)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=9),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9) | st.just("v"), inner),
    ).map(json.dumps)
)
def test_any_stored_text_is_read_or_refused_without_being_quoted(text: str) -> None:
    for value in (Paper, Assessment, Digest):
        with pytest.raises((Unreadable, ValidationError, json.JSONDecodeError)) as unread:
            deserialise(value, text)
        assert len(unreadable_reason(unread.value)) <= 200


def test_a_reason_does_not_repeat_what_it_cannot_read() -> None:
    secret = "xoxb-very-secret\u202e"
    wrong = {"id": secret, "version": secret}, {**paper().model_dump(mode="json"), secret: 1}
    for text in (*map(json.dumps, wrong), secret, f'"{secret}"'):
        with pytest.raises((Unreadable, ValidationError, json.JSONDecodeError)) as unread:
            deserialise(Paper, text)
        assert "xoxb" not in (why := unreadable_reason(unread.value))
        assert why.isprintable()


def test_a_newer_paperboys_server_is_refused_in_one_sentence(
    store: Store, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_server(store.redis)
    assert store.redis.get("pb:form") == str(FORMAT_VERSION)
    store.redis.set("pb:form", FORMAT_VERSION + 1)
    with pytest.raises(
        Refused, match=r"^A newer Paperboy has been at work on this server \(form 5"
    ):
        claim_server(store.redis)
    assert store.redis.get("pb:form") == str(FORMAT_VERSION + 1)


def test_what_a_newer_paperboy_stores_stays_where_it_is_until_this_one_ends(store: Store) -> None:
    there, row = subscription(), f'{{"v":{FORMAT_VERSION + 1},"entirely":"new"}}'
    claim_server(store.redis)
    store.redis.set("pb:form", FORMAT_VERSION + 1)
    store.redis.hset("pb:subscriptions", there.key, row)
    store.redis.sadd("pb:served", "of another type by now")
    asked: list[Callable[[], object]] = [
        store.subscriptions.all,
        lambda: store.subscriptions.put(there),
        lambda: store.subscriptions.put_last_served(there.key, NOW.date()),
    ]
    for ask in asked:
        with suppress(NewerPaperboy):
            ask()
    assert store.redis.smembers("pb:served") == {"of another type by now"}
    assert quarantine_counts(store.redis) == {}
    with pytest.raises(NewerPaperboy):
        store.subscriptions.all()
    assert store.redis.hget("pb:subscriptions", there.key) == row


def test_what_we_store_is_what_its_key_should_hold(store: Store) -> None:
    """Else mending a key would set aside what is sound: of a lease, the holder that renews it."""
    fill_store(store)
    keys: list[str] = store.redis.keys("pb:*")  # type: ignore[assignment]
    assert [key for key in keys if repair_key(store.redis, key)] == []


def test_every_key_that_is_named_has_a_kind() -> None:
    """Else a backup would leave it out, and nobody would mend it."""
    named = set()
    for path in (ROOT / "bot" / "store").glob("*.py"):
        named |= set(re.findall(r'"pb:([a-z-]+)', path.read_text(encoding="utf-8")))
    table = (ROOT / "bot" / "store" / "key_kinds.py").read_text(encoding="utf-8")
    known = set(re.findall(r'^    \(f?r?"([a-z-]+)', table, re.M))
    assert named <= known
