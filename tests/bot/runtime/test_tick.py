"""What is asked for at a moment, for whom, and what people are told then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from bot.commands import dispatch, due
from bot.commands.context import Context, Invocation
from bot.domain.digest import Digest, Outcome
from bot.domain.judge import Judge, VotedExample
from bot.domain.readers.teaching import VoteUse
from bot.domain.reasons import ChannelReason, ModelReason
from bot.domain.request import Address, DigestRequest, delivery_name, digest_name
from bot.domain.schedule import Schedule
from bot.domain.subscription import Paused
from bot.runtime import tick
from bot.store.gates import Gates, gate_key
from bot.store.queues import Queues
from bot.store.requests import DueDeliveries, FailedAttempt
from bot.store.store import Store
from bot.store.values.stored_forms import serialise
from tests.bot.runtime.due_days import owed
from tests.factories import (
    NOW,
    decision,
    digest,
    digest_request,
    list_result,
    person_in,
    profile,
    save_own_profile,
    subscription,
)
from workers.gate.nightly import GateState

HERE = Address(platform="slack", workspace="T1", channel="C1")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# Friday 21 March 2025 at 09:00 in Berlin; the subscription is of Thursday at 09:40.
FRIDAY = datetime(2025, 3, 21, 8, tzinfo=UTC)
MONDAY = FRIDAY + 3 * DAY


def asked(store: Store, **fields: object) -> DigestRequest:
    """Somebody's request for NOW's day, whose list is there."""
    mine = digest_request().model_copy(
        update={"profile": store.profiles.put(profile()), "address": HERE} | fields
    )
    store.lists.put_result(mine.wanted, list_result(NOW))
    return mine


def delivered(
    store: Store, mine: DigestRequest, at: datetime, missing: ModelReason | None = None
) -> None:
    """The request's day, judged and delivered at a moment, without its score for some reason."""
    day = judged(store, mine, at, missing)
    name = delivery_name(mine, list_result(NOW))
    store.history.put_delivered(mine.address, name, day, at, "17.5")


def judged(
    store: Store, mine: DigestRequest, at: datetime, missing: ModelReason | None = None
) -> Digest:
    """The request's day, judged at a moment and stored."""
    what = Outcome.UNSCORED if missing else Outcome.PICKED
    lost = decision("2503.15294", what).model_copy(update={"trouble": missing})
    day = digest(lost, judged_at=at)
    store.days.put_decided(digest_name(mine, list_result(NOW)), day)
    return day


# -- days that somebody asked for


@pytest.mark.parametrize(("by", "told"), [("U1", 1), ("", 0)])
def test_a_person_who_asks_for_a_day_the_channel_has_is_told_so(
    store: Store, context: Context, queues: Queues, by: str, told: int
) -> None:
    mine = asked(store, by=by)
    delivered(store, mine, NOW - MINUTE)
    store.requests.put(mine)
    assert len(tick.tick(context, queues, NOW).already_delivered) == told
    # Until the person has been told (test_tick_announcer).
    assert store.requests.all() == [mine] * told


@pytest.mark.parametrize("asked_again", [False, True])
def test_a_person_who_asks_for_a_day_that_the_budget_cut_short_is_told_it_was_there(
    store: Store, context: Context, queues: Queues, asked_again: bool
) -> None:
    first = NOW - timedelta(seconds=30) if asked_again else None  # then the request was renewed
    mine = asked(store, by="U1", asked=first)
    delivered(store, mine, NOW - MINUTE, missing=ModelReason.NO_BUDGET)
    judged(store, mine, NOW, missing=ModelReason.NO_BUDGET)  # there is no more money for it now
    store.requests.put(mine)
    assert tick.tick(context, queues, NOW).already_delivered == (mine,)


def test_two_people_who_ask_for_a_day_the_channel_has_are_both_told_so(
    store: Store, context: Context, queues: Queues
) -> None:
    first = asked(store, by="U1")
    delivered(store, first, NOW - MINUTE)
    second = first.model_copy(update={"by": "U2", "since": NOW + timedelta(seconds=1)})
    for mine in (first, second):
        store.requests.put(mine)
    assert set(tick.tick(context, queues, NOW).already_delivered) == {first, second}
    store.requests.drop(first)
    assert store.requests.all() == [second]


