"""What the bot says of how things stand, and of what is planned."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.domain.message import Head
from bot.domain.request import Wish
from bot.domain.status import Status, SubscriptionStatus
from bot.domain.subscription import Subscription
from bot.planning.plan import Kind, Look
from bot.views.cost import gate_line
from bot.views.dates import clock_time
from bot.views.digest import STEPS
from bot.views.reasons import TROUBLES
from bot.views.refusals import why_paused
from bot.views.subscriptions import last_one, next_one, when


def status_text(status: Status) -> Head:
    """How things stand, a line each."""
    rows = [f"judge: {status.judge.model or 'the local ranking, no model'}"]
    rows.append(f"server: {status.server}, {status.memory / 1e6:.1f} MB, {_kept(status)}")
    for outage in status.outages:
        since = clock_time(outage.since)
        rows.append(f"away: {outage.what} since {since}, tried again every minute: {outage.why}")
    if status.aside:
        kinds = ", ".join(f"{count} of {kind}" for kind, count in status.aside)
        rows.append(f"set aside, because it could not be read (the log says which): {kinds}")
    for queue in status.queues:
        rows.append(
            f"queue {queue.name}: {queue.workers} at work, {queue.waiting} waiting, "
            f"{queue.under_way} under way, {queue.failed} failed"
        )
    rows += [
        f"waiting: {wish.address} for {', '.join(wish.categories)} since {clock_time(wish.since)}"
        for wish in status.wishes
    ]
    rows += [_subscription(found, status.at) for found in status.subscriptions]
    gates = [gate_line(s.subscription.profile, s.gate) for s in status.subscriptions if s.gate]
    rows += dict.fromkeys(gates)
    return Head(title=f"Status at {clock_time(status.at)}", text=tuple(rows))


def _kept(status: Status) -> str:
    kept = "kept on disk" if status.persistent else "NOT kept on disk: appendonly is off"
    if status.policy != "noeviction":
        kept += f", and may forget: maxmemory-policy is {status.policy}, set noeviction"
    return kept


def _subscription(found: SubscriptionStatus, at: datetime) -> str:
    mine = found.subscription
    coming = f"paused: {why_paused(mine)}" if mine.paused else f"next {next_one(mine, at)}"
    return f"{mine.key}: {when(mine, at)}; {coming}; {last_one(found.last)}"


def plan_text(
    planned: Iterable[tuple[Subscription, Wish | None, Look | None]], at: datetime
) -> Head:
    """What would be done at a moment for each subscription, or why nothing."""
    rows = tuple(f"{found.key}: {_planned(found, wish, look, at)}" for found, wish, look in planned)
    return Head(
        title=f"Plan at {clock_time(at)}",
        text=rows or ("Nobody has subscribed anything; /digest subscribe does, in a channel.",),
    )


def _planned(found: Subscription, wish: Wish | None, look: Look | None, at: datetime) -> str:
    if found.paused:
        return f"nothing, it is paused: {why_paused(found)}"
    if wish is None or look is None or wish.at is None:
        return f"nothing: every day up to now was seen to; next {next_one(found, at)}"
    days = ", ".join(str(wanted.date) for wanted in wish.queries)
    if look.step and look.step.kind is not Kind.DELIVER:
        doing = STEPS[look.step.kind]
        doing = doing[0].lower() + doing[1:]
        return f"{doing} of {look.step.wish.wanted.date} (owed: {days})"
    if look.step:
        return f"delivering {days}"
    if look.late:
        return f"nothing yet, {days} is late: {TROUBLES[look.late]}; trying again"
    if look.fulfilled:
        return f"nothing: {days} is delivered and whole"
    if at < wish.at:
        return f"nothing yet: {days} is judged and waits for {clock_time(wish.at)}"
    return f"nothing yet: {days} is delivered and may still grow"
