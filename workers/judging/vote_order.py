"""Orders papers with the same scores by what a channel's votes say of them; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from statistics import NormalDist

from bot.domain.channel_view import dealt_in_order, own_pair
from bot.domain.digest import CHANNEL_OUTCOMES, Decision, Digest
from bot.domain.moved_up import MovedUp

# A digest tells of so many papers at most that votes moved up: those that came in because of them,
# and those that climbed so many places.
_TOLD, _PLACES = 2, 2


def by_votes(decided: Digest, shifts: Mapping[str, float]) -> Digest:
    """A decided day with the papers that the judge scored alike ordered by `shifts` (by id, in
    standard deviations), too. The order they had counts as a standard score, so that a few votes
    move a paper a few places. Nothing else changes: neither who reaches the cut-offs, nor a
    judge's scores."""
    chosen = [d for d in decided.decisions if d.outcome in CHANNEL_OUTCOMES]
    ordered = list[Decision]()
    for _, rows in groupby(chosen, key=own_pair):
        ordered += _ordered(list(rows), shifts)
    if [d.paper.id for d in ordered] == [d.paper.id for d in chosen]:
        return decided
    others = [d for d in decided.decisions if d.outcome not in CHANNEL_OUTCOMES]
    decisions = (*dealt_in_order(ordered), *others)
    return decided.model_copy(update={"decisions": decisions, "by_votes": True})


def _ordered(alike: Sequence[Decision], shifts: Mapping[str, float]) -> list[Decision]:
    def key(row: tuple[int, Decision]) -> tuple[float, int]:
        place, decision = row
        own = NormalDist().inv_cdf(1 - (place + 0.5) / len(alike))
        return -(own + shifts.get(decision.paper.id, 0.0)), place

    return [decision for _, decision in sorted(enumerate(alike), key=key)]


def moved_up(
    voted: Digest,
    plain: Digest,
    shifts: Mapping[str, float],
    evidence: Callable[[str], tuple[int, str] | None],
) -> tuple[MovedUp, ...]:
    """The picked papers that stand higher in the digest than without votes, and for which votes
    speak, best first; `evidence` says of a paper (an id) how many people liked papers like it, and
    the title of the nearest."""
    before = {decision.paper.id: place for place, decision in enumerate(plain.picked)}
    moved = list[MovedUp]()
    for place, decision in enumerate(voted.picked):
        id = decision.paper.id
        climbed = before.get(id, len(before) + _PLACES) - place
        told = evidence(id) if climbed >= _PLACES and shifts.get(id, 0.0) > 0 else None
        if told or (id not in before and shifts.get(id, 0.0) > 0 and (told := evidence(id))):
            people, like = told
            moved.append(MovedUp(paper=id, people=people, like=like, came_in=id not in before))
    return tuple(sorted(moved, key=lambda each: not each.came_in)[:_TOLD])
