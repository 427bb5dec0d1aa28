"""The tick: find what is due for every request and subscription, and queue it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple

import structlog

from bot.commands.context import Context
from bot.commands.due import (
    Snapshot,
    choose_examples,
    due_examples,
    due_requests,
    due_training,
    quiet_days,
    take_snapshot,
    weekly_best,
)
from bot.domain.reasons import ArxivReason, ChannelReason, ModelReason
from bot.domain.request import Address, DigestRequest
from bot.domain.subscription import Subscription
from bot.planning.plan import (
    RETRY_AFTER,
    RequestState,
    Step,
    StepKind,
    next_action,
)
from bot.store.queues import Queues
from bot.store.requests import CHATS, DueDeliveries, content_key
from bot.watch.outages import record_outage
from bot.watch.owing import ledger_changes

log = structlog.get_logger()

# How long a request of a person is retried.
_PATIENCE = timedelta(hours=12)
# A digest counts as late after this long past its time.
_GRACE = timedelta(minutes=5)
# A step that is still under way this long after it was first due makes its digest late.
_STUCK = timedelta(minutes=20)
# Longer than a tick takes: one bot ticks at a time, and another takes over when it dies.
_LEASE_SECONDS = 20
# Before a delivery is retried: the platform was away, or the fault was ours.
_AGAIN_WHEN_AWAY, _AGAIN_AFTER_FAULT = timedelta(seconds=10), timedelta(minutes=1)

Late = tuple[Subscription, DigestRequest, ArxivReason | ModelReason]


@dataclass(frozen=True)
class TickResult:
    """What a tick found: whether a step is under way; requests for a digest that had been
    delivered before, that failed through our fault, or that are given up after _PATIENCE; digests
    that are late, with the reason; subscriptions whose time has come on a quiet day; private
    previews that can be shown; and channels that are told the best of the week, with the day. A
    person's request stays until that person has been told."""

    in_progress: bool = False
    already_delivered: tuple[DigestRequest, ...] = ()
    failed: tuple[DigestRequest, ...] = ()
    given_up: tuple[DigestRequest, ...] = ()
    late: tuple[Late, ...] = ()
    quiet_days: tuple[tuple[Subscription, datetime], ...] = ()
    previews: tuple[DigestRequest, ...] = ()
    weekly_best: tuple[tuple[Address, date], ...] = ()


def tick(context: Context, queues: Queues, now: datetime) -> TickResult:
    """Advance every request, people's and subscriptions', at a moment (UTC).

    Requests with the same next step share it. A person's request that ended short of its papers
    (arXiv away, model down) is renewed after a while. Everything is read first; then the changes
    are made under a lease, by one bot at a time. A tick with nothing to do writes nothing.
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
    """The tick's result, and the changes to make, each of which may be made twice, or late."""
    snapshot = take_snapshot(context)
    ledger = context.store.ledger
    rows = ledger.rows()
    todo = Todo(ledger_changes(ledger, rows, snapshot, now))
    requested = _requested_steps(context, now, todo)
    owing = {key for key, row in rows.items() if row.open}
    scheduled, late = _scheduled_steps(context, snapshot, owing, now, todo)
    steps = [*requested.steps, *scheduled]
    failed = _queue_steps(context, queues, snapshot, steps, now, todo)
    for place, profile, night in due_examples(context, snapshot, now):
        todo.append(partial(choose_examples, context, place, profile, night))
    for profile, owner, night in due_training(context, snapshot, now):
        if not queues.has_training_job(profile.fingerprint, night, owner):
            todo.append(partial(context.store.profiles.put, profile))
            training = profile.fingerprint, context.judge.model or "", night, owner
            todo.append(partial(queues.enqueue_training, *training))
    todo += _outages_over(context, snapshot, steps, now)
    over = (*requested.before, *failed, *requested.given_up, *requested.previews)
    # Nobody is told at a terminal: who asked there sees it, or has gone.
    gone = [request for request in over if request.address.platform not in CHATS]
    todo += [partial(context.store.requests.drop, request) for request in gone]
    quiet = tuple(quiet_days(context, snapshot, now)) if context.say_quiet_days else ()
    ticked = TickResult(
        in_progress=bool(steps),
        already_delivered=tuple(requested.before),
        failed=tuple(failed),
        given_up=tuple(requested.given_up),
        late=tuple(late),
        quiet_days=quiet,
        previews=tuple(requested.previews),
        weekly_best=tuple(weekly_best(context, snapshot, now)),
    )
    return ticked, todo


def _outages_over(
    context: Context, snapshot: Snapshot, steps: Sequence[Step], now: datetime
) -> Iterator[Callable[[], object]]:
    """What was wrong with a workspace is over with the last thing to do there: nothing is posted
    any more that would end it."""
    served = {
        each.address.workspace_key
        for each in snapshot.subscriptions
        if each.paused is None or each.paused.trouble is ChannelReason.BAD_TOKEN
    }
    served |= {step.wish.address.workspace_key for step in steps}
    for outage in context.store.outages.all():
        if outage.is_of_workspace and outage.what not in served:
            yield partial(record_outage, context.store, outage.what, "", now)


