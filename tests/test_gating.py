"""The learned gate at work: who passes, what the audits say, when it opens and closes."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta  # type: ignore[import-untyped]

from bot.domain import Noun
from tests.make import DAY, ids
from workers import gating
from workers.gating import Recall, Tally
from workers.learned import Held, Placed


def held(*scores: float, picked: bool = True, day: date = DAY) -> list[Held]:
    return [Held(date=day, id=str(s), score=s, picked=picked) for s in scores]


def ranked(n: int) -> list[Placed]:
    """Papers whose score falls from n - 1 to 0."""
    return [Placed(id=id, place=i + 1, score=n - 1 - i, words=()) for i, id in enumerate(ids(n))]


def days(n: int, start: date = DAY, **fields: int) -> list[Tally]:
    given = {"asked": 40, "picks": 10, "below": 50, "audited": 3} | fields
    return [Tally(date=start + timedelta(days=i), **given) for i in range(n)]


def recall(*more: Tally, n: int = 10) -> Recall:
    return gating.estimate([*days(n), *more])


def test_the_threshold_lets_98_of_100_picks_through() -> None:
    picks = held(*range(100))
    others = held(*range(-50, 50), picked=False)
    least = gating.threshold(picks + others)
    assert sum(row.score >= least for row in picks) == 98
    assert gating.threshold(held(*range(50)), 0.98) == 1
    assert gating.threshold(held(*range(7)), 0.98) == 0
    assert gating.threshold(held(*range(100)), 0.55) == 45


@pytest.mark.parametrize("rows", [[], held(1, 2, 3, picked=False)])
def test_without_a_pick_nothing_is_held_back(rows: list[Held]) -> None:
    least = gating.threshold(rows)
    assert gating.divide(ranked(9), least, DAY).asked == tuple(ids(9))


@given(st.integers(0, 200), st.integers(-5, 205), st.sets(st.integers(0, 199)))
def test_every_paper_has_one_place_and_keeps_its_order(n: int, least: int, must: set[int]) -> None:
    rows = ranked(n)
    always = {ids(200)[i] for i in must}
    parts = gating.divide(rows, least, DAY, always)
    for part in (parts.asked, parts.audited, parts.gated):
        assert list(part) == [row.id for row in rows if row.id in part]
    assert sorted(parts.asked + parts.audited + parts.gated) == sorted(row.id for row in rows)
    assert set(parts.asked) == {row.id for row in rows if row.score >= least or row.id in always}


def test_the_same_audits_are_drawn_again_and_others_on_another_day() -> None:
    rows = ranked(1000)
    first = gating.divide(rows, 1000, DAY)
    assert gating.divide(rows[::-1], 1000, DAY).audited == first.audited[::-1]
    # Whatever else is below the threshold, a paper's own lot is the same.
    assert set(gating.divide(rows, 500, DAY).audited) == set(first.audited) - set(ids(500))
    other = gating.divide(rows, 1000, DAY + timedelta(days=1))
    assert len(set(other.audited) & set(first.audited)) < len(first.audited) / 2


def test_about_one_in_twenty_of_the_gated_is_audited() -> None:
    drawn = sum(
        len(gating.divide(ranked(100), 100, DAY + timedelta(days=i)).audited) for i in range(100)
    )
    assert 430 < drawn < 570


def test_the_estimate_scales_the_audits_to_all_that_is_gated() -> None:
    found = gating.estimate(days(10, picks=9, below=60, audited=3) + days(1, DAY, below=0, picks=0))
    assert (found.value, found.high, found.missed) == (1.0, 1.0, 0)
    # 1 of 30 audited: 500 of them would have held 16.7, next to 100 found.
    found = recall(*days(1, DAY, asked=0, picks=0, below=0, audited=0, missed=1))
    assert (found.picks, found.below, found.audited, found.missed) == (100, 500, 30, 1)
    assert found.value == pytest.approx(100 / (100 + 500 / 30), abs=1e-4)
    assert found.low < 0.75
    assert 0.99 < found.high < 1.0


def test_the_estimate_looks_back_four_weeks_in_any_order() -> None:
    bad = days(20, DAY - timedelta(days=40), missed=3)
    good = days(20)
    assert gating.estimate(good + bad) == gating.estimate(good)
    assert gating.estimate(good[:19] + bad).missed == 3


@pytest.mark.parametrize("rows", [[], days(3, audited=0), days(3, picks=0)])
def test_what_is_not_known_is_not_said(rows: list[Tally]) -> None:
    found = gating.estimate(rows)
    assert found.value is None
    assert found.high - found.low > 0.5
    assert not gating.is_open(found)


def test_no_fewer_are_missed_than_were_found() -> None:
    found = gating.estimate(days(1, missed=1))
    assert found.high == pytest.approx(10 / 11, abs=1e-4)


def test_days_judged_in_full_lose_nothing() -> None:
    found = gating.estimate(days(3, below=0, audited=0))
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


def test_picks_found_only_by_audits_are_no_recall_at_all() -> None:
    found = gating.estimate(days(3, picks=0, missed=3))
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    assert gating.is_open(found)


@given(st.integers(0, 300), st.integers(1, 300))
def test_the_interval_is_clopper_and_pearsons(found: int, more: int) -> None:
    low, high = gating._between(found, found + more)
    expected = beta.ppf(0.025, found, more + 1) if found else 0.0
    assert low == pytest.approx(expected, abs=1e-9)
    assert high == pytest.approx(beta.ppf(0.975, found + 1, more), abs=1e-9)


def test_thousands_of_audits_are_counted_too() -> None:
    low, high = gating._between(2500, 5000)
    assert 0.485 < low < 0.5 < high < 0.515
    assert gating._between(5, 5)[1] == 1.0
    assert gating._between(0, 0) == (0.0, 1.0)


def test_the_interval_holds_the_truth_in_at_least_95_of_100_cases() -> None:
    random = Random(1)
    holds = 0
    for _ in range(300):
        lost = random.sample(range(1000), 25)  # picks below the threshold, next to 175 above it
        drawn = {i for i in range(1000) if random.random() < gating.AUDIT}
        missed = len(drawn & set(lost))
        row = Tally(date=DAY, asked=800, picks=175, below=1000, audited=len(drawn), missed=missed)
        found = gating.estimate([row])
        holds += found.low <= 175 / 200 <= found.high
    assert holds >= 285


def test_the_gate_opens_when_the_audits_say_that_picks_are_lost() -> None:
    lost = days(1, DAY + timedelta(days=20), missed=1)
    assert not gating.is_open(recall())
    assert gating.is_open(recall(*lost))


def test_one_pick_among_few_audited_proves_nothing_yet_two_do() -> None:
    assert not gating.is_open(gating.estimate(days(1, missed=1)))
    assert gating.is_open(gating.estimate(days(1, missed=2)))
    assert not gating.is_open(gating.estimate(days(6) + days(1, DAY - timedelta(1), audited=1)))


def test_a_lost_pick_is_borne_next_to_very_many_found() -> None:
    lost = Tally(date=DAY, asked=600, picks=500, below=400, audited=20, missed=1)
    found = gating.estimate([lost])
    assert found.value is not None
    assert found.value > gating.LEAST
    assert not gating.is_open(found)


def test_it_closes_after_ten_full_days_with_picks_to_learn_from() -> None:
    full = days(12, DAY + timedelta(days=1), below=0, audited=0)
    assert not gating.may_close(DAY, full[:9])
    assert gating.may_close(DAY, full[:10])
    assert not gating.may_close(DAY + timedelta(days=3), full)
    assert not gating.may_close(DAY, days(12, DAY + timedelta(days=1), below=0, picks=1))
    assert not gating.may_close(DAY, days(12, DAY + timedelta(days=1)))


@pytest.mark.parametrize(
    "noun",
    [recall(), days(1)[0], gating.divide(ranked(50), 25, DAY), held(1.5)[0], ranked(1)[0]],
    ids=lambda noun: type(noun).__name__,
)
def test_what_is_stored_goes_through_json(noun: Noun) -> None:
    assert type(noun).model_validate_json(noun.model_dump_json()) == noun
