"""What a gate makes of its days at night: what it learns from, and when it begins anew."""

from __future__ import annotations

from datetime import date, timedelta

from tests.factories import DAY, paper, profile
from tests.workers.gate.tide_papers import tide_papers
from workers.gate import nightly
from workers.gate.guarantee import FoundPick
from workers.gate.nightly import LEAST_DAYS, PAST, GateState, Lesson
from workers.gate.threshold import Tally
from workers.gate.training import train

LEARNED = train(profile(), *tide_papers(240))


def day(n: int) -> date:
    return DAY + timedelta(days=n)


def lessons(*days: int) -> list[Lesson]:
    return [Lesson(day(n), paper(f"2503.{n:05}"), False, 3.0) for n in days]


def tallies(*places: float) -> list[Tally]:
    """Days with eight picks each, all at one place of the ranking."""
    return [
        Tally(
            date=day(n), asked=60, picks=8, found=tuple(FoundPick(at + i / 8, 1) for i in range(8))
        )
        for n, at in enumerate(places)
    ]


def after(days: list[Tally], state: GateState | None = None) -> GateState:
    known = state or GateState(learned=LEARNED, counted=DAY, since=days[-1].date)
    return nightly.after_days(known, days, [], profile(), None)


def test_days_before_a_change_count_a_tenth_until_there_are_enough_since() -> None:
    few = nightly._since(day(5), lessons(*range(5 + LEAST_DAYS - 1)))
    assert [row.stands_for for row in few] == [3.0] * (LEAST_DAYS - 1) + [3.0 * PAST] * 5
    enough = nightly._since(day(5), lessons(*range(5 + LEAST_DAYS)))
    assert [row.day for row in enough] == [day(n) for n in range(5, 5 + LEAST_DAYS)]
    assert nightly._since(date.min, lessons(1, 2)) == lessons(1, 2)


def test_a_night_sets_the_threshold_by_the_picks_it_knows() -> None:
    state = after(tallies(*[1.0] * 6))
    assert (state.least, state.since, state.changed) == (1.0, day(6), None)
    assert state.learned == LEARNED  # nothing came that could be learned from
    assert after(tallies(1.0, 1.0)).least is None


def test_picks_before_the_first_ranking_of_its_kind_are_not_counted() -> None:
    state = GateState(learned=LEARNED, counted=day(4), since=day(9))
    assert after(tallies(*[1.0] * 10), state).picks < after(tallies(*[1.0] * 10)).picks


def test_a_change_begins_with_the_days_that_showed_it() -> None:
    state = after(tallies(*[2.0] * 9, -1.0, -1.0, -1.0))
    assert (state.start, state.changed, state.least) == (day(9), day(11), None)
    assert state.learned is None
    again = after(tallies(*[2.0] * 9, -1.0, -1.0, -1.0, -1.0), state)
    assert (again.start, again.changed) == (day(9), day(11))
