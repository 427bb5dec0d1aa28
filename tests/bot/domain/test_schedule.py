"""When a digest comes, also on the days when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.commands.typed.parse import parse_weekdays
from bot.domain.schedule import EVERY_DAY, Schedule, weekdays_text, zone_label

quick = settings(max_examples=150)

# Half-hour and quarter-hour offsets, a change of half an hour, one that leads into the next date
# (Nuuk), and two whole dates that never were (Apia in 2011, Kwajalein in 1993).
ZONES = [
    "America/New_York",
    "America/Nuuk",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "UTC",
]

moments = st.datetimes(datetime(1990, 1, 1), datetime(2045, 1, 1), timezones=st.just(UTC))
schedules = st.builds(
    Schedule,
    at=st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    tz=st.sampled_from(ZONES),
    days=st.sets(st.integers(0, 6), min_size=1).map(tuple),
)


@st.composite
def changes(draw: st.DrawFn) -> tuple[Schedule, datetime]:
    """A schedule whose time of day is near a change of the clocks, and a moment near that."""
    plan = draw(schedules)
    zone = ZoneInfo(plan.tz)
    hour = datetime(draw(st.integers(1992, 2040)), 1, 1, tzinfo=UTC)
    for _ in range(draw(st.integers(1, 2))):
        for _ in range(365):
            before, hour = hour.astimezone(zone).utcoffset(), hour + timedelta(days=1)
            if hour.astimezone(zone).utcoffset() != before:
                break
    near = hour + timedelta(minutes=draw(st.integers(-2000, 600)))
    local = (near + timedelta(minutes=draw(st.integers(-120, 120)))).astimezone(zone)
    return plan.model_copy(update={"at": time(local.hour, local.minute)}), near


def at(text: str, tz: str, **fields: Any) -> Schedule:
    return Schedule(at=time.fromisoformat(text), tz=tz, **fields)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def moment_of(plan: Schedule, day: date) -> datetime:
    """A date's moment found the slow way: walk along UTC until the local clock shows the time."""

    def clock(moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(plan.tz)).replace(tzinfo=None)

    wanted = datetime.combine(day, plan.at)
    moment = wanted.replace(tzinfo=UTC) - timedelta(hours=30)
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    while clock(moment) + hour < wanted and clock(moment + hour) < wanted:
        moment += hour
    while clock(moment + minute) <= wanted and clock(moment) != wanted:
        moment += minute
    return moment + (wanted - clock(moment))


@quick
@given(st.one_of(changes(), st.tuples(schedules, moments)))
def test_each_scheduled_date_has_its_one_moment(found: tuple[Schedule, datetime]) -> None:
    plan, start = found
    first = start.astimezone(ZoneInfo(plan.tz)).date() - timedelta(days=2)
    days = [first + timedelta(days=n) for n in range(13)]
    slow = sorted({moment_of(plan, day) for day in days if day.weekday() in plan.days})
    fast: list[datetime] = []
    moment = slow[0] - timedelta(seconds=1)
    while len(fast) < len(slow):
        fast.append(moment := plan.next(moment))
    assert fast == slow


@quick
@given(st.one_of(changes(), st.tuples(schedules, moments)))
def test_next_and_last_are_two_sides_of_one_moment(found: tuple[Schedule, datetime]) -> None:
    plan, moment = found
    after, before = plan.next(moment), plan.last(moment)
    assert before <= moment < after
    assert before.tzinfo is after.tzinfo is UTC
    assert plan.next(before) == after
    assert plan.last(after) == after
    assert plan.last(after - timedelta(microseconds=1)) == before
    assert after - before <= timedelta(days=9)


