"""Papers to be told apart by votes, as numbers: their words, what these are about together, and
their meaning; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bot.domain.papers import Paper
from workers.embedding.meaning import STEPS, Meaning
from workers.gate.learned_ranking import fields_of, tf_idf
from workers.gate.logistic import Numbers, SparseTable
from workers.gate.themes import find_themes

# Chosen with those of vote_training.py, on the same days. What a paper's themes are together is 1.
FIELDS = (0.4, 1.0, 0.3)  # weights of title, abstract, categories; authors teach nothing more
MEANING = 0.8  # the weight of a vector
# How many themes, one for so many papers at most: most words of a paper are in none that somebody
# voted on. They tell more of few votes than single words do, which few papers share.
THEMES, PAPERS_A_THEME = 30, 10


class Weights(NamedTuple):
    """Of terms, by field and term, and of the numbers of a vector."""

    terms: Mapping[tuple[int, str], float]
    meaning: Numbers


class VoteTable:
    """A row for each of some papers; a column for each of their terms by tf-idf, for each theme,
    for each number of their vectors. It is a logistic.Table."""

    def __init__(
        self,
        known: Mapping[str, Paper],
        rows: Sequence[str],
        voted: int,
        meaning: Meaning | None,
    ) -> None:
        """Rarity and themes are those of all `known` papers; the first of the `rows` were
        `voted` on."""
        order = [*rows, *sorted(set(known) - set(rows))]
        fields = [_fields(known[id]) for id in order]
        self.rows, self.voted = len(rows), voted
        self.frequencies = [Counter(t for paper in fields for t in paper[n]) for n in range(3)]
        self._names = self._columns(fields)
        terms = self._terms(fields)
        self._parts, themes = self._themes(terms)
        self._words = _only(terms, terms.row < len(rows))._replace(rows=len(rows))
        vectors = [meaning.papers.get(id) for id in rows] if meaning else []
        self._dense = np.hstack([themes[: len(rows)], _numbers(vectors, len(rows))])

    @property
    def columns(self) -> int:
        return self._words.columns + int(self._dense.shape[1])

    def times(self, weights: Numbers) -> Numbers:
        """A sum for each row."""
        words = self._words.columns
        return np.asarray(self._words.times(weights[:words]) + self._dense @ weights[words:])

    def transposed_times(self, amounts: Numbers) -> Numbers:
        """A sum for each column."""
        return np.concatenate([self._words.transposed_times(amounts), amounts @ self._dense])

    def told(self, weights: Numbers) -> Weights:
        """What these weights of columns say of any paper's terms and vector."""
        words, themes = self._words.columns, self._parts.shape[1]
        of_terms = weights[:words] + self._parts @ weights[words : words + themes]
        of_fields = [FIELDS[field] for field, _ in self._names]
        found = dict(zip(self._names, (of_terms * of_fields).tolist(), strict=True))
        return Weights(found, MEANING * weights[words + themes :])

    def _columns(self, fields: Sequence[Sequence[Counter[str]]]) -> dict[tuple[int, str], int]:
        """A column for each term of a voted paper, or of two others."""
        terms = {(n, term) for paper in fields[: self.voted] for n in range(3) for term in paper[n]}
        for n, frequencies in enumerate(self.frequencies):
            terms |= {(n, term) for term, papers in frequencies.items() if papers > 1}
        return {key: column for column, key in enumerate(sorted(terms))}

    def _terms(self, fields: Sequence[Sequence[Counter[str]]]) -> SparseTable:
        rows, columns, amounts = list[int](), list[int](), list[float]()
        for row, paper in enumerate(fields):
            for field, counts in enumerate(paper):
                vector = tf_idf(counts, self.frequencies[field], len(fields))
                for term, amount in vector.items():
                    if (field, term) in self._names:
                        rows.append(row)
                        columns.append(self._names[field, term])
                        amounts.append(FIELDS[field] * amount)
        return SparseTable(
            np.array(rows, np.int64),
            np.array(columns, np.int64),
            np.array(amounts, np.float64),
            len(fields),
            len(self._names),
        )

    def _themes(self, terms: SparseTable) -> tuple[Numbers, Numbers]:
        """Each column's part in the themes, and each paper's distance from their mean, which has a
        mean square sum of 1."""
        count = min(THEMES, terms.rows // PAPERS_A_THEME)
        if not count:
            return np.zeros((terms.columns, 0)), np.zeros((terms.rows, 0))
        # Of single words: with pairs among them the themes of so few papers are those of a phrase.
        single = np.array([field < 2 and " " not in term for field, term in self._names])
        with threadpool_limits(1):
            found = find_themes(_only(terms, single[terms.column]), count)
        far = found.amounts - found.amounts.mean(axis=0)
        size = float(np.sqrt((far**2).sum() / len(far))) or 1.0
        return found.parts / size, far / size


def _fields(paper: Paper) -> tuple[Counter[str], ...]:
    title, abstract, _, categories = fields_of(paper)
    return title, abstract, categories


def _only(terms: SparseTable, kept: NDArray[np.bool_]) -> SparseTable:
    return terms._replace(row=terms.row[kept], column=terms.column[kept], amount=terms.amount[kept])


def _numbers(vectors: Sequence[bytes | None], rows: int) -> Numbers:
    """Papers' vectors as rows, less their mean, which stands for one that is missing; no column
    where there are none."""
    there = [row for row, vector in enumerate(vectors) if vector is not None]
    if not there:
        return np.zeros((rows, 0))
    every = np.frombuffer(b"".join(filter(None, vectors)), np.int8).reshape(len(there), -1) / STEPS
    numbers = np.zeros((rows, every.shape[1]))
    numbers[there] = MEANING * (every - every.mean(axis=0))
    return numbers
