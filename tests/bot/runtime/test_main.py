"""The bot process: it serves who waits, and says when Redis is away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from rq import Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from bot import __main__ as bot
from bot.commands import dispatch, due
from bot.commands.context import Context, Invocation
from bot.domain.budget import Limits
from bot.domain.digest import Outcome
from bot.domain.judge import Judge
from bot.domain.reasons import ArxivReason, ChannelReason, ModelReason
from bot.domain.request import Address, DigestRequest, delivery_name, digest_name
from bot.domain.schedule import Schedule
from bot.domain.subscription import Paused
from bot.errors import Unavailable
from bot.planning.plan import RequestState, Step, StepKind, next_step
from bot.runtime import clock, tick
from bot.runtime.status import gather
from bot.settings import Settings
from bot.store.queues import Queues
from bot.store.requests import CHATS, DueDeliveries, FailedAttempt
from bot.store.store import Store
from bot.terminal.render import as_text
from bot.views.status import plan_text
from tests.bot.runtime.due_days import owed, ready
from tests.conftest import check_golden
from tests.factories import (
    NOW,
    announced,
    decision,
    digest,
    digest_request,
    list_result,
    listing,
    person_in,
    profile,
    subscription,
)
from tests.processes import run_command
from tests.waiting import TIMEOUT_SECONDS
from tests.workers.scripted_model import ScriptedModel, well_formed_reply

EIGHT = datetime(2025, 3, 21, 8, tzinfo=UTC)  # nine in the morning in Berlin


@pytest.fixture
def due_at_eight(store: Store, context: Context) -> DigestRequest:
    """A subscription's day at its time: read, judged, and not posted yet."""
    context.store.subscriptions.put(subscription())
    (due,) = owed(context, EIGHT)
    ready(store, due, EIGHT)
    return due


def asked_and_listed(store: Store, judge: Judge) -> DigestRequest:
    """Somebody waits for a day whose list was read."""
    of = store.profiles.put(profile())
    asked = digest_request().model_copy(update={"profile": of, "judge": judge})
    store.requests.put(asked)
    store.lists.add("2025-03-20", listing(announced()), NOW)
    store.lists.put_result(asked.wanted, list_result(NOW))
    return asked


def queued(queues: Queues, name: str) -> list[str]:
    return Queue(name, connection=queues.redis, serializer=JSONSerializer).job_ids


def test_a_tick_queues_what_is_due_once_however_often_it_ticks(
    store: Store, queues: Queues, context: Context
) -> None:
    asked = digest_request()
    store.requests.put(asked)
    for _ in range(3):
        tick.tick(context, queues, NOW)
    step = next_step(asked, store.requests.state(asked))
    assert step is not None
    assert queued(queues, "now") == [step.id]
    assert store.requests.all() == [asked]


def test_forty_who_ask_within_half_a_second_share_every_step(
    store: Store, queues: Queues, context: Context
) -> None:
    """Some on Slack, some on Discord, the clock ticking in between; also those who ask while a
    step is under way."""
    fingerprint = store.profiles.put(profile())

    def ask(numbers: range, begin: datetime) -> None:
        for n in numbers:
            platform = "discord" if n % 2 else "slack"
            update = {
                "profile": fingerprint,
                "by": f"U{n}",
                "since": begin + timedelta(milliseconds=12 * n),
                "address": Address(platform=platform, workspace="1", channel=str(n)),
            }
            store.requests.put(digest_request().model_copy(update=update))
            tick.tick(context, queues, begin + timedelta(seconds=1))

    ask(range(20), NOW)
    assert len(queued(queues, "now")) == 1
    store.lists.add("2025-03-20", listing(announced()), NOW)
    found = list_result(NOW + timedelta(milliseconds=100))
    store.lists.put_result(digest_request().wanted, found)
    ask(range(20, 30), NOW)
    assert len(queued(queues, "now")) == 2
    (first, *_) = store.requests.all()
    day = digest(decision("2503.15294", Outcome.PICKED), judged_at=NOW, listed=found)
    store.days.put_decided(digest_name(first, found), day)
    ask(range(30, 40), NOW)
    assert len(queued(queues, "now")) == 2
    assert [queued(queues, f"post-{chat}") for chat in CHATS] == [
        ["deliver-slack"],
        ["deliver-discord"],
    ]
    waiting = [len(DueDeliveries(store.redis, chat).newcomers(())) for chat in CHATS]
    assert waiting == [20, 20]


