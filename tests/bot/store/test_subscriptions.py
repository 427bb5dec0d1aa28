"""What is kept of channels: subscriptions, a workspace's own profiles, votes, events."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.papers import Profile
from bot.domain.profile_version import ProfileVersion
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.subscription import Paused, Subscription, Vote, Votes
from bot.store.store import Store
from tests.factories import DAY, NOW, lesson, profile, save_own_profile

HERE = Address(platform="slack", workspace="T1", channel="C1")
NEXT_DOOR = HERE.model_copy(update={"channel": "C2"})
ELSEWHERE = HERE.model_copy(update={"workspace": "T2"})
PAPER = "2503.15294"
LATER = NOW + timedelta(hours=3)


def subscription(address: Address = HERE, profile: str = "matters", **fields: Any) -> Subscription:
    given: dict[str, Any] = {
        "schedule": Schedule(at=time(9), tz="Europe/Berlin"),
        "by": "U1",
        "since": NOW,
    }
    return Subscription(address=address, profile=profile, **(given | fields))


def resting(reason: ChannelReason | None, address: Address = HERE, name: str = "matters") -> Any:
    return subscription(address, name, paused=Paused(at=NOW, trouble=reason))


def test_a_channel_has_each_profile_once_and_the_last_word_counts(store: Store) -> None:
    store.subscriptions.put(subscription())
    store.subscriptions.put(subscription(profile="exoplanets"))
    store.subscriptions.put(subscription(top=5))
    assert store.subscriptions.of(HERE) == [subscription(profile="exoplanets"), subscription(top=5)]
    assert store.subscriptions.of(NEXT_DOOR) == []


def test_one_that_is_ended_leaves_nothing_behind(store: Store) -> None:
    store.subscriptions.put(subscription())
    store.subscriptions.put_last_served(subscription().key, DAY)
    store.subscriptions.drop(subscription())
    store.subscriptions.drop(subscription())
    assert store.subscriptions.all() == []
    assert store.subscriptions.last_served_days() == {}


def test_workspaces_never_see_each_other(store: Store) -> None:
    discord = HERE.model_copy(update={"platform": "discord"})
    for address in (HERE, NEXT_DOOR, ELSEWHERE, discord):
        store.subscriptions.put(subscription(address))
    save_own_profile(store, HERE, profile(name="ours"))
    assert [s.address for s in store.subscriptions.of_workspace("slack", "T1")] == [HERE, NEXT_DOOR]
    assert [s.address for s in store.subscriptions.of_workspace("slack", "T2")] == [ELSEWHERE]
    assert store.subscriptions.of_workspace("slack", "T") == []
    assert list(store.profiles.at(NEXT_DOOR)) == ["ours"]
    assert store.profiles.at(ELSEWHERE) == store.profiles.at(discord) == {}


def test_a_workspace_profile_goes_before_the_installations(store: Store) -> None:
    store.profiles.put_shared(profile(title="For everyone"))
    store.profiles.put_shared(profile(name="other"))
    save_own_profile(store, HERE, profile(title="Ours"))
    assert {name: p.title for name, p in store.profiles.at(HERE).items()} == {
        "matters": "Ours",
        "other": "Matters of importance",
    }
    assert store.profiles.at(ELSEWHERE)["matters"].title == "For everyone"


def test_only_a_channel_that_cannot_be_posted_to_is_paused(store: Store) -> None:
    by_hand = subscription(profile="exoplanets", paused=Paused(at=NOW, by="U2"))
    for each in (subscription(), by_hand, subscription(NEXT_DOOR)):
        store.subscriptions.put(each)
    (stopped,) = store.subscriptions.pause_channel(HERE, ChannelReason.ARCHIVED, LATER)
    assert stopped == subscription(paused=Paused(at=LATER, trouble=ChannelReason.ARCHIVED))
    assert store.subscriptions.of(HERE) == [by_hand, stopped]
    assert store.subscriptions.of(NEXT_DOOR) == [subscription(NEXT_DOOR)]
    assert store.subscriptions.pause_channel(HERE, ChannelReason.ARCHIVED, LATER) == []


def test_a_subscription_paused_for_an_error_is_reactivated_and_catches_up(
    store: Store,
) -> None:
    store.subscriptions.put(resting(ChannelReason.NOT_A_MEMBER))
    store.subscriptions.put_last_served(subscription().key, DAY)
    healed = store.subscriptions.reactivate("slack", "T1", "C1", {ChannelReason.NOT_A_MEMBER})
    assert healed == store.subscriptions.of(HERE) == [subscription()]
    assert store.subscriptions.last_served_days() == {subscription().key: DAY}


@pytest.mark.parametrize(
    ("found", "channel"),
    [
        (resting(ChannelReason.ARCHIVED), "C1"),
        (resting(None), "C1"),
        (resting(ChannelReason.NOT_A_MEMBER, NEXT_DOOR), "C1"),
        (resting(ChannelReason.NOT_A_MEMBER, ELSEWHERE), None),
        (subscription(), None),
    ],
)
def test_reactivation_touches_no_other_subscription(
    found: Subscription, channel: str | None, store: Store
) -> None:
    store.subscriptions.put(found)
    assert (
        store.subscriptions.reactivate("slack", "T1", channel, {ChannelReason.NOT_A_MEMBER}) == []
    )
    assert store.subscriptions.all() == [found]


def test_a_working_token_reactivates_every_channel_of_its_workspace(store: Store) -> None:
    for address in (HERE, NEXT_DOOR, ELSEWHERE):
        store.subscriptions.put(resting(ChannelReason.BAD_TOKEN, address))
    healed = store.subscriptions.reactivate(
        "slack", "T1", None, {ChannelReason.BAD_TOKEN, ChannelReason.NO_SCOPE}
    )
    assert [found.address for found in healed] == [HERE, NEXT_DOOR]
    assert store.subscriptions.of(ELSEWHERE) == [resting(ChannelReason.BAD_TOKEN, ELSEWHERE)]


def test_the_last_handled_day_is_remembered(store: Store) -> None:
    store.subscriptions.put(subscription())
    for day in (DAY - timedelta(days=1), DAY, DAY - timedelta(days=2)):
        store.subscriptions.put_last_served(subscription().key, day)
    assert store.subscriptions.last_served_days() == {"slack:T1:C1 matters": DAY}


def test_an_ended_subscription_has_no_last_day(store: Store) -> None:
    store.subscriptions.put_last_served(subscription().key, DAY)
    assert store.subscriptions.last_served_days() == {}
    store.redis.hset("pb:served", subscription().key, str(DAY))  # as older versions left it
    store.subscriptions.put(subscription())
    assert store.subscriptions.last_served_days() == {}


HALTED = Paused(at=LATER, trouble=ChannelReason.ARCHIVED)
BY_HAND = Paused(at=LATER, by="U2")
# What one person, or the bot, does of all that a channel has; whether it concerns what rests.
AT_ONCE: dict[str, tuple[Callable[[Store], list[Subscription]], bool]] = {
    "pause": (
        lambda store: store.subscriptions.set_paused(store.subscriptions.of(HERE), BY_HAND),
        False,
    ),
    "resume": (
        lambda store: store.subscriptions.set_paused(store.subscriptions.of(HERE), None),
        True,
    ),
    "halt": (
        lambda store: store.subscriptions.pause_channel(HERE, ChannelReason.ARCHIVED, LATER),
        False,
    ),
    "heal": (
        lambda store: store.subscriptions.reactivate("slack", "T1", "C1", {ChannelReason.ARCHIVED}),
        True,
    ),
}


@pytest.mark.parametrize("what", AT_ONCE)
@pytest.mark.parametrize("meanwhile", ["ended", "edited"])
def test_nothing_brings_back_what_was_ended_or_loses_what_was_changed_meanwhile(
    what: str, meanwhile: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, rests = AT_ONCE[what]
    before = resting(ChannelReason.ARCHIVED) if rests else subscription()
    edited = before.model_copy(update={"top": 3})
    store.subscriptions.put(before)
    read = store.subscriptions.all

    def read_and_then_somebody_is_faster() -> list[Subscription]:
        found = read()
        store.subscriptions.drop(before) if meanwhile == "ended" else store.subscriptions.put(
            edited
        )
        return found

    monkeypatch.setattr(store.subscriptions, "all", read_and_then_somebody_is_faster)
    changed = act(store)
    monkeypatch.undo()
    assert store.subscriptions.all() == changed
    assert [found.top for found in changed] == ([] if meanwhile == "ended" else [3])
    assert [found.paused is None for found in changed] == ([] if meanwhile == "ended" else [rests])


def test_of_many_changes_at_once_none_is_lost(store: Store) -> None:
    store.subscriptions.put(subscription(by=""))
    save_own_profile(store, HERE, profile(title="."))

    def one_more(number: int) -> None:
        def by(found: Subscription | None) -> Subscription | None:
            return found and found.model_copy(update={"by": f"{found.by}{number};"})

        store.subscriptions.change(HERE, "matters", by)
        saved = False
        while not saved:
            was = store.profiles.at(HERE)["matters"]
            now = was.model_copy(update={"title": f"{was.title}{number};"})
            version = ProfileVersion(profile=now, by="U1", at=NOW)
            saved = store.profiles.save(HERE, "matters", was, now, version, was)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one_more, range(25)))
    for text in (store.subscriptions.of(HERE)[0].by, store.profiles.at(HERE)["matters"].title[1:]):
        assert sorted(map(int, text.rstrip(";").split(";"))) == list(range(25))
    titles = [
        v.profile and v.profile.title for v in store.profiles.versions(HERE, "matters").values()
    ]
    assert titles == sorted(map(str, titles), key=len)
    assert len(titles) == 26


def test_the_last_fifty_versions_of_a_profile_are_kept_in_its_workspace(store: Store) -> None:
    was: Profile | None = None
    for number in range(1, 61):
        now = profile(title=f"Version {number}")
        version = ProfileVersion(profile=now, by="U1", at=NOW)
        assert store.profiles.save(HERE, "matters", was, now, version, was)
        assert not store.profiles.save(HERE, "matters", was, now, version, was)
        was = now
    kept = store.profiles.versions(HERE, "matters")
    assert list(kept) == list(range(11, 61))
    assert kept[11].profile == profile(title="Version 11")
    assert store.profiles.versions(ELSEWHERE, "matters") == {}
    gone = ProfileVersion(profile=None, by="U2", at=NOW)
    assert store.profiles.save(HERE, "matters", was, None, gone, was)
    assert store.profiles.own_names(HERE) == set()
    key = f"pb:versions:{HERE.workspace_key}:matters"
    assert timedelta(days=89) < timedelta(seconds=store.redis.ttl(key)) <= timedelta(days=90)  # type: ignore[arg-type]
    assert store.profiles.save(HERE, "matters", None, was, gone, None)
    assert store.redis.ttl(key) == -1


def test_one_that_has_ended_already_is_not_ended_again(store: Store) -> None:
    store.subscriptions.put(subscription())
    assert [store.subscriptions.drop(subscription()) for _ in range(2)] == [True, False]


def test_votes_belong_to_a_channel_and_a_paper(store: Store) -> None:
    store.votes.cast(HERE, lesson(PAPER, channel=str(HERE)))
    assert store.cards.state(HERE, PAPER).votes == Votes(up=1)
    assert (
        store.cards.state(HERE, "2503.15295").votes
        == store.cards.state(NEXT_DOOR, PAPER).votes
        == Votes()
    )
    assert store.cards.state(ELSEWHERE, PAPER).votes == Votes()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pressed=st.lists(st.tuples(st.sampled_from(["U1", "U2", "U3"]), st.sampled_from(Vote))),
)
def test_a_person_has_one_vote_and_the_same_again_takes_it_back(
    store: Store, pressed: list[tuple[str, Vote]]
) -> None:
    store.redis.flushall()
    now: dict[str, Vote | None] = {}
    for person, vote in pressed:
        store.votes.cast(HERE, lesson(PAPER, person, vote, channel=str(HERE)))
        now[person] = None if now.get(person) is vote else vote
    ways = list(now.values())
    assert store.cards.state(HERE, PAPER).votes == Votes(
        up=ways.count(Vote.UP), down=ways.count(Vote.DOWN)
    )


def test_many_who_vote_at_once_are_all_counted(store: Store) -> None:
    def vote(n: int) -> None:
        vote = "up" if n % 3 else "down"
        store.votes.cast(HERE, lesson(PAPER, f"U{n}", vote, channel=str(HERE)))

    with ThreadPoolExecutor(16) as people:
        list(people.map(vote, range(60)))
    assert store.cards.state(HERE, PAPER).votes == Votes(up=40, down=20)


def test_the_kinds_of_event_that_reach_us_are_remembered(store: Store) -> None:
    for platform, kind in (("slack", "command"), ("slack", "command"), ("discord", "button")):
        store.events.put_kind_seen(platform, kind)
    assert store.events.kinds_seen("slack") == {"command"}


def test_an_event_comes_for_the_first_time_once(store: Store) -> None:
    with ThreadPoolExecutor(8) as senders:
        first = list(senders.map(lambda _: store.events.is_first_delivery("e1"), range(8)))
    assert sorted(first) == [False] * 7 + [True]
    assert store.events.is_first_delivery("e2")
    set_forward = 3600  # what summer time takes, by somebody's hand
    assert set_forward < store.redis.ttl("pb:event:e1") <= 4 * 3600
