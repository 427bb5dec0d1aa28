"""The gate's promise: no more picks below the threshold than promised, and none where too little
is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.gate import guarantee
from workers.gate.guarantee import AIM, HALF_LIFE, LEAST, MOST, PICKS_WANTED, FoundPick


def day(*scores: float) -> list[FoundPick]:
    """A day's picks, all of which were asked about."""
    return [FoundPick(score, 1.0) for score in scores]


def least(days: Sequence[Sequence[FoundPick]], level: float = AIM) -> float:
    found = guarantee.promise(days, level).least
    assert found is not None
    return found


MANY_DAYS = st.lists(
    st.lists(
        st.builds(FoundPick, st.integers(-50, 50).map(float), st.sampled_from([1.0, 3.0, 33.0])),
        max_size=12,
    ),
    min_size=1,
    max_size=40,
)


def test_too_few_picks_promise_nothing_and_say_how_many_are_known() -> None:
    none = guarantee.promise([], AIM)
    assert (none.least, none.picks) == (None, 0)
    few = guarantee.promise([day(*range(PICKS_WANTED - 1))], AIM)
    assert (few.least, few.picks) == (None, PICKS_WANTED - 1)
    assert few.level > MOST


def test_with_just_enough_picks_none_that_is_known_may_be_missed() -> None:
    found = guarantee.promise([day(*range(PICKS_WANTED))], AIM)
    assert (found.least, found.level) == (0, 1 / (PICKS_WANTED + 1))
    assert found.level <= MOST
    # Up to the number at which one pick more is as much as was promised.
    assert least([day(*range(66))]) == least([day(*range(130))]) == 0
    assert guarantee.promise([day(*range(66))], AIM).level == AIM


def test_the_more_picks_are_known_the_more_of_them_may_fall_below() -> None:
    assert [least([day(*range(n))]) for n in (132, 133, 198, 199, 1000)] == [0, 1, 1, 2, 14]


def test_a_pick_that_an_audit_found_stands_for_those_that_were_not() -> None:
    known = day(*range(400))  # five of which may fall below
    assert least([known]) == 5
    assert least([[*known, FoundPick(-1, 3.0)]]) == 2
    assert least([[*known, FoundPick(-9, 33.0)]]) == -9
    # One that lies above the threshold of today does not matter.
    assert least([[*known, FoundPick(200, 3.0)]]) == 5


def test_picks_long_past_count_less() -> None:
    old, quiet, new = day(*[-5.0] * 10), [day()] * (4 * HALF_LIFE), day(*range(200))
    assert least([old + new]) == -5
    assert least([old, *quiet, new]) > -5
    assert guarantee.promise([day(*range(40)), *[day()] * HALF_LIFE], AIM).picks == pytest.approx(
        20
    )


@given(MANY_DAYS, st.floats(LEAST, MOST), st.floats(LEAST, MOST))
def test_who_may_miss_more_has_no_lower_threshold(
    days: list[list[FoundPick]], one: float, other: float
) -> None:
    strict, loose = (guarantee.promise(days, level) for level in sorted((one, other)))
    assert (strict.least is None) is (loose.least is None)
    if strict.least is not None and loose.least is not None:
        assert strict.least <= loose.least


@given(MANY_DAYS, st.integers(-60, 50), st.floats(LEAST, MOST))
def test_a_missed_pick_more_raises_no_threshold(
    days: list[list[FoundPick]], score: int, level: float
) -> None:
    before = guarantee.promise(days, level)
    lost = FoundPick(min(float(score), before.least or 0) - 1, 3.0)
    after = guarantee.promise([*days[:-1], [*days[-1], lost]], level)
    if before.least is not None and before.level == after.level:
        assert after.least is not None
        assert after.least <= before.least


@given(MANY_DAYS, st.floats(LEAST, MOST))
def test_what_falls_below_and_one_pick_more_are_the_promised_share_at_most(
    days: list[list[FoundPick]], level: float
) -> None:
    found = guarantee.promise(days, level)
    if found.least is None:
        return
    assert max(level, 1 / (found.picks + 1)) == found.level <= MOST
    weights = [
        (pick.score, pick.stands_for * 0.5 ** (age / HALF_LIFE))
        for age, picks in enumerate(reversed(days))
        for pick in picks
    ]
    below = sum(weight for score, weight in weights if score < found.least)
    assert below + 1 <= found.level * (sum(weight for _, weight in weights) + 1) + 1e-6


@given(MANY_DAYS, st.randoms(use_true_random=False))
def test_the_order_of_a_days_picks_does_not_show(
    days: list[list[FoundPick]], random: Random
) -> None:
    shuffled = [random.sample(picks, len(picks)) for picks in days]
    again, before = guarantee.promise(shuffled, AIM), guarantee.promise(days, AIM)
    assert again.least == before.least
    assert again.picks == pytest.approx(before.picks)