def test_a_person_does_not_wait_behind_a_schedule_for_the_same_step(
    store: Store, context: Context, queues: Queues
) -> None:
    """But once the schedule's has begun, it serves both."""
    by_schedule = Step(kind=StepKind.FETCH, wish=digest_request(), seen=RequestState())
    by_schedule = by_schedule.model_copy(
        update={"wish": digest_request().model_copy(update={"subscription": "s"})}
    )
    by_person = Step(
        kind=StepKind.FETCH,
        wish=digest_request().model_copy(update={"by": "U1"}),
        seen=RequestState(),
    )
    assert by_schedule.id == by_person.id
    assert queues.missing_and_failed([by_schedule]) == ([by_schedule], set())
    queues.enqueue_step(by_schedule)
    assert queues.missing_and_failed([by_schedule, by_schedule]) == ([], set())
    assert queues.missing_and_failed([by_schedule, by_person]) == ([by_person], set())
    (ahead,) = queued(queues, "batch")
    job = Job.fetch(ahead, connection=queues.redis, serializer=JSONSerializer)
    job.set_status(JobStatus.STARTED)
    assert queues.missing_and_failed([by_person]) == ([], set())
    job.set_status(JobStatus.FAILED)
    assert queues.missing_and_failed([by_schedule]) == ([], {by_person.id})
    assert queues.missing_and_failed([by_person]) == ([by_person], set())
    queues.enqueue_step(by_person)
    assert queued(queues, "now") == [by_person.id]


@pytest.mark.usefixtures("due_at_eight")
def test_a_channel_that_is_no_longer_due_gets_no_post(
    store: Store, context: Context, queues: Queues
) -> None:
    """A channel that was paused before a worker came to it."""
    tick.tick(context, queues, EIGHT)
    deliveries = DueDeliveries(store.redis, "slack")
    assert len(deliveries.newcomers(())) == 1
    context.store.subscriptions.put(subscription(paused=Paused(at=EIGHT)))
    tick.tick(context, queues, EIGHT)
    assert deliveries.newcomers(()) == {}


@pytest.mark.usefixtures("due_at_eight")
def test_a_platform_with_an_outage_is_retried_after_ten_seconds(
    store: Store, context: Context, queues: Queues
) -> None:
    tick.tick(context, queues, EIGHT)
    deliveries = DueDeliveries(store.redis, "slack")
    (key,) = deliveries.newcomers(())
    deliveries.put_failed(key, FailedAttempt(at=EIGHT))
    for seconds, there in ((9, 0), (11, 1)):
        ticked = tick.tick(context, queues, EIGHT + timedelta(seconds=seconds))
        assert len(deliveries.newcomers(())) == there
        assert (ticked.in_progress, ticked.failed) == (True, ())


def test_a_delivery_that_fails_through_a_bug_is_announced_and_ends_the_request(
    due_at_eight: DigestRequest, store: Store, context: Context, queues: Queues
) -> None:
    """A schedule's is tried again a minute later, a person's when the person asks again."""
    asked = due_at_eight.model_copy(
        update={"by": "U1", "subscription": "", "at": None, "until": None}
    )
    store.requests.put(asked)
    tick.tick(context, queues, EIGHT)
    deliveries = DueDeliveries(store.redis, "slack")
    for key in deliveries.newcomers(()):
        deliveries.put_failed(key, FailedAttempt(at=EIGHT, fault=True))
    failed = tick.tick(context, queues, EIGHT + timedelta(seconds=1)).failed
    assert sorted(request.by for request in failed) == ["", "U1"]
    assert store.requests.all() == [asked]
    store.requests.put(asked.model_copy(update={"since": EIGHT + timedelta(seconds=1)}))
    tick.tick(context, queues, EIGHT + timedelta(seconds=2))
    assert [request.by for request in deliveries.newcomers(()).values()] == ["U1"]
    tick.tick(context, queues, EIGHT + timedelta(seconds=61))
    assert len(deliveries.newcomers(())) == 2


