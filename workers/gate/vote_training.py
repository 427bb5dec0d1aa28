"""Learns from readers' votes what they like, by logistic regression on words and on meaning; pure.

Few votes, many words: with so little to go by the regression points from the mean of the papers
voted down to that of those voted up (Rocchio, The SMART Retrieval System, 1971), and the more there
are the more it looks at where the two meet.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bot.domain.papers import Paper
from workers.embedding.meaning import STEPS, Meaning, dot, numbers
from workers.gate import logistic
from workers.gate.learned_ranking import Term, fields_of, tf_idf
from workers.gate.logistic import DenseTable, Numbers, SparseTable
from workers.gate.vote_ranking import PaperVote, VoteRanking

# Chosen on votes on papers of March 2025, tested on April; tests/benchmarks/bench_votes.py has the
# figures of May and June.
FIELDS = (0.4, 1.0, 0.3)  # weights of title, abstract, categories; authors teach nothing more
MEANING = 0.6  # the weight of a vector, next to the abstract's 1
TRUST = 8.0  # logistic regression's C
SHIFT = 3.0  # standard deviations of the local ranking to a unit of the regression

# One person's votes together count like this many people's at most, however many they are: 50 of
# one move less than one of each of five.
ONE_VOICE = 2.0

# Who votes against what all others say counts less. How far what others' votes say of a vote is
# believed, the odds that a person means what they vote, as a logarithm, and how often it is asked.
BELIEF, GOOD_FAITH, ROUNDS = 8.0, 2.0, 2

MOST = 400  # papers with votes, the last ones

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
    told among; from words alone without the `meaning` of both. None without votes.

    A person has one vote a paper, the last one. Where nobody voted down, or up, those that are
    liked are told from the `papers`, or these from those that are not. The order of the papers
    does not matter.
    """
    rows = _last_votes(votes)
    if not rows:
        return None
    voted = {vote.paper.id: vote.paper for vote in votes}
    known = {paper.id: paper for paper in papers} | {row.paper: voted[row.paper] for row in rows}
    fields = {id: _fields(known[id]) for id in sorted(known)}
    frequencies = [Counter(t for paper in fields.values() for t in paper[n]) for n in range(3)]
    ids = sorted({row.paper for row in rows})
    counts = {side: np.zeros(len(ids)) for side in (True, False)}
    vectors = _Vectors(ids, fields, frequencies, meaning)
    place = {id: n for n, id in enumerate(ids)}
    for row, count in zip(rows, _voices(rows, vectors.gram(), place), strict=True):
        counts[row.is_up][place[row.paper]] += count
    others = sorted(set(fields) - set(ids))
    missing = [side for side in (True, False) if not counts[side].any()]
    if missing and not others:
        return None
    if missing:
        vectors = _Vectors([*ids, *others], fields, frequencies, meaning)
        counts[not missing[0]] = np.append(counts[not missing[0]], np.zeros(len(others)))
        share = counts[not missing[0]].sum() / len(others)
        counts[missing[0]] = np.append(np.zeros(len(ids)), np.full(len(others), share))
    weights = SHIFT * vectors.fit(counts[True], counts[False])
    learned: list[dict[str, Term]] = [{}, {}, {}]
    for (field, term), column in vectors.columns.items():
        weight = round(FIELDS[field] * float(weights[column]), 4) + 0.0
        learned[field][term] = Term(frequencies[field][term], weight)
    ranking = VoteRanking(
        votes=len(rows),
        people=len({row.by for row in rows}),
        papers=len(fields),
        title=learned[0],
        abstract=learned[1],
        categories=learned[2],
        meaning=tuple(
            round(MEANING * float(weight), 4) + 0.0 for weight in weights[len(vectors.columns) :]
        ),
    )
    return _centred(ranking, [known[id] for id in fields], meaning)


def _fields(paper: Paper) -> tuple[Counter[str], ...]:
    title, abstract, _, categories = fields_of(paper)
    return title, abstract, categories


def _centred(ranking: VoteRanking, papers: Sequence[Paper], meaning: Meaning | None) -> VoteRanking:
    """The ranking with a mean shift of 0 over these papers."""
    middle = math.fsum(ranking.shift(paper) for paper in papers) / len(papers)
    means = 0.0
    if meaning and ranking.meaning:
        means = math.fsum(dot(meaning.papers[p.id], ranking.meaning) for p in papers) / len(papers)
    return ranking.model_copy(
        update={"middle": round(middle, 4), "meaning_middle": round(means, 4)}
    )


def _last_votes(votes: Sequence[PaperVote]) -> list[_Row]:
    """Everybody's last vote on each of the last papers, in a fixed order."""
    last = {(vote.by, vote.paper.id): vote.is_up for vote in votes}
    papers = list(dict.fromkeys(vote.paper.id for vote in reversed(votes)))[:MOST]
    kept = set(papers)
    return sorted(_Row(id, by, is_up) for (by, id), is_up in last.items() if id in kept)


