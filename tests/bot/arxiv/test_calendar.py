"""New York's dates and arXiv's windows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from bot.arxiv import calendar


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        ("2025-03-20T03:59:00", date(2025, 3, 19)),
        ("2025-03-20T04:00:00", date(2025, 3, 20)),
        ("2025-12-20T04:59:00", date(2025, 12, 19)),
        ("2025-12-20T05:00:00", date(2025, 12, 20)),
    ],
)
def test_the_date_turns_at_new_yorks_midnight_in_summer_and_winter(utc: str, day: date) -> None:
    assert calendar.new_york_date(datetime.fromisoformat(utc).replace(tzinfo=UTC)) == day


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        # A list's papers, by New York's 14:00 closing; in March it is at 18:00 UTC.
        (date(2025, 3, 17), "2025-03-13 18:00", "2025-03-14 18:00"),  # Monday: Thursday to Friday
        (date(2025, 3, 18), "2025-03-14 18:00", "2025-03-17 18:00"),  # Tuesday: over the weekend
        (date(2025, 3, 19), "2025-03-17 18:00", "2025-03-18 18:00"),
        (date(2025, 3, 21), "2025-03-19 18:00", "2025-03-20 18:00"),
        # The clocks change on Sunday 9 March 2025.
        (date(2025, 3, 11), "2025-03-07 19:00", "2025-03-10 18:00"),
    ],
)
def test_a_days_papers_were_submitted_between_two_closings(day: date, start: str, end: str) -> None:
    found = [f"{moment:%Y-%m-%d %H:%M}" for moment in calendar.submission_window(day)]
    assert found == [start, end]


def test_windows_of_a_week_follow_each_other_without_a_gap() -> None:
    week = [date(2025, 6, day) for day in (9, 10, 11, 12, 13, 16, 17)]
    windows = [calendar.submission_window(day) for day in week]
    assert all(a[1] == b[0] for a, b in pairwise(windows))