def test_a_request_stored_by_an_older_release_is_forgotten_as_others_are(store: Store) -> None:
    mine = digest_request().model_copy(update={"by": "U1"})
    older = mine.model_copy(update={"by": ""}).key  # the same for everybody
    store.redis.hset("pb:wishes", older, serialise(mine))
    assert store.requests.all() == [mine]
    store.requests.drop(mine)
    assert store.requests.all() == []


def test_who_asks_in_a_chat_is_not_forgotten_when_the_request_is_given_up(
    store: Store, context: Context, queues: Queues
) -> None:
    """The person is told first (test_tick_announcer); a terminal's is forgotten (test_main)."""
    mine = digest_request().model_copy(update={"address": HERE, "by": "U1", "since": NOW})
    store.requests.put(mine)
    assert tick.tick(context, queues, NOW + 13 * 60 * MINUTE).given_up == (mine,)
    assert store.requests.all() == [mine]


@pytest.mark.parametrize("renewed", [False, True])
def test_a_person_who_asked_before_the_delivery_is_not_told_it_was_there(
    store: Store, context: Context, queues: Queues, renewed: bool
) -> None:
    mine = asked(store, by="U1")
    delivered(store, mine, NOW + MINUTE)
    if renewed:
        mine = mine.model_copy(update={"asked": NOW, "since": NOW + 2 * MINUTE})
    store.requests.put(mine)
    assert tick.tick(context, queues, NOW + 2 * MINUTE).already_delivered == ()
    assert store.requests.all() == []


def test_a_day_that_stays_short_is_tried_every_ten_minutes_for_twelve_hours(
    store: Store, context: Context, queues: Queues
) -> None:
    mine, now = asked(store, by="U1"), NOW
    store.requests.put(mine)
    tries = 0
    while found := store.requests.all():
        (waits,) = found
        if waits.since == now or now == NOW:
            tries += 1
            store.lists.put_result(mine.wanted, list_result(now, changed=NOW))
            delivered(store, mine, now, missing=ModelReason.MODEL_DOWN)
        now += MINUTE
        assert now < NOW + DAY
        tick.tick(context, queues, now)
    assert now == NOW + 12 * HOUR
    assert tries == 12 * 6


def test_a_short_day_that_was_judged_again_is_left_alone_for_ten_minutes_from_then(
    store: Store, context: Context, queues: Queues
) -> None:
    mine = asked(store, by="U1")
    store.requests.put(mine)
    delivered(store, mine, NOW, missing=ModelReason.MODEL_DOWN)
    lost = decision("2503.15294", Outcome.UNSCORED)
    again = digest(
        lost.model_copy(update={"trouble": ModelReason.MODEL_DOWN}), judged_at=NOW + 9 * MINUTE
    )
    store.days.put_decided(digest_name(mine, list_result(NOW)), again)
    for minutes, since in ((10, NOW), (18, NOW), (19, NOW + 19 * MINUTE)):
        tick.tick(context, queues, NOW + minutes * MINUTE)
        assert [waits.since for waits in store.requests.all()] == [since]


# -- days that a subscription is owed


@pytest.mark.parametrize(
    ("hour", "first"), [(6, date(2025, 3, 20)), (9, date(2025, 3, 21)), (23, date(2025, 3, 21))]
)
def test_the_first_day_is_the_one_whose_time_comes_after_subscribing(
    context: Context, hour: int, first: date
) -> None:
    context.store.subscriptions.put(subscription(since=datetime(2025, 3, 20, hour, tzinfo=UTC)))
    found = owed(context, FRIDAY)
    (mine,) = found
    assert [*(query.date for query in mine.earlier), mine.wanted.date][0] == first


def test_who_ended_a_subscription_and_begins_anew_is_owed_nothing_from_before(
    context: Context,
) -> None:
    mine = subscription(since=NOW - 30 * DAY)
    context.store.subscriptions.put(mine)
    context.store.subscriptions.put_last_served(mine.key, date(2025, 2, 20))
    context.store.subscriptions.put(mine.model_copy(update={"since": NOW}))
    (wished,) = owed(context, FRIDAY)
    assert (wished.wanted.date, wished.earlier) == (date(2025, 3, 21), ())


