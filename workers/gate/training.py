"""Learns a ranking from what a profile's judge picked, by logistic regression on words and on
meaning; pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bot.domain.papers import Paper, Profile
from bot.errors import Refused
from workers.embedding.meaning import STEPS, Meaning, dot
from workers.gate import keyword_ranking, learned_ranking, local_ranking, logistic, themes
from workers.gate.learned_ranking import FIELD_WEIGHTS, LearnedRanking, Term
from workers.gate.logistic import DenseTable, Numbers, SparseTable, Table

# Chosen on recorded days up to May 2025, always tested on days up to two weeks later than those
# learned from, what concerns meaning up to six weeks. tests/benchmarks/bench_learn.py has the
# figures of June.
PROFILE_TERM_BOOST = 1.3  # for words that the profile itself uses
C_WORDS, C_THEMES = 2.0, 3.0  # logistic regression's C, on words and on themes
THEMES = 100  # count as much as single words
# The weight of categories next to 1 for words. Learned together, they would be overrated.
CATEGORIES, C_CATEGORIES = 0.2, 1.0
# The weight of the profile's own ranking, next to 1, is this over the root of the picks learned
# from: a third at 36 picks, a tenth at 400.
ZERO_SHOT_WEIGHT = 2.0
# The same of the profile's meaning (flat from 2 to 5), and the weight of what is learned of meaning
# (flat from 0.1 to 0.3): both sit in one weight for each number of a vector.
ZERO_SHOT_MEANING = 4.0
LEARNED_MEANING, C_MEANING = 0.2, 10.0  # C: flat from 3 to 30
SPREAD_OF = 500  # papers that the spread of the profile's own ranking is estimated from
# A third of the recorded one; a profile whose words hardly occur gets less weight.
LEAST_SPREAD = 0.05

MIN_PAPERS, MIN_PICKS = 200, 20
MAX_TERMS = 45_000  # words and pairs kept per field: two megabytes of JSON at most

_NOTHING = 1e-6  # a spread below is the rounding of equal scores


class _Lesson(NamedTuple):
    """Which papers were picked, and for how many papers each of them stands."""

    picked: NDArray[np.bool_]
    counts: Numbers

    def mean_and_spread(self, scores: Numbers) -> tuple[float, float]:
        """The mean and standard deviation of the papers that they stand for."""
        mean = float(np.average(scores, weights=self.counts))
        spread = math.sqrt(float(np.average((scores - mean) ** 2, weights=self.counts)))
        return mean, spread if spread > _NOTHING else 1.0

    def regress(self, table: Table, trust: float) -> Numbers:
        """The weights that tell the picked from the others, with a spread of 1 of the scores."""
        weights = logistic.fit(table, self.picked, trust, self.counts)
        return weights / self.mean_and_spread(table.times(weights))[1]


class _Vocabulary(NamedTuple):
    """The terms learned from: how many papers have each, by field, and each (field, term)'s column.
    The categories' columns come last, from `words` on."""

    frequencies: list[dict[str, int]]
    columns: dict[tuple[int, str], int]
    words: int


def train(
    profile: Profile,
    papers: Sequence[Paper],
    picked: Sequence[bool],
    meaning: Meaning | None = None,
    counts: Sequence[float] | None = None,
) -> LearnedRanking:
    """Learn what tells the picked papers from the others, whatever the order of the papers; from
    words alone without their `meaning`. A paper stands for `counts` papers, itself included; where
    they are not given, for itself.

    Raises Refused, in a sentence for people, below MIN_PAPERS papers or MIN_PICKS on either side,
    or where no two papers have a word in common.
    """
    stand_for = [1.0] * len(papers) if counts is None else counts
    rows = sorted(
        zip(papers, picked, stand_for, strict=True), key=lambda row: (row[0].id, row[0].version)
    )
    picks = sum(picked)
    if len(rows) < MIN_PAPERS or not MIN_PICKS <= picks <= len(rows) - MIN_PICKS:
        raise Refused(
            f"Too little to learn from: {len(rows)} papers, {picks} of them picked; it takes "
            f"{MIN_PAPERS} papers, {MIN_PICKS} of them picked and {MIN_PICKS} not."
        )
    lesson = _Lesson(np.array([row[1] for row in rows]), np.array([float(row[2]) for row in rows]))
    fields = [learned_ranking.fields_of(row[0]) for row in rows]
    vocabulary = _vocabulary(fields)
    named = {term for text in _profile_texts(profile) for term in learned_ranking.terms_of(text)}
    boost = np.array([PROFILE_TERM_BOOST if t in named else 1.0 for _, t in vocabulary.columns])
    words, categories = _tables(fields, vocabulary, boost)
    of_words, of_categories = _fit_words(words, categories, lesson)
    scores = words.times(of_words) + categories.times(of_categories)
    mean, spread = lesson.mean_and_spread(scores)
    own_mean, zero_shot = _zero_shot(profile, [row[0] for row in rows], lesson)
    vectors = [meaning.papers[row[0].id] for row in rows] if meaning else []
    of_meaning = _fit_meaning(vectors, meaning.interest, lesson) if meaning else ()
    means = np.array([dot(vector, of_meaning) for vector in vectors])
    weights = np.concatenate([of_words, of_categories]) * boost / spread
    learned: list[dict[str, Term]] = [{}, {}, {}, {}]
    for (field, term), weight in zip(vocabulary.columns, weights, strict=True):
        learned[field][term] = Term(
            vocabulary.frequencies[field][term], round(FIELD_WEIGHTS[field] * float(weight), 3)
        )
    return LearnedRanking(
        papers=len(rows),
        picks=picks,
        title=learned[0],
        abstract=learned[1],
        authors=learned[2],
        categories=learned[3],
        zero_shot=round(zero_shot, 4),
        middle=round(mean / spread + zero_shot * own_mean, 4),
        meaning=of_meaning,
        meaning_middle=round(lesson.mean_and_spread(means)[0], 4) if meaning else 0.0,
    )


