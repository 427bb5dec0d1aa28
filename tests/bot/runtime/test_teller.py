"""Who follows a paper is told of it once: in its thread, or in a direct message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time, timedelta
from typing import Any

import pytest

from bot.domain.digest import Outcome
from bot.domain.message import Message
from bot.domain.papers import Change
from bot.domain.readers.following import Telling
from bot.domain.schedule import Schedule
from bot.domain.subscription import Paused
from bot.runtime.teller import MENTIONS
from bot.store import papers
from bot.store.store import Store
from bot.views.readers import following as views
from tests.bot.runtime.followers import (
    by,
    deliver,
    directly,
    follows,
    mentions,
    told,
)
from tests.factories import NOW, profile, subscription
from tests.killed import Killed
from tests.servers.fake_slack import FakeSlack, run_fake_slack

HOURS = timedelta(hours=1)


@pytest.fixture
def fake_slack() -> Iterator[FakeSlack]:
    """U1 is in both channels, U2 in the first, U3 in none."""
    with run_fake_slack() as it:
        it.channels["C1"].members = {"U1", "U2"}
        it.channels["C2"].members = {"U1"}
        it.channels["C3"].members = set()
        yield it


def morning(fake_slack: FakeSlack, store: Store) -> None:
    """Three profiles pick the same paper, in two channels; the first also has one that it does not
    pick."""
    paper, other = by("Ada Lovelace"), by("Alan Turing", "2503.10001", Outcome.BELOW_CUTOFF)
    deliver(fake_slack, store, "matters", "C1", paper, other)
    deliver(fake_slack, store, "bounds", "C1", paper)
    deliver(fake_slack, store, "rates", "C2", paper)


def test_two_followers_over_three_profiles_and_two_channels_are_mentioned_once_each(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U1")
    follows(store, "U1", "the matter of", "term")
    follows(store, "U2")
    paper = by("Ada Lovelace")
    for name, channel in (("matters", "C1"), ("bounds", "C1"), ("rates", "C2")):
        deliver(fake_slack, store, name, channel, paper)
        told(fake_slack, store)
        told(fake_slack, store, NOW + 30 * HOURS)  # after a restart, on the next day
    first, second = mentions(fake_slack, "C1")
    assert ("@U1" in first, "@U2" in second) == (True, True)
    assert "By Ada Lovelace, with Grace Hopper, in cs.LG" in first
    assert "Has “the matter of”" in first
    assert "the matter of”" not in second
    thread = {m["thread_ts"] for m in fake_slack.visible_messages("C1") if "<@" in m["text"]}
    assert thread <= {m["ts"] for m in fake_slack.visible_messages("C1")}
    assert mentions(fake_slack, "C2") == []
    assert directly(fake_slack, "U1") == directly(fake_slack, "U2") == []


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_message_everybody_is_told_once_in_the_end(
    after: bool, fake_slack: FakeSlack, store: Store
) -> None:
    for person in ("U1", "U2", "U3"):
        follows(store, person)
        follows(store, person, "Alan Turing")
    for position in range(1, 6):  # two mentions, three direct messages
        morning(fake_slack, store)
        with pytest.raises(Killed):
            told(fake_slack, store, killed=(position, after))
        # Meanwhile they leave the channel they would be mentioned in.
        fake_slack.channels["C1"].members = set()
        told(fake_slack, store)
        told(fake_slack, store)
        fake_slack.channels["C1"].members = {"U1", "U2"}
        everywhere = [*mentions(fake_slack, "C1"), *mentions(fake_slack, "C2")]
        for person in ("U1", "U2", "U3"):
            shown = [*(m for m in everywhere if f"@{person}" in m), *directly(fake_slack, person)]
            for id in ("2503.10000", "2503.10001"):
                assert sum(f"On the matter of {id}" in text for text in shown) == 1, position
        store.redis.flushall()
        for channel in fake_slack.channels.values():
            channel.messages.clear()
        for person in ("U1", "U2", "U3"):
            follows(store, person)
            follows(store, person, "Alan Turing")


def test_who_left_the_channel_before_the_mention_is_told_directly(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U2")
    deliver(fake_slack, store, "matters", "C1", by("Ada Lovelace"))
    with pytest.raises(Killed):
        told(fake_slack, store, killed=(1, False))
    fake_slack.channels["C1"].members = {"U1"}
    told(fake_slack, store)
    told(fake_slack, store)
    assert mentions(fake_slack, "C1") == []
    (shown,) = directly(fake_slack, "U2")
    assert "On the matter of 2503.10000" in shown


def test_who_left_the_workspace_before_the_mention_is_told_nothing(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U2")
    deliver(fake_slack, store, "matters", "C1", by("Ada Lovelace"))
    with pytest.raises(Killed):
        told(fake_slack, store, killed=(1, False))
    fake_slack.user_overrides["U2"] = {"is_restricted": True}
    told(fake_slack, store)
    assert mentions(fake_slack, "C1") == directly(fake_slack, "U2") == []
    assert not store.redis.exists("pb:owed")


def test_what_was_said_in_a_channel_that_is_closed_since_is_not_told_again(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U2")
    deliver(fake_slack, store, "matters", "C1", by("Ada Lovelace"))
    with pytest.raises(Killed):  # it was sent, and nobody wrote that down
        told(fake_slack, store, killed=(1, True))
    fake_slack.inject_faults("conversations.replies", "not_in_channel")
    told(fake_slack, store)
    told(fake_slack, store)
    assert len(mentions(fake_slack, "C1")) == 1
    assert directly(fake_slack, "U2") == []


def test_what_was_not_said_in_a_channel_that_is_closed_is_told_directly(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U2")
    deliver(fake_slack, store, "matters", "C1", by("Ada Lovelace"))
    fake_slack.inject_faults("chat.postMessage", "not_in_channel")
    told(fake_slack, store)
    told(fake_slack, store)
    assert mentions(fake_slack, "C1") == []
    assert len(directly(fake_slack, "U2")) == 1


def test_a_paper_that_no_thread_of_theirs_shows_is_told_directly_without_the_channel(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U3")
    follows(store, "U3", "Alan Turing")
    morning(fake_slack, store)
    told(fake_slack, store)
    (shown,) = directly(fake_slack, "U3")
    assert "2 papers from what you follow" in shown
    for said in ("On the matter of 2503.10000", "By Alan Turing, with Grace Hopper"):
        assert said in shown
    assert not {"C1", "C2", "Matters", "Bounds"} & set(shown.split())
    assert mentions(fake_slack, "C1") == []


def test_nobody_is_told_what_another_workspace_got(fake_slack: FakeSlack, store: Store) -> None:
    follows(store, "U1", team="T2")
    morning(fake_slack, store)
    told(fake_slack, store)
    assert mentions(fake_slack, "C1") == directly(fake_slack, "U1") == []
    assert not store.redis.exists("pb:owed", "pb:untold")


def test_a_direct_message_waits_for_the_days_other_digests(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U1")
    store.profiles.put_shared(profile(name="rates", title="Rates"))
    at = Schedule(at=time(10), tz="UTC")
    since = NOW - 48 * HOURS
    store.subscriptions.put(subscription("C2", profile="rates", schedule=at, since=since))
    paper = by("Ada Lovelace", outcome=Outcome.BELOW_CUTOFF)
    deliver(fake_slack, store, "matters", "C1", paper)
    told(fake_slack, store)
    assert directly(fake_slack, "U1") == []
    deliver(fake_slack, store, "rates", "C2", by("Ada Lovelace"))
    told(fake_slack, store, NOW + 2 * HOURS)
    assert len(mentions(fake_slack, "C2")) == 1
    told(fake_slack, store, NOW + 13 * HOURS)
    assert directly(fake_slack, "U1") == []


def test_while_somebody_waits_for_them_slack_is_not_asked_every_round_who_they_are(
    fake_slack: FakeSlack, store: Store
) -> None:
    for person in ("U2", "U3"):  # who do not read where it is posted, nor anywhere else
        follows(store, person)
        follows(store, person, "Alan Turing")
    store.profiles.put_shared(profile(name="rates", title="Rates"))
    at = Schedule(at=time(10), tz="UTC")
    since = NOW - 48 * HOURS
    store.subscriptions.put(subscription("C2", profile="rates", schedule=at, since=since))
    missed = by("Alan Turing", "2503.10001", Outcome.BELOW_CUTOFF)
    deliver(fake_slack, store, "matters", "C2", by("Ada Lovelace"), missed)
    told(fake_slack, store)
    asked = len(fake_slack.calls)
    for minutes in range(1, 6):
        told(fake_slack, store, NOW + minutes * HOURS / 60)
    assert len(fake_slack.calls) == asked
    told(fake_slack, store, NOW + 12 * HOURS)
    for person in ("U2", "U3"):
        (shown,) = directly(fake_slack, person)
        assert "2 papers from" in shown


def test_a_fault_about_one_person_keeps_nothing_from_the_others(
    fake_slack: FakeSlack, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person in ("U1", "U2"):
        follows(store, person)
    deliver(fake_slack, store, "matters", "C1", by("Ada Lovelace"))
    mention = views.mention

    def faulty(telling: Telling, *given: Any) -> Message:
        if telling.by == "U1":
            raise KeyError("a fault of ours")
        return mention(telling, *given)

    monkeypatch.setattr(views, "mention", faulty)
    told(fake_slack, store)
    (shown,) = mentions(fake_slack, "C1")
    assert "@U2" in shown


def test_every_paper_of_a_busy_day_is_named(fake_slack: FakeSlack, store: Store) -> None:
    follows(store, "U3")
    ids = [f"2503.100{n:02}" for n in range(20)]
    deliver(fake_slack, store, "m", "C1", *(by("Ada Lovelace", id) for id in ids))
    told(fake_slack, store)
    shown = directly(fake_slack, "U3")
    assert [text.count("On the matter of") for text in shown] == [8, 8, 4]
    assert all(sum(f"On the matter of {id}" in text for text in shown) == 1 for id in ids)


def test_and_not_for_those_of_others_or_paused_ones(fake_slack: FakeSlack, store: Store) -> None:
    follows(store, "U1")
    store.profiles.put_shared(profile(name="rates", title="Rates"))
    at = Schedule(at=time(10), tz="UTC")
    mine = subscription("C2", profile="rates", schedule=at, since=NOW - 48 * HOURS)
    theirs = mine.address.model_copy(update={"workspace": "T2"})
    store.subscriptions.put(mine.model_copy(update={"address": theirs}))
    store.subscriptions.put(mine.model_copy(update={"paused": Paused(at=NOW)}))
    paper = by("Ada Lovelace", outcome=Outcome.BELOW_CUTOFF)
    deliver(fake_slack, store, "matters", "C1", paper)
    told(fake_slack, store)
    assert len(directly(fake_slack, "U1")) == 1


def test_but_not_for_ever(fake_slack: FakeSlack, store: Store) -> None:
    follows(store, "U1")
    store.profiles.put_shared(profile(name="rates", title="Rates"))
    at = Schedule(at=time(10), tz="UTC")
    since = NOW - 48 * HOURS
    store.subscriptions.put(subscription("C2", profile="rates", schedule=at, since=since))
    paper = by("Ada Lovelace", outcome=Outcome.BELOW_CUTOFF)
    deliver(fake_slack, store, "matters", "C1", paper)
    told(fake_slack, store)
    told(fake_slack, store, NOW + 12 * HOURS)
    assert len(directly(fake_slack, "U1")) == 1


def test_more_than_a_few_mentions_a_day_are_one_direct_message(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U1")
    papers = [by("Ada Lovelace", f"2503.1000{n}") for n in range(8)]
    deliver(fake_slack, store, "matters", "C1", *papers[:6])
    told(fake_slack, store)
    deliver(fake_slack, store, "bounds", "C2", *papers[6:])
    told(fake_slack, store)
    assert len(mentions(fake_slack, "C1")) == MENTIONS == 5
    assert mentions(fake_slack, "C2") == []
    first, second = directly(fake_slack, "U1")
    assert "1 paper from" in first
    assert "2 papers from" in second


def test_a_followed_papers_new_version_is_told_with_what_the_list_says(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U1", "2401.00867", "paper")
    change = Change(paper="2401.00867", version=4, published="Neurocomputing 639")
    for name, channel in (("matters", "C1"), ("rates", "C2")):
        deliver(fake_slack, store, name, channel, by("A B"), changes=(change,))
        told(fake_slack, store)
    gone = Change(paper="2401.00867", version=5, withdrawn="This paper has been withdrawn.")
    deliver(fake_slack, store, "bounds", "C1", by("A B"), changes=(gone,))
    told(fake_slack, store)
    first, second = directly(fake_slack, "U1")
    assert "Version 4 is out." in first
    assert "Published: Neurocomputing 639" in first
    assert "Withdrawn: This paper has been withdrawn." in second


@pytest.mark.parametrize("what", ["unfollow", "erase"])
def test_what_is_followed_no_more_is_not_told(
    what: str, fake_slack: FakeSlack, store: Store
) -> None:
    mine = follows(store, "U3")
    morning(fake_slack, store)
    fake_slack.user_overrides["U3"] = {"team_id": 7}  # unreadable: it can't be decided yet
    told(fake_slack, store)
    assert store.redis.hlen("pb:owed") == 1
    if what == "erase":
        store.follows.erase("slack:T1", "U3")
    else:
        store.follows.drop(mine)
    fake_slack.user_overrides.clear()
    told(fake_slack, store)
    assert directly(fake_slack, "U3") == []
    assert not store.redis.exists("pb:owed", "pb:follows")


def test_nothing_of_one_person_is_left_once_it_is_erased(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U3")
    follows(store, "U2")
    morning(fake_slack, store)
    told(fake_slack, store)
    store.follows.erase("slack:T1", "U3")
    names = [str(key) for key in store.redis.scan_iter("pb:*")]
    assert not [name for name in names if "U3" in name]
    for name in names:
        if store.redis.type(name) == "hash":
            rows = store.redis.hgetall(name)
            assert not [field for field in rows if "U3" in field]  # type: ignore[union-attr]
    assert len(store.follows.of("slack:T1", "U2")) == 1
    assert store.tellings.told("slack:T1", "U2")


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ({"is_restricted": True}, "left"),
        ({"deleted": True}, "left"),
        ({}, "left"),
        ({"team_id": "T9"}, "left"),
    ],
)
def test_who_left_or_is_a_guest_by_now_is_told_nothing_and_not_tried_again(
    who: dict[str, object], why: str, fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U3")
    fake_slack.user_overrides["U3"] = who
    morning(fake_slack, store)
    told(fake_slack, store)
    (known,) = store.tellings.all_unreachable()
    assert known.why == why
    asked = len(fake_slack.calls)
    deliver(fake_slack, store, "others", "C2", by("Ada Lovelace", "2503.10005"))
    asked = len([c for c in fake_slack.calls if c.method == "users.info"])
    told(fake_slack, store)
    assert len([c for c in fake_slack.calls if c.method == "users.info"]) == asked
    assert directly(fake_slack, "U3") == []
    assert not store.redis.exists("pb:owed")


@pytest.mark.parametrize("is_back", [False, True])
def test_who_is_still_away_after_a_month_follows_nothing_any_more(
    is_back: bool, fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U3")
    follows(store, "U2", "Somebody Else")
    fake_slack.user_overrides["U3"] = {"deleted": True}
    morning(fake_slack, store)
    told(fake_slack, store)
    assert len(store.follows.of("slack:T1", "U3")) == 1
    if is_back:
        fake_slack.user_overrides.clear()
    later = NOW + timedelta(days=30)
    store.tellings.owe(
        Telling(
            workspace="slack:T1",
            by="U3",
            paper="2503.10009",
            ref=papers.paper_ref(by("Ada Lovelace").paper),
            follows=tuple(each.token for each in store.follows.of("slack:T1", "U3")),
            date=later.date(),
            at=later - 13 * HOURS,
        ),
        lambda old, new: new,
    )
    told(fake_slack, store, later)
    assert store.tellings.unreachable("slack:T1", "U3") is None
    assert len(store.follows.of("slack:T1", "U3")) == is_back
    assert len(directly(fake_slack, "U3")) == is_back
    assert len(store.follows.of("slack:T1", "U2")) == 1
    assert not store.redis.exists("pb:owed")


def test_who_takes_no_direct_messages_is_still_mentioned(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U1", "Alan Turing")
    follows(store, "U1")
    fake_slack.inject_faults("conversations.open", "cannot_dm_bot")
    morning(fake_slack, store)
    told(fake_slack, store)
    assert len(mentions(fake_slack, "C1")) == 1
    (known,) = store.tellings.all_unreachable()
    assert known.why == "no_direct"
    deliver(
        fake_slack,
        store,
        "others",
        "C2",
        by("Ada Lovelace", "2503.10005"),
        by("Alan Turing", "2503.10006", Outcome.BELOW_CUTOFF),
    )
    told(fake_slack, store)
    assert len(mentions(fake_slack, "C2")) == 1
    assert len([c for c in fake_slack.calls if c.method == "conversations.open"]) == 1
    assert not store.redis.exists("pb:owed")


def test_without_the_scope_for_direct_messages_they_wait_two_days(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U3")
    scopes, fake_slack.scopes = fake_slack.scopes, fake_slack.scopes.replace("im:write,", "")
    morning(fake_slack, store)
    told(fake_slack, store)
    assert store.tellings.all_unreachable() == []
    assert directly(fake_slack, "U3") == []
    fake_slack.scopes = scopes
    told(fake_slack, store)
    assert len(directly(fake_slack, "U3")) == 1


def test_where_the_thread_is_gone_it_is_told_directly(fake_slack: FakeSlack, store: Store) -> None:
    follows(store, "U2")
    deliver(fake_slack, store, "matters", "C1", by("Ada Lovelace"))
    fake_slack.inject_faults("chat.postMessage", "thread_not_found")
    told(fake_slack, store)
    told(fake_slack, store)
    assert mentions(fake_slack, "C1") == []
    (shown,) = directly(fake_slack, "U2")
    assert "On the matter of 2503.10000" in shown


def test_a_name_or_a_title_mentions_nobody(fake_slack: FakeSlack, store: Store) -> None:
    name = "Ada <!channel> <@U2> Lovelace"
    follows(store, "U1", name)
    deliver(fake_slack, store, "matters", "C1", by(name))
    told(fake_slack, store)
    shown = [m for m in fake_slack.visible_messages("C1") if m["text"].startswith("<@")]
    assert [m["text"].count("<@") for m in shown] == [1]
    assert "<!" not in shown[0]["text"]
    users = [e for b in shown[0]["blocks"] for s in b["elements"] for e in s.get("elements", ())]
    assert [e["user_id"] for e in users if e["type"] == "user"] == ["U1"]


def test_while_another_process_tells_people_this_one_does_not(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U1")
    deliver(fake_slack, store, "matters", "C1", by("Ada Lovelace"))
    lease = store.lease("tell:slack", 60, 0)
    told(fake_slack, store)
    assert mentions(fake_slack, "C1") == []
    assert lease is not None
    lease.release()
    told(fake_slack, store)
    assert len(mentions(fake_slack, "C1")) == 1


def test_a_repeat_is_told_in_the_thread_that_brought_it(
    fake_slack: FakeSlack, store: Store
) -> None:
    deliver(fake_slack, store, "matters", "C1", by("Ada Lovelace"))
    told(fake_slack, store)
    follows(store, "U2")
    deliver(fake_slack, store, "bounds", "C1", by("Ada Lovelace"))
    told(fake_slack, store)
    head = fake_slack.visible_messages("C1")[0]
    (mention,) = (m for m in fake_slack.visible_messages("C1") if m["text"].startswith("<@"))
    assert mention["thread_ts"] == head["ts"]


def test_a_token_that_is_refused_for_a_while_changes_nothing(
    fake_slack: FakeSlack, store: Store
) -> None:
    follows(store, "U1")
    deliver(fake_slack, store, "matters", "C1", by("Ada Lovelace"))
    fake_slack.inject_faults("chat.postMessage", "token_revoked")
    told(fake_slack, store)
    told(fake_slack, store)
    assert len(mentions(fake_slack, "C1")) == 1
    assert directly(fake_slack, "U1") == []
