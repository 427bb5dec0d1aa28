"""The tick: ask what is due for everyone who waits, and queue it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from bot.days import is_weekend, new_york_date
from bot.desk import Ask, Desk, newest_day
from bot.domain import Profile, Trouble
from bot.ledger import Source, Wanted
from bot.morning import Morning, morning
from bot.plan import AGAIN, Day, Look, Step, due, look
from bot.store_channels import Channels
from bot.store_gates import Gates, gate_key
from bot.subscription import Subscription
from bot.tasks import Tasks
from bot.wish import Wish

log = structlog.get_logger()

_POLL_SECONDS = 0.1
# A day that somebody asked for is tried again for so long.
_PATIENCE = timedelta(hours=12)
# A quiet day is told at its time or not at all.
_SOON = timedelta(hours=1)
# Work under way at its time is not late yet.
_GRACE = timedelta(minutes=5)
# A day that is still being read or judged, so long after we began to wait for it, is.
_STUCK = timedelta(minutes=20)
# After midnight UTC by so much: arXiv's new list comes two hours later at the earliest.
_NIGHT = timedelta(hours=2)
# Longer than a tick takes: one bot ticks at a time, another takes over when it is gone.
_LEASE_SECONDS = 20


class WorkerFault(Exception):
    """The workers gave a step up: a fault in Paperboy, which their log describes."""


@dataclass(frozen=True)
class Ticked:
    """What came of a tick: whether something is under way, whose day had been delivered before
    they asked, whose wish failed through a fault of ours, whose day is late, and why, and who has
    a quiet day at this moment."""

    under_way: bool = False
    before: tuple[Wish, ...] = ()
    failed: tuple[Wish, ...] = ()
    late: tuple[tuple[Subscription, Wish, Trouble], ...] = ()
    quiet: tuple[tuple[Subscription, datetime], ...] = ()


def advance(wish: Wish, channels: Channels, tasks: Tasks) -> Step | None:
    """Queue the next missing step of a wish and return it; None when it is fulfilled."""
    step = due(wish, channels.facts(wish))
    if step is not None:
        if tasks.failed(step):
            raise WorkerFault(step.id)
        tasks.ask(step, [step.wish])
    return step


def tick(desk: Desk, tasks: Tasks, now: datetime) -> Ticked:
    """Advance every wish, those that people left and those of the subscriptions.

    Wishes whose next step is the same share it. One bot ticks at a time. A day that somebody asked
    for and that ended short of its papers (arXiv away, model down) is wished anew after a while.
    """
    lease = desk.channels.store.lease("tick", _LEASE_SECONDS, 0)
    if lease is None:
        return Ticked()
    try:
        return _ticked(desk, tasks, now)
    finally:
        lease.release()


def _ticked(desk: Desk, tasks: Tasks, now: datetime) -> Ticked:
    channels = desk.channels
    # One look for all: a day that is judged meanwhile must not part those who share its delivery.
    days = dict[str, Day]()
    steps: dict[str, tuple[Step, list[Wish]]] = {}
    before, failed, late = [], [], []

    def ask(step: Step) -> None:
        steps.setdefault(step.id, (step, []))[1].append(step.wish)

    for wish in channels.wishes():
        seen = look(wish, channels.facts(wish, days), now)
        if seen.step is not None:
            ask(seen.step)
        elif _over(wish, channels, now):
            channels.drop_wish(wish)
            if wish.by and channels.delivered_before(wish):
                before.append(wish)
    for found, wish, seen in scheduled(desk, now, days):
        overdue = now - wish.at if wish.at else timedelta()
        if seen.step is not None:
            ask(seen.step)
            if seen.late and now - desk.subscriptions.overdue_since(wish, now) >= _STUCK:
                late.append((found, wish, seen.late))
        elif seen.fulfilled and wish.wanted.date:
            desk.subscriptions.put_served(wish.subscription, wish.wanted.date)
        elif seen.late and overdue >= _GRACE:
            late.append((found, wish, seen.late))
    for step, wishes in steps.values():
        if tasks.failed(step):
            log.error("the workers gave up", step=step.id, channels=len(wishes))
            failed += wishes
            for wish in wishes:
                channels.drop_wish(wish)
        else:
            tasks.ask(step, wishes)
    for profile, night in lessons(desk, now):
        tasks.learn(channels.store.put_profile(profile), desk.judge.model or "", night)
    quiet = tuple(_quiet(desk, now)) if desk.say_quiet_days else ()
    return Ticked(bool(steps), tuple(before), tuple(failed), tuple(late), quiet)


def scheduled(
    desk: Desk, now: datetime, days: dict[str, Day] | None = None
) -> Iterator[tuple[Subscription, Wish, Look]]:
    """What the subscriptions that do not rest are owed at a moment, and how far it has come;
    `days` as in Channels.facts."""
    served, days = desk.subscriptions.served(), {} if days is None else days
    profiles = dict[str, dict[str, Profile]]()
    for found in desk.subscriptions.all():
        if found.paused:
            continue
        owed = owed_by(found, served.get(found.key), set(), now, desk.catch_up_days)
        if owed and len(owed.days) > 1:  # some of them may have been asked for meanwhile
            had = desk.channels.dates(found.address, found.profile)
            owed = owed_by(found, served.get(found.key), had, now, desk.catch_up_days)
        if owed is None:
            continue
        place = found.address.workspace_key
        if place not in profiles:
            profiles[place] = desk.profiles(found.address)
        profile = profiles[place].get(found.profile)
        if profile is None:
            log.error("a subscription's profile is gone", subscription=found.key)
            continue
        wish = _wish(found, profile, owed, desk)
        yield found, wish, look(wish, desk.channels.facts(wish, days), now)


def lessons(desk: Desk, now: datetime) -> Iterator[tuple[Profile, date]]:
    """The profiles whose gate has not learned since the last night, and that night (its UTC date):
    between two lists, when nobody waits."""
    night = (now - _NIGHT).date()
    if desk.judge.model is None:
        return
    gates = Gates(desk.channels.store)
    learnt, seen, known = gates.learnt(), set[str](), dict[str, dict[str, Profile]]()
    for found in desk.subscriptions.all():
        place = found.address.workspace_key
        if place not in known:
            known[place] = desk.profiles(found.address)
        profile = None if found.paused else known[place].get(found.profile)
        if profile is None or not profile.gate:
            continue
        key = gate_key(profile, desk.judge.model)
        if key not in seen and learnt.get(key) != night and gates.days(key):
            yield profile, night
        seen.add(key)


def _quiet(desk: Desk, now: datetime) -> Iterator[tuple[Subscription, datetime]]:
    """Whose time has just come on a day without announcements, with nothing owed from before."""
    served = desk.subscriptions.served()
    for found in desk.subscriptions.all():
        at = found.schedule.last(now)
        owed = owed_by(found, served.get(found.key), set(), at, desk.catch_up_days)
        fresh = found.since < at and now - at < _SOON
        if not found.paused and fresh and owed is None and is_weekend(new_york_date(at)):
            yield found, at


def planned(desk: Desk, now: datetime) -> Iterator[tuple[Subscription, Wish | None, Look | None]]:
    """Every subscription with what would be done for it at a moment; nothing is done."""
    due_now = {found.key: (wish, seen) for found, wish, seen in scheduled(desk, now)}
    for found in desk.subscriptions.all():
        wish, seen = due_now.get(found.key, (None, None))
        yield found, wish, seen


def owed_by(
    found: Subscription, served: date | None, had: set[date], now: datetime, most: int
) -> Morning | None:
    """The morning of a subscription; it begins with the first day after it was made."""
    begin = new_york_date(found.since)
    first = found.schedule.next(found.since)
    if new_york_date(first) == begin:  # made before that day's own digest
        begin -= timedelta(days=1)
    return morning(found.schedule, max(served or begin, begin), had, now, most)


def _wish(found: Subscription, profile: Profile, owed: Morning, desk: Desk) -> Wish:
    *earlier, newest = (
        Wanted(source=Source.ARXIV, categories=profile.categories, date=day) for day in owed.days
    )
    plain = newest_day(profile, Ask("", found.address, owed.since), desk, found.top)
    return plain.model_copy(
        update={
            "wanted": newest,
            "earlier": tuple(earlier),
            "left_out": owed.left_out,
            "at": owed.at,
            "until": owed.at + timedelta(hours=desk.window_hours),
            "subscription": found.key,
        }
    )


def _over(wish: Wish, channels: Channels, now: datetime) -> bool:
    """A day that was asked for and is delivered; one that is short is wished anew for a while."""
    facts = channels.facts(wish)
    done, judged, listed = facts.delivered, facts.judged, facts.listed
    whole = judged and listed and not (judged.unscored or listed.problem)  # but for its budget
    if done is None or done.complete or whole:
        return True
    if now - (wish.asked or wish.since) >= _PATIENCE:
        return True
    # A day judged again with the same outcome is not delivered again.
    if now - max(done.at, judged.at if judged else done.at) >= AGAIN:
        channels.renew_wish(wish, now)
    return False


def fulfil(
    wish: Wish,
    channels: Channels,
    tasks: Tasks,
    meanwhile: Callable[[Step], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Advance a wish until it is fulfilled, calling `meanwhile` with the step under way.

    Raises WorkerFault. Interrupted, it leaves the steps queued: asking again finds what is done.
    """
    while (step := advance(wish, channels, tasks)) is not None:
        meanwhile(step)
        sleep(_POLL_SECONDS)