@pytest.mark.parametrize(
    ("plan", "after", "due"),
    [
        # Clocks forward: half past two does not exist and moves on by the hour.
        (at("02:30", "America/New_York", days=(6,)), "2026-03-08T00:00", "2026-03-08T07:30"),
        (at("02:30", "Europe/Berlin", days=(6,)), "2026-03-29T00:00", "2026-03-29T01:30"),
        # Clocks back: half past one comes twice and counts the first time.
        (at("01:30", "America/New_York", days=(6,)), "2026-11-01T00:00", "2026-11-01T05:30"),
        (at("01:30", "America/New_York", days=(6,)), "2026-11-01T05:30", "2026-11-08T06:30"),
        # Lord Howe changes by half an hour, to half past two.
        (at("02:10", "Australia/Lord_Howe", days=(6,)), "2026-10-03T12:00", "2026-10-03T15:40"),
        # Nuuk changes at 23:00 on Saturday, so that Saturday's comes when Sunday has begun.
        (at("23:30", "America/Nuuk", days=(5,)), "2026-03-28T12:00", "2026-03-29T01:30"),
        # Samoa had no Friday 30 December 2011: its digest comes with the first hour there is.
        (at("09:00", "Pacific/Apia", days=(4,)), "2011-12-29T20:00", "2011-12-30T19:00"),
        (at("09:00", "Pacific/Apia"), "2011-12-29T19:00", "2011-12-30T19:00"),
        # From Friday to Monday.
        (at("09:00", "Asia/Kathmandu"), "2026-11-20T03:15", "2026-11-23T03:15"),
        (at("09:00", "America/St_Johns"), "2026-11-20T12:29", "2026-11-20T12:30"),
    ],
)
def test_a_change_of_the_clocks_neither_loses_nor_repeats_a_digest(
    plan: Schedule, after: str, due: str
) -> None:
    assert plan.next(utc(after)) == utc(due)
    assert plan.last(utc(due)) == utc(due)


def test_a_year_of_weekdays_has_one_digest_for_each() -> None:
    plan, moment = at("09:00", "Europe/Berlin"), utc("2026-01-01T00:00")
    found = [moment := plan.next(moment) for _ in range(261)]
    assert {m.astimezone(ZoneInfo("Europe/Berlin")).hour for m in found} == {9}
    assert found[-1].date() == date(2026, 12, 31)
    assert all(a < b for a, b in pairwise(found))


@pytest.mark.parametrize(
    "wrong",
    [
        {"tz": "Europe/Berln"},
        {"tz": "Europe"},
        {"tz": "../etc/passwd"},
        {"tz": ""},
        {"tz": "x" * 1000},
        {"tz": "America" + "/New" * 600},
        {"tz": "\ud800"},
        {"days": ()},
        {"days": (7,)},
        {"days": (-1,)},
        {"at": time(9, 0, 1)},
        {"at": time(9, tzinfo=UTC)},
    ],
)
def test_what_no_clock_or_calendar_knows_is_no_schedule(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Schedule.model_validate({"at": time(9), "tz": "UTC"} | wrong)


def test_a_schedule_is_the_same_after_it_was_stored() -> None:
    plan = at("09:05", "Europe/Berlin", days=(4, 0, 4))
    assert plan.days == (0, 4)
    assert Schedule.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ((0, 1, 2, 3, 4), "every weekday"),
        (EVERY_DAY, "every day"),
        ((5, 6), "at weekends"),
        ((2,), "every Wednesday"),
        ((0, 4), "Mon and Fri"),
        ((4, 0, 2), "Mon, Wed and Fri"),
    ],
)
def test_days_are_said_as_people_say_them(days: tuple[int, ...], words: str) -> None:
    assert weekdays_text(days) == words


@given(st.sets(st.integers(0, 6), min_size=1))
def test_the_words_for_days_can_be_typed_back(days: set[int]) -> None:
    assert parse_weekdays(weekdays_text(days)) == tuple(sorted(days))


@pytest.mark.parametrize(
    ("tz", "day", "words"),
    [
        ("Europe/Berlin", "2026-01-10", "CET"),
        ("Europe/Berlin", "2026-07-10", "CEST"),
        ("America/St_Johns", "2026-07-10", "NDT"),
        ("Asia/Kathmandu", "2026-07-10", "Asia/Kathmandu"),
        ("Australia/Lord_Howe", "2026-07-10", "Australia/Lord_Howe"),
        ("UTC", "2026-07-10", "UTC"),
    ],
)
def test_a_zone_is_called_as_its_clocks_are(tz: str, day: str, words: str) -> None:
    assert zone_label(at("09:00", tz), utc(f"{day}T12:00")) == words
