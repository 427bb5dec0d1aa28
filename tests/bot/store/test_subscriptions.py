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
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.subscription import Paused, Subscription, Vote, Votes
from bot.store.days import Store
from bot.store.subscriptions import Subscriptions
from tests.factories import DAY, NOW, profile

HERE = Address(platform="slack", workspace="T1", channel="C1")
NEXT_DOOR = HERE.model_copy(update={"channel": "C2"})
ELSEWHERE = HERE.model_copy(update={"workspace": "T2"})
PAPER = "2503.15294"
LATER = NOW + timedelta(hours=3)


@pytest.fixture
def kept(store: Store) -> Subscriptions:
    return Subscriptions(store)


def subscription(address: Address = HERE, profile: str = "matters", **fields: Any) -> Subscription:
    given: dict[str, Any] = {
        "schedule": Schedule(at=time(9), tz="Europe/Berlin"),
        "by": "U1",
        "since": NOW,
    }
    return Subscription(address=address, profile=profile, **(given | fields))


def resting(reason: ChannelReason | None, address: Address = HERE, name: str = "matters") -> Any:
    return subscription(address, name, paused=Paused(at=NOW, trouble=reason))


def test_a_channel_has_each_profile_once_and_the_last_word_counts(kept: Subscriptions) -> None:
    kept.put(subscription())
    kept.put(subscription(profile="exoplanets"))
    kept.put(subscription(top=5))
    assert kept.of(HERE) == [subscription(profile="exoplanets"), subscription(top=5)]
    assert kept.of(NEXT_DOOR) == []


def test_one_that_is_ended_leaves_nothing_behind(kept: Subscriptions) -> None:
    kept.put(subscription())
    kept.put_last_served(subscription().key, DAY)
    kept.drop(subscription())
    kept.drop(subscription())
    assert kept.all() == []
    assert kept.last_served_days() == {}


def test_workspaces_never_see_each_other(kept: Subscriptions) -> None:
    discord = HERE.model_copy(update={"platform": "discord"})
    for address in (HERE, NEXT_DOOR, ELSEWHERE, discord):
        kept.put(subscription(address))
    kept.put_profile(HERE, profile(name="ours"))
    assert [s.address for s in kept.of_workspace("slack", "T1")] == [HERE, NEXT_DOOR]
    assert [s.address for s in kept.of_workspace("slack", "T2")] == [ELSEWHERE]
    assert kept.of_workspace("slack", "T") == []
    assert list(kept.profiles(NEXT_DOOR)) == ["ours"]
    assert kept.profiles(ELSEWHERE) == kept.profiles(discord) == {}


def test_a_workspace_profile_goes_before_the_installations(
    kept: Subscriptions, store: Store
) -> None:
    store.name_profile(profile(title="For everyone"))
    store.name_profile(profile(name="other"))
    kept.put_profile(HERE, profile(title="Ours"))
    assert {name: p.title for name, p in kept.profiles(HERE).items()} == {
        "matters": "Ours",
        "other": "Matters of importance",
    }
    assert kept.profiles(ELSEWHERE)["matters"].title == "For everyone"


def test_only_a_channel_that_cannot_be_posted_to_is_paused(kept: Subscriptions) -> None:
    by_hand = subscription(profile="exoplanets", paused=Paused(at=NOW, by="U2"))
    for each in (subscription(), by_hand, subscription(NEXT_DOOR)):
        kept.put(each)
    (stopped,) = kept.pause_channel(HERE, ChannelReason.ARCHIVED, LATER)
    assert stopped == subscription(paused=Paused(at=LATER, trouble=ChannelReason.ARCHIVED))
    assert kept.of(HERE) == [by_hand, stopped]
    assert kept.of(NEXT_DOOR) == [subscription(NEXT_DOOR)]
    assert kept.pause_channel(HERE, ChannelReason.ARCHIVED, LATER) == []


def test_a_subscription_paused_for_an_error_is_reactivated_and_catches_up(
    kept: Subscriptions,
) -> None:
    kept.put(resting(ChannelReason.NOT_A_MEMBER))
    kept.put_last_served(subscription().key, DAY)
    healed = kept.reactivate("slack", "T1", "C1", {ChannelReason.NOT_A_MEMBER})
    assert healed == kept.of(HERE) == [subscription()]
    assert kept.last_served_days() == {subscription().key: DAY}


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
    found: Subscription, channel: str | None, kept: Subscriptions
) -> None:
    kept.put(found)
    assert kept.reactivate("slack", "T1", channel, {ChannelReason.NOT_A_MEMBER}) == []
    assert kept.all() == [found]


def test_a_working_token_reactivates_every_channel_of_its_workspace(kept: Subscriptions) -> None:
    for address in (HERE, NEXT_DOOR, ELSEWHERE):
        kept.put(resting(ChannelReason.BAD_TOKEN, address))
    healed = kept.reactivate("slack", "T1", None, {ChannelReason.BAD_TOKEN, ChannelReason.NO_SCOPE})
    assert [found.address for found in healed] == [HERE, NEXT_DOOR]
    assert kept.of(ELSEWHERE) == [resting(ChannelReason.BAD_TOKEN, ELSEWHERE)]


def test_the_last_handled_day_is_remembered(kept: Subscriptions) -> None:
    kept.put(subscription())
    for day in (DAY - timedelta(days=1), DAY, DAY - timedelta(days=2)):
        kept.put_last_served(subscription().key, day)
    assert kept.last_served_days() == {"slack:T1:C1 matters": DAY}