def test_a_missed_day_that_was_requested_meanwhile_is_not_delivered_again(
    store: Store, context: Context
) -> None:
    context.store.subscriptions.put(subscription())
    tuesday = datetime(2025, 3, 25, 9, tzinfo=UTC)
    day = digest(decision("2503.15294", Outcome.PICKED), profile=profile(name="foundations"))
    monday = day.listed.model_copy(update={"date": date(2025, 3, 24)})
    day = day.model_copy(update={"listed": monday})
    store.days.put_decided("monday", day)
    store.history.put_delivered(HERE, f"{HERE}:monday", day, tuesday - HOUR, "17.5")
    (mine,) = owed(context, tuesday)
    days = [query.date for query in (*mine.earlier, mine.wanted)]
    assert days == [date(2025, 3, 21), date(2025, 3, 25)]


def test_a_day_is_improved_for_as_long_as_the_settings_say(context: Context) -> None:
    context.store.subscriptions.put(subscription())
    for hours in (1, 12):
        (mine,) = owed(replace(context, window_hours=hours), FRIDAY)
        assert (mine.at, mine.until) == (FRIDAY, FRIDAY + hours * HOUR)


def test_a_subscription_carries_its_own_number_of_papers(context: Context) -> None:
    context.store.subscriptions.put(subscription(top=3))
    (mine,) = owed(context, FRIDAY)
    assert mine.top == 3
    assert mine.judge == context.judge


def test_who_changes_a_profile_in_the_morning_changes_the_next_digest(
    store: Store, context: Context
) -> None:
    """Today's is completed as it was begun (test_deliver_job), and comes no second time."""
    context.store.subscriptions.put(subscription())
    (begun,) = owed(context, FRIDAY)
    store.requests.put_begun(begun)
    changed = context.profiles(HERE)["foundations"].model_copy(
        update={"maximum": 3, "categories": ("cs.CL",)}
    )
    save_own_profile(store, HERE, changed)
    better = replace(context, judge=Judge(model="another"))  # it may have what is missing
    (mine,) = owed(better, FRIDAY + HOUR)
    assert mine == begun.model_copy(update={"judge": better.judge})
    (mine,) = owed(better, MONDAY)
    assert (mine.profile, mine.wanted.categories) == (changed.fingerprint, ("cs.CL",))


def test_who_changes_the_time_and_the_profile_after_the_digest_gets_no_second_one(
    store: Store, context: Context
) -> None:
    """Found by the simulator (seed 7000000, 10 days, 3 by 60, 4 moments)."""
    context.store.subscriptions.put(subscription())
    (begun,) = owed(context, FRIDAY)
    store.requests.put_begun(begun)
    store.subscriptions.put_last_served(begun.subscription, date(2025, 3, 20))
    later = Schedule(at=time(23), tz="UTC")  # the same day in New York
    context.store.subscriptions.put(subscription(schedule=later))
    changed = context.profiles(HERE)["foundations"].model_copy(update={"maximum": 3})
    save_own_profile(store, HERE, changed)
    assert owed(context, FRIDAY + HOUR) == owed(context, FRIDAY + 15 * HOUR) == [begun]
    (mine,) = owed(context, MONDAY + 15 * HOUR)
    assert mine.profile == changed.fingerprint
    assert mine.wanted.date == date(2025, 3, 24)


