"""Gathers the figures of an installation from its store, in a bounded number of round trips."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from bot.arxiv.calendar import new_york_date
from bot.domain import categories
from bot.domain.budget import Period
from bot.domain.watching.figures import Figures
from bot.store.queues import Queues
from bot.store.spending import INSTALLATION, Spending
from bot.store.store import Store
from bot.store.values.quarantine import quarantine_counts

# Lists of so many days are looked into for a category's last one: past Christmas and a weekend.
_DAYS_BACK = 7


def gather(queues: Queues, store: Store, now: datetime, window_hours: float) -> Figures:
    """The figures at a moment. Raises RedisError."""
    open_now = store.ledger.open_deliveries()
    unexplained = sum(each.is_unexplained(now, window_hours) for each in open_now)
    subscriptions, spending = store.subscriptions.all(), Spending(store)
    return Figures(
        at=now,
        counts=store.counts.all(),
        waiting=len(open_now) - unexplained,
        unexplained=unexplained,
        spent={period: spending.spent(INSTALLATION, period, now) for period in Period},
        queues=queues.loads(),
        lists=_last_lists(store, now),
        subscriptions=len(subscriptions),
        paused=sum(each.paused is not None for each in subscriptions),
        unreadable=sum(quarantine_counts(store.redis).values()),
        unreachable=Counter(
            outage.what.partition(":")[0]
            for outage in store.outages.all()
            if outage.is_of_workspace
        ),
    )


def _last_lists(store: Store, now: datetime) -> dict[str, datetime]:
    """By category, of those that arXiv has."""
    today = new_york_date(now)
    days = [str(today - timedelta(days=n)) for n in reversed(range(_DAYS_BACK))]
    found = dict[str, datetime]()
    for answered in store.lists.answered_at(days):
        found |= answered
    known = categories.names()
    return {name: at for name, at in sorted(found.items()) if name in known}
