"""Which deliveries a subscription is owed: one for each of its moments that has a new day; pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from bot.arxiv.calendar import is_weekend, new_york_date
from bot.domain.request import RECENT
from bot.domain.subscription import Subscription
from bot.planning.due_days import day_before

# A subscription that the ledger has never seen and that is older than this comes from a release
# without one: what was before is not owed any more.
_UNSEEN = timedelta(days=1)


class Owing(NamedTuple):
    """The moments (UTC) that are owed, the oldest first, and up to when that was looked at."""

    moments: tuple[datetime, ...]
    until: datetime


def newly_owed(subscription: Subscription, mark: datetime | None, now: datetime) -> Owing | None:
    """What became owed to a subscription since `mark`, up to which the ledger has looked (None:
    never); None where there is nothing to record. A moment without a new weekday is owed nothing,
    and neither is one while the subscription is paused."""
    is_new = now - subscription.since <= _UNSEEN
    begin = mark or (subscription.since if is_new else now)
    last = subscription.schedule.last(now)
    if subscription.paused:
        return None if mark and last <= mark else Owing((), now)
    if last <= begin:
        return None if mark or is_new else Owing((), now)
    at, moments = max(begin, now - RECENT), list[datetime]()
    before = new_york_date(at) if mark else day_before(subscription.schedule, at)
    while (at := subscription.schedule.next(at)) <= now:
        if _has_weekday(before, new_york_date(at)):
            moments.append(at)
        before = new_york_date(at)
    return Owing(tuple(moments), last)


def _has_weekday(after: date, until: date) -> bool:
    days = (after + timedelta(days=n) for n in range(1, (until - after).days + 1))
    return any(not is_weekend(day) for day in days)