def test_an_ended_subscription_has_no_last_day(kept: Subscriptions, store: Store) -> None:
    kept.put_last_served(subscription().key, DAY)
    assert kept.last_served_days() == {}
    store.redis.hset("pb:served", subscription().key, str(DAY))  # as older versions left it
    kept.put(subscription())
    assert kept.last_served_days() == {}


HALTED = Paused(at=LATER, trouble=ChannelReason.ARCHIVED)
BY_HAND = Paused(at=LATER, by="U2")
# What one person, or the bot, does of all that a channel has; whether it concerns what rests.
AT_ONCE: dict[str, tuple[Callable[[Subscriptions], list[Subscription]], bool]] = {
    "pause": (lambda kept: kept.set_paused(kept.of(HERE), BY_HAND), False),
    "resume": (lambda kept: kept.set_paused(kept.of(HERE), None), True),
    "halt": (lambda kept: kept.pause_channel(HERE, ChannelReason.ARCHIVED, LATER), False),
    "heal": (lambda kept: kept.reactivate("slack", "T1", "C1", {ChannelReason.ARCHIVED}), True),
}


@pytest.mark.parametrize("what", AT_ONCE)
@pytest.mark.parametrize("meanwhile", ["ended", "edited"])
def test_nothing_brings_back_what_was_ended_or_loses_what_was_changed_meanwhile(
    what: str, meanwhile: str, kept: Subscriptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, rests = AT_ONCE[what]
    before = resting(ChannelReason.ARCHIVED) if rests else subscription()
    edited = before.model_copy(update={"top": 3})
    kept.put(before)
    read = kept.all

    def read_and_then_somebody_is_faster() -> list[Subscription]:
        found = read()
        kept.drop(before) if meanwhile == "ended" else kept.put(edited)
        return found

    monkeypatch.setattr(kept, "all", read_and_then_somebody_is_faster)
    changed = act(kept)
    monkeypatch.undo()
    assert kept.all() == changed
    assert [found.top for found in changed] == ([] if meanwhile == "ended" else [3])
    assert [found.paused is None for found in changed] == ([] if meanwhile == "ended" else [rests])


def test_of_many_changes_at_once_none_is_lost(kept: Subscriptions) -> None:
    kept.put(subscription(by=""))
    kept.put_profile(HERE, profile(title="."))

    def one_more(number: int) -> None:
        def by(found: Subscription | None) -> Subscription | None:
            return found and found.model_copy(update={"by": f"{found.by}{number};"})

        def title(found: Profile | None) -> Profile | None:
            return found and found.model_copy(update={"title": f"{found.title}{number};"})

        kept.change(HERE, "matters", by)
        kept.change_profile(HERE, "matters", title)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one_more, range(25)))
    for text in (kept.of(HERE)[0].by, kept.profiles(HERE)["matters"].title[1:]):
        assert sorted(map(int, text.rstrip(";").split(";"))) == list(range(25))


def test_one_that_has_ended_already_is_not_ended_again(kept: Subscriptions) -> None:
    kept.put(subscription())
    assert [kept.drop(subscription()) for _ in range(2)] == [True, False]


def test_votes_belong_to_a_channel_and_a_paper(kept: Subscriptions) -> None:
    kept.vote(HERE, PAPER, "U1", Vote.UP)
    assert kept.votes(HERE, PAPER) == Votes(up=1)
    assert kept.votes(HERE, "2503.15295") == kept.votes(NEXT_DOOR, PAPER) == Votes()
    assert kept.votes(ELSEWHERE, PAPER) == Votes()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pressed=st.lists(st.tuples(st.sampled_from(["U1", "U2", "U3"]), st.sampled_from(Vote))),
)
def test_a_person_has_one_vote_and_the_same_again_takes_it_back(
    kept: Subscriptions, store: Store, pressed: list[tuple[str, Vote]]
) -> None:
    store.redis.flushall()
    now: dict[str, Vote | None] = {}
    for person, vote in pressed:
        kept.vote(HERE, PAPER, person, vote)
        now[person] = None if now.get(person) is vote else vote
    ways = list(now.values())
    assert kept.votes(HERE, PAPER) == Votes(up=ways.count(Vote.UP), down=ways.count(Vote.DOWN))


def test_many_who_vote_at_once_are_all_counted(kept: Subscriptions) -> None:
    def vote(n: int) -> None:
        kept.vote(HERE, PAPER, f"U{n}", Vote.UP if n % 3 else Vote.DOWN)

    with ThreadPoolExecutor(16) as people:
        list(people.map(vote, range(60)))
    assert kept.votes(HERE, PAPER) == Votes(up=40, down=20)


def test_the_kinds_of_event_that_reach_us_are_remembered(kept: Subscriptions) -> None:
    for platform, kind in (("slack", "command"), ("slack", "command"), ("discord", "button")):
        kept.put_event_seen(platform, kind)
    assert kept.event_kinds_seen("slack") == {"command"}


def test_an_event_comes_for_the_first_time_once(kept: Subscriptions, store: Store) -> None:
    with ThreadPoolExecutor(8) as senders:
        first = list(senders.map(lambda _: kept.is_first_delivery("e1"), range(8)))
    assert sorted(first) == [False] * 7 + [True]
    assert kept.is_first_delivery("e2")
    assert 0 < store.redis.ttl("pb:event:e1") <= 3600