def test_a_request_that_the_workers_cannot_prepare_is_given_up_and_announced_after_twelve_hours(
    store: Store, context: Context, queues: Queues
) -> None:
    asked = asked_and_listed(store, Judge())
    for hours, given_up in ((0, ()), (11.9, ()), (12, (asked,))):
        ticked = tick.tick(context, queues, NOW + timedelta(hours=hours))
        assert ticked.given_up == given_up
        assert store.requests.all() == ([] if given_up else [asked])  # a terminal's


def test_a_digest_that_only_waits_for_its_platform_is_not_given_up(
    due_at_eight: DigestRequest, store: Store, context: Context, queues: Queues
) -> None:
    """Whoever asked would not be told: the platform is away (found by the simulator, seed 1001)."""
    person = {"by": "U1", "subscription": "", "at": None, "until": None, "since": EIGHT}
    asked = due_at_eight.model_copy(update=person)
    store.requests.put(asked)
    for hours in (0, 12, 48):
        assert tick.tick(context, queues, EIGHT + timedelta(hours=hours)).given_up == ()
    assert store.requests.all() == [asked]
    waiting = DueDeliveries(store.redis, "slack").newcomers(())
    assert "U1" in [request.by for request in waiting.values()]


def test_a_request_goes_through_all_steps_and_is_dropped_when_fulfilled(
    store: Store, queues: Queues, context: Context
) -> None:
    from workers.score_job import deliver_to_terminal, score

    asked = asked_and_listed(store, Judge())
    tick.tick(context, queues, NOW)
    assert len(queued(queues, "now")) == 1
    score(asked, store, None, 1, lambda: NOW, lambda done, total: None)
    tick.tick(context, queues, NOW)
    assert len(queued(queues, "now")) == 2
    deliver_to_terminal(asked, store, lambda: NOW)
    tick.tick(context, queues, NOW)
    assert store.requests.all() == []


def test_a_day_that_ended_short_is_taken_up_again_later(
    store: Store, queues: Queues, context: Context
) -> None:
    from workers.score_job import deliver_to_terminal, score

    asked = asked_and_listed(store, Judge(model="scripted"))
    down = ScriptedModel(lambda about: Unavailable("Away.", ModelReason.MODEL_DOWN))
    score(asked, store, down, 4, lambda: NOW, lambda done, total: None)
    deliver_to_terminal(asked, store, lambda: NOW)
    tick.tick(context, queues, NOW + timedelta(minutes=5))
    assert store.requests.all() == [asked]
    later = NOW + timedelta(minutes=11)
    tick.tick(context, queues, later)
    (again,) = store.requests.all()
    assert again.since == later
    store.lists.put_result(asked.wanted, list_result(later, changed=NOW))
    score(
        again,
        store,
        ScriptedModel(well_formed_reply),
        4,
        lambda: later,
        lambda done, total: None,
    )
    deliver_to_terminal(again, store, lambda: later)
    tick.tick(context, queues, later)
    assert store.requests.all() == []
    assert store.history.of(asked.address)[-1].complete


def test_a_request_made_while_the_first_one_ends_is_still_served(
    store: Store, queues: Queues, context: Context
) -> None:
    """By somebody else, between the clock's look and what it does; whether the first asking is
    fulfilled, tried anew or given up."""
    first = digest_request().model_copy(update={"by": "U1"})
    again = first.model_copy(update={"by": "U2", "since": NOW + timedelta(microseconds=1)})
    store.requests.put(again)
    store.requests.drop(first)
    store.requests.renew(first, NOW + timedelta(minutes=11))
    assert store.requests.all() == [again]
    store.requests.drop(again)
    assert store.requests.all() == []