def _voices(rows: Sequence[_Row], gram: Numbers, place: Mapping[str, int]) -> Numbers:
    """For how much each vote counts."""
    of = Counter(row.by for row in rows)
    counts = np.array([1 / (1 + (of[row.by] - 1) / ONE_VOICE) for row in rows])
    people = np.array([sorted(of).index(row.by) for row in rows])
    if len(of) < 3:  # of two who differ nobody knows who is right
        return counts
    is_up = np.array([row.is_up for row in rows])
    at = np.array([place[row.paper] for row in rows])
    table = _root(gram)
    trusted = np.ones(len(of))
    for _ in range(ROUNDS):
        said = [
            _agreement(table, at, is_up, counts * trusted[people], people == person)
            for person in range(len(of))
        ]
        trusted = np.array([min(1.0, _chance(BELIEF * s + GOOD_FAITH)) for s in said])
        trusted = np.minimum(trusted / _chance(GOOD_FAITH), 1.0)
    return np.asarray(counts * trusted[people])


def _agreement(table: Numbers, at: _Places, is_up: _Sides, counts: Numbers, own: _Sides) -> float:
    """How well the others' votes foresee a person's `own`: above 0 where they do, below where the
    opposite is true; 0 where nothing can be said, because either side all votes one way."""
    mine, theirs = is_up[own], is_up[~own]
    if len(set(mine)) < 2 or len(set(theirs)) < 2:
        return 0.0
    rows = at[~own]
    weights = logistic.fit(DenseTable(table[rows]), theirs, TRUST, counts[~own] + 1e-9)
    told = table[at[own]] @ weights
    middle = (told[mine].mean() + told[~mine].mean()) / 2
    return float(((told - middle) * np.where(mine, 1.0, -1.0)).sum())


def _chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-max(log_odds, -500.0)))


def _root(gram: Numbers) -> Numbers:
    """A table of as few columns as rows, with the same products of rows."""
    squares, turned = np.linalg.eigh(gram)
    return np.asarray(turned * np.sqrt(np.maximum(squares, 0.0)))


class _Vectors:
    """Papers' vectors: their terms by tf-idf, then the numbers of their meaning, each field with
    its weight."""

    def __init__(
        self,
        ids: Sequence[str],
        fields: Mapping[str, Sequence[Counter[str]]],
        frequencies: Sequence[Mapping[str, int]],
        meaning: Meaning | None,
    ) -> None:
        columns: defaultdict[tuple[int, str], int] = defaultdict(lambda: len(columns))
        entries = list[tuple[int, int, float]]()
        for row, id in enumerate(ids):
            for field, counts in enumerate(fields[id]):
                vector = tf_idf(counts, frequencies[field], len(fields))
                entries += [
                    (row, columns[field, term], FIELDS[field] * amount)
                    for term, amount in vector.items()
                ]
        self.columns = dict(columns)
        size = 0
        if meaning:
            for row, id in enumerate(ids):
                vector_of = numbers(meaning.papers[id])
                size = len(vector_of)
                entries += [
                    (row, len(self.columns) + n, MEANING * number / STEPS)
                    for n, number in enumerate(vector_of)
                ]
        row_of, column_of, amounts = zip(*entries, strict=True) if entries else ((), (), ())
        self._table = SparseTable(
            np.array(row_of, np.int64),
            np.array(column_of, np.int64),
            np.array(amounts, np.float64),
            len(ids),
            len(self.columns) + size,
        )

    def gram(self) -> Numbers:
        """The product of each row with each."""
        table, found = self._table, np.zeros((self._table.rows, self._table.rows))
        for begin in range(0, table.columns, 4096):
            some = (table.column >= begin) & (table.column < begin + 4096)
            part = np.zeros((table.rows, 4096))
            part[table.row[some], table.column[some] - begin] = table.amount[some]
            found += part @ part.T
        return found

    def fit(self, up: Numbers, down: Numbers) -> Numbers:
        """The columns' weights, where each row counts so much on either side."""
        table = self._table
        sides = [(np.flatnonzero(side), is_up) for side, is_up in ((up, True), (down, False))]
        rows = np.concatenate([at for at, _ in sides])
        is_up = np.concatenate([np.full(len(at), was) for at, was in sides])
        counts = np.concatenate([up[sides[0][0]], down[sides[1][0]]])
        with threadpool_limits(1):
            return logistic.fit(_Repeated(table, rows), is_up, TRUST, counts)


class _Repeated(NamedTuple):
    """Some rows of a table, any of them more than once."""

    table: SparseTable
    at: _Places

    @property
    def columns(self) -> int:
        return self.table.columns

    def times(self, weights: Numbers) -> Numbers:
        return np.asarray(self.table.times(weights)[self.at])

    def transposed_times(self, amounts: Numbers) -> Numbers:
        sums = np.bincount(self.at, amounts, self.table.rows)
        return self.table.transposed_times(np.asarray(sums, np.float64))
