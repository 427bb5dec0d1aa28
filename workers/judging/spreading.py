"""Spreads the scores of papers that a judge bunched, by the day's own order; pure.

A judge gives sixteen of twenty papers the same pair, and a reader cannot tell them apart. Who is
picked, and the order, are decided before; neither changes here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from bot.domain.digest import CHANNEL_OUTCOMES, Decision, Score
from bot.domain.papers import Cutoffs, Profile

# As many papers with the same scores are no bunch.
_FEW = 3
_TEN = 10

Pair = tuple[int, int]


def spread_scores(profile: Profile, decisions: Sequence[Decision]) -> tuple[Decision, ...]:
    """The decisions, with the scores of those that meet the cut-offs told apart where more than
    three have the same.

    `decisions` are a day's in posted order, as outcomes.decide_outcomes gives them. A score moves
    by one point on one axis and stays in its band of the stated scale (9-10, 7-8, ...), above the
    cut-offs, and between the scores of the papers before and after. Without novelty, relevance
    goes down only, to share the points above the cut-off evenly. The judge's own pair is kept
    beside it.
    """
    chosen = [d for d in decisions if d.outcome in CHANNEL_OUTCOMES and d.score]
    scores = [d.score for d in chosen if d.score]
    shown: Sequence[tuple[int, int | None]]
    if any(score.novelty is None for score in scores):
        shown = _spread_relevance([score.relevance for score in scores], profile.cutoffs)
    else:
        shown = _spread_pairs([(s.relevance, s.novelty or 0) for s in scores], profile.cutoffs)
    new = {
        decision.paper.id: decision.model_copy(update={"score": _shown(score, *pair)})
        for decision, score, pair in zip(chosen, scores, shown, strict=True)
    }
    return tuple(new.get(decision.paper.id, decision) for decision in decisions)


def _shown(score: Score, relevance: int, novelty: int | None) -> Score:
    own = (score.relevance, score.novelty)
    if own == (relevance, novelty):
        return score
    return score.model_copy(update={"relevance": relevance, "novelty": novelty, "given": own})


def _spread_pairs(pairs: Sequence[Pair], cutoffs: Cutoffs) -> list[Pair]:
    """`pairs` and the result are in posted order, never rising."""
    groups = [(pair, len(list(rows))) for pair, rows in groupby(pairs)]
    shown: list[Pair] = []
    for at, (own, size) in enumerate(groups):
        above = shown[-1] if shown else (_TEN + 1, 0)
        below = groups[at + 1][0] if at + 1 < len(groups) else (0, 0)
        options = [own]
        if size > _FEW:
            options = sorted((p for p in _near(own, cutoffs) if below < p < above), reverse=True)
        share = size // len(options)
        for option in options:
            shown += [option] * (size - share * (len(options) - 1) if option == own else share)
    return shown


def _near(own: Pair, cutoffs: Cutoffs) -> Iterator[Pair]:
    """A pair, and those one point away on one axis that mean the same on the stated scale."""
    relevance, novelty = own
    yield own
    if (other := _partner(relevance)) >= cutoffs.relevance:
        yield other, novelty
    if (other := _partner(novelty)) >= cutoffs.novelty:
        yield relevance, other


def _partner(score: int) -> int:
    """The other score of a band: 9 for 10, 8 for 7."""
    return score + 1 if score % 2 else score - 1


def _spread_relevance(relevances: Sequence[int], cutoffs: Cutoffs) -> list[tuple[int, None]]:
    if all(len(list(rows)) <= _FEW for _, rows in groupby(relevances)):
        return [(relevance, None) for relevance in relevances]
    points = _TEN - cutoffs.relevance + 1
    most = [_TEN - place * points // len(relevances) for place in range(len(relevances))]
    return [(min(own, limit), None) for own, limit in zip(relevances, most, strict=True)]
