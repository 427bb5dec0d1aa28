"""What a budget means: days, months, limits, what is left and what is to come."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.budget import (
    Limits,
    MaxCost,
    Payer,
    Period,
    Remaining,
    Savings,
    Scope,
    SpentTotals,
    Unit,
    forecast,
    remaining,
    utc_day,
    weekday_counts,
)


def test_a_day_is_utcs_wherever_it_is_asked_from() -> None:
    evening_in_new_york = datetime(2025, 3, 20, 21, 0, tzinfo=timezone(timedelta(hours=-4)))
    assert utc_day(evening_in_new_york) == date(2025, 3, 21)
    assert utc_day(datetime(2025, 3, 20, 23, 59, tzinfo=UTC)) == date(2025, 3, 20)


@pytest.mark.parametrize(
    ("day", "next_day", "next_month"),
    [
        (date(2025, 3, 20), date(2025, 3, 21), date(2025, 4, 1)),
        (date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 1)),
        (date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 1)),
    ],
)
def test_a_new_limit_comes_with_a_new_day_or_month(
    day: date, next_day: date, next_month: date
) -> None:
    assert (Period.DAY.after(day), Period.MONTH.after(day)) == (next_day, next_month)


def test_a_limit_is_an_integer_of_nano_dollars_and_no_limit_is_not_zero() -> None:
    limits = Limits(day_usd=0.01, month_tokens=0)
    assert limits.of(Period.DAY, Unit.NANO) == 10_000_000
    assert limits.of(Period.MONTH, Unit.NANO) is None
    assert limits.of(Period.MONTH, Unit.TOKENS) == 0


def test_reservations_are_rounded_up() -> None:
    assert MaxCost.of(1.0000000001e-9, 5).nano == 2
    assert MaxCost.of(None, 5).nano is None


def test_a_profile_is_another_one_in_another_workspace() -> None:
    here = Payer(workspace="slack:T1", profile="foundations")
    there = Payer(workspace="slack:T2", profile="foundations")
    assert set(map(str, here.scopes)) == {"slack:T1", "slack:T1/foundations"}
    assert not set(here.scopes) & set(there.scopes)


def test_what_is_left_is_what_the_tightest_limit_leaves() -> None:
    workspace = Limits(day_usd=0.01, month_usd=0.02)
    month = SpentTotals(nano=12_000_000, reserved_nano=1_000_000)
    today = SpentTotals(nano=1_000_000)
    assert remaining([(workspace, today, month)]) == Remaining(nano=7_000_000, tokens=None)
    mine = Limits(day_usd=0.003, day_tokens=10)
    both = [
        (workspace, today, month),
        (mine, SpentTotals(nano=2_500_000, tokens=11), SpentTotals()),
    ]
    assert remaining(both) == Remaining(nano=500_000, tokens=0)
    assert remaining([(Limits(), today, month)]) == Remaining(nano=None, tokens=None)


def test_a_limit_that_was_raised_since_is_not_reached_any_more() -> None:
    spent = SpentTotals(nano=9_000_000, refused_nano=10_000_000)
    assert spent.limit_reached(Limits(day_usd=0.01), Period.DAY) == (Unit.NANO, 10_000_000)
    assert spent.limit_reached(Limits(day_usd=0.005), Period.DAY) == (Unit.NANO, 5_000_000)
    assert spent.limit_reached(Limits(day_usd=0.02), Period.DAY) is None
    assert spent.limit_reached(Limits(), Period.DAY) is None


def test_the_forecast_goes_by_weekdays() -> None:
    # March 2025 has 21 weekdays; Thursday the 20th is the 14th of them.
    assert weekday_counts(date(2025, 3, 20)) == (14, 21)
    assert forecast(14, date(2025, 3, 20)) == 21
    assert forecast(14, date(2025, 3, 22)) == forecast(14, date(2025, 3, 21))


def test_there_is_no_forecast_before_the_first_weekday() -> None:
    assert forecast(5, date(2025, 3, 2)) is None  # a Sunday, the 1st a Saturday


@given(st.dates(), st.integers(0, 10**15))
def test_a_forecast_is_never_less_than_what_is_spent_and_is_that_at_the_end(
    day: date, spent: int
) -> None:
    if day < date(9999, 12, 1):
        told = forecast(spent, day)
        assert told is None or told >= spent
        last = Period.MONTH.after(day) - timedelta(days=1)
        assert forecast(spent, last) == spent


def test_what_was_saved_adds_up() -> None:
    parts = [Savings(papers=3, nano=10), Savings(papers=4, nano=20)]
    assert Savings.total(parts) == Savings(papers=7, nano=30)
    assert str(Scope(workspace="slack:T1")) == "slack:T1"


def test_a_forecast_goes_by_the_weekdays_since_the_first_call() -> None:
    friday = date(2025, 3, 21)  # five more weekdays of March 2025 come after the week-end
    assert weekday_counts(friday, since=date(2025, 3, 20)) == (2, 8)
    assert forecast(10, friday, since=date(2025, 3, 20)) == 40
    assert forecast(10, friday, since=date(2025, 3, 1)) == forecast(10, friday)


def test_reservations_are_not_counted_as_left() -> None:
    spent = SpentTotals(nano=1, reserved_nano=2, tokens=30, reserved_tokens=40)
    assert (spent.committed(Unit.NANO), spent.committed(Unit.TOKENS)) == (3, 70)
    limits = Limits(day_usd=1e-8, day_tokens=100)
    assert remaining([(limits, spent, SpentTotals())]) == Remaining(nano=7, tokens=30)


def test_a_limit_in_tokens_is_reached_as_one_in_dollars_is() -> None:
    spent = SpentTotals(refused_tokens=100)
    assert spent.limit_reached(Limits(day_tokens=100), Period.DAY) == (Unit.TOKENS, 100)
    assert spent.limit_reached(Limits(day_tokens=101), Period.DAY) is None
    assert spent.limit_reached(Limits(day_usd=1e-9), Period.DAY) is None
    assert spent.limit_reached(Limits(month_tokens=100), Period.MONTH) == (Unit.TOKENS, 100)


def test_a_month_has_one_name_and_each_day_its_own() -> None:
    first, last = date(2025, 3, 1), date(2025, 3, 31)
    assert {Period.MONTH.name_of(day) for day in (first, last)} == {"2025-03"}
    assert [Period.DAY.name_of(day) for day in (first, last)] == ["2025-03-01", "2025-03-31"]


def test_the_first_of_a_month_counts() -> None:
    assert weekday_counts(date(2025, 4, 1)) == (1, 22)  # a Tuesday
    assert forecast(1, date(2025, 4, 1)) == 22
