"""`paperboy status` at a terminal: what is wrong, the queues, and every subscription, in tables."""

from __future__ import annotations

from dataclasses import dataclass

from bot.arxiv.text import one_line
from bot.domain.status import Status, SubscriptionStatus
from bot.domain.watching.ledger import Month
from bot.views.dates import utc_time
from bot.views.digest import count
from bot.views.refusals import why_paused
from bot.views.status import kept
from bot.views.subscriptions import last_delivery_text, next_time
from bot.views.watching.month import month_text


@dataclass(frozen=True)
class BoardTable:
    """Columns by their heads; every row has one text for each."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Board:
    """`troubles` are sentences; none is good."""

    title: str
    lines: tuple[str, ...]
    troubles: tuple[str, ...]
    tables: tuple[BoardTable, ...]


def board(status: Status, month: Month, most: int | None = None) -> Board:
    """The state of everything; of the subscriptions the first, where there are more than `most`."""
    shown = status.subscriptions[:most]
    lines = [
        f"model     {status.judge.model or 'none, papers are ranked locally'}",
        f"database  {status.server}, {status.memory / 1e6:.1f} MB, {kept(status)}",
        f"digests   {month_text(month)}",
    ]
    if hidden := len(status.subscriptions) - len(shown):
        lines.append(f"          {count(hidden, 'subscription')} more than have room here")
    queues = tuple(
        (q.name, str(q.workers), str(q.waiting), str(q.under_way), str(q.failed))
        for q in status.queues
    )
    tables = [BoardTable(("queue", "workers", "waiting", "running", "failed"), queues)]
    if status.wishes:
        waiting = tuple(
            (str(wish.address), ", ".join(wish.categories), utc_time(wish.since))
            for wish in status.wishes
        )
        tables.append(BoardTable(("waiting", "for", "since"), waiting))
    if shown:
        rows = tuple(_row(each, status) for each in shown)
        tables.append(BoardTable(("channel", "profile", "next", "last"), rows))
    return Board(
        title=f"Paperboy at {utc_time(status.at)}",
        lines=tuple(lines),
        troubles=tuple(_troubles(status, month)),
        tables=tuple(tables),
    )


def _troubles(status: Status, month: Month) -> list[str]:
    found = [
        f"{outage.what} is away since {utc_time(outage.since)}: {outage.why}"
        for outage in status.outages
    ]
    idle = [queue.name for queue in status.queues if not queue.workers]
    if idle:
        found.append(f"No worker serves {', '.join(idle)}.")
    if month.unexplained:
        found.append(f"Digests that never came, and nobody knows why: {month.unexplained}.")
    if status.aside:
        kinds = ", ".join(f"{number} of {kind}" for kind, number in status.aside)
        found.append(f"Unreadable and set aside (details in the log): {kinds}.")
    return found


def _row(found: SubscriptionStatus, status: Status) -> tuple[str, ...]:
    mine = found.subscription
    coming = why_paused(mine) if mine.paused else next_time(mine, status.at)
    last = last_delivery_text(found.last).removeprefix("last: ")
    return str(mine.address), one_line(mine.profile), coming, last