def test_a_change_that_is_undone_after_the_digest_repeats_no_day_and_loses_none(
    store: Store, context: Context
) -> None:
    context.store.subscriptions.put(subscription())
    (begun,) = owed(context, FRIDAY)
    store.requests.put_begun(begun)
    day = digest(
        decision("2503.15294", Outcome.PICKED), profile=context.profiles(HERE)["foundations"]
    )
    friday = day.listed.model_copy(update={"date": date(2025, 3, 21)})
    store.history.put_delivered(
        HERE, f"{HERE}:friday", day.model_copy(update={"listed": friday}), FRIDAY, "17.5"
    )
    context.store.subscriptions.put_last_served(begun.subscription, date(2025, 3, 21))
    somebody = Invocation("", HERE, FRIDAY + HOUR, "U1", person=person_in())
    form = dispatch.press(somebody, "edit-profile", "foundations", context).form
    assert form is not None
    said = {field.name: field.value for field in form.fields} | {"maximum": "3"}
    dispatch.submit(somebody, "profile", form.metadata, said, context)
    assert owed(context, FRIDAY + 2 * HOUR) == []
    dispatch.answer(replace(somebody, text="undo foundations"), context)
    assert owed(context, FRIDAY + 3 * HOUR) == []
    (mine,) = owed(context, MONDAY)
    assert [query.date for query in mine.queries] == [date(2025, 3, 24)]
    assert mine.profile == begun.profile


def owed_on_monday(context: Context) -> DigestRequest:
    """What a subscription is owed that missed Friday."""
    context.store.subscriptions.put(subscription())
    (both,) = owed(context, MONDAY)
    return both


def test_a_missed_day_whose_list_comes_late_is_added_to_the_digest_it_was_meant_for(
    store: Store, context: Context
) -> None:
    begun = owed_on_monday(context)
    assert [query.date for query in begun.queries] == [date(2025, 3, 21), date(2025, 3, 24)]
    store.requests.put_begun(begun)
    # Of Friday there was no list, and Monday's papers are all there.
    day = digest(decision("2503.15294", Outcome.PICKED), profile=profile(name="foundations"))
    alone = day.listed.model_copy(update={"date": date(2025, 3, 24)})
    day = day.model_copy(update={"listed": alone})
    store.days.put_decided("monday", day)
    store.history.put_delivered(HERE, f"{HERE}:both", day, MONDAY, "17.5")
    assert owed(context, MONDAY + HOUR) == [begun]


def test_a_day_that_is_still_due_is_not_held_up_by_an_earlier_one_of_the_same_moment(
    store: Store, context: Context
) -> None:
    both = owed_on_monday(context)
    friday = both.for_single_day(both.earlier[0], both.since)
    store.requests.put_begun(friday.model_copy(update={"at": both.at, "until": both.until}))
    context.store.subscriptions.put_last_served(both.subscription, date(2025, 3, 21))
    (mine,) = owed(context, MONDAY + HOUR)
    assert [query.date for query in mine.queries] == [date(2025, 3, 24)]


def test_days_that_all_came_in_another_way_do_not_come_again(
    store: Store, context: Context, queues: Queues
) -> None:
    """Found by the simulator, seed 230: on a Sunday in New York nothing newer is due, Friday had
    been asked for, and when Thursday had come, both came again, without a paper. And seed
    960200001: the digest that was owed had come, and nobody closed it in the ledger."""
    sunday = datetime(2025, 3, 23, 9, tzinfo=UTC)
    sundays = Schedule(at=time(9), tz="UTC", days=(6,))
    weekly = subscription(schedule=sundays).model_copy(update={"since": sunday - 7 * DAY})
    context.store.subscriptions.put(weekly)
    store.ledger.open(weekly.key, [], weekly.since)
    for n in (20, 21):
        day = digest(decision("2503.15294", Outcome.PICKED), profile=profile(name="foundations"))
        listed = day.listed.model_copy(update={"date": date(2025, 3, n)})
        day = day.model_copy(update={"listed": listed})
        store.days.put_decided(f"day-{n}", day)
        store.history.put_delivered(HERE, f"{HERE}:day-{n}", day, sunday - HOUR, "17.5")
        (key,) = [each.key for each in store.subscriptions.all()]
        context.store.subscriptions.put_last_served(key, date(2025, 3, 19))
    assert owed(context, sunday - MINUTE) == []
    for _ in range(3):
        assert not tick.tick(context, queues, sunday).in_progress
    assert store.ledger.open_deliveries() == []
    assert store.ledger.month(sunday.date(), sunday, 12).owed == 1


