"""Which days a channel is owed at a moment, and which it has had or will never get."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta

import pytest

from bot.arxiv.calendar import NEW_YORK
from bot.domain.schedule import Schedule
from bot.planning.due_days import DueDays, due_days

AT_NINE = Schedule(at=time(9), tz="Europe/Berlin")
# Thursday, 09:00 in Berlin; the two Mondays before are of the same weeks as these numbers.
THURSDAY = datetime(2025, 3, 20, 8, tzinfo=UTC)


def march(*days: int) -> tuple[date, ...]:
    return tuple(date(2025, 3, day) for day in days)


def owed(
    served: int, now: datetime = THURSDAY, delivered: Collection[date] = (), most: int = 5
) -> DueDays | None:
    return due_days(AT_NINE, date(2025, 3, served), delivered, now, most)


def days(found: DueDays | None) -> tuple[date, ...]:
    return found.days if found else ()


def test_after_a_long_downtime_the_newest_days_are_due_and_the_others_counted() -> None:
    found = owed(7)
    assert days(found) == march(14, 17, 18, 19, 20)
    assert found is not None
    assert found.left_out == 4


def test_all_days_up_to_the_limit_are_due() -> None:
    found = owed(13)
    assert days(found) == march(14, 17, 18, 19, 20)
    assert found is not None
    assert found.left_out == 0


def test_no_day_is_at_a_weekend() -> None:
    assert days(owed(14)) == march(17, 18, 19, 20)


def test_a_day_delivered_on_request_is_not_due_again() -> None:
    assert days(owed(17, delivered=march(18))) == march(19, 20)


def test_the_newest_day_is_due_until_its_window_ends_although_it_was_requested() -> None:
    """What was short when a person asked for it is whole when its time comes."""
    assert days(owed(17, delivered=march(18, 19, 20))) == march(20)
    assert days(owed(19, delivered=march(20))) == march(20)


@pytest.mark.parametrize("seconds", [-1, 0])
def test_a_day_is_looked_for_from_ten_past_midnight_in_new_york(seconds: int) -> None:
    first_look = datetime(2025, 3, 21, 0, 10, tzinfo=NEW_YORK)
    found = owed(20, now=first_look.astimezone(UTC) + timedelta(seconds=seconds))
    assert days(found) == (() if seconds else march(21))
    if found:
        assert (found.at, found.fetch_from) == (datetime(2025, 3, 21, 8, tzinfo=UTC), first_look)


def test_a_moment_that_has_passed_is_due_before_the_next_one() -> None:
    found = owed(19, now=THURSDAY + timedelta(hours=3))
    assert found is not None
    assert (days(found), found.at) == (march(20), THURSDAY)


@pytest.mark.parametrize(("served", "now"), [(20, THURSDAY), (21, THURSDAY + timedelta(days=2))])
def test_a_day_that_was_handled_is_no_longer_due(served: int, now: datetime) -> None:
    assert owed(served, now) is None