def _vocabulary(papers: Sequence[Sequence[Counter[str]]]) -> _Vocabulary:
    frequencies = [_document_frequencies(field) for field in zip(*papers, strict=True)]
    terms = ((field, term) for field in range(4) for term in frequencies[field])
    columns = {key: column for column, key in enumerate(terms)}
    words = len(columns) - len(frequencies[3])
    if not words:
        raise Refused("There is nothing to learn from: no word stands in two of the papers.")
    return _Vocabulary(frequencies, columns, words)


def _document_frequencies(papers: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """How many papers have each term: the MAX_TERMS most frequent of those in two or more."""
    counted = Counter(term for paper in papers for term in paper)
    often = sorted((-n, term) for term, n in counted.items() if n > 1)
    return {term: -n for n, term in often[:MAX_TERMS]}


def _tables(
    papers: Sequence[Sequence[Counter[str]]], vocabulary: _Vocabulary, boost: Numbers
) -> tuple[SparseTable, SparseTable]:
    """A row for each paper, a column for each word, or category: tf-idf times the weight of the
    field, and `boost`."""
    rows, columns, amounts = list[int](), list[int](), list[float]()
    for row, paper in enumerate(papers):
        for field, counts in enumerate(paper):
            vector = learned_ranking.tf_idf(counts, vocabulary.frequencies[field], len(papers))
            rows += [row] * len(vector)
            columns += [vocabulary.columns[field, term] for term in vector]
            amounts += [FIELD_WEIGHTS[field] * amount for amount in vector.values()]
    row_of, column_of = np.array(rows, np.int64), np.array(columns, np.int64)
    amount, is_word = np.array(amounts, np.float64) * boost[column_of], column_of < vocabulary.words
    return SparseTable(
        row_of[is_word], column_of[is_word], amount[is_word], len(papers), vocabulary.words
    ), SparseTable(
        row_of[~is_word],
        column_of[~is_word] - vocabulary.words,
        amount[~is_word],
        len(papers),
        len(boost) - vocabulary.words,
    )


def _fit_words(
    words: SparseTable, categories: SparseTable, lesson: _Lesson
) -> tuple[Numbers, Numbers]:
    """A weight for each word, by itself and through the themes it is part of; and one for each
    category, apart."""
    with threadpool_limits(1):  # several threads spin while waiting for one another
        found = themes.find_themes(words, min(THEMES, words.rows // 3))
        by_itself = lesson.regress(words, C_WORDS)
        by_theme = found.parts @ lesson.regress(DenseTable(found.amounts), C_THEMES)
        return by_itself + by_theme, CATEGORIES * lesson.regress(categories, C_CATEGORIES)


def _zero_shot(profile: Profile, papers: Sequence[Paper], lesson: _Lesson) -> tuple[float, float]:
    """The mean of the profile's own scores, and their weight."""
    some = slice(None, None, len(papers) // SPREAD_OF + 1)
    by_id = {row.id: row.score for row in keyword_ranking.rank(profile, papers[some])}
    sample = _Lesson(lesson.picked[some], lesson.counts[some])
    own = np.array([by_id[paper.id] for paper in papers[some]])
    mean, spread = sample.mean_and_spread(own)
    trust = ZERO_SHOT_WEIGHT / math.sqrt(lesson.picked.sum())
    return mean, trust / max(spread, LEAST_SPREAD)


def _fit_meaning(
    vectors: Sequence[bytes], interest: Sequence[float], lesson: _Lesson
) -> tuple[float, ...]:
    """A weight for each number of a vector: of what was picked, and of what the profile says."""
    numbers = np.frombuffer(b"".join(vectors), np.int8).reshape(len(vectors), -1)
    weights = LEARNED_MEANING * lesson.regress(DenseTable(numbers / STEPS), C_MEANING)
    own = ZERO_SHOT_MEANING / math.sqrt(lesson.picked.sum()) / local_ranking.MEANING_SPREAD
    return tuple(
        round(float(weight) + own * far, 4) for weight, far in zip(weights, interest, strict=True)
    )


def _profile_texts(profile: Profile) -> Iterator[str]:
    """Every text in which the profile says what it wants and what it does not."""
    for topic in profile.topics:
        yield from (topic.name, topic.relevant, topic.irrelevant)
    for words in (profile.keywords.relevant, profile.keywords.irrelevant):
        yield from words
    yield from profile.keywords.application
