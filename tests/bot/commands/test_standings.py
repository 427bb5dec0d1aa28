"""What is gathered of a paper, and from where: nothing of another workspace's, all of one's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from bot.commands import paper_status
from bot.commands.context import Ask, Desk
from bot.domain.digest import Digest, Judge, Outcome
from bot.domain.paper_status import Stage
from bot.domain.papers import Trouble
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.status import Status
from bot.domain.subscription import Paused, Subscription
from bot.store.channels import Channels
from bot.store.days import Store
from bot.store.lookups import Inquiries
from bot.store.outbox import Entry, Outbox
from bot.store.subscriptions import Subscriptions
from tests.bot.planning.test_plan import wish
from tests.make import NOW, decision, digest, listing, profile, someone

ID = "2503.10001"


@pytest.fixture
def desk(store: Store) -> Desk:
    store.name_profile(profile())
    return Desk(
        channels=Channels(store),
        subscriptions=Subscriptions(store),
        inquiries=Inquiries(store),
        judge=Judge(model="gpt-6-luna"),
        status=lambda: Status.model_validate({}),
    )


def at(channel: str, workspace: str = "T1", platform: str = "slack") -> Address:
    return Address(platform=platform, workspace=workspace, channel=channel)


def subscribed(desk: Desk, address: Address, by: str = "U1", since_days: int = 3) -> Subscription:
    found = Subscription(
        address=address,
        profile="matters",
        schedule=Schedule(at=time(4), tz="America/New_York"),
        by=by,
        since=NOW - timedelta(days=since_days),
    )
    desk.subscriptions.put(found)
    return found


def delivered(desk: Desk, address: Address, day: Digest, name: str, minutes: int = 0) -> None:
    channels = desk.channels
    channels.store.add_listing(name, listing(*(d.announced for d in day.decisions)), NOW)
    channels.put_judged(name, day)
    moment = NOW + timedelta(minutes=minutes)
    channels.put_delivered(address, f"{address}:{name}", day, moment, f"17.{name}")
    for picked in day.picked:
        outbox = Outbox(channels.store.redis, f"{address}:{name}")
        outbox.sent(picked.paper.id, Entry(at=NOW, message=f"{name}.{picked.paper.id}"))


def one(what: Outcome, **fields: object) -> Digest:
    return digest(decision(ID, what), **fields)


def alone(address: Address, by: str = "U1") -> Ask:
    """A person who is in all the channels that there are."""
    who = someone(*["1", "2", "77", "C1", "C2", "C3", "C4", "D1"])
    return Ask(f"/why {ID}", address, NOW, by, alone=True, who=who)


def places(desk: Desk, ask: Ask) -> list[str]:
    return [str(found.address) for found in paper_status.standings(ask, desk, ID)]


def test_a_person_alone_sees_the_own_channels_of_this_workspace_and_no_others(desk: Desk) -> None:
    for address, by in (
        (at("C1"), "U1"),
        (at("C2"), "U2"),
        (at("C3", "T2"), "U1"),
        (at("C4", "T1", "discord"), "U1"),
    ):
        subscribed(desk, address, by)
    assert places(desk, alone(at("D1"))) == ["slack:T1:C1"]
    assert places(desk, alone(at("D1"), "U2")) == ["slack:T1:C2"]
    assert places(desk, replace(alone(at("D1")), who=someone("D1", "C2"))) == []
    assert places(desk, replace(alone(at("C2")), alone=False)) == ["slack:T1:C2"]


def test_on_discord_a_person_alone_is_in_no_server_and_sees_those_of_all(desk: Desk) -> None:
    for address in (at("1", "900", "discord"), at("2", "901", "discord"), at("C1", "")):
        subscribed(desk, address)
    direct = alone(at("77", "", "discord"))
    assert sorted(places(desk, direct)) == ["discord:900:1", "discord:901:2"]
    assert places(desk, alone(at("77", "900", "discord"))) == ["discord:900:1"]


def test_what_was_decided_comes_before_what_was_not_seen(desk: Desk) -> None:
    subscribed(desk, at("C1"))
    subscribed(desk, at("C2"))
    delivered(desk, at("C2"), one(Outcome.PICKED), "day")
    found = paper_status.standings(alone(at("D1")), desk, ID)
    assert [(str(s.address), s.stage) for s in found] == [
        ("slack:T1:C2", Stage.DECIDED),
        ("slack:T1:C1", Stage.UNPOSTED),
    ]


def here(desk: Desk) -> paper_status.Standing:
    (found,) = paper_status.standings(Ask(f"/why {ID}", at("C1"), NOW, "U1"), desk, ID)
    return found


def test_the_newest_day_that_named_the_paper_answers(desk: Desk) -> None:
    subscribed(desk, at("C1"))
    delivered(desk, at("C1"), one(Outcome.BELOW_CUTOFF), "first")
    delivered(desk, at("C1"), one(Outcome.PICKED), "second", minutes=1)
    found = here(desk)
    assert found.decision is not None
    assert found.decision.outcome is Outcome.PICKED
    assert found.posted is not None
    assert (found.posted.message, found.posted.under) == (f"second.{ID}", "17.second")


def test_a_repeated_paper_leads_to_the_reply_that_showed_it_first(desk: Desk) -> None:
    subscribed(desk, at("C1"))
    delivered(desk, at("C1"), one(Outcome.PICKED), "first")
    delivered(desk, at("C1"), one(Outcome.REPEAT), "second", minutes=1)
    found = here(desk)
    assert found.posted is not None
    assert (found.posted.message, found.posted.under) == (f"first.{ID}", "17.first")


@pytest.mark.parametrize("what", [Outcome.OVER_LIMIT, Outcome.BELOW_CUTOFF, Outcome.UNSCORED])
def test_what_was_not_posted_has_no_reply(desk: Desk, what: Outcome) -> None:
    subscribed(desk, at("C1"))
    delivered(desk, at("C1"), one(what), "day")
    assert here(desk).posted is None


def missing(desk: Desk, trouble: Trouble = Trouble.MODEL_DOWN) -> None:
    lost = decision(ID, Outcome.UNSCORED).model_copy(update={"trouble": trouble})
    delivered(desk, at("C1"), digest(lost), "day")


def test_a_missing_score_says_when_it_is_asked_for_again(desk: Desk) -> None:
    subscribed(desk, at("C1"))
    missing(desk)
    assert here(desk).again == NOW + timedelta(minutes=10)


def test_a_paper_that_the_budget_left_is_not_asked_about_again(desk: Desk) -> None:
    subscribed(desk, at("C1"))
    missing(desk, Trouble.NO_BUDGET)
    assert here(desk).again is None


def test_a_day_whose_window_has_ended_is_not_asked_about_again(desk: Desk) -> None:
    desk = replace(desk, window_hours=0)
    subscribed(desk, at("C1"))
    missing(desk)
    assert here(desk).again is None


def test_a_day_that_was_seen_to_is_not_asked_about_again(desk: Desk) -> None:
    found = subscribed(desk, at("C1"))
    missing(desk)
    desk.subscriptions.put_served(found.key, NOW.date())
    assert here(desk).again is None


def test_a_day_that_somebody_waits_for_is_asked_about_again_for_this_channel_alone(
    desk: Desk,
) -> None:
    missing(desk)
    assert here(desk).again is None
    own = desk.channels.store.put_profile(profile())
    other = desk.channels.store.put_profile(profile(name="other"))
    for address, asked in ((at("C2"), own), (at("C1"), other)):
        waits = wish().model_copy(update={"address": address, "profile": asked})
        desk.channels.put_wish(waits)
        assert here(desk).again is None
    desk.channels.put_wish(wish().model_copy(update={"address": at("C1"), "profile": own}))
    assert here(desk).again == NOW + timedelta(minutes=10)


def test_a_day_that_is_owed_no_more_is_not_asked_about_again(desk: Desk) -> None:
    """The paper is of Wednesday's list, and only Thursday's is still owed."""
    found = subscribed(desk, at("C1"))
    desk.subscriptions.put_served(found.key, date(2025, 3, 19))
    wednesday = one(Outcome.UNSCORED).listed.model_copy(update={"date": date(2025, 3, 19)})
    lost = decision(ID, Outcome.UNSCORED).model_copy(update={"trouble": Trouble.MODEL_DOWN})
    delivered(desk, at("C1"), digest(lost, listed=wednesday), "day")
    assert here(desk).again is None


def test_a_subscription_that_rests_asks_about_nothing_again(desk: Desk) -> None:
    found = subscribed(desk, at("C1"))
    missing(desk)
    desk.subscriptions.put(found.model_copy(update={"paused": Paused(at=NOW, by="U1")}))
    assert here(desk).again is None


def test_what_one_channel_s_list_says_of_a_paper_holds_for_the_others(desk: Desk) -> None:
    """Saved files and the sample are looked through for their own profile alone: one profile has
    decided on the paper, the other says where it stood, in whatever order they are asked."""
    other = profile(name="else", title="Else", categories=("math.AG",))
    desk.channels.store.name_profile(other)
    for channel, name in (("C1", "else"), ("C2", "matters")):
        found = subscribed(desk, at(channel))
        desk.subscriptions.drop(found)
        desk.subscriptions.put(found.model_copy(update={"profile": name}))
    delivered(desk, at("C2"), one(Outcome.PICKED), "2025-03-20-files")
    told = paper_status.standings(alone(at("D1")), desk, ID)
    assert [(s.profile.name, s.stage) for s in told] == [
        ("matters", Stage.DECIDED),
        ("else", Stage.ELSEWHERE),
    ]
