"""arXiv's calendar: New York dates, and the submissions of a day's list; pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
# The feed turns over within the hour after New York's midnight.
_FIRST_FETCH = time(0, 10)
# Submissions close at 14:00 Eastern (info.arxiv.org, "availability of submissions").
_CLOSE = time(14, 0)


@lru_cache(maxsize=1 << 12)
def new_york_date(now: datetime) -> date:
    """The announcement date at `now` (aware): New York's date. Kept, because a tick asks for the
    same moments for every subscription."""
    return now.astimezone(NEW_YORK).date()


@lru_cache(maxsize=1 << 12)
def first_fetch(day: date) -> datetime:
    """When the feed of a New York date may be asked for (aware). Kept, because a tick asks for it
    for every subscription."""
    return datetime.combine(day, _FIRST_FETCH, NEW_YORK).astimezone(UTC)


def is_weekend(day: date) -> bool:
    """arXiv's feeds are empty on New York's Saturdays and Sundays."""
    return day.weekday() >= 5


def weekday_before(day: date) -> date:
    """The last Monday-to-Friday date before this one, holidays included."""
    day -= timedelta(days=1)
    while is_weekend(day):
        day -= timedelta(days=1)
    return day


def submission_window(day: date) -> tuple[datetime, datetime]:
    """The submission window of the list dated `day` (a weekday), in UTC.

    The list dated D is announced on the evening before. Tuesday's to Friday's lists have the papers
    submitted between the last two closings, at 14:00 on working days; Monday's, announced on Sunday
    evening, has those from Thursday 14:00 to Friday 14:00. Papers that moderators held back are
    not in the window.
    """
    last = weekday_before(day)
    first = weekday_before(last)
    start, end = (datetime.combine(d, _CLOSE, NEW_YORK).astimezone(UTC) for d in (first, last))
    return start, end
