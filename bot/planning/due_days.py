"""Which days are due for a channel, and when they are fetched; pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from bot.arxiv.calendar import first_fetch, is_weekend, new_york_date
from bot.domain.schedule import Schedule
from bot.domain.subscription import Subscription


class DueDays(NamedTuple):
    """The days (New York dates, the oldest first) that are due at `at`, and fetched from
    `fetch_from` on (both aware). `left_out` counts older days, too many for one digest."""

    at: datetime
    fetch_from: datetime
    days: tuple[date, ...]
    left_out: int = 0


def due_days(
    schedule: Schedule,
    served: date,
    delivered_dates: Collection[date],
    now: datetime,
    most: int,
) -> DueDays | None:
    """The days a schedule is due now, or prepares for its next moment; None on a quiet day.

    `served` is the last served day, or the day of the subscription: earlier days are not caught
    up. `delivered_dates` are days that the channel got in another way. At most `most` days are due
    at once.
    """
    for at in (schedule.last(now), schedule.next(now)):
        newest = new_york_date(at)
        if newest <= served or now < first_fetch(newest):
            continue
        days = [
            day for day in _weekdays(served, newest) if day not in delivered_dates or day == newest
        ]
        if days:
            return DueDays(at, first_fetch(newest), tuple(days[-most:]), len(days[:-most]))
    return None


def subscription_due_days(
    subscription: Subscription,
    served: date | None,
    delivered_dates: set[date],
    now: datetime,
    most: int,
) -> DueDays | None:
    """The due days of a subscription, which begins with the first day after it was made."""
    begin = day_before(subscription.schedule, subscription.since)
    served = max(served or begin, begin)
    return due_days(subscription.schedule, served, delivered_dates, now, most)


@lru_cache(maxsize=1 << 12)
def day_before(schedule: Schedule, since: datetime) -> date:
    """The last day that is not owed to a subscription made at `since`."""
    made = new_york_date(since)
    if new_york_date(schedule.next(since)) == made:  # made before that day's own digest
        made -= timedelta(days=1)
    return made


def _weekdays(after: date, last: date) -> list[date]:
    days = [after + timedelta(days=n) for n in range(1, (last - after).days + 1)]
    return [day for day in days if not is_weekend(day)]
