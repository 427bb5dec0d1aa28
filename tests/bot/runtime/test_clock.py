"""How long the clock rests between two ticks while something is under way."""

from __future__ import annotations

from bot.runtime import clock


def test_a_clock_of_many_subscriptions_leaves_nine_tenths_of_the_time_to_who_posts() -> None:
    assert clock.busy_pause(0.1) == 0.9


def test_a_clock_of_few_subscriptions_looks_twice_a_second() -> None:
    assert clock.busy_pause(0.002) == 0.5


def test_after_a_tick_that_stood_still_nobody_waits_for_long() -> None:
    assert clock.busy_pause(1200.0) == 3.0