def test_a_retried_day_is_the_same_request_until_it_is_fulfilled(store: Store) -> None:
    first, later = digest_request().model_copy(update={"by": "U1"}), NOW + timedelta(minutes=11)
    store.requests.put(first)
    store.requests.renew(first, later)
    (anew,) = store.requests.all()
    assert (anew.since, anew.asked) == (later, NOW)
    store.requests.renew(anew, later + timedelta(minutes=11))
    assert [waiting.asked for waiting in store.requests.all()] == [NOW]
    store.requests.drop(first)  # who waited in a terminal knows nothing of that
    store.requests.renew(first, later)
    assert store.requests.all() == []


def test_a_request_stored_by_an_older_version_is_dropped_as_well(store: Store) -> None:
    kept = digest_request()
    short = {k: v for k, v in kept.model_dump(mode="json").items() if v is not None}
    store.redis.hset("pb:wishes", kept.key, json.dumps(short))
    (found,) = store.requests.all()
    store.requests.drop(found)
    assert store.requests.all() == []


def test_papers_that_the_budget_left_out_are_not_judged_again_by_the_clock(
    store: Store, queues: Queues, context: Context
) -> None:
    from workers.score_job import deliver_to_terminal, score

    asked = asked_and_listed(store, Judge(model="scripted"))
    nothing = (Limits(day_usd=0), Limits())
    model = ScriptedModel(well_formed_reply)
    score(asked, store, model, 4, lambda: NOW, lambda done, total: None, nothing)
    deliver_to_terminal(asked, store, lambda: NOW)
    assert not store.history.of(asked.address)[-1].complete
    tick.tick(context, queues, NOW + timedelta(minutes=11))
    assert store.requests.all() == []
    assert model.asked == []


def test_a_subscription_prepares_its_day_and_delivers_it_at_its_local_time(
    store: Store, context: Context, queues: Queues
) -> None:
    context.store.subscriptions.put(subscription())  # made on Thursday at 09:40 in Berlin
    friday = datetime(2025, 3, 21, 4, 10, tzinfo=UTC)  # ten past midnight in New York
    assert owed(context, friday - timedelta(seconds=1)) == []
    (mine,) = owed(context, friday)
    assert mine.at == EIGHT
    assert mine.wanted.date == date(2025, 3, 21)
    tick.tick(context, queues, friday)
    assert (len(queued(queues, "batch")), queued(queues, "now")) == (1, [])
    ready(store, mine, friday)
    for now, steps in ((mine.at - timedelta(seconds=1), 0), (mine.at, 1)):
        tick.tick(context, queues, now)
        assert len(queued(queues, "post-slack")) == steps
    day = store.days.get(digest_name(mine, list_result(friday)))
    assert day is not None
    name = delivery_name(mine, list_result(friday))
    store.history.put_delivered(mine.address, name, day, mine.at + timedelta(seconds=9))
    tick.tick(context, queues, mine.at + timedelta(seconds=10))
    assert owed(context, mine.at + timedelta(hours=5)) == []


def test_a_day_delivered_on_request_is_not_delivered_again_by_the_schedule(
    store: Store, context: Context, queues: Queues
) -> None:
    mine = subscription()
    context.store.subscriptions.put(mine)
    dawn = datetime(2025, 3, 21, 7, tzinfo=UTC)
    asked = dispatch.answer(
        Invocation(
            "now foundations", mine.address, dawn, "U1", person=person_in(mine.address.channel)
        ),
        context,
    ).request
    assert asked is not None
    friday = list_result(dawn).model_copy(update={"batch": "2025-03-21", "date": date(2025, 3, 21)})
    store.lists.put_result(asked.wanted, friday)
    store.lists.add("2025-03-21", listing(announced()), NOW)
    known = context.profiles(mine.address)["foundations"]
    day = digest(
        decision("2503.15294", Outcome.PICKED), profile=known, listed=friday, judged_at=dawn
    )
    store.days.put_decided(digest_name(asked, friday), day)
    name = delivery_name(asked, friday)
    store.history.put_delivered(mine.address, name, day, dawn + timedelta(seconds=9), "17.5")
    (scheduled,) = owed(context, dawn)
    store.lists.put_result(scheduled.wanted, friday)
    assert scheduled.at is not None
    tick.tick(context, queues, scheduled.at)
    tick.tick(context, queues, scheduled.at + timedelta(seconds=30))
    month = store.ledger.month(scheduled.at.date(), scheduled.at, 12)
    assert (month.owed, month.on_time, month.waiting) == (1, 1, 0)
    assert queued(queues, "post-slack") == []
    assert owed(context, scheduled.at) == []


