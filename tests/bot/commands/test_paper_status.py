"""What is gathered of a paper, and from where: nothing of another workspace's, all of one's own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from bot.commands import paper_status
from bot.commands.context import SHOWN_ONCE, Context, Invocation
from bot.domain.digest import Digest, Outcome
from bot.domain.judge import Judge
from bot.domain.paper_status import Stage
from bot.domain.papers import Profile
from bot.domain.reasons import ModelReason
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.status import Status
from bot.domain.subscription import Paused, Subscription
from bot.store.lookups import Lookups
from bot.store.outbox import Outbox, OutboxEntry
from bot.store.store import Store
from tests.factories import NOW, decision, digest, digest_request, listing, person_in, profile

ID = "2503.10001"


@pytest.fixture
def context(store: Store) -> Context:
    store.profiles.put_shared(profile())
    return Context(
        store=store,
        lookups=Lookups(store),
        judge=Judge(model="gpt-6-luna"),
        status=lambda: Status.model_validate({}),
    )


def at(channel: str, workspace: str = "T1", platform: str = "slack") -> Address:
    return Address(platform=platform, workspace=workspace, channel=channel)


def subscribed(
    context: Context, address: Address, by: str = "U1", since_days: int = 3
) -> Subscription:
    found = Subscription(
        address=address,
        profile="matters",
        schedule=Schedule(at=time(4), tz="America/New_York"),
        by=by,
        since=NOW - timedelta(days=since_days),
    )
    context.store.subscriptions.put(found)
    return found


def delivered(context: Context, address: Address, day: Digest, name: str, minutes: int = 0) -> None:
    store = context.store
    store.lists.add(name, listing(*(d.announced for d in day.decisions)), NOW)
    store.days.put_decided(name, day)
    moment = NOW + timedelta(minutes=minutes)
    store.history.put_delivered(address, f"{address}:{name}", day, moment, f"17.{name}")
    for picked in day.picked:
        outbox = Outbox(store.trips, f"{address}:{name}")
        asyncio.run(
            outbox.put_result(
                picked.paper.id, OutboxEntry(at=NOW, message=f"{name}.{picked.paper.id}")
            )
        )


def one(what: Outcome, **fields: object) -> Digest:
    return digest(decision(ID, what), **fields)


def alone(address: Address, by: str = "U1") -> Invocation:
    """A person who is in all the channels that there are."""
    who = person_in(*["1", "2", "77", "C1", "C2", "C3", "C4", "D1"])
    return Invocation(f"/why {ID}", address, NOW, by, is_private=True, person=who)


def places(context: Context, invocation: Invocation) -> list[str]:
    return [
        str(found.address) for found in paper_status.paper_report(invocation, context, ID).statuses
    ]


def test_a_person_alone_sees_the_own_channels_of_this_workspace_and_no_others(
    context: Context,
) -> None:
    for address, by in (
        (at("C1"), "U1"),
        (at("C2"), "U2"),
        (at("C3", "T2"), "U1"),
        (at("C4", "T1", "discord"), "U1"),
    ):
        subscribed(context, address, by)
    assert places(context, alone(at("D1"))) == ["slack:T1:C1"]
    assert places(context, alone(at("D1"), "U2")) == ["slack:T1:C2"]
    assert places(context, replace(alone(at("D1")), person=person_in("D1", "C2"))) == []
    assert places(context, replace(alone(at("C2")), is_private=False)) == ["slack:T1:C2"]


def test_on_discord_a_person_alone_is_in_no_server_and_sees_those_of_all(context: Context) -> None:
    for address in (at("1", "900", "discord"), at("2", "901", "discord"), at("C1", "")):
        subscribed(context, address)
    direct = alone(at("77", "", "discord"))
    assert sorted(places(context, direct)) == ["discord:900:1", "discord:901:2"]
    assert places(context, alone(at("77", "900", "discord"))) == ["discord:900:1"]


def test_what_was_decided_comes_before_what_was_not_seen(context: Context) -> None:
    subscribed(context, at("C1"))
    subscribed(context, at("C2"))
    delivered(context, at("C2"), one(Outcome.PICKED), "day")
    found = paper_status.paper_report(alone(at("D1")), context, ID).statuses
    assert [(str(s.address), s.stage) for s in found] == [
        ("slack:T1:C2", Stage.DECIDED),
        ("slack:T1:C1", Stage.UNPOSTED),
    ]


def here(context: Context) -> paper_status.PaperStatus:
    invocation = Invocation(f"/why {ID}", at("C1"), NOW, "U1")
    (status,) = paper_status.paper_report(invocation, context, ID).statuses
    return status


def test_the_newest_day_that_named_the_paper_answers(context: Context) -> None:
    subscribed(context, at("C1"))
    delivered(context, at("C1"), one(Outcome.BELOW_CUTOFF), "first")
    delivered(context, at("C1"), one(Outcome.PICKED), "second", minutes=1)
    found = here(context)
    assert found.decision is not None
    assert found.decision.outcome is Outcome.PICKED
    assert found.posted is not None
    assert (found.posted.message, found.posted.thread_id) == (f"second.{ID}", "17.second")


def test_a_terminal_answers_for_what_it_showed_once_and_for_its_own_channel(
    context: Context,
) -> None:
    main = at("main", "", "terminal")

    def stages(profile: Profile | None = None) -> list[tuple[str, str, Stage]]:
        report = paper_status.paper_report(
            Invocation(f"/why {ID}", main, NOW), context, ID, profile=profile
        )
        return [(s.profile.name, str(s.address), s.stage) for s in report.statuses]

    dust = profile(name="dust")
    context.store.profiles.put_shared(dust)
    delivered(context, main, digest(profile=dust), "other")
    assert stages()[0][0] == "dust"
    delivered(context, SHOWN_ONCE, one(Outcome.PICKED), "day")
    assert stages() == [("matters", "terminal::day", Stage.DECIDED)]
    assert stages(profile()) == stages()
    assert stages(profile(title="Changed"))[0][2] is not Stage.DECIDED
    delivered(context, main, one(Outcome.PICKED), "day")
    assert stages() == [("matters", "terminal::main", Stage.DECIDED)]


def test_a_repeated_paper_leads_to_the_reply_that_showed_it_first(context: Context) -> None:
    subscribed(context, at("C1"))
    delivered(context, at("C1"), one(Outcome.PICKED), "first")
    delivered(context, at("C1"), one(Outcome.REPEAT), "second", minutes=1)
    found = here(context)
    assert found.posted is not None
    assert (found.posted.message, found.posted.thread_id) == (f"first.{ID}", "17.first")


@pytest.mark.parametrize("what", [Outcome.OVER_LIMIT, Outcome.BELOW_CUTOFF, Outcome.UNSCORED])
def test_what_was_not_posted_has_no_reply(context: Context, what: Outcome) -> None:
    subscribed(context, at("C1"))
    delivered(context, at("C1"), one(what), "day")
    assert here(context).posted is None


def missing(context: Context, reason: ModelReason = ModelReason.MODEL_DOWN) -> None:
    lost = decision(ID, Outcome.UNSCORED).model_copy(update={"trouble": reason})
    delivered(context, at("C1"), digest(lost), "day")


def test_a_missing_score_says_when_the_paper_is_judged_again(context: Context) -> None:
    subscribed(context, at("C1"))
    missing(context)
    assert here(context).retry_at == NOW + timedelta(minutes=10)


def test_a_paper_that_the_budget_left_out_is_not_judged_again(context: Context) -> None:
    subscribed(context, at("C1"))
    missing(context, ModelReason.NO_BUDGET)
    assert here(context).retry_at is None


def test_a_day_whose_window_has_ended_is_not_judged_again(context: Context) -> None:
    context = replace(context, window_hours=0)
    subscribed(context, at("C1"))
    missing(context)
    assert here(context).retry_at is None


def test_a_day_that_was_handled_is_not_judged_again(context: Context) -> None:
    found = subscribed(context, at("C1"))
    missing(context)
    context.store.subscriptions.put_last_served(found.key, NOW.date())
    assert here(context).retry_at is None


def test_a_requested_day_is_judged_again_for_this_channel_alone(
    context: Context,
) -> None:
    missing(context)
    assert here(context).retry_at is None
    own = context.store.profiles.put(profile())
    other = context.store.profiles.put(profile(name="other"))
    for address, asked in ((at("C2"), own), (at("C1"), other)):
        waits = digest_request().model_copy(update={"address": address, "profile": asked})
        context.store.requests.put(waits)
        assert here(context).retry_at is None
    context.store.requests.put(
        digest_request().model_copy(update={"address": at("C1"), "profile": own})
    )
    assert here(context).retry_at == NOW + timedelta(minutes=10)


def test_a_day_that_is_no_longer_due_is_not_judged_again(context: Context) -> None:
    """The paper is of Wednesday's list, and only Thursday's is still owed."""
    found = subscribed(context, at("C1"))
    context.store.subscriptions.put_last_served(found.key, date(2025, 3, 19))
    wednesday = one(Outcome.UNSCORED).listed.model_copy(update={"date": date(2025, 3, 19)})
    lost = decision(ID, Outcome.UNSCORED).model_copy(update={"trouble": ModelReason.MODEL_DOWN})
    delivered(context, at("C1"), digest(lost, listed=wednesday), "day")
    assert here(context).retry_at is None


def test_a_paused_subscription_has_nothing_judged_again(context: Context) -> None:
    found = subscribed(context, at("C1"))
    missing(context)
    context.store.subscriptions.put(found.model_copy(update={"paused": Paused(at=NOW, by="U1")}))
    assert here(context).retry_at is None


def test_what_one_channel_s_list_says_of_a_paper_holds_for_the_others(context: Context) -> None:
    """Saved files and the sample are looked through for their own profile alone: one profile has
    decided on the paper, the other says where it stood, in whatever order they are asked."""
    other = profile(name="else", title="Else", categories=("math.AG",))
    context.store.profiles.put_shared(other)
    for channel, name in (("C1", "else"), ("C2", "matters")):
        found = subscribed(context, at(channel))
        context.store.subscriptions.drop(found)
        context.store.subscriptions.put(found.model_copy(update={"profile": name}))
    delivered(context, at("C2"), one(Outcome.PICKED), "2025-03-20-files")
    told = paper_status.paper_report(alone(at("D1")), context, ID).statuses
    assert [(s.profile.name, s.stage) for s in told] == [
        ("matters", Stage.DECIDED),
        ("else", Stage.ELSEWHERE),
    ]
