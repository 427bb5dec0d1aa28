"""Which moments of a schedule are owed a digest."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from bot.domain.schedule import Schedule
from bot.domain.subscription import Paused
from bot.planning.owed import newly_owed
from tests.factories import subscription

WEEKDAYS = Schedule(at=time(9), tz="Europe/Berlin")
MONDAY = datetime(2026, 10, 5, 7, tzinfo=UTC)  # nine in Berlin
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def mine(since: datetime, schedule: Schedule = WEEKDAYS):  # type: ignore[no-untyped-def]
    return subscription().model_copy(update={"since": since, "schedule": schedule})


def test_the_first_is_that_of_the_next_moment() -> None:
    made = mine(MONDAY - HOUR)
    assert newly_owed(made, None, MONDAY - timedelta(seconds=1)) is None
    owing = newly_owed(made, None, MONDAY)
    assert owing
    assert owing.moments == (MONDAY,)
    assert newly_owed(made, owing.until, MONDAY + HOUR) is None


def test_after_days_in_which_nobody_looked_each_weekday_is_owed() -> None:
    owing = newly_owed(mine(MONDAY - 30 * DAY), MONDAY, MONDAY + 7 * DAY)
    assert owing
    assert owing.moments == tuple(MONDAY + n * DAY for n in (1, 2, 3, 4, 7))


def test_a_schedule_of_one_day_a_week_is_owed_one_digest_a_week() -> None:
    friday = MONDAY + 4 * DAY
    weekly = Schedule(at=time(9), tz="Europe/Berlin", days=(4,))
    owing = newly_owed(mine(MONDAY - HOUR, weekly), MONDAY, friday + 7 * DAY)
    assert owing
    assert owing.moments == (friday, friday + 7 * DAY)


def test_on_a_day_without_announcements_nothing_is_owed() -> None:
    every_day = Schedule(at=time(9), tz="Europe/Berlin", days=(0, 1, 2, 3, 4, 5, 6))
    friday = MONDAY + 4 * DAY
    owing = newly_owed(mine(MONDAY - HOUR, every_day), friday, friday + 2 * DAY)
    assert owing
    assert owing == ((), friday + 2 * DAY)


def test_while_it_is_paused_nothing_is_owed_and_not_afterwards_either() -> None:
    made = mine(MONDAY - 30 * DAY)
    paused = made.model_copy(update={"paused": Paused(at=MONDAY, by="U1")})
    looked = newly_owed(paused, MONDAY, MONDAY + 3 * DAY)
    assert looked == ((), MONDAY + 3 * DAY)
    assert looked
    assert newly_owed(paused, looked.until, MONDAY + 3 * DAY) is None
    owing = newly_owed(made, looked.until, MONDAY + 4 * DAY)
    assert owing
    assert owing.moments == (MONDAY + 4 * DAY,)


def test_what_a_release_without_a_ledger_delivered_is_not_owed_again() -> None:
    made = mine(MONDAY - 30 * DAY)
    assert newly_owed(made, None, MONDAY + HOUR) == ((), MONDAY + HOUR)
