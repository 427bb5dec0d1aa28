"""`/digest status` and `paperboy plan`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from bot.arxiv.text import one_line
from bot.domain.message import Message
from bot.domain.papers import ArchiveNote
from bot.domain.request import DigestRequest
from bot.domain.status import Status, SubscriptionStatus
from bot.domain.subscription import Subscription
from bot.planning.plan import NextAction, StepKind
from bot.views.dates import utc_time
from bot.views.digest import STEPS, count, feed_trouble
from bot.views.gate import gate_line
from bot.views.reasons import REASON_TEXTS
from bot.views.refusals import why_paused
from bot.views.subscriptions import last_delivery_text, next_time, schedule_text

# By what is stored (domain/readers/following.Untellable).
_UNTOLD: Final = {
    "left": "left, or a guest by now",
    "no_direct": "direct messages are refused",
}


def status_text(status: Status) -> Message:
    """Model, database, queues, requests, subscriptions and gates: a line each."""
    rows = [f"model: {status.judge.model or 'none, papers are ranked locally'}"]
    rows.append(f"database: {status.server}, {status.memory / 1e6:.1f} MB, {kept(status)}")
    for outage in status.outages:
        since = utc_time(outage.since)
        rows.append(f"outage: {outage.what} since {since}, retried every minute: {outage.why}")
    if status.aside:
        kinds = ", ".join(f"{count} of {kind}" for kind, count in status.aside)
        rows.append(f"unreadable and set aside (details in the log): {kinds}")
    for queue in status.queues:
        rows.append(
            f"queue {queue.name}: {count(queue.workers, 'worker')}, {queue.waiting} waiting, "
            f"{queue.under_way} running, {queue.failed} failed"
        )
    rows += [
        f"waiting: {request.address} for {', '.join(request.categories)} "
        f"since {utc_time(request.since)}"
        for request in status.wishes
    ]
    for why, people in sorted(Counter(why for _, why in status.untold).items()):
        who = "1 person" if people == 1 else f"{people} people"
        rows.append(f"follows: {who} can't be told: {_UNTOLD.get(why, why)}; not tried for a month")
    rows += [_subscription(found, status.at) for found in status.subscriptions]
    gates = [gate_line(s.subscription.profile, s.gate) for s in status.subscriptions if s.gate]
    rows += dict.fromkeys(gates)
    return Message(title=f"Status at {utc_time(status.at)}", text=tuple(rows))


def kept(status: Status) -> str:
    """Whether the database keeps what it is given."""
    said = "saved to disk" if status.persistent else "NOT saved to disk: appendonly is off"
    if status.policy != "noeviction":
        said += f"; may delete data: maxmemory-policy is {status.policy}, set noeviction"
    return said


def _subscription(found: SubscriptionStatus, at: datetime) -> str:
    mine = found.subscription
    coming = why_paused(mine) if mine.paused else f"next {next_time(mine, at)}"
    last = last_delivery_text(found.last)
    if found.last and found.last.judge:
        last += f", scored by {one_line(found.last.judge)}"
    archive = f"; {archive_row(found.archive)}" if found.archive else ""
    return f"{mine.key}: {schedule_text(mine, at)}; {coming}; {last}{archive}"


def archive_row(note: ArchiveNote) -> str:
    """What arXiv's archive interface told today where the feed did not, and how they compare.

    `today arXiv's feed was late; the archive interface has 447 papers; the feed has 450 papers: 3
    only there, 0 only in the archive`."""
    said = f"today {feed_trouble(note.why)}; "
    if not note.papers:
        return f"{said}the archive interface has no paper either"
    said += f"the archive interface has {count(note.papers, 'paper')}"
    if note.unclear:
        said += f", and {note.unclear} changed ones that may be cross-lists"
    if note.compared is None:
        return said
    feed, archive = note.compared.only_feed, note.compared.only_archive
    has = count(note.compared.feed, "paper")
    return f"{said}; the feed has {has}: {feed} only there, {archive} only in the archive"


def plan_text(
    planned: Iterable[tuple[Subscription, DigestRequest | None, NextAction | None]], at: datetime
) -> Message:
    """What is due at a moment for each subscription, or why nothing is."""
    rows = tuple(
        f"{found.key}: {_planned(found, request, action, at)}" for found, request, action in planned
    )
    return Message(
        title=f"Plan at {utc_time(at)}",
        text=rows
        or ("No subscriptions yet. To make one, in a channel: /digest subscribe PROFILE.",),
    )


def _planned(
    found: Subscription, request: DigestRequest | None, action: NextAction | None, at: datetime
) -> str:
    if found.paused:
        return f"nothing, {why_paused(found)}"
    if request is None or action is None or request.at is None:
        return f"nothing: every day up to now is done; next {next_time(found, at)}"
    days = ", ".join(str(query.date) for query in request.queries)
    if action.step and action.step.kind is not StepKind.DELIVER:
        doing = STEPS[action.step.kind]
        doing = doing[0].lower() + doing[1:]
        return f"{doing} of {action.step.wish.wanted.date} (due: {days})"
    if action.step:
        return f"posting {days}"
    if action.late_reason:
        return f"nothing yet, {days} is late: {REASON_TEXTS[action.late_reason]}; trying again"
    if action.fulfilled:
        return f"nothing: {days} is posted and complete"
    if at < request.at:
        return f"nothing yet: {days} is scored and due at {utc_time(request.at)}"
    return f"nothing yet: {days} is posted and may still get papers"