def test_what_was_wrong_with_a_workspace_is_over_when_nothing_is_to_be_posted_there(
    context: Context, queues: Queues
) -> None:
    """Nothing that is posted would end it."""
    store, mine = context.store, subscription()
    for what in ("slack", "slack:T1", "slack:T2", "Slack login"):
        store.outages.put(what, "Away.", NOW)

    def left() -> list[str]:
        tick.tick(context, queues, NOW)
        return [each.what for each in store.outages.all()]

    store.subscriptions.put(mine)
    assert left() == ["Slack login", "slack", "slack:T1"]
    store.subscriptions.pause_channel(mine.address, ChannelReason.BAD_TOKEN, NOW)
    assert left() == ["Slack login", "slack", "slack:T1"]  # until it has another
    store.subscriptions.put(mine)
    store.subscriptions.pause_channel(mine.address, ChannelReason.ARCHIVED, NOW)
    store.requests.put(asked(store))
    assert left() == ["Slack login", "slack", "slack:T1"]
    store.requests.drop(store.requests.all()[0])
    assert left() == ["Slack login", "slack"]


def test_a_profile_that_is_gone_holds_up_no_other_channel(context: Context) -> None:
    context.store.subscriptions.put(subscription(profile="nobody-made-this"))
    context.store.subscriptions.put(subscription("C2"))
    assert [mine.address.channel for mine in owed(context, FRIDAY)] == ["C2"]


# -- quiet days


SATURDAY = FRIDAY + DAY


def quiet(context: Context, queues: Queues, now: datetime) -> list[str]:
    told = tick.tick(replace(context, say_quiet_days=True), queues, now).quiet_days
    return [f"{found.address.channel} {at:%H:%M}" for found, at in told]


def daily(**fields: object) -> dict[str, object]:
    schedule = Schedule(at=time(9), tz="Europe/Berlin", days=tuple(range(7)))
    return {"schedule": schedule} | fields


def test_a_quiet_day_is_announced_within_an_hour_to_channels_subscribed_by_then(
    context: Context, queues: Queues
) -> None:
    paused = Paused(at=NOW, by="U1")
    for mine in (
        subscription(**daily()),
        subscription("C2", **daily(paused=paused)),
        subscription("C3", **daily(since=SATURDAY)),
    ):
        context.store.subscriptions.put(mine)
        context.store.subscriptions.put_last_served(mine.key, date(2025, 3, 21))
    assert quiet(context, queues, SATURDAY - MINUTE) == []
    for now in (SATURDAY, SATURDAY + 59 * MINUTE):
        assert quiet(context, queues, now) == ["C1 08:00"]
    assert quiet(context, queues, SATURDAY + HOUR) == []
    assert tick.tick(context, queues, SATURDAY).quiet_days == ()


def test_a_day_without_a_list_is_not_quiet_where_one_is_still_owed(
    context: Context, queues: Queues
) -> None:
    context.store.subscriptions.put(subscription(**daily()))
    assert quiet(context, queues, SATURDAY) == []  # Friday's was never delivered


# -- the best of the week


def told_best(context: Context, queues: Queues, now: datetime) -> list[str]:
    told = tick.tick(context, queues, now).weekly_best
    return [f"{address.channel} {day}" for address, day in told]


def test_the_best_of_the_week_is_told_on_friday_afternoon_by_the_channels_clock(
    context: Context, queues: Queues
) -> None:
    afternoon = FRIDAY.replace(hour=15, minute=0)  # 16:00 in Berlin
    new_york = Schedule(at=time(9), tz="America/New_York")
    for mine in (
        subscription(),
        subscription(profile="compression"),  # the channel is told once
        subscription("C2", schedule=new_york),
        subscription("C3"),  # did not ask for it
        subscription("C4", paused=Paused(at=NOW, by="U1")),
    ):
        context.store.subscriptions.put(mine)
        is_wanted = mine.address.channel != "C3"
        context.store.subscriptions.put_weekly_best(mine.address, is_wanted)
    assert told_best(context, queues, afternoon - MINUTE) == []
    assert told_best(context, queues, afternoon) == ["C1 2025-03-21"]
    assert told_best(context, queues, afternoon + 5 * HOUR) == ["C1 2025-03-21", "C2 2025-03-21"]
    assert told_best(context, queues, afternoon + 8 * HOUR) == ["C2 2025-03-21"]  # C1 has Saturday
    assert told_best(context, queues, afternoon + DAY) == []
    context.store.subscriptions.put_weekly_best(subscription().address, False)
    assert told_best(context, queues, afternoon) == []


