"""Learns from readers' votes what they like, by logistic regression on words and on meaning; pure.

What is liked is told from the papers that nobody voted on, and half as well from those voted down.
Few votes, many words: with so little to go by the regression points from the mean of these papers
to that of those voted up (Rocchio, The SMART Retrieval System, 1971), and the more there are the
more it looks at where the two meet.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bot.domain.papers import Paper
from workers.embedding.meaning import Meaning, dot
from workers.gate import logistic
from workers.gate.learned_ranking import Term
from workers.gate.logistic import Numbers
from workers.gate.vote_ranking import PaperVote, VoteRanking
from workers.gate.vote_table import VoteTable

# Chosen on votes on papers of March and April 2025, tested on the month after each;
# tests/benchmarks/bench_votes.py has the figures of June.
TRUST = 3.5  # logistic regression's C
SHIFT = 2.0  # standard deviations of the local ranking to a unit of the regression
# A vote down is of a paper that was shown, because it looks much like what is liked: next to a vote
# up it tells little of all the others. These make up for the rest. The rarer votes down are, the
# more each is meant: where they are a quarter of the votes up, it counts twice as much.
DOWN = 0.3

# One person's votes together count like this many people's single ones at most. All votes together
# count for less than their number: ten are three times two, not five.
ONE_VOICE = 4.0
ALL_POWER = 0.7

# Who votes against what all others say counts less. How far what others' votes say of a vote is
# believed, and how many of theirs it takes to believe half of that; the odds that a person means
# what they vote, as a logarithm; and how often it is asked.
BELIEF, HALF_BELIEF, GOOD_FAITH, ROUNDS = 5.0, 20, 2.5, 2

MOST = 400  # papers with votes, the last ones; and papers that they are told from

_NOTHING = 1e-9  # a spread below is the rounding of equal sums

_Places = NDArray[np.int64]
_Sides = NDArray[np.bool_]


class _Row(NamedTuple):
    """A paper, one of those who voted on it, and how."""

    paper: str
    by: str
    is_up: bool


def train(
    votes: Sequence[PaperVote], papers: Sequence[Paper], meaning: Meaning | None = None
) -> VoteRanking | None:
    """Learn what readers like, from votes (the oldest first) and from the `papers` they are to be
    told among; from words alone without the `meaning` of all that were voted on. None where there
    is nothing to tell.

    A person has one vote a paper, the last one. The order of the papers does not matter.
    """
    rows = _last_votes(votes)
    voted = {vote.paper.id: vote.paper for vote in votes}
    known = {paper.id: paper for paper in papers} | {row.paper: voted[row.paper] for row in rows}
    ids = sorted({row.paper for row in rows})
    others = sorted(set(known) - set(ids))
    others = others[:: len(others) // MOST + 1]
    if not rows:
        return None
    place = {id: n for n, id in enumerate(ids)}
    cast = _Cast(
        np.array([place[row.paper] for row in rows]), np.array([row.is_up for row in rows])
    )
    with threadpool_limits(1):
        table = VoteTable(known, [*ids, *others], len(ids), meaning)
        amounts = _amounts(cast, _voices(rows, cast, table), table)
        if not ((amounts > 0).any() and (amounts < 0).any()):
            return None
        weights = logistic.fit(table, amounts > 0, TRUST, np.abs(amounts))
    terms, numbers = table.told(SHIFT * weights)
    learned: list[dict[str, Term]] = [{}, {}, {}]
    for (field, term), weight in terms.items():
        learned[field][term] = Term(table.frequencies[field][term], round(weight, 4) + 0.0)
    ranking = VoteRanking(
        votes=len(rows),
        people=len({row.by for row in rows}),
        papers=len(known),
        title=learned[0],
        abstract=learned[1],
        categories=learned[2],
        meaning=tuple(round(float(each), 4) + 0.0 for each in numbers),
    )
    beside = {paper.id: paper for paper in papers} or known
    return _centred(ranking, [beside[id] for id in sorted(beside)], meaning)


def _centred(ranking: VoteRanking, papers: Sequence[Paper], meaning: Meaning | None) -> VoteRanking:
    """The ranking with a mean shift of 0 over these papers."""
    middle = math.fsum(ranking.shift(paper) for paper in papers) / len(papers)
    vectors = [meaning.papers[p.id] for p in papers if p.id in meaning.papers] if meaning else []
    means = math.fsum(dot(vector, ranking.meaning) for vector in vectors) / max(len(vectors), 1)
    return ranking.model_copy(
        update={"middle": round(middle, 4), "meaning_middle": round(means, 4)}
    )


def _last_votes(votes: Sequence[PaperVote]) -> list[_Row]:
    """Everybody's last vote on each of the last papers, in a fixed order."""
    last = {(vote.by, vote.paper.id): vote.is_up for vote in votes}
    papers = list(dict.fromkeys(vote.paper.id for vote in reversed(votes)))[:MOST]
    kept = set(papers)
    return sorted(_Row(id, by, is_up) for (by, id), is_up in last.items() if id in kept)


class _Cast(NamedTuple):
    """Votes: the row of each one's paper, and which are up."""

    at: _Places
    is_up: _Sides


def _amounts(cast: _Cast, counts: Numbers, table: VoteTable) -> Numbers:
    """How much each row is liked, or not (below 0), by votes that count so much: of a paper's votes
    what is left when as many on either side are taken away, and what nobody voted on brings the sum
    to 0."""
    left = np.bincount(cast.at, np.where(cast.is_up, counts, -counts), table.rows)
    ups, downs = left[left > 0].sum(), -left[left < 0].sum()
    rare = math.sqrt(ups / downs) if ups and downs else 1.0
    amounts = np.where(left > 0, left, DOWN * rare * left)
    others = table.rows - table.voted
    if others:
        amounts[table.voted :] = -amounts.sum() / others
    return np.asarray(amounts, np.float64)


def _voices(rows: Sequence[_Row], cast: _Cast, table: VoteTable) -> Numbers:
    """For how much each vote counts."""
    of = Counter(row.by for row in rows)
    counts = np.array([1 / (1 + (of[row.by] - 1) / ONE_VOICE) for row in rows])
    people = np.array([sorted(of).index(row.by) for row in rows])
    if len(of) > 2:  # of two who differ nobody knows who is right
        trusted = np.ones(len(of))
        for _ in range(ROUNDS):
            believed = counts * trusted[people]
            trusted = np.array(
                [_trust(cast, believed, people == person, table) for person in range(len(of))]
            )
        counts = counts * trusted[people]
    return np.asarray(counts * (counts.sum() / 2) ** (ALL_POWER - 1))


def _trust(cast: _Cast, counts: Numbers, own: _Sides, table: VoteTable) -> float:
    """How far a person is believed to mean what they vote (`own`), from 0 to 1: by whether the
    others' votes, which count so much, place what they like above what they do not."""
    ups, downs = own & cast.is_up, own & ~cast.is_up
    if not (ups.any() and downs.any()):
        return 1.0
    amounts = _amounts(cast, np.where(own, 0.0, counts), table)
    told = table.times(table.transposed_times(amounts))
    spread = float(told[table.voted :].std()) if table.rows > table.voted else float(told.std())
    if spread < _NOTHING:
        return 1.0
    apart = float(told[cast.at[ups]].mean() - told[cast.at[downs]].mean()) / spread
    others = np.count_nonzero(~own)
    belief = BELIEF * others / (others + HALF_BELIEF) / (1 / ups.sum() + 1 / downs.sum())
    return min(_chance(GOOD_FAITH + belief * apart) / _chance(GOOD_FAITH), 1.0)


def _chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-max(log_odds, -500.0)))
