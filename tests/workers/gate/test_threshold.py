"""The learned gate at work: who passes, what the audits say, when it opens and closes."""

from __future__ import annotations

from datetime import date, timedelta
from math import comb
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.papers import Value
from tests.factories import DAY, paper_ids
from workers.gate import threshold
from workers.gate.learned_ranking import HeldOutScore, LearnedScore
from workers.gate.threshold import AuditCounts, Tally


def held(*scores: float, picked: bool = True, day: date = DAY) -> list[HeldOutScore]:
    return [HeldOutScore(date=day, id=str(s), score=s, picked=picked) for s in scores]


def ranked(n: int) -> list[LearnedScore]:
    """Papers whose score falls from n - 1 to 0."""
    return [
        LearnedScore(id=id, rank=i + 1, score=n - 1 - i, words=())
        for i, id in enumerate(paper_ids(n))
    ]


def days(n: int, start: date = DAY, **fields: Any) -> list[Tally]:
    """Days of a gate that asks about 40 papers and audits 4 of 50: 3 of the 10 near ones."""
    given: dict[str, Any] = {"asked": 40, "picks": 10, "near": (10, 3, 0), "far": (40, 1, 0)}
    given |= fields
    return [Tally(date=start + timedelta(days=i), **given) for i in range(n)]


FULL: dict[str, Any] = {"near": (0, 0, 0), "far": (0, 0, 0)}
NEAR_MISS: dict[str, Any] = {"near": (10, 3, 1)}
FAR_MISS: dict[str, Any] = {"far": (40, 1, 1)}


def test_the_threshold_lets_98_of_100_picks_through() -> None:
    picks = held(*range(100))
    others = held(*range(-50, 50), picked=False)
    least = threshold.choose_threshold(picks + others)
    assert sum(row.score >= least for row in picks) == 98
    assert threshold.choose_threshold(held(*range(50)), 0.98) == 1
    assert threshold.choose_threshold(held(*range(7)), 0.98) == 0
    assert threshold.choose_threshold(held(*range(100)), 0.55) == 45


@pytest.mark.parametrize("rows", [[], held(1, 2, 3, picked=False)])
def test_without_a_pick_nothing_is_held_back(rows: list[HeldOutScore]) -> None:
    least = threshold.choose_threshold(rows)
    assert threshold.divide(ranked(9), least, least, DAY).asked == tuple(paper_ids(9))


@given(
    st.integers(0, 200),
    st.integers(-5, 205),
    st.integers(-5, 205),
    st.sets(st.integers(0, 199)),
)
def test_every_paper_has_one_place_and_keeps_its_order(
    n: int, least: int, near: int, must: set[int]
) -> None:
    rows = ranked(n)
    always = {paper_ids(200)[i] for i in must}
    parts = threshold.divide(rows, least, near, DAY, always)
    for part in (parts.asked, parts.audited, parts.gated, parts.near):
        assert list(part) == [row.id for row in rows if row.id in part]
    below = {*parts.audited, *parts.gated}
    assert sorted([*parts.asked, *below]) == sorted(row.id for row in rows)
    assert set(parts.asked) == {row.id for row in rows if row.score >= least or row.id in always}
    assert set(parts.near) == {row.id for row in rows if row.score >= near} & below


def test_the_quarter_just_below_the_threshold_is_near() -> None:
    rows = held(*range(200), picked=False)
    assert threshold.choose_near_threshold(rows, 100) == 75
    assert threshold.choose_near_threshold(rows, 3) == 2
    assert threshold.choose_near_threshold(rows, 0) == 0
    assert threshold.choose_near_threshold([], 1.5) == 1.5


def test_the_same_audits_are_drawn_again_and_others_on_another_day() -> None:
    rows = ranked(1000)
    first = threshold.divide(rows, 1000, 500, DAY)
    assert threshold.divide(rows[::-1], 1000, 500, DAY).audited == first.audited[::-1]
    # Whatever else is below the threshold, a paper's own lot is the same.
    least = threshold.divide(rows, 700, 500, DAY).audited
    assert set(least) == set(first.audited) - set(paper_ids(300))
    # What is audited from afar would be from near.
    assert set(threshold.divide(rows, 1000, 1000, DAY).audited) < set(first.audited)
    other = threshold.divide(rows, 1000, 500, DAY + timedelta(days=1))
    assert len(set(other.audited) & set(first.audited)) < len(first.audited) / 2


