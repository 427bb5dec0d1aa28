"""The tick: ask what is due for everyone who waits, and queue it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

import structlog

from bot.arxiv.calendar import is_weekend, new_york_date
from bot.commands.context import Desk
from bot.domain.digest import Source, Wanted
from bot.domain.papers import Profile, Trouble
from bot.domain.request import Wish
from bot.domain.subscription import Subscription
from bot.planning.due_days import Morning, owed_by
from bot.planning.plan import AGAIN, Facts, Kind, Look, Step, due, look
from bot.store.channels import Channels
from bot.store.deliveries import CHATS, Deliveries, key_of
from bot.store.gates import Gates, gate_key
from bot.store.queues import Tasks

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


# A platform that was away is tried again after a while, and so is what failed through our fault.
_AGAIN_WHEN_AWAY, _AGAIN_AFTER_FAULT = timedelta(seconds=10), timedelta(minutes=1)

Late = tuple[Subscription, Wish, Trouble]


class WorkerFault(Exception):
    """The workers gave a step up: a fault in Paperboy, which their log describes."""


@dataclass(frozen=True)
class Ticked:
    """What came of a tick: whether something is under way, whose day had been delivered before
    they asked, whose request failed through a fault of ours, whose could not be delivered for so
    long that it is given up, whose day is late, and why, and who has a quiet day at this moment."""

    under_way: bool = False
    before: tuple[Wish, ...] = ()
    failed: tuple[Wish, ...] = ()
    given_up: tuple[Wish, ...] = ()
    late: tuple[Late, ...] = ()
    quiet: tuple[tuple[Subscription, datetime], ...] = ()


def advance(wish: Wish, channels: Channels, tasks: Tasks) -> Step | None:
    """Queue the next missing step of a wish and return it; None when it is fulfilled."""
    step = due(wish, channels.facts(wish))
    if step is not None:
        ask(step, tasks)
    return step


def ask(step: Step, tasks: Tasks) -> None:
    """Have a step taken, unless somebody is at it. Raises WorkerFault."""
    missing, given_up = tasks.look([step])
    if given_up:
        raise WorkerFault(step.id)
    for each in missing:
        tasks.ask(each)


def tick(desk: Desk, tasks: Tasks, now: datetime) -> Ticked:
    """Advance every wish, those that people left and those of the subscriptions.

    Wishes whose next step is the same share it. A day that somebody asked for and that ended short
    of its papers (arXiv away, model down) is wished anew after a while. First everything is looked
    at, then what is to be done is done, by one bot at a time; where nothing is, nothing is written.
    """
    ticked, todo = _looked(desk, tasks, now)
    if todo:
        lease = desk.channels.store.lease("tick", _LEASE_SECONDS, 0)
        if lease is None:
            return Ticked()
        try:
            for act in todo:
                act()
        finally:
            lease.release()
    return ticked


Todo = list[Callable[[], object]]


def _looked(desk: Desk, tasks: Tasks, now: datetime) -> tuple[Ticked, Todo]:
    """What came of everything by now, and what is to be done; all that is done may be done twice,
    or a moment late."""
    book, todo = _book(desk), Todo()
    asked, before, given_up = _of_people(desk, now, todo)
    ahead, late = _of_schedules(desk, book, now, todo)
    steps = [*asked, *ahead]
    failed = _asked(desk, tasks, book, steps, now, todo)
    for profile, night in _lessons(desk, book, now):
        if not tasks.learns(profile.fingerprint, night):
            todo.append(partial(desk.channels.store.put_profile, profile))
            model = desk.judge.model or ""
            todo.append(partial(tasks.learn, profile.fingerprint, model, night))
    # At the end: who is to be told something is not forgotten before the rest is done.
    todo += [partial(desk.channels.drop_wish, wish) for wish in (*before, *failed, *given_up)]
    quiet = tuple(_quiet(desk, book, now)) if desk.say_quiet_days else ()
    told = tuple(before), tuple(failed), tuple(given_up), tuple(late), quiet
    return Ticked(bool(steps), *told), todo


def _of_people(desk: Desk, now: datetime, todo: Todo) -> tuple[list[Step], list[Wish], list[Wish]]:
    """The steps that people wait for, whose day had been delivered before, and whose request is
    given up."""
    channels, steps, before, given_up = desk.channels, list[Step](), list[Wish](), list[Wish]()
    wishes = channels.wishes()
    for wish, facts in zip(wishes, channels.facts_of(wishes), strict=True):
        seen = look(wish, facts, now)
        if seen.step is not None and _waited_long(wish, now):
            given_up.append(wish)
        elif seen.step is not None:
            steps.append(seen.step)
        elif _over(wish, facts, now):
            if wish.by and channels.delivered_before(wish):
                before.append(wish)
            else:
                todo.append(partial(channels.drop_wish, wish))
        elif _stale(facts, now):
            todo.append(partial(channels.renew_wish, wish, now))
    return steps, before, given_up


def _of_schedules(
    desk: Desk, book: _Book, now: datetime, todo: Todo
) -> tuple[list[Step], list[Late]]:
    """The steps that subscriptions need, and whose day is late."""
    steps, late, overdue = list[Step](), list[Late](), list[Late]()
    for found, wish, seen in _scheduled(desk, book, now):
        if seen.step is not None:
            steps.append(seen.step)
            if seen.late:
                overdue.append((found, wish, seen.late))
        elif seen.fulfilled and wish.wanted.date:
            served = wish.subscription, wish.wanted.date
            todo.append(partial(desk.subscriptions.put_served, *served))
        elif seen.late and wish.at and now - wish.at >= _GRACE:
            late.append((found, wish, seen.late))
    known = desk.subscriptions.overdue([wish for _, wish, _ in overdue])
    for row, since in zip(overdue, known, strict=True):
        if since is None:
            todo.append(partial(desk.subscriptions.put_overdue, row[1], now))
        elif now - since >= _STUCK:
            late.append(row)
    return steps, late


def _asked(
    desk: Desk, tasks: Tasks, book: _Book, steps: Sequence[Step], now: datetime, todo: Todo
) -> list[Wish]:
    """Have these steps taken, each once, unless somebody is at it; returns whose the workers have
    given up."""
    others = list[Step]()
    chats: dict[str, list[Wish]] = {platform: [] for platform in CHATS}
    for step in steps:
        if step.kind is Kind.DELIVER and step.wish.address.platform in chats:
            chats[step.wish.address.platform].append(step.wish)
        else:
            others.append(step)
    missing, given_up = tasks.look(others)
    if given_up:
        log.error("the workers gave up", steps=sorted(given_up))
    for step in missing:
        if profile := book.by_content.get(step.wish.profile):
            todo.append(partial(desk.channels.store.put_profile, profile))
        todo.append(partial(tasks.ask, step))
    failed = [step.wish for step in others if step.id in given_up]
    for platform, mine in chats.items():
        deliveries = Deliveries(desk.channels.store, platform)
        failed += _posted(deliveries, platform, tasks, mine, now, todo)
    return failed


def _posted(
    deliveries: Deliveries,
    platform: str,
    tasks: Tasks,
    wishes: Sequence[Wish],
    now: datetime,
    todo: Todo,
) -> list[Wish]:
    """Leave who is due on a platform to the job that posts there; returns whose delivery failed
    through a fault of ours. What waits there is what the last look found due."""
    waiting, tried = deliveries.look()
    due_now = {key_of(wish): wish for wish in wishes}
    failed, fresh = list[Wish](), list[Wish]()
    for key, wish in due_now.items():
        last = tried.get(key)
        if last and now - last.at < (_AGAIN_AFTER_FAULT if last.fault else _AGAIN_WHEN_AWAY):
            failed += [wish] if last.fault else []
        elif key not in waiting:
            fresh.append(wish)
    if gone := waiting - due_now.keys():
        todo.append(partial(deliveries.drop, gone))
    if over := tried.keys() - due_now.keys():
        todo.append(partial(deliveries.forget, over))
    if fresh:
        todo.append(partial(deliveries.put, fresh))
    if fresh or waiting & due_now.keys():
        there, given_up = tasks.delivers(platform)
        if given_up:
            log.error("the workers gave up", step=f"deliver-{platform}", channels=len(due_now))
            return list(due_now.values())
        if not there:
            todo.append(partial(tasks.deliver, platform))
    return failed


@dataclass(frozen=True)
class _Book:
    """What the subscriptions say, read once for all that is asked of it. Profiles are by workspace
    and name, and by what is in them."""

    subscriptions: list[Subscription]
    served: dict[str, date]
    profiles: dict[str, dict[str, Profile]]
    by_content: dict[str, Profile]

    def profile(self, found: Subscription) -> Profile | None:
        return self.profiles[found.address.workspace_key].get(found.profile)


def _book(desk: Desk) -> _Book:
    found = desk.subscriptions.all()
    known = desk.profiles_at([each.address for each in found])
    used = {
        profile.fingerprint: profile
        for each in found
        if (profile := known[each.address.workspace_key].get(each.profile))
    }
    served = desk.subscriptions.served() if found else {}
    return _Book(found, served, known, used)


def scheduled(desk: Desk, now: datetime) -> list[tuple[Subscription, Wish, Look]]:
    """What the subscriptions that do not rest are owed at a moment, and how far it has come."""
    return _scheduled(desk, _book(desk), now)


def _scheduled(desk: Desk, book: _Book, now: datetime) -> list[tuple[Subscription, Wish, Look]]:
    owed = list[tuple[Subscription, Morning]]()
    for found in book.subscriptions:
        served = book.served.get(found.key)
        mine = None if found.paused else owed_by(found, served, set(), now, desk.catch_up_days)
        if mine is not None:
            owed.append((found, mine))
    # Some of several days may have been asked for meanwhile.
    had = desk.channels.dates((s.address, s.profile) for s, mine in owed if len(mine.days) > 1)
    wishes = list[tuple[Subscription, Wish]]()
    for found, mine in owed:
        if own := had.get((found.address, found.profile)):
            served = book.served.get(found.key)
            mine = owed_by(found, served, own, now, desk.catch_up_days) or mine
        profile = book.profile(found)
        if profile is None:
            log.error("a subscription's profile is gone", subscription=found.key)
            continue
        wishes.append((found, _wish(found, profile, mine, desk)))
    facts = desk.channels.facts_of([wish for _, wish in wishes])
    return [
        (found, wish, look(wish, known, now))
        for (found, wish), known in zip(wishes, facts, strict=True)
    ]


def lessons(desk: Desk, now: datetime) -> Iterator[tuple[Profile, date]]:
    """The profiles whose gate has not learned since the last night, and that night (its UTC date):
    between two lists, when nobody waits."""
    return _lessons(desk, _book(desk), now)


def _lessons(desk: Desk, book: _Book, now: datetime) -> Iterator[tuple[Profile, date]]:
    night = (now - _NIGHT).date()
    if desk.judge.model is None or not book.subscriptions:
        return
    gates = Gates(desk.channels.store)
    learnt, seen = gates.learnt(), set[str]()
    for found in book.subscriptions:
        profile = None if found.paused else book.profile(found)
        if profile is None or not profile.gate:
            continue
        key = gate_key(profile, desk.judge.model)
        if key not in seen and learnt.get(key) != night and gates.days(key):
            yield profile, night
        seen.add(key)


def _quiet(desk: Desk, book: _Book, now: datetime) -> Iterator[tuple[Subscription, datetime]]:
    """Whose time has just come on a day without announcements, with nothing owed from before."""
    for found in book.subscriptions:
        at = found.schedule.last(now)
        owed = owed_by(found, book.served.get(found.key), set(), at, desk.catch_up_days)
        fresh = found.since < at and now - at < _SOON
        if not found.paused and fresh and owed is None and is_weekend(new_york_date(at)):
            yield found, at


def planned(desk: Desk, now: datetime) -> Iterator[tuple[Subscription, Wish | None, Look | None]]:
    """Every subscription with what would be done for it at a moment; nothing is done."""
    book = _book(desk)
    due_now = {found.key: (wish, seen) for found, wish, seen in _scheduled(desk, book, now)}
    for found in book.subscriptions:
        wish, seen = due_now.get(found.key, (None, None))
        yield found, wish, seen


def _wish(found: Subscription, profile: Profile, owed: Morning, desk: Desk) -> Wish:
    *earlier, newest = (
        Wanted(source=Source.ARXIV, categories=profile.categories, date=day) for day in owed.days
    )
    return Wish(
        profile=profile.fingerprint,
        wanted=newest,
        judge=desk.judge,
        address=found.address,
        since=owed.since,
        top=found.top,
        earlier=tuple(earlier),
        left_out=owed.left_out,
        at=owed.at,
        until=owed.at + timedelta(hours=desk.window_hours),
        subscription=found.key,
    )


def _over(wish: Wish, facts: Facts, now: datetime) -> bool:
    """A day that was asked for and is delivered; one that is short is tried for a while."""
    done, judged, listed = facts.delivered, facts.judged, facts.listed
    whole = judged and listed and not (judged.unscored or listed.problem)  # but for its budget
    if done is None or done.complete or whole:
        return True
    return _waited_long(wish, now)


def _waited_long(wish: Wish, now: datetime) -> bool:
    return now - (wish.asked or wish.since) >= _PATIENCE


def _stale(facts: Facts, now: datetime) -> bool:
    """Whether a day that is short was tried so long ago that it is wished anew."""
    done, judged = facts.delivered, facts.judged
    # A day judged again with the same outcome is not delivered again.
    return done is not None and now - max(done.at, judged.at if judged else done.at) >= AGAIN


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
