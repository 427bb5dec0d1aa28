"""The learned gate at work: who passes, who is audited, what the audits say."""

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
from workers.gate import guarantee, threshold
from workers.gate.guarantee import FoundPick
from workers.gate.learned_ranking import LearnedScore
from workers.gate.threshold import AuditCounts, Tally


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


@given(
    st.integers(0, 200),
    st.integers(-5, 205),
    st.sets(st.integers(0, 199)),
)
def test_every_paper_has_one_place_and_keeps_its_order(n: int, least: int, must: set[int]) -> None:
    rows = ranked(n)
    always = {paper_ids(200)[i] for i in must}
    parts = threshold.divide(rows, least, DAY, always)
    for part in (parts.asked, parts.audited, parts.gated, parts.near):
        assert list(part) == [row.id for row in rows if row.id in part]
    below = {*parts.audited, *parts.gated}
    assert sorted([*parts.asked, *below]) == sorted(row.id for row in rows)
    assert set(parts.asked) == {row.id for row in rows if row.score >= least or row.id in always}
    assert set(parts.near) == {r.id for r in rows if r.score >= least - threshold.NEAR} & below


def test_what_is_near_the_threshold_is_told_by_the_distance_alone() -> None:
    near = threshold.NEAR
    rows = [LearnedScore(id=str(at), rank=1, score=10 - at * near / 2, words=()) for at in range(5)]
    assert threshold.divide(rows, 10, DAY).near == ("1", "2")


def test_the_same_audits_are_drawn_again_and_others_on_another_day() -> None:
    rows = ranked(1000)
    first = threshold.divide(rows, 1000, DAY)
    assert threshold.divide(rows[::-1], 1000, DAY).audited == first.audited[::-1]
    # Whatever else is below the threshold, a paper's own lot is the same.
    least = threshold.divide(rows, 700, DAY).audited
    assert set(least) == set(first.audited) - set(paper_ids(300))
    # What is audited from afar would be from near.
    close = [row.model_copy(update={"score": 1 - row.score / 1e4}) for row in rows]
    assert set(first.audited) < set(threshold.divide(close, 1.0001, DAY).audited)
    other = threshold.divide(rows, 1000, DAY + timedelta(days=1))
    assert len(set(other.audited) & set(first.audited)) < len(first.audited) / 2


def test_one_in_three_is_audited_near_and_one_in_33_far_and_each_stands_for_as_many() -> None:
    rows = [
        LearnedScore(id=id, rank=1, score=-0.1 if i < 25 else -5, words=())
        for i, id in enumerate(paper_ids(100))
    ]
    parts = [threshold.divide(rows, 0, DAY + timedelta(days=i)) for i in range(200)]
    near = [(p, id) for p in parts for id in p.audited if id in p.near]
    far = [(p, id) for p in parts for id in p.audited if id not in p.near]
    assert 1560 < len(near) < 1770
    assert 390 < len(far) < 510
    # All 100 papers of each day, by those that were seen.
    assert sum(p.stands_for(id) for p, id in near + far) == pytest.approx(20_000, rel=0.05)
    assert parts[0].stands_for("another") == 1


def test_a_day_is_counted_by_those_that_got_a_score() -> None:
    parts = threshold.GateSplit(
        asked=("a", "b", "c"), audited=("d", "e", "f"), gated=("g", "h", "i"), near=("d", "e", "g")
    )
    row = threshold.tally(DAY, parts, ["a", "b", "d", "f"], ["a", "f"])
    assert (row.asked, row.picks, row.near, row.far) == (2, 1, (2, 1, 0), (3, 1, 1))


def test_a_days_picks_are_kept_with_their_places_and_for_how_many_they_stand() -> None:
    parts = threshold.GateSplit(asked=("a", "b"), audited=("c", "d"), gated=("e",), near=("c", "e"))
    marks = {"a": 2.0, "b": 1.0, "c": -0.1, "d": -3.0, "e": -0.2}
    row = threshold.tally(DAY, parts, "abcd", "acd", (0.0, 0.02), marks)
    assert row.audits == pytest.approx({"c": 3, "d": 100 / 3})
    assert row.found == (
        FoundPick(2.0, 1.0),
        FoundPick(-0.1, pytest.approx(3)),
        FoundPick(-3.0, pytest.approx(100 / 3)),
    )
    assert (row.least, row.level) == (0.0, 0.02)
    assert row.missed_share == pytest.approx((3 + 100 / 3) / (1 + 3 + 100 / 3))
    assert threshold.tally(DAY, parts, "abcd", "ab").found == ()


def test_a_day_without_a_threshold_or_a_pick_says_nothing_of_what_is_missed() -> None:
    assert days(1)[0].missed_share is None
    assert days(1, least=0.0, picks=0)[0].missed_share is None
    assert days(1, least=0.0)[0].missed_share == 0


def test_of_a_day_that_an_older_release_divided_it_is_not_known_how_it_was_seen() -> None:
    assert not days(1)[0].is_known
    assert days(1, audits={"a": 3, "b": 3, "c": 3, "d": 30})[0].is_known
    assert days(1, **FULL)[0].is_known
    assert not days(1, **FULL, asked=0)[0].is_known


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


def test_no_fewer_are_missed_than_were_found() -> None:
    found = threshold.estimate_recall(days(1, **NEAR_MISS))
    assert found.high == pytest.approx(10 / 11, abs=1e-4)


def test_days_judged_in_full_lose_nothing() -> None:
    found = threshold.estimate_recall(days(3, **FULL))
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


def test_picks_found_only_by_audits_are_no_recall_at_all() -> None:
    found = threshold.estimate_recall(days(3, picks=0, **NEAR_MISS))
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


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
        drawn = {
            f"0 {i}"
            for i in range(1000)
            if random.random() < (threshold.AUDIT_NEAR, threshold.AUDIT_FAR)[i >= 250]
        }
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


@pytest.mark.parametrize(
    "value",
    [
        threshold.estimate_recall(days(10)),
        days(1)[0],
        threshold.divide(ranked(50), 25, DAY),
        guarantee.promise([[FoundPick(1.0, 3.0)] * 99], 0.02),
        ranked(1)[0],
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_stored_goes_through_json(value: Value) -> None:
    assert type(value).model_validate_json(value.model_dump_json()) == value