def test_a_day_that_is_not_there_at_its_time_is_late_until_its_window_ends(
    store: Store, context: Context, queues: Queues
) -> None:
    context.store.subscriptions.put(subscription())
    friday = datetime(2025, 3, 21, 4, 10, tzinfo=UTC)
    (mine,) = owed(context, friday)
    assert mine.at is not None
    assert mine.until is not None
    for now, late, steps in (
        (mine.at, (), 0),
        (mine.at + timedelta(minutes=6), (ArxivReason.EMPTY_WEEKDAY,), 0),
        (mine.until, (), 1),
    ):
        empty = list_result(now, ArxivReason.EMPTY_WEEKDAY, changed=friday)
        store.lists.put_result(mine.wanted, empty.model_copy(update={"settled": False}))
        day = digest(listed=empty, judged_at=now)
        store.days.put_decided(digest_name(mine, empty), day)
        ticked = tick.tick(context, queues, now)
        assert tuple(why for _, _, why in ticked.late) == late
        assert len(queued(queues, "post-slack")) == steps


def test_a_day_that_no_worker_takes_is_announced_as_late(context: Context, queues: Queues) -> None:
    context.store.subscriptions.put(subscription())
    for minutes in (0, 10):
        assert tick.tick(context, queues, EIGHT + timedelta(minutes=minutes)).late == ()
    ((_, _, why),) = tick.tick(context, queues, EIGHT + timedelta(minutes=20)).late
    assert why is ModelReason.STILL_AT_IT


def test_a_bot_that_was_away_does_not_call_the_day_late_at_once(
    context: Context, queues: Queues
) -> None:
    context.store.subscriptions.put(subscription())
    noon = datetime(2025, 3, 21, 12, tzinfo=UTC)
    assert tick.tick(context, queues, noon).late == ()


def test_after_days_of_downtime_the_missed_days_come_in_one_digest(context: Context) -> None:
    context.store.subscriptions.put(subscription())
    (mine,) = owed(context, datetime(2025, 3, 27, 9, tzinfo=UTC))
    days = [query.date for query in (*mine.earlier, mine.wanted)]
    assert days == [date(2025, 3, n) for n in (21, 24, 25, 26, 27)]
    assert mine.left_out == 0
    (later,) = owed(context, datetime(2025, 4, 3, 9, tzinfo=UTC))
    assert (len(later.earlier), later.left_out) == (4, 5)
    newest = [date(2025, 3, 28), date(2025, 3, 31), *(date(2025, 4, n) for n in (1, 2, 3))]
    assert [query.date for query in (*later.earlier, later.wanted)] == newest


def test_a_paused_subscription_is_never_due_and_does_not_catch_up_when_resumed(
    context: Context,
) -> None:
    resting = subscription(paused=Paused(at=NOW))
    context.store.subscriptions.put(resting)
    next_week = datetime(2025, 3, 27, 9, tzinfo=UTC)
    assert owed(context, next_week) == []
    dispatch.answer(
        Invocation(
            "resume", resting.address, next_week, "U1", person=person_in(resting.address.channel)
        ),
        context,
    )
    (mine,) = owed(context, next_week)
    assert (mine.earlier, mine.wanted.date) == ((), date(2025, 3, 27))


