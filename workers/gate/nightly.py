"""What a gate makes of its days at night: what it learns, where its threshold is, whether to begin
anew; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date as date_
from datetime import timedelta
from typing import NamedTuple

from bot.domain.papers import Paper, Profile, Value
from bot.errors import Refused
from workers.embedding.meaning import Meaning
from workers.gate import guarantee
from workers.gate.learned_ranking import LearnedRanking
from workers.gate.threshold import Tally

# A first ranking of fewer days places picks so badly that these places keep the threshold low for
# weeks: on recorded days, begun after five days the gate spared a third less than after eight.
LEAST_DAYS = 8
# What papers of days before a changed interest count while fewer than that have come since.
PAST = 0.1
# Four seconds of processor time for each five thousand.
MOST_PAPERS = 6_000


class GateState(Value):
    """A profile's gate: it ranks by what it has `learned` from the days before `since`, those from
    `start` on above all, and keeps papers with a score below `least` from the model. None: it has
    not learned yet, or promises nothing yet, and every paper passes.

    Picks of days from `counted` on, which were ranked at night or before by a ranking like this
    one, are what the promise follows from. `level` is the share of picks it may miss by it.
    `changed` is the day on which readers' interests were last seen to have changed.
    """

    learned: LearnedRanking | None = None
    start: date_ = date_.min
    since: date_ = date_.min
    counted: date_ = date_.min
    least: float | None = None
    level: float = guarantee.AIM
    picks: float = 0.0
    changed: date_ | None = None


class Lesson(NamedTuple):
    """A paper with a score: whether it was picked, and for how many papers it stands."""

    day: date_
    paper: Paper
    picked: bool
    stands_for: float


def after_days(
    state: GateState,
    tallies: Sequence[Tally],
    lessons: Sequence[Lesson],
    profile: Profile,
    meaning: Meaning | None,
) -> GateState:
    """The gate after these days, the last of which is new; `lessons` are theirs, the newest first,
    `meaning` is that of their papers."""
    last = tallies[-1].date
    start = _start(state, tallies)
    if start != state.start:
        state = GateState(start=start, changed=last)
    learned = _learn(_since(start, lessons), profile, meaning) or state.learned
    since, counted = last + timedelta(days=1), state.counted
    if learned and (state.learned is None or bool(learned.meaning) != bool(state.learned.meaning)):
        counted = since  # the first ranking of its kind: what others ranked says nothing of it
    state = state.model_copy(update={"learned": learned, "since": since, "counted": counted})
    days = _counted(state, tallies)
    level = guarantee.drifted_level(
        share for day in days if (share := day.missed_share) is not None
    )
    promised = guarantee.promise([day.found for day in days], level)
    least = promised.least if learned else None
    return state.model_copy(
        update={"least": least, "level": promised.level, "picks": promised.picks}
    )


def _start(state: GateState, tallies: Sequence[Tally]) -> date_:
    """The first day to learn from: of a changed interest, that on which it may have begun. Tallies
    are in the order of their days."""
    counted = _counted(state, tallies)
    found, papers = [tally.found for tally in counted], [tally.papers for tally in counted]
    if state.learned and guarantee.has_changed(found, papers, state.least):
        return counted[-guarantee.LATEST_DAYS].date
    return state.start


def _since(start: date_, lessons: Sequence[Lesson]) -> list[Lesson]:
    """What is learned from: lessons of the days from `start` on, and while these are few those
    before, for less."""
    new = [lesson for lesson in lessons if lesson.day >= start]
    if len({lesson.day for lesson in new}) >= LEAST_DAYS:
        return new
    past = (lesson for lesson in lessons if lesson.day < start)
    return [*new, *(old._replace(stands_for=PAST * old.stands_for) for old in past)]


def _counted(state: GateState, tallies: Sequence[Tally]) -> list[Tally]:
    return [tally for tally in tallies if tally.date >= state.counted]


def _learn(
    lessons: Sequence[Lesson], profile: Profile, meaning: Meaning | None
) -> LearnedRanking | None:
    from workers.gate import training  # numpy takes a while to import

    if len({lesson.day for lesson in lessons}) < LEAST_DAYS:
        return None
    try:
        return training.train(
            profile,
            [lesson.paper for lesson in lessons],
            [lesson.picked for lesson in lessons],
            meaning,
            [lesson.stands_for for lesson in lessons],
        )
    except Refused:
        return None