# -- what a gate learns at night


@pytest.fixture
def learning(context: Context) -> Context:
    """Two channels of one profile, and one that rests; the gate has seen a day."""
    judged = replace(context, judge=Judge(model="gpt-6-luna"))
    found = context.profiles(HERE)["foundations"]
    gates = Gates(context.store)
    gates.put_day(gate_key(found, "gpt-6-luna"), date(2025, 3, 20), "a day", GateState())
    for channel in ("C1", "C2"):
        context.store.subscriptions.put(subscription(channel))
    return judged


def lessons(context: Context, now: datetime = FRIDAY) -> list[tuple[str, date]]:
    snapshot = due.take_snapshot(context)
    return [(found.name, night) for found, _, night in due.due_training(context, snapshot, now)]


def test_a_profile_of_many_channels_learns_once_a_night(learning: Context) -> None:
    assert lessons(learning) == [("foundations", date(2025, 3, 21))]
    key = gate_key(learning.profiles(HERE)["foundations"], "gpt-6-luna")
    gates = Gates(learning.store)
    gates.put_last_trained(key, date(2025, 3, 21))
    assert lessons(learning) == []
    assert lessons(learning, FRIDAY + DAY) == [("foundations", date(2025, 3, 22))]


def test_a_gate_of_a_workspaces_own_learns_as_its_own(learning: Context, queues: Queues) -> None:
    found = learning.profiles(HERE)["foundations"]
    one = VotedExample(paper="2503.15294", title="A title", relevance=3, is_liked=True)
    use = VoteUse(shows=True, chosen=(one,), night=date(2025, 3, 21))
    learning.store.vote_uses.change("slack:T1", "foundations", lambda _: use)
    assert lessons(learning) == []  # its gate has seen no day
    own = gate_key(found, "gpt-6-luna", "slack:T1")
    Gates(learning.store).put_day(own, date(2025, 3, 20), "a day", GateState())
    tick.tick(learning, queues, FRIDAY)
    night = date(2025, 3, 21)
    assert queues.has_training_job(found.fingerprint, night, "slack:T1")
    assert not queues.has_training_job(found.fingerprint, night)


def test_a_night_begins_two_hours_after_midnight_utc(learning: Context) -> None:
    midnight = datetime(2025, 3, 22, tzinfo=UTC)
    for past, night in ((2 * HOUR - MINUTE, 21), (2 * HOUR, 22)):
        assert lessons(learning, midnight + past) == [("foundations", date(2025, 3, night))]


def test_a_gate_is_not_trained_without_a_model_or_a_day_or_while_all_its_channels_are_paused(
    learning: Context,
) -> None:
    assert lessons(replace(learning, judge=Judge())) == []
    assert lessons(replace(learning, judge=Judge(model="another"))) == []
    for channel in ("C1", "C2"):
        assert lessons(learning) != []
        paused = Paused(at=NOW, by="U1")
        learning.store.subscriptions.put(subscription(channel, paused=paused))
    assert lessons(learning) == []


# -- what the workers find


def test_the_workers_find_the_profile_that_they_are_asked_for(
    store: Store, context: Context, queues: Queues
) -> None:
    context.store.subscriptions.put(subscription())
    (mine,) = owed(context, FRIDAY)
    with pytest.raises(KeyError):
        store.profiles.get(mine.profile)
    tick.tick(context, queues, FRIDAY)
    assert store.profiles.get(mine.profile).name == "foundations"


def test_a_delivery_that_failed_is_forgotten_when_it_is_due_no_more(
    store: Store, context: Context, queues: Queues
) -> None:
    deliveries = DueDeliveries(store.redis, "slack")
    deliveries.put_failed("C1 a day", FailedAttempt(at=FRIDAY, fault=True))
    tick.tick(context, queues, FRIDAY + MINUTE)
    assert deliveries.waiting_and_failed() == (set(), {})