def test_about_one_in_twenty_of_the_gated_is_audited_most_of_them_near() -> None:
    parts = [threshold.divide(ranked(100), 100, 75, DAY + timedelta(days=i)) for i in range(200)]
    near = sum(len({*p.audited} & {*p.near}) for p in parts)
    far = sum(len({*p.audited} - {*p.near}) for p in parts)
    assert 690 < near < 860
    assert 170 < far < 280


def test_a_day_is_counted_by_those_that_got_a_score() -> None:
    parts = threshold.GateSplit(
        asked=("a", "b", "c"), audited=("d", "e", "f"), gated=("g", "h", "i"), near=("d", "e", "g")
    )
    row = threshold.tally(DAY, parts, ["a", "b", "d", "f"], ["a", "f"])
    assert (row.asked, row.picks, row.near, row.far) == (2, 1, (2, 1, 0), (3, 1, 1))
    assert not row.is_full


def test_a_day_on_which_nobody_answered_teaches_nothing() -> None:
    parts = threshold.GateSplit(asked=("a", "b"), audited=(), gated=())
    assert threshold.tally(DAY, parts, ["a"], []).is_full
    assert not threshold.tally(DAY, parts, [], []).is_full


def test_the_estimate_scales_each_parts_audits_to_all_of_it() -> None:
    found = threshold.estimate_recall(days(10) + days(1, DAY, **FULL, picks=0))
    assert (found.value, found.high, found.missed) == (1.0, 1.0, 0)
    # 1 of 30 near ones: the 100 would have held 3.3, next to 100 found.
    found = threshold.estimate_recall([*days(9), *days(1, **NEAR_MISS)])
    assert (found.asked, found.picks, found.below) == (400, 100, 500)
    assert (found.audited, found.missed) == (40, 1)
    assert found.value == pytest.approx(100 / (100 + 100 / 30), abs=1e-4)
    assert found.low < 0.75
    assert 0.99 < found.high < 1.0
    # 1 of 10 far ones: the 400 would have held 40.
    found = threshold.estimate_recall([*days(9), *days(1, **FAR_MISS)])
    assert found.value == pytest.approx(100 / 140, abs=1e-4)


def test_what_was_not_audited_far_is_taken_to_be_like_what_is_near() -> None:
    found = threshold.estimate_recall(days(1, near=(10, 4, 1), far=(40, 0, 0)))
    assert found.value == pytest.approx(10 / (10 + 50 / 4), abs=1e-4)


def test_the_estimate_looks_back_four_weeks_in_any_order() -> None:
    bad = days(20, DAY - timedelta(days=40), **NEAR_MISS)
    good = days(20)
    assert threshold.estimate_recall(good + bad) == threshold.estimate_recall(good)
    assert threshold.estimate_recall(good[:19] + bad).missed == 1


@pytest.mark.parametrize(
    "rows", [[], days(3, near=(10, 0, 0), far=(40, 0, 0)), days(3, picks=0)], ids=range(3)
)
def test_what_is_not_known_is_not_said(rows: list[Tally]) -> None:
    found = threshold.estimate_recall(rows)
    assert found.value is None
    assert found.high - found.low > 0.5
    assert not threshold.should_open(found)


def test_no_fewer_are_missed_than_were_found() -> None:
    found = threshold.estimate_recall(days(1, **NEAR_MISS))
    assert found.high == pytest.approx(10 / 11, abs=1e-4)


def test_days_judged_in_full_lose_nothing() -> None:
    found = threshold.estimate_recall(days(3, **FULL))
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


def test_picks_found_only_by_audits_are_no_recall_at_all() -> None:
    found = threshold.estimate_recall(days(3, picks=0, **NEAR_MISS))
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    assert threshold.should_open(found)


def chance(at_least: int, of: int, share: float) -> float:
    """That so many are found, or more."""
    return sum(comb(of, n) * share**n * (1 - share) ** (of - n) for n in range(at_least, of + 1))


