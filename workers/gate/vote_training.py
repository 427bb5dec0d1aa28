"""Learns from readers' votes what they like, by logistic regression on words and on meaning; pure.

Few votes, many words: with so little to go by the regression points from the mean of the papers
voted down to that of those voted up (Rocchio, The SMART Retrieval System, 1971), and the more there
are the more it looks at where the two meet.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bot.domain.papers import Paper
from workers.embedding.meaning import STEPS, Meaning, dot
from workers.gate import logistic
from workers.gate.learned_ranking import Term, fields_of, tf_idf
from workers.gate.logistic import DenseTable, Numbers, SparseTable
from workers.gate.themes import find_themes
from workers.gate.vote_ranking import PaperVote, VoteRanking

# Chosen on votes on papers of March and April 2025, tested on the month after each;
# tests/benchmarks/bench_votes.py has the figures of June.
FIELDS = (0.4, 1.0, 0.3)  # weights of title, abstract, categories; authors teach nothing more
MEANING = 0.6  # the weight of a vector, next to the abstract's 1
# Words that vary together, in the papers to be told apart: how many such themes, one for so many
# papers at most, and their weight. Most words of a paper are in none that somebody voted on.
THEMES, PAPERS_A_THEME, THEME = 50, 4, 0.55
TRUST = 8.0  # logistic regression's C
SHIFT = 2.0  # standard deviations of the local ranking to a unit of the regression

# One person's votes together count like this many people's single ones at most: 50 votes of
# one move less than one of each of five. All votes together count for less than their number: ten
# are twice four, not two and a half times.
ONE_VOICE = 1.5
ALL_VOICES, ALL_POWER = 2.0, 0.7

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
    told among; from words alone without the `meaning` of all that were voted on. None where there
    is nothing to tell.

    A person has one vote a paper, the last one. Where nobody voted down, or up, those that are
    liked are told from the `papers`, or these from those that are not. The order of the papers
    does not matter.
    """
    rows = _last_votes(votes)
    voted = {vote.paper.id: vote.paper for vote in votes}
    known = {paper.id: paper for paper in papers} | {row.paper: voted[row.paper] for row in rows}
    ids = sorted({row.paper for row in rows})
    others = sorted(set(known) - set(ids))
    if meaning:
        others = [id for id in others if id in meaning.papers]
    others = others[:MOST]
    is_one_sided = len({row.is_up for row in rows}) < 2
    if not rows or (is_one_sided and not others):
        return None
    table = _Table(known, ids, others if is_one_sided else [], meaning)
    place = {id: n for n, id in enumerate(ids)}
    counts = {side: np.zeros(len(table.root)) for side in (True, False)}
    for row, count in zip(rows, _voices(rows, table.root, place), strict=True):
        counts[row.is_up][place[row.paper]] += count
    together = counts[True].sum() + counts[False].sum()
    for side in counts:
        counts[side] *= ALL_VOICES * together ** (ALL_POWER - 1)
    if is_one_sided:
        counts[not rows[0].is_up][len(ids) :] = counts[rows[0].is_up].sum() / len(others)
    weights = table.fit(counts[True], counts[False])
    learned: list[dict[str, Term]] = [{}, {}, {}]
    for (field, term), column in table.columns.items():
        weight = round(SHIFT * FIELDS[field] * float(weights.terms[column]), 4) + 0.0
        learned[field][term] = Term(table.frequencies[field][term], weight)
    ranking = VoteRanking(
        votes=len(rows),
        people=len({row.by for row in rows}),
        papers=len(known),
        title=learned[0],
        abstract=learned[1],
        categories=learned[2],
        meaning=tuple(round(SHIFT * MEANING * float(each), 4) + 0.0 for each in weights.meaning),
    )
    return _centred(ranking, list(known.values()), meaning)


def _fields(paper: Paper) -> tuple[Counter[str], ...]:
    title, abstract, _, categories = fields_of(paper)
    return title, abstract, categories


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


def _voices(rows: Sequence[_Row], table: Numbers, place: Mapping[str, int]) -> Numbers:
    """For how much each vote counts."""
    of = Counter(row.by for row in rows)
    counts = np.array([1 / (1 + (of[row.by] - 1) / ONE_VOICE) for row in rows])
    people = np.array([sorted(of).index(row.by) for row in rows])
    if len(of) < 3:  # of two who differ nobody knows who is right
        return counts
    is_up = np.array([row.is_up for row in rows])
    at = np.array([place[row.paper] for row in rows])
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


class _Weights(NamedTuple):
    """Of terms, by their column, and of the numbers of a vector."""

    terms: Numbers
    meaning: Numbers


