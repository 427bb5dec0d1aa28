"""Days and moments in words, whatever the machine's locale; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def long_date(day: date) -> str:
    """`Thursday 20 March 2025`, whatever the machine's locale."""
    return f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def long_month(day: date) -> str:
    """`March 2025`."""
    return f"{_MONTHS[day.month - 1]} {day.year}"


def date_range(earlier: Sequence[date], last: date) -> str:
    """One day, or `Monday 16 to Friday 20 November 2026`."""
    if not earlier:
        return long_date(last)
    first = earlier[0]
    begin = f"{_WEEKDAYS[first.weekday()]} {first.day}"
    if (first.year, first.month) != (last.year, last.month):
        begin += f" {_MONTHS[first.month - 1]}"
    return f"{begin} to {long_date(last)}"


def utc_time(moment: datetime) -> str:
    """`2025-03-20 04:40 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def local_time(at: datetime, zone: str) -> str:
    """`10:20 CET`, of a moment within a day from now."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%H:%M %Z}"
