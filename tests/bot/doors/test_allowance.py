"""How fast a person's programs may ask."""

from __future__ import annotations

import pytest

from bot.doors.allowance import Allowance, TooMany


def spent(allowance: Allowance, name: str, cost: int, now: float) -> int:
    """How long to wait; 0 where it was granted."""
    try:
        allowance.spend(name, cost, now)
    except TooMany as fast:
        return fast.seconds
    return 0


def test_a_minutes_worth_may_be_spent_at_once_and_comes_back_bit_by_bit() -> None:
    allowance = Allowance(60)
    assert [spent(allowance, "U1", 20, 0.0) for _ in range(4)] == [0, 0, 0, 20]
    assert spent(allowance, "U1", 1, 0.5) == 1
    assert spent(allowance, "U1", 1, 1.0) == 0
    assert spent(allowance, "U1", 20, 21.0) == 0
    assert spent(allowance, "U1", 61, 10_000.0) == 1
    assert spent(allowance, "U1", 60, 10_000.0) == 0


def test_nobody_spends_anothers_and_those_who_ask_no_more_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.doors.allowance._REMEMBERED", 2)
    allowance = Allowance(1)
    assert [spent(allowance, name, 1, 0.0) for name in ("U1", "U2", "U1")] == [0, 0, 60]
    assert spent(allowance, "U3", 1, 61.0) == 0
    assert allowance._left.keys() == {"U3"}