class _Table:
    """Papers to tell apart, a row for each: their terms by tf-idf, themes, the numbers of their
    meaning, each with its weight.

    Far more columns than rows: `root` has as few as rows and the same products of rows, so that the
    regression finds the same.
    """

    def __init__(
        self,
        known: Mapping[str, Paper],
        ids: Sequence[str],
        others: Sequence[str],
        meaning: Meaning | None,
    ) -> None:
        """Rarity and themes are those of all `known` papers; the rows are `ids` and `others`."""
        rows = [*ids, *others]
        order = [*rows, *sorted(set(known) - set(rows))]
        fields = [_fields(known[id]) for id in order]
        self.frequencies = [Counter(t for paper in fields for t in paper[n]) for n in range(3)]
        self.columns = self._columns(fields, len(ids))
        terms = self._terms(fields)
        self._own = terms.row < len(rows)
        self._terms_of_rows = terms
        with threadpool_limits(1):
            self._parts, themes_of = self._themes(terms, len(order))
            vectors = [meaning.papers[id] for id in rows] if meaning else []
            self._dense = np.hstack([themes_of[: len(rows)], _numbers(vectors, len(rows))])
            products = self._products(len(rows)) + self._dense @ self._dense.T
            squares, turned = np.linalg.eigh(products)
        kept = squares > squares[-1] * 1e-9
        self.root = turned[:, kept] * np.sqrt(squares[kept])
        self._back = turned[:, kept] / np.sqrt(squares[kept])

    def _columns(
        self, fields: Sequence[Sequence[Counter[str]]], voted: int
    ) -> dict[tuple[int, str], int]:
        """A column for each term of a voted paper, or of two others."""
        of_voted = {(n, term) for paper in fields[:voted] for n in range(3) for term in paper[n]}
        often = {
            (n, term)
            for n in range(3)
            for term, papers in self.frequencies[n].items()
            if papers > 1
        }
        return {key: column for column, key in enumerate(sorted(of_voted | often))}

    def _terms(self, fields: Sequence[Sequence[Counter[str]]]) -> SparseTable:
        rows, columns, amounts = list[int](), list[int](), list[float]()
        for row, paper in enumerate(fields):
            for field, counts in enumerate(paper):
                vector = tf_idf(counts, self.frequencies[field], len(fields))
                for term, amount in vector.items():
                    if (field, term) in self.columns:
                        rows.append(row)
                        columns.append(self.columns[field, term])
                        amounts.append(FIELDS[field] * amount)
        return SparseTable(
            np.array(rows, np.int64),
            np.array(columns, np.int64),
            np.array(amounts, np.float64),
            len(fields),
            len(self.columns),
        )

    def _themes(self, terms: SparseTable, papers: int) -> tuple[Numbers, Numbers]:
        """Each column's part in the themes, and each paper's amount of them."""
        count = min(THEMES, papers // PAPERS_A_THEME)
        if not count:
            return np.zeros((terms.columns, 0)), np.zeros((papers, 0))
        # Of single words: with pairs among them the themes of so few papers are those of a phrase.
        single = np.array([field < 2 and " " not in term for field, term in self.columns])
        kept = single[terms.column]
        words = terms._replace(
            row=terms.row[kept], column=terms.column[kept], amount=terms.amount[kept]
        )
        found = find_themes(words, count)
        middle = found.amounts.mean(axis=0)
        return THEME * found.parts, THEME * (found.amounts - middle)

    def _products(self, rows: int) -> Numbers:
        """The product of the terms of each row with each."""
        terms, found = self._terms_of_rows, np.zeros((rows, rows))
        for begin in range(0, terms.columns, 4096):
            some = self._own & (terms.column >= begin) & (terms.column < begin + 4096)
            part = np.zeros((rows, 4096))
            part[terms.row[some], terms.column[some] - begin] = terms.amount[some]
            found += part @ part.T
        return found

    def fit(self, up: Numbers, down: Numbers) -> _Weights:
        """The columns' weights, where each row counts so much on either side."""
        ups, downs = np.flatnonzero(up), np.flatnonzero(down)
        rows, is_up = np.concatenate([ups, downs]), np.arange(len(ups) + len(downs)) < len(ups)
        counts = np.concatenate([up[ups], down[downs]])
        with threadpool_limits(1):
            of_root = logistic.fit(DenseTable(self.root[rows]), is_up, TRUST, counts)
            of_rows = self._back @ of_root
            of_dense = of_rows @ self._dense
        themes = self._parts.shape[1]
        terms, own = self._terms_of_rows, self._own
        sums = terms.amount[own] * of_rows[terms.row[own]]
        of_terms = np.bincount(terms.column[own], sums, terms.columns)
        return _Weights(of_terms + self._parts @ of_dense[:themes], of_dense[themes:])


def _numbers(vectors: Sequence[bytes], rows: int) -> Numbers:
    """Papers' vectors as rows; no column where there are none."""
    numbers = np.frombuffer(b"".join(vectors), np.int8).reshape(rows, -1)
    return np.asarray(MEANING * numbers / STEPS)