def test_a_hundred_channels_at_one_moment_share_every_step(
    store: Store, context: Context, queues: Queues
) -> None:
    for n in range(100):
        context.store.subscriptions.put(subscription(f"C{n}"))
    moment = EIGHT
    tick.tick(context, queues, moment)
    mine, *others = owed(context, moment)
    assert len(others) == 99
    assert len(queued(queues, "batch")) == 1
    store.lists.put_result(mine.wanted, list_result(moment))
    tick.tick(context, queues, moment)
    assert len(queued(queues, "batch")) == 2  # and one SCORE
    ready(store, mine, moment)
    tick.tick(context, queues, moment)
    assert queued(queues, "post-slack") == ["deliver-slack"]
    alone = Job.fetch("deliver-slack", connection=queues.redis, serializer=JSONSerializer)
    assert alone.args == ["slack"]  # as workers of an older release take it
    assert len(DueDeliveries(store.redis, "slack").newcomers(())) == 100
    # Of two workers there, as with `paperboy worker` twice or on two machines, each has its part.
    for name in ("one", "other", "dead"):
        queues.redis.sadd("rq:workers:post-slack", f"rq:worker:{name}")
    for name in ("one", "other"):
        queues.redis.hset(f"rq:worker:{name}", "state", "idle")
    tick.tick(context, queues, moment)
    both = ["deliver-slack-0-of-2", "deliver-slack-1-of-2"]
    assert queued(queues, "post-slack") == ["deliver-slack", *both]
    parts = [set(DueDeliveries(store.redis, "slack", n, 2).newcomers(())) for n in (0, 1)]
    assert [len(part) > 30 for part in parts] == [True, True]
    assert (len(parts[0] | parts[1]), parts[0] & parts[1]) == (100, set())


def changes(store: Store) -> int:
    """How often the server's data were changed since it was started."""
    return int(store.redis.info("persistence")["rdb_changes_since_last_save"])


def commands(store: Store) -> int:
    rows = store.redis.info("commandstats")
    return sum(row["calls"] for row in rows.values())


@pytest.mark.parametrize("stage", ["listing", "judging", "waiting", "posting", "away", "overdue"])
def test_a_tick_that_finds_nothing_new_writes_nothing_and_costs_the_same_for_many(
    stage: str, store: Store, context: Context, queues: Queues
) -> None:
    """Nor do `plan` and `status` write anything."""
    context = replace(context, say_quiet_days=True, judge=Judge(model="scripted"))
    costs = []
    for count in (3, 30):
        for n in range(count):
            context.store.subscriptions.put(subscription(f"C{n}"))
        moment = EIGHT
        mine, *_ = owed(context, moment)
        assert mine.at is not None
        if stage != "listing":
            store.lists.put_result(mine.wanted, list_result(moment))
        if stage in ("waiting", "posting", "away"):
            ready(store, mine, moment)
        if stage == "waiting":
            moment -= timedelta(hours=1)
        if stage == "overdue":
            moment += timedelta(hours=1)
        tick.tick(context, queues, moment)
        if stage == "away":
            deliveries = DueDeliveries(store.redis, "slack")
            for key in deliveries.newcomers(()):
                deliveries.put_failed(key, FailedAttempt(at=moment))
        tick.tick(context, queues, moment)
        before, asked = changes(store), commands(store)
        assert tick.tick(context, queues, moment).in_progress is (stage != "waiting")
        costs.append(commands(store) - asked)
        list(due.planned(context, moment))
        gather(queues, store, context.judge)
        assert changes(store) == before
    assert costs[0] == costs[1] < 25