@pytest.mark.parametrize("known", [33, 66, 140, 500])
def test_of_picks_that_come_alike_the_promised_share_is_missed_at_most(known: int) -> None:
    """The guarantee itself: the next pick's chance to be missed, in the mean of many gates."""
    random, missed, level = Random(1), 0, 0.0
    for _ in range(4000):
        found = guarantee.promise([day(*(random.gauss(0, 1) for _ in range(known)))], AIM)
        assert found.least is not None
        missed += random.gauss(0, 1) < found.least
        level = found.level
    # Three standard deviations of such a count above the promise, and not far below it.
    spread = math.sqrt(level / 4000)
    assert level - 1 / known - 3 * spread < missed / 4000 < level + 3 * spread


def test_of_picks_that_audits_alone_show_the_promised_share_is_missed_too() -> None:
    """Below -2 one pick in three is seen, and stands for three."""
    random, missed = Random(2), 0
    for _ in range(2000):
        scores = [random.gauss(0, 1) for _ in range(300)]
        seen = [
            FoundPick(score, 3.0 if score < -2 else 1.0)
            for score in scores
            if score >= -2 or random.random() < 1 / 3
        ]
        missed += random.gauss(0, 1) < least([seen])
    assert missed / 2000 < AIM + 3 * math.sqrt(AIM / 2000)


def test_the_level_drifts_with_what_the_audits_find() -> None:
    assert guarantee.drifted_level([]) == AIM
    assert guarantee.drifted_level([0.0] * 10) > AIM > guarantee.drifted_level([0.2])
    assert guarantee.drifted_level([0.0] * 1000) == MOST
    assert guarantee.drifted_level([1.0] * 10) == LEAST


@given(st.lists(st.floats(0, 0.1), min_size=1, max_size=200))
def test_in_the_long_run_what_is_missed_is_what_was_aimed_at(missed: list[float]) -> None:
    """Gibbs and Candès' proposition 4.1: for a level that reaches no end."""
    level = AIM
    for share in missed:
        level += guarantee.STEP * (AIM - share)
        if not LEAST <= level <= MOST:
            return
    assert guarantee.drifted_level(missed) == pytest.approx(level)
    assert abs(fmean(missed) - AIM) <= (MOST - LEAST) / (guarantee.STEP * len(missed))


def at_random(random: Random, middle: float, n: int = 8) -> list[FoundPick]:
    return day(*(random.gauss(middle, 1) for _ in range(n)))


def changed(days: list[list[FoundPick]], least: float | None = 0.0, papers: int = 80) -> bool:
    return guarantee.has_changed(days, [papers] * len(days), least)


def test_picks_from_where_none_used_to_be_are_a_changed_interest() -> None:
    random = Random(3)
    before = [at_random(random, 2) for _ in range(10)]
    assert not changed([*before, *(at_random(random, 2) for _ in range(3))])
    assert changed([*before, at_random(random, 2), at_random(random, 0), at_random(random, 0)])
    # Better places than before, or more picks, are no reason to begin anew.
    assert not changed([*before, *(at_random(random, 4) for _ in range(3))])
    assert not changed([*before, *(at_random(random, 2, 30) for _ in range(3))])


def test_hardly_any_picks_from_low_places_are_one_too() -> None:
    """The others are where nobody looks."""
    random = Random(3)
    before = [at_random(random, 2) for _ in range(10)]
    assert changed([*before, day(0.4), day(0.2), []])
    # Not if they are the best ones, or there were hardly any papers.
    assert not changed([*before, day(3.4), day(3.2), []])
    papers = [80] * 10 + [10, 10, 2]
    assert not guarantee.has_changed([*before, day(0.4), day(0.2), []], papers, 0.0)


def test_too_little_to_compare_with_proves_nothing() -> None:
    random = Random(3)
    low = [day(-9, -9, -9, -9)] * 3
    assert changed([*(at_random(random, 2) for _ in range(8)), *low])
    assert not changed([*(at_random(random, 2) for _ in range(7)), *low])
    assert not changed([*(at_random(random, 2, 3) for _ in range(9)), *low])
    assert not changed([])
    assert not guarantee.has_changed([[], [], []], [0, 0, 0], None)


def test_a_change_is_seen_in_vain_about_once_in_a_year() -> None:
    random = Random(4)
    every = [at_random(random, 2, random.randrange(3, 15)) for _ in range(1500)]
    seen = [[pick for pick in picks if pick.score >= 0.5] for picks in every]
    alarms = [n for n in range(40, 1500) if changed(seen[n - 40 : n + 1], 0.5)]
    assert len(alarms) <= 8
