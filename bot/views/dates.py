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


def short_date(day: date, year: int) -> str:
    """`Thu 20 Mar`, with the year where it is not `year`."""
    said = f"{_WEEKDAYS[day.weekday()][:3]} {day.day} {_MONTHS[day.month - 1][:3]}"
    return said if day.year == year else f"{said} {day.year}"


def short_range(earlier: Sequence[date], last: date, year: int) -> str:
    """One day, or `Mon 16 to Fri 20 Nov`."""
    if not earlier:
        return short_date(last, year)
    first = earlier[0]
    same = (first.year, first.month) == (last.year, last.month)
    begin = f"{_WEEKDAYS[first.weekday()][:3]} {first.day}" if same else short_date(first, year)
    return f"{begin} to {short_date(last, year)}"


def long_month(day: date) -> str:
    """`March 2025`."""
    return f"{_MONTHS[day.month - 1]} {day.year}"


def utc_time(moment: datetime) -> str:
    """`2025-03-20 04:40 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def local_time(at: datetime, zone: str) -> str:
    """`10:20 CET`, of a moment within a day from now."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%H:%M %Z}"