class _Requested(NamedTuple):
    """The next steps of people's requests, the requests that had been delivered before, those
    that are given up, and the previews that can be shown."""

    steps: list[Step]
    before: list[DigestRequest]
    given_up: list[DigestRequest]
    previews: list[DigestRequest]


def _requested_steps(context: Context, now: datetime, todo: Todo) -> _Requested:
    store, found = context.store, _Requested([], [], [], [])
    requests = store.requests.all()
    for request, facts in zip(requests, store.requests.states(requests), strict=True):
        seen = next_action(request, facts, now)
        if seen.step is not None and _is_hopeless(seen.step, now):
            found.given_up.append(request)
        elif seen.step is not None:
            found.steps.append(seen.step)
        elif request.preview:
            found.previews.append(request)
        elif _over(request, facts, now):
            if request.by and store.history.delivered_before(request):
                found.before.append(request)
            else:
                todo.append(partial(store.requests.drop, request))
        elif _stale(facts, now):
            todo.append(partial(store.requests.renew, request, now))
    return found


def _scheduled_steps(
    context: Context, snapshot: Snapshot, owing: Collection[str], now: datetime, todo: Todo
) -> tuple[list[Step], list[Late]]:
    """The next steps of subscriptions, and the digests that are late. `owing` are the subscriptions
    (keys) with an open delivery in the ledger."""
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
        is_there = seen.step is None and seen.late_reason is None
        is_open = request.subscription in owing or seen.fulfilled
        if is_there and is_open and request.at and now >= request.at:
            # Whoever posts it for its schedule closes it: somebody had asked for it before.
            early = request.subscription, request.at, request.at
            todo.append(partial(context.store.ledger.settle, *early))
    overdue_since = context.store.requests.overdue([request for _, request, _ in overdue])
    for row, since in zip(overdue, overdue_since, strict=True):
        if since is None:
            todo.append(partial(context.store.requests.put_overdue, row[1], now))
        elif now - since >= _STUCK:
            late.append(row)
    return steps, late


def _queue_steps(
    context: Context,
    queues: Queues,
    snapshot: Snapshot,
    steps: Sequence[Step],
    now: datetime,
    todo: Todo,
) -> list[DigestRequest]:
    """Queue each step once, unless it is queued or under way; returns the requests whose step the
    workers gave up."""
    others = list[Step]()
    chats: dict[str, list[DigestRequest]] = {platform: [] for platform in CHATS}
    for step in steps:
        in_chat = step.wish.address.platform in chats and not step.wish.preview
        if step.kind is StepKind.DELIVER and in_chat:
            chats[step.wish.address.platform].append(step.wish)
        else:
            others.append(step)
    missing, given_up = queues.missing_and_failed(others)
    if given_up:
        log.error("the workers gave up", steps=sorted(given_up))
    profiles = snapshot.by_fingerprint
    for step in missing:
        if profile := profiles.get(step.wish.profile):
            todo.append(partial(context.store.profiles.put, profile))
        todo.append(partial(queues.enqueue_step, step))
    failed = [step.wish for step in others if step.id in given_up]
    for platform, mine in chats.items():
        deliveries = DueDeliveries(context.store.redis, platform)
        failed += _queue_deliveries(deliveries, platform, queues, mine, now, todo)
    return failed


def _queue_deliveries(
    deliveries: DueDeliveries,
    platform: str,
    queues: Queues,
    requests: Sequence[DigestRequest],
    now: datetime,
    todo: Todo,
) -> list[DigestRequest]:
    """Hand the requests due on a platform to the jobs that post there, and withdraw those that are
    no longer due; returns the requests that failed through our fault."""
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
        parts = queues.posters(platform)
        is_queued, given_up = queues.delivery_jobs_state(platform, parts)
        if given_up:
            log.error("the workers gave up", step=f"deliver-{platform}", channels=len(due_now))
            return list(due_now.values())
        if not is_queued:
            todo.append(partial(queues.enqueue_deliveries, platform, parts))
    return failed


def _over(request: DigestRequest, facts: RequestState, now: datetime) -> bool:
    """Whether a person's request is done: delivered in full, or short for longer than we retry."""
    done, judged, listed = facts.delivered, facts.judged, facts.listed
    # Short of nothing but its budget, which a retry does not raise.
    in_full = judged and listed and not (judged.unscored or listed.problem)
    if done is None or done.complete or in_full:
        return True
    return _waited_long(request, now)


def _is_hopeless(step: Step, now: datetime) -> bool:
    """Whether a request is given up. One that only waits for its platform is not: the platform that
    is away could not be told so, and posts it when it is back."""
    is_waited_for = step.kind is not StepKind.DELIVER or step.wish.preview
    return is_waited_for and _waited_long(step.wish, now)


def _waited_long(request: DigestRequest, now: datetime) -> bool:
    return now - (request.asked or request.since) >= _PATIENCE


def _stale(facts: RequestState, now: datetime) -> bool:
    """Whether a short digest was tried so long ago that its request is renewed."""
    done, judged = facts.delivered, facts.judged
    # Judged later than delivered: the outcome was the same, so it was not delivered again.
    return done is not None and now - max(done.at, judged.at if judged else done.at) >= RETRY_AFTER