def test_the_plan_says_what_is_next_and_why_nothing_is(store: Store, context: Context) -> None:
    context.store.subscriptions.put(subscription("C1"))
    context.store.subscriptions.put(
        subscription("C2", paused=Paused(at=NOW, trouble=ChannelReason.ARCHIVED))
    )
    context.store.subscriptions.put(
        subscription("C3", schedule=Schedule(at=time(18), tz="Asia/Tokyo"))
    )
    night = datetime(2025, 3, 21, 4, 10, tzinfo=UTC)

    def told(now: datetime) -> str:
        return as_text([plan_text(due.planned(context, now), now)])

    shown = [told(night - timedelta(minutes=1)), told(night)]
    mine = owed(context, night)[0]
    store.lists.put_result(mine.wanted, list_result(night))
    shown.append(told(night))
    ready(store, mine, night)
    assert mine.at is not None
    shown += [told(night), told(mine.at)]
    check_golden("runtime/plan.txt", "\n".join(shown))


def test_a_quiet_day_is_announced_where_wanted(context: Context, queues: Queues) -> None:
    mine = subscription(schedule=Schedule(at=time(9), tz="Europe/Berlin", days=tuple(range(7))))
    context.store.subscriptions.put(mine)
    context.store.subscriptions.put_last_served(mine.key, date(2025, 3, 21))
    saturday = datetime(2025, 3, 22, 8, tzinfo=UTC)
    assert tick.tick(context, queues, saturday).quiet_days == ()
    talkative = replace(context, say_quiet_days=True)
    assert tick.tick(talkative, queues, saturday).quiet_days == ((mine, saturday),)
    assert tick.tick(talkative, queues, saturday + timedelta(hours=2)).quiet_days == ()
    assert tick.tick(talkative, queues, saturday - timedelta(hours=9)).quiet_days == ()


def test_two_bots_never_tick_at_once(store: Store, context: Context, queues: Queues) -> None:
    store.requests.put(digest_request())
    other = store.lease("tick", 60, 0)
    assert other is not None
    assert not tick.tick(context, queues, NOW).in_progress
    other.release()
    assert tick.tick(context, queues, NOW).in_progress


def test_a_second_now_says_that_the_day_was_delivered(
    store: Store, context: Context, queues: Queues
) -> None:
    asked = digest_request().model_copy(
        update={"profile": store.profiles.put(profile()), "by": "U1"}
    )
    store.requests.put(asked)
    day = digest(decision("2503.15294", Outcome.PICKED), judged_at=NOW - timedelta(hours=2))
    store.lists.add("2025-03-20", listing(announced()), NOW)
    store.lists.put_result(asked.wanted, list_result(NOW, changed=NOW - timedelta(hours=3)))
    name = delivery_name(asked, list_result(NOW))
    store.days.put_decided(digest_name(asked, list_result(NOW)), day)
    store.history.put_delivered(asked.address, name, day, NOW - timedelta(hours=1), "17.5")
    ticked = tick.tick(context, queues, NOW)
    assert ticked.already_delivered == (asked,)
    assert not ticked.in_progress


def test_an_outage_of_redis_is_logged_once_and_so_is_its_end(
    monkeypatch: pytest.MonkeyPatch, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from redis.exceptions import ConnectionError as Away

    turns = iter([Away("secret"), Away("secret"), None])

    async def serve() -> None:
        stop = asyncio.Event()

        def scripted(context: Context, queues: Queues, now: datetime) -> tick.TickResult:
            turn = next(turns, "last")
            if isinstance(turn, Away):
                raise turn
            if turn:
                loop.call_soon_threadsafe(stop.set)
            return tick.TickResult(False, (), ())

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(tick, "tick", scripted)
        monkeypatch.setattr(clock, "_TICK_SECONDS", 0.001)
        await bot.serve(redis_url, Settings(), stop)

    asyncio.run(serve())
    shown = "".join(capsys.readouterr())
    assert shown.count("redis unreachable, retrying") == 1
    assert shown.count("redis reachable again") == 1
    assert "secret" not in shown


def test_the_bot_stops_on_sigterm(redis_url: str) -> None:
    settings = os.environ | {"REDIS_URL": redis_url}
    command = [sys.executable, "-m", "bot"]
    with run_command(command, env=settings, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert "bot started" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_SECONDS) == 0
        assert "bot stopped" in process.stderr.read()


def test_without_redis_the_bot_says_what_to_set() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Set REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr
