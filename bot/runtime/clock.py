"""The tick: ask what is due for everyone who waits, and queue it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.commands.context import Context
from bot.commands.due import Snapshot, due_requests, due_training, quiet_days, take_snapshot
from bot.domain.reasons import ArxivReason, ModelReason
from bot.domain.request import DigestRequest
from bot.domain.subscription import Subscription
from bot.planning.plan import (
    RETRY_AFTER,
    RequestState,
    Step,
    StepKind,
    next_action,
    next_step,
)
from bot.store.queues import Queues
from bot.store.requests import CHATS, DueDeliveries, content_key
from bot.store.store import Store

log = structlog.get_logger()

_POLL_SECONDS = 0.1
# A day that somebody asked for is tried again for so long.
_PATIENCE = timedelta(hours=12)
# Work under way at its time is not late yet.
_GRACE = timedelta(minutes=5)
# A day that is still being read or judged, so long after we began to wait for it, is.
_STUCK = timedelta(minutes=20)
# Longer than a tick takes: one bot ticks at a time, another takes over when it is gone.
_LEASE_SECONDS = 20


# A platform that was away is tried again after a while, and so is what failed through our fault.
_AGAIN_WHEN_AWAY, _AGAIN_AFTER_FAULT = timedelta(seconds=10), timedelta(minutes=1)

Late = tuple[Subscription, DigestRequest, ArxivReason | ModelReason]


class WorkerFault(Exception):
    """The workers gave a step up: a fault in Paperboy, which their log describes."""


@dataclass(frozen=True)
class TickResult:
    """What came of a tick: whether something is under way, whose day had been delivered before
    they asked, whose request failed through a fault of ours, whose could not be delivered for so
    long that it is given up, whose day is late, and why, and who has a quiet day at this moment."""

    in_progress: bool = False
    already_delivered: tuple[DigestRequest, ...] = ()
    failed: tuple[DigestRequest, ...] = ()
    given_up: tuple[DigestRequest, ...] = ()
    late: tuple[Late, ...] = ()
    quiet_days: tuple[tuple[Subscription, datetime], ...] = ()


def advance(request: DigestRequest, store: Store, queues: Queues) -> Step | None:
    """Queue the next missing step of a wish and return it; None when it is fulfilled."""
    step = next_step(request, store.requests.state(request))
    if step is not None:
        queue_step(step, queues)
    return step


def queue_step(step: Step, queues: Queues) -> None:
    """Have a step taken, unless somebody is at it. Raises WorkerFault."""
    missing, given_up = queues.missing_and_failed([step])
    if given_up:
        raise WorkerFault(step.id)
    for each in missing:
        queues.enqueue_step(each)


def tick(context: Context, queues: Queues, now: datetime) -> TickResult:
    """Advance every wish, those that people left and those of the subscriptions.

    Wishes whose next step is the same share it. A day that somebody asked for and that ended short
    of its papers (arXiv away, model down) is wished anew after a while. First everything is looked
    at, then what is to be done is done, by one bot at a time; where nothing is, nothing is written.
    """
    ticked, todo = _plan_tick(context, queues, now)
    if todo:
        lease = context.store.lease("tick", _LEASE_SECONDS, 0)
        if lease is None:
            return TickResult()
        try:
            for act in todo:
                act()
        finally:
            lease.release()
    return ticked


Todo = list[Callable[[], object]]


def _plan_tick(context: Context, queues: Queues, now: datetime) -> tuple[TickResult, Todo]:
    """What came of everything by now, and what is to be done; all that is done may be done twice,
    or a moment late."""
    snapshot, todo = take_snapshot(context), Todo()
    asked, before, given_up = _requested_steps(context, now, todo)
    ahead, late = _scheduled_steps(context, snapshot, now, todo)
    steps = [*asked, *ahead]
    failed = _asked(context, queues, snapshot, steps, now, todo)
    for profile, night in due_training(context, snapshot, now):
        if not queues.has_training_job(profile.fingerprint, night):
            todo.append(partial(context.store.profiles.put, profile))
            model = context.judge.model or ""
            todo.append(partial(queues.enqueue_training, profile.fingerprint, model, night))
    # At the end: who is to be told something is not forgotten before the rest is done.
    todo += [
        partial(context.store.requests.drop, request) for request in (*before, *failed, *given_up)
    ]
    quiet = tuple(quiet_days(context, snapshot, now)) if context.say_quiet_days else ()
    told = tuple(before), tuple(failed), tuple(given_up), tuple(late), quiet
    return TickResult(bool(steps), *told), todo


def _requested_steps(
    context: Context, now: datetime, todo: Todo
) -> tuple[list[Step], list[DigestRequest], list[DigestRequest]]:
    """The steps that people wait for, whose day had been delivered before, and whose request is
    given up."""
    store, steps, before, given_up = (
        context.store,
        list[Step](),
        list[DigestRequest](),
        list[DigestRequest](),
    )
    requests = store.requests.all()
    for request, facts in zip(requests, store.requests.states(requests), strict=True):
        seen = next_action(request, facts, now)
        if seen.step is not None and _waited_long(request, now):
            given_up.append(request)
        elif seen.step is not None:
            steps.append(seen.step)
        elif _over(request, facts, now):
            if request.by and store.history.delivered_before(request):
                before.append(request)
            else:
                todo.append(partial(store.requests.drop, request))
        elif _stale(facts, now):
            todo.append(partial(store.requests.renew, request, now))
    return steps, before, given_up


def _scheduled_steps(
    context: Context, snapshot: Snapshot, now: datetime, todo: Todo
) -> tuple[list[Step], list[Late]]:
    """The steps that subscriptions need, and whose day is late."""
    steps, late, overdue = list[Step](), list[Late](), list[Late]()
    for found, request, seen in due_requests(context, snapshot, now):
        if seen.step is not None:
            steps.append(seen.step)
            if seen.late_reason:
                overdue.append((found, request, seen.late_reason))
        elif seen.fulfilled and request.wanted.date:
            served = request.subscription, request.wanted.date
            todo.append(partial(context.store.subscriptions.put_last_served, *served))
        elif seen.late_reason and request.at and now - request.at >= _GRACE:
            late.append((found, request, seen.late_reason))
    known = context.store.requests.overdue([request for _, request, _ in overdue])
    for row, since in zip(overdue, known, strict=True):
        if since is None:
            todo.append(partial(context.store.requests.put_overdue, row[1], now))
        elif now - since >= _STUCK:
            late.append(row)
    return steps, late


def _asked(
    context: Context,
    queues: Queues,
    snapshot: Snapshot,
    steps: Sequence[Step],
    now: datetime,
    todo: Todo,
) -> list[DigestRequest]:
    """Have these steps taken, each once, unless somebody is at it; returns whose the workers have
    given up."""
    others = list[Step]()
    chats: dict[str, list[DigestRequest]] = {platform: [] for platform in CHATS}
    for step in steps:
        if step.kind is StepKind.DELIVER and step.wish.address.platform in chats:
            chats[step.wish.address.platform].append(step.wish)
        else:
            others.append(step)
    missing, given_up = queues.missing_and_failed(others)
    if given_up:
        log.error("the workers gave up", steps=sorted(given_up))
    for step in missing:
        if profile := snapshot.by_fingerprint.get(step.wish.profile):
            todo.append(partial(context.store.profiles.put, profile))
        todo.append(partial(queues.enqueue_step, step))
    failed = [step.wish for step in others if step.id in given_up]
    for platform, mine in chats.items():
        deliveries = DueDeliveries(context.store.redis, platform)
        failed += _posted(deliveries, platform, queues, mine, now, todo)
    return failed


def _posted(
    deliveries: DueDeliveries,
    platform: str,
    queues: Queues,
    requests: Sequence[DigestRequest],
    now: datetime,
    todo: Todo,
) -> list[DigestRequest]:
    """Leave who is due on a platform to the job that posts there; returns whose delivery failed
    through a fault of ours. What waits there is what the last look found due."""
    waiting, tried = deliveries.waiting_and_failed()
    due_now = {content_key(request): request for request in requests}
    failed, fresh = list[DigestRequest](), list[DigestRequest]()
    for key, request in due_now.items():
        last = tried.get(key)
        if last and now - last.at < (_AGAIN_AFTER_FAULT if last.fault else _AGAIN_WHEN_AWAY):
            failed += [request] if last.fault else []
        elif key not in waiting:
            fresh.append(request)
    if gone := waiting - due_now.keys():
        todo.append(partial(deliveries.drop, gone))
    if over := tried.keys() - due_now.keys():
        todo.append(partial(deliveries.forget_failures, over))
    if fresh:
        todo.append(partial(deliveries.put, fresh))
    if fresh or waiting & due_now.keys():
        there, given_up = queues.delivery_job_state(platform)
        if given_up:
            log.error("the workers gave up", step=f"deliver-{platform}", channels=len(due_now))
            return list(due_now.values())
        if not there:
            todo.append(partial(queues.enqueue_delivery, platform))
    return failed


def _over(request: DigestRequest, facts: RequestState, now: datetime) -> bool:
    """A day that was asked for and is delivered; one that is short is tried for a while."""
    done, judged, list_result = facts.delivered, facts.judged, facts.listed
    whole = (
        judged and list_result and not (judged.unscored or list_result.problem)
    )  # but for its budget
    if done is None or done.complete or whole:
        return True
    return _waited_long(request, now)


def _waited_long(request: DigestRequest, now: datetime) -> bool:
    return now - (request.asked or request.since) >= _PATIENCE


def _stale(facts: RequestState, now: datetime) -> bool:
    """Whether a day that is short was tried so long ago that it is wished anew."""
    done, judged = facts.delivered, facts.judged
    # A day judged again with the same outcome is not delivered again.
    return done is not None and now - max(done.at, judged.at if judged else done.at) >= RETRY_AFTER


def fulfil(
    request: DigestRequest,
    store: Store,
    queues: Queues,
    meanwhile: Callable[[Step], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Advance a wish until it is fulfilled, calling `meanwhile` with the step under way.

    Raises WorkerFault. Interrupted, it leaves the steps queued: asking again finds what is done.
    """
    while (step := advance(request, store, queues)) is not None:
        meanwhile(step)
        sleep(_POLL_SECONDS)