@given(st.integers(0, 60), st.integers(1, 60), st.sampled_from([0.05, 0.025]))
def test_the_shares_are_clopper_and_pearsons(found: int, more: int, error: float) -> None:
    """At either end, as many finds as there were, or more extreme ones, have half the chance."""
    of = found + more
    low, high = threshold._clopper_pearson(AuditCounts(1000, of, found), error)
    assert (chance(found, of, low) if found else error / 2) == pytest.approx(error / 2, rel=1e-6)
    assert 1 - chance(found + 1, of, high) == pytest.approx(error / 2, rel=1e-6)


def test_thousands_of_audits_are_counted_too() -> None:
    low, high = threshold._clopper_pearson(AuditCounts(5000, 5000, 2500), 0.05)
    assert 0.485 < low < 0.5 < high < 0.515
    assert threshold._clopper_pearson(AuditCounts(5, 5, 5))[1] == 1.0
    assert threshold._clopper_pearson(AuditCounts(5)) == (0.0, 1.0)


# Picks among 250 papers near and 750 far, next to 175 above: by a good ranking, by a drifted one,
@pytest.mark.parametrize(("near", "far"), [(4, 0), (14, 2), (12, 36), (60, 180)])
def test_the_interval_holds_the_truth_in_at_least_95_of_100_cases(near: int, far: int) -> None:
    random = Random(1)
    holds = 0
    lost = [f"0 {i}" for i in range(near)] + [f"0 {250 + i}" for i in range(far)]
    for _ in range(300):
        drawn = {f"0 {i}" for i in range(1000) if random.random() < (0.155, 0.015)[i >= 250]}
        parts = threshold.GateSplit(
            asked=tuple(f"1 {i}" for i in range(175)),
            audited=tuple(drawn),
            gated=tuple({f"0 {i}" for i in range(1000)} - drawn),
            near=tuple(f"0 {i}" for i in range(250)),
        )
        row = threshold.tally(DAY, parts, [*parts.asked, *drawn], [*parts.asked, *lost])
        found = threshold.estimate_recall([row])
        holds += found.low <= 175 / (175 + near + far) <= found.high
    assert holds >= 285


def test_the_gate_opens_when_the_audits_say_that_picks_are_lost() -> None:
    assert not threshold.should_open(threshold.estimate_recall(days(12)))
    assert threshold.should_open(
        threshold.estimate_recall([*days(10), *days(2, **NEAR_MISS, picks=0)])
    )
    assert threshold.should_open(threshold.estimate_recall([*days(2), *days(1, **NEAR_MISS)]))


def test_one_lost_pick_is_chance_next_to_many_found_and_two_are_not() -> None:
    assert threshold.should_open(threshold.estimate_recall([*days(2), *days(1, **FAR_MISS)]))
    one = threshold.estimate_recall([*days(7), *days(1, **FAR_MISS)])
    assert one.value is not None
    assert one.value < threshold.MIN_RECALL
    assert not threshold.should_open(one)
    assert threshold.should_open(threshold.estimate_recall([*days(4), *days(2, **FAR_MISS)]))


def test_a_lost_pick_is_borne_next_to_very_many_found() -> None:
    found = threshold.estimate_recall([*days(9), *days(1, **NEAR_MISS)])
    assert found.value is not None
    assert found.value > threshold.MIN_RECALL
    assert not threshold.should_open(found)


def test_it_closes_after_ten_full_days_with_picks_to_learn_from() -> None:
    full = days(12, DAY + timedelta(days=1), **FULL)
    assert not threshold.may_close(DAY, full[:9])
    assert threshold.may_close(DAY, full[:10])
    assert not threshold.may_close(DAY + timedelta(days=3), full)
    assert not threshold.may_close(DAY, days(12, DAY + timedelta(days=1), **FULL, picks=1))
    assert not threshold.may_close(DAY, days(12, DAY + timedelta(days=1)))


@pytest.mark.parametrize(
    "value",
    [
        threshold.estimate_recall(days(10)),
        days(1)[0],
        threshold.divide(ranked(50), 25, 9, DAY),
        held(1.5)[0],
        ranked(1)[0],
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_stored_goes_through_json(value: Value) -> None:
    assert type(value).model_validate_json(value.model_dump_json()) == value
