"""A workspace, or a person, is forgotten: nothing on the server names them any more."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from redis.exceptions import ConnectionError as LostConnection

from bot.commands import dispatch
from bot.commands.context import Context
from bot.domain.digest import Outcome
from bot.domain.judge import Judge
from bot.domain.message import Message
from bot.domain.papers import Profile
from bot.domain.readers.following import Follow, FollowKind
from bot.domain.request import Address
from bot.domain.watching.ledger import Excuse
from bot.errors import Refused
from bot.runtime import status
from bot.store import key_kinds
from bot.store.keeping.forgetting import Found, Subject, find, forget
from bot.store.key_kinds import kind_of
from bot.store.lookups import Lookups
from bot.store.outbox import Outbox
from bot.store.store import Store
from bot.store.values.packing import unpacked
from bot.views.keeping.forgetting import forgotten_text, found_text
from tests.factories import (
    NOW,
    decision,
    digest,
    digest_request,
    listing,
    person_in,
    profile,
    save_own_profile,
    subscription,
)
from tests.old_store import ASK

MINE, THEIRS = "slack:T0AAAAAAA", "slack:T0BBBBBBB"
ONE, OTHER = "U0AAAAAAA", "U0BBBBBBB"
# What stands in a pattern of key_kinds -> a text that it matches.
SAMPLES = {
    key_kinds._PLACE: "<place>",
    key_kinds._SCOPE: "<workspace>",
    key_kinds._WORKSPACE: "<workspace>",
    key_kinds._REF: "2503.00001v1:0123456789abcdef",
    key_kinds._PERSON: "<person>",
    key_kinds._PAPER: "2503.00001",
    key_kinds._PERIOD: "2025-03",
    key_kinds._DAY: "2025-03-20",
    key_kinds._FP: "0123456789abcdef",
    key_kinds._PROFILE: "matters",
    key_kinds._BATCH: "b",
    key_kinds._MAKER: "m",
}


REST = {
    r"\d{4}-\d\d": "2025-03",
    r"[\w.-]+": "0123456789abcdef",
    "[0-9a-f]{64}": "a" * 64,
    "[0-9a-f]{32}": "a" * 32,
    ":.+": ":<place>:x",
    r":\w+": ":<person>",
    r"\w*": "x",
    "[a-z]+": "slack",
}


def names_of_every_kind(workspace: str, person: str) -> Iterator[str]:
    """A key of every kind there is; a kind that is added later is here by itself."""
    place = f"{workspace}:C0{workspace[-7:]}"
    for pattern, *_ in key_kinds._ROWS:
        for part in sorted(SAMPLES, key=len, reverse=True):
            pattern = pattern.replace(part, SAMPLES[part])
        for part, sample in REST.items():
            pattern = pattern.replace(part, sample)
        yield "pb:" + (
            pattern.replace("<place>", place)
            .replace("<workspace>", workspace)
            .replace("<person>", person)
        )


def fill(store: Store, workspace: str, person: str) -> None:
    """A row of every kind that names both, in a field, a value or the key."""
    redis: Any = store.redis
    platform, _, id = workspace.partition(":")
    value = {"address": {"platform": platform, "workspace": id, "channel": "C1"}, "by": person}
    for key in names_of_every_kind(workspace, person):
        kind = kind_of(key)
        assert kind is not None, key
        if kind.type == "string" and not redis.exists(key):
            redis.set(key, json.dumps(value))
        elif kind.type == "hash":
            redis.hset(key, f"{workspace} {person} x", "1")
            redis.hset(key, id, "1")
            redis.hset(key, f"row of {id}", json.dumps(value))
        elif kind.type == "set":
            redis.sadd(key, f"{workspace}:C1 {person}")
        elif kind.type == "zset":
            redis.zadd(key, {f"{workspace}:C1 {person}": 1})
        elif kind.type == "list":
            redis.rpush(key, json.dumps(value))


def all_that_is_stored(store: Store) -> dict[str, str]:
    """Every key of the server, whosever, with all that it holds."""
    redis: Any = store.redis
    read = {
        "string": redis.get,
        "hash": lambda key: sorted(redis.hgetall(key).items()),
        "set": lambda key: sorted(redis.smembers(key)),
        "zset": lambda key: redis.zrange(key, 0, -1),
        "list": lambda key: redis.lrange(key, 0, -1),
    }
    found = {}
    for key in redis.scan_iter("*"):
        held = read[redis.type(key)](key)
        found[key] = unpacked(held) if isinstance(held, str) else str(held)
    return found


def naming(store: Store, *ids: str) -> list[str]:
    """The keys that name all of these, in any way."""
    every = all_that_is_stored(store).items()
    return [key for key, held in every if all(id in f"{key} {held}" for id in ids)]


def test_a_key_of_every_kind_can_be_made_for_these_tests() -> None:
    names = list(names_of_every_kind(MINE, ONE))
    assert [name for name in names if kind_of(name) is None] == []
    assert len({kind_of(name) for name in names}) > 80


def test_no_key_and_no_value_names_a_workspace_that_was_forgotten(store: Store) -> None:
    fill(store, THEIRS, OTHER)
    before = all_that_is_stored(store)
    fill(store, MINE, ONE)
    store.redis.delete(*store.redis.keys("pb:lease:*"))  # type: ignore[misc]
    assert len(naming(store, "T0AAAAAAA")) > 60
    forget(store, Subject(MINE))
    assert naming(store, "T0AAAAAAA") == []
    kept = all_that_is_stored(store)
    # Strings that both would have under the same key are theirs.
    lost = {key for key in before if key not in kept and not key.startswith("pb:lease:")}
    assert lost == set()
    # But for a row of the ledger that can't be read, which whoever reads sets aside.
    same = (before.keys() & kept.keys()) - {"pb:owed-digests", "pb:aside"}
    assert {key: kept[key] for key in same} == {key: before[key] for key in same}


def test_no_key_and_no_value_of_a_workspace_names_a_person_who_was_forgotten(
    store: Store,
) -> None:
    fill(store, MINE, OTHER)
    fill(store, THEIRS, ONE)  # the same person elsewhere, as on Discord
    elsewhere = naming(store, ONE, "T0BBBBBBB")
    fill(store, MINE, ONE)
    forget(store, Subject(MINE, ONE))
    left = [key for key in naming(store, ONE, "T0AAAAAAA") if key not in elsewhere]
    assert left == []
    held = all_that_is_stored(store)
    for key in naming(store, ONE, "T0AAAAAAA"):  # rows of both, side by side in one key
        rows: Any = store.redis.hgetall(key) if store.redis.type(key) == "hash" else {}
        assert not [r for r in rows.items() if ONE in str(r) and "T0AAAAAAA" in str(r)], key
    assert any(OTHER in text for text in held.values())


# -- as people use it


@pytest.fixture
def context(store: Store) -> Context:
    judge = Judge()
    return Context(
        store=store,
        lookups=Lookups(store),
        judge=judge,
        status=lambda: status.gather(None, store, judge),  # type: ignore[arg-type]
    )


OWN = profile(name="secrets", title="What we work on")


def use(store: Store, context: Context, workspace: str, person: str, mine: Profile) -> Address:
    """A channel with a subscription, a digest of two days, and a reader who leaves all there is."""
    platform, _, id = workspace.partition(":")
    here = Address(platform=platform, workspace=id, channel=f"C0{id[2:]}")
    save_own_profile(store, here, mine)
    store.profiles.put(mine)
    store.subscriptions.put(subscription(address=here, profile=mine.name, by=person))
    given = digest(decision("2503.10000", Outcome.PICKED), profile=mine)
    store.lists.add("b", listing(*(d.announced for d in given.decisions)), NOW)
    store.days.put_decided(f"day{mine.fingerprint[:3]}", given)
    name = f"{here}:day{mine.fingerprint[:3]}"
    store.history.put_delivered(here, name, given, NOW, "1.0")
    asyncio.run(Outbox(store.trips, name).begin("head", 1, NOW))
    asking = replace(ASK, address=here, by=person, person=person_in())
    dispatch.press(asking, "up", f"day{mine.fingerprint[:3]} 2503.10000", context)
    dispatch.press(asking, "save", f"day{mine.fingerprint[:3]} 2503.10000", context)
    store.follows.put(
        Follow(workspace=workspace, by=person, kind=FollowKind.AUTHOR, what="Ada", since=NOW)
    )
    store.requests.put(digest_request().model_copy(update={"address": here, "by": person}))
    store.ledger.open(f"{here} {mine.name}", [NOW], NOW + timedelta(days=1))
    return here


def test_a_workspace_goes_and_its_neighbour_notices_nothing(store: Store, context: Context) -> None:
    use(store, context, MINE, ONE, OWN)
    other = profile(name="others", title="Other things", maximum=3)
    there = use(store, context, THEIRS, OTHER, other)
    listed = find(store, Subject(MINE))
    assert all_that_is_stored(store) == all_that_is_stored(store)
    assert listed["subscriptions"] == Found(rows=1)
    before = store.history.digest_given_to(there, f"day{other.fingerprint[:3]}")
    found = forget(store, Subject(MINE))
    assert {"subscriptions", "history", "votes", "lessons", "saved", "outbox"} <= set(found)
    assert naming(store, "T0AAAAAAA") == naming(store, ONE) == []
    assert naming(store, "What we work on") == []  # its own criteria, and what was judged by them
    assert [each.profile for each in store.subscriptions.all()] == ["others"]
    assert store.history.digest_given_to(there, f"day{other.fingerprint[:3]}") == before
    month = store.ledger.month(NOW.date(), NOW + timedelta(days=3), 12)
    assert (month.owed, month.excused[Excuse.ENDED], month.unexplained) == (2, 1, 1)
    assert forget(store, Subject(MINE)) == {}


def test_a_person_goes_and_what_others_rely_on_stays_without_the_name(
    store: Store, context: Context
) -> None:
    here = use(store, context, MINE, ONE, OWN)
    found = forget(store, Subject(MINE, ONE))
    assert naming(store, ONE) == []
    (kept,) = store.subscriptions.all()
    assert (kept.address, kept.by) == (here, "")
    assert found["subscriptions"] == Found(renamed=1)
    assert store.requests.all() == []
    assert store.history.digest_given_to(here, f"day{OWN.fingerprint[:3]}") is not None
    assert "secrets" in store.profiles.by_workspace([here])[MINE]
    assert find(store, Subject(MINE, ONE)) == {}


def test_a_digest_in_a_persons_direct_messages_ends_with_them(store: Store) -> None:
    for channel, by in (("D0AAAAAAA", ONE), ("D0BBBBBBB", OTHER), ("C0AAAAAAA", ONE)):
        at = Address(platform="slack", workspace="T0AAAAAAA", channel=channel)
        store.subscriptions.put(subscription(address=at, by=by))
    assert find(store, Subject(MINE, ONE)) == {"subscriptions": Found(rows=1, renamed=1)}
    assert forget(store, Subject(MINE, ONE)) == {"subscriptions": Found(rows=1, renamed=1)}
    kept = {(each.address.channel, each.by) for each in store.subscriptions.all()}
    assert kept == {("D0BBBBBBB", OTHER), ("C0AAAAAAA", "")}


def test_what_somebody_asked_in_direct_messages_on_discord_goes_with_them(store: Store) -> None:
    for purse in ("discord:person-30", "discord:person-301", "discord:30"):
        assert Lookups(store).take_call(purse, NOW, 9)
    assert forget(store, Subject("discord:", "30")) == {"asked-of-model": Found(keys=1)}
    left = [str(key).split(":")[3] for key in store.redis.keys("pb:asked-of-model:*")]
    assert sorted(left) == ["30", "person-301"]


def test_another_workspace_whose_id_begins_alike_stays(store: Store, context: Context) -> None:
    use(store, context, "slack:T0AAAAAAA1", OTHER, profile())
    before = all_that_is_stored(store)
    assert forget(store, Subject(MINE)) == {}
    assert all_that_is_stored(store) == before


def test_it_is_refused_while_a_digest_is_posted_there(store: Store, context: Context) -> None:
    here = use(store, context, MINE, ONE, OWN)
    lease = store.lease(f"deliver:{here}", 60, 0)
    assert lease is not None
    before = all_that_is_stored(store)
    for subject in (Subject(MINE), Subject(MINE, ONE)):
        with pytest.raises(Refused, match=f"A digest is being posted in {here}"):
            forget(store, subject)
    assert all_that_is_stored(store) == before
    lease.release()
    forget(store, Subject(MINE))
    assert naming(store, "T0AAAAAAA") == []


def test_a_digest_that_begins_meanwhile_stops_it_before_what_is_posted_goes(
    store: Store, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = use(store, context, MINE, ONE, OWN)
    drop = store.ledger.forget

    def drop_while_a_worker_begins(key: str) -> None:
        drop(key)
        assert store.lease(f"deliver:{here}", 60, 0)

    monkeypatch.setattr(store.ledger, "forget", drop_while_a_worker_begins)
    with pytest.raises(Refused, match="being posted"):
        forget(store, Subject(MINE))
    assert store.subscriptions.all() == []  # nothing new becomes due
    assert len(store.history.of(here)) == 1


@pytest.mark.parametrize("subject", [Subject(MINE), Subject(MINE, ONE)])
@pytest.mark.parametrize("after", [0, 1, 3, 7, 12])
def test_it_may_be_stopped_at_any_time_and_repeated(
    store: Store,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    subject: Subject,
    after: int,
) -> None:
    use(store, context, MINE, ONE, OWN)
    left = [after]
    for name in ("delete", "hdel", "hset", "srem"):
        whole = getattr(store.redis, name)

        def failing(*args: Any, _whole: Any = whole, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise LostConnection("stopped")
            return _whole(*args, **named)

        monkeypatch.setattr(store.redis, name, failing)
    with suppress(LostConnection):
        forget(store, subject)
    monkeypatch.undo()
    forget(store, subject)
    assert naming(store, ONE) == []
    assert bool(naming(store, "T0AAAAAAA")) == bool(subject.person)


def test_what_is_said_before_and_after() -> None:
    found = {"history": Found(keys=2), "subscriptions": Found(renamed=1), "votes": Found(rows=3)}
    assert found_text("slack:T1", found) == Message(
        title="Stored of slack:T1",
        text=(
            "history: 2 keys",
            "subscriptions: 1 row that stays without the name",
            "votes: 3 rows",
            "Nothing was changed. Add --yes to forget it for good.",
        ),
    )
    assert forgotten_text("slack:T1", {}).title == "Nothing stored names slack:T1."
    assert re.match("Forgotten of slack:T1", forgotten_text("slack:T1", found).title)
