"""Learns a ranking from what a profile's judge picked, by logistic regression on words and on
meaning; pure."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date as date_
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any, NamedTuple

from pydantic import Field

from bot.arxiv.stems import stemmed_words
from bot.domain.papers import Paper, Profile, Value
from bot.errors import Refused
from workers.embedding.meaning import STEPS, Meaning, dot
from workers.gate import keyword_ranking, local_ranking

# Chosen on recorded days up to May 2025, always tested on days up to two weeks later than those
# learned from, what concerns meaning up to six weeks. tests/benchmarks/bench_learn.py has the
# figures of June.
FIELD_WEIGHTS = (0.6, 1.0, 0.5, 1.0)  # of a paper's vectors: title, abstract, authors, categories
PROFILE_TERM_BOOST = 1.3  # for words that the profile itself uses
C_WORDS, C_THEMES = 2.0, 3.0  # logistic regression's C, on words and on themes
SVD_COMPONENTS = 200  # themes (truncated SVD) count as much as single words
DRAWS = 3  # of the randomised SVD: the luck of one draw is worth 0.002 of AUC
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
LEAST_SPREAD = (
    0.05  # a third of the recorded one; a profile whose words hardly occur gets less weight
)

MIN_PAPERS, MIN_PICKS = 200, 20
MAX_TERMS = 45_000  # words and pairs kept per field: two megabytes of JSON at most
FOLDS = 5
SHOWN = 5

_NOTHING = 1e-6  # a spread below is the rounding of equal scores
_ONE_RUN = re.compile(r"[\w\s'’-]+")  # words not separated by punctuation


class LearnedScore(Value):
    """A paper's rank in its day (1 is best), and the words that counted most for it, as the paper
    writes them."""

    id: str
    rank: int = Field(ge=1)
    score: float
    words: tuple[str, ...]


class Term(NamedTuple):
    """A word, pair of words, name or category: how many papers had it, and its weight."""

    papers: int
    weight: float


class LearnedRanking(Value):
    """A ranking learned from `papers` judged papers of a profile, `picks` of them picked.

    A paper's score is the sum over its terms plus `zero_shot` times its keyword_ranking score plus
    the product of its vector with `meaning`, minus `middle` and `meaning_middle`. Over the papers
    learned from, the mean is 0, and the standard deviation of the terms' sum is 1. `meaning` is
    empty where not all of these had a vector.
    """

    papers: int
    picks: int
    title: dict[str, Term]
    abstract: dict[str, Term]
    authors: dict[str, Term]
    categories: dict[str, Term]
    zero_shot: float
    middle: float
    meaning: tuple[float, ...] = ()
    meaning_middle: float = 0.0

    def rank(
        self, profile: Profile, papers: Sequence[Paper], meaning: Meaning | None = None
    ) -> tuple[LearnedScore, ...]:
        """A day's papers, best first, ties by id; the order of `papers` does not matter. Without
        their `meaning`, by words alone."""
        keyword_rows = {row.id: row for row in keyword_ranking.rank(profile, papers)}
        rows = []
        for paper in {paper.id: paper for paper in papers}.values():
            parts = self._parts(paper)
            own = self.zero_shot * keyword_rows[paper.id].score
            means = self._meaning(paper, meaning)
            score = round(math.fsum(parts.values()) + own + means - self.middle, 4) + 0.0
            rows.append((score, paper, parts))
        rows.sort(key=lambda row: (-row[0], row[1].id))
        return tuple(
            LearnedScore(id=paper.id, rank=place, score=score, words=self._words(paper, parts))
            for place, (score, paper, parts) in enumerate(rows, 1)
        )

    def _meaning(self, paper: Paper, meaning: Meaning | None) -> float:
        """How far the paper's meaning is above the mean of those learned from."""
        if not self.meaning or meaning is None:
            return 0.0
        return dot(meaning.papers[paper.id], self.meaning) - self.meaning_middle

    def _parts(self, paper: Paper) -> Mapping[str, float]:
        """Each term's contribution to the paper's score."""
        parts: defaultdict[str, float] = defaultdict(float)
        known = self.title, self.abstract, self.authors, self.categories
        for terms, counts in zip(known, _fields(paper), strict=True):
            having = {term: terms[term].papers for term in counts if term in terms}
            for term, amount in _tf_idf(counts, having, self.papers).items():
                parts[term] += amount * terms[term].weight
        return parts

    def _words(self, paper: Paper, parts: Mapping[str, float]) -> tuple[str, ...]:
        """The terms that contributed most, no word twice; none that every fourth paper has."""
        written = {name: name for name in paper.authors}
        for text in (paper.title, paper.abstract):
            plain, words = stemmed_words(text)
            runs = [(word, word) for word in words] + list(pairwise(words))
            for (stem, start, _), (last, at, end) in runs:
                if _ONE_RUN.fullmatch(plain, start, end):
                    written[stem if start == at else f"{stem} {last}"] = plain[start:end]
        used: set[str] = set()
        shown = []
        for term in sorted(parts, key=lambda term: (-parts[term], term)):
            usual = term in self.abstract and self.abstract[term].papers > self.papers / 4
            fresh = used.isdisjoint(term.split())
            if parts[term] > 0 and term in written and fresh and not usual:
                used.update(term.split())
                shown.append(" ".join(written[term].split()))
        return tuple(shown[:SHOWN])


class HeldOutScore(Value):
    """A paper scored by a ranking learned from other days, and whether it was picked."""

    date: date_
    id: str
    score: float
    picked: bool


def score_held_out(
    profile: Profile,
    papers: Sequence[Paper],
    picked: Sequence[bool],
    days: Sequence[date_],
    meaning: Meaning | None = None,
) -> tuple[HeldOutScore, ...]:
    """Score every paper by a ranking learned without its day, to choose a threshold by.

    The three sequences are parallel; `meaning` is that of all papers. Every FOLDS-th day is held
    out at once. Raises Refused with fewer days than that, or where the others do not suffice for
    `train`.
    """
    rows = list(zip(papers, picked, days, strict=True))
    dates = sorted(set(days))
    if len(dates) < FOLDS:
        raise Refused(f"A gate is tried on at least {FOLDS} days; there are {len(dates)}.")
    held = []
    for fold in range(FOLDS):
        held_out = dates[fold::FOLDS]
        kept = [row for row in rows if row[2] not in held_out]
        ranking = train(profile, [row[0] for row in kept], [row[1] for row in kept], meaning)
        for day in held_out:
            was = {paper.id: was for paper, was, on in rows if on == day}
            ranked = ranking.rank(profile, [paper for paper, _, on in rows if on == day], meaning)
            held += [
                HeldOutScore(date=day, id=r.id, score=r.score, picked=was[r.id]) for r in ranked
            ]
    return tuple(sorted(held, key=lambda row: (row.date, row.id)))


class _Vocabulary(NamedTuple):
    """The terms learned from: how many papers have each, by field, and each (field, term)'s column
    in the table. The categories' columns come last, from `words` on."""

    frequencies: list[dict[str, int]]
    columns: dict[tuple[int, str], int]
    words: int


def train(
    profile: Profile,
    papers: Sequence[Paper],
    picked: Sequence[bool],
    meaning: Meaning | None = None,
) -> LearnedRanking:
    """Learn what tells the picked papers from the others, whatever the order of the papers; from
    words alone without their `meaning`.

    Raises Refused, in a sentence for people, below MIN_PAPERS papers or MIN_PICKS on either side,
    or where no two papers have a word in common.
    """
    # numpy takes a while to import, and whoever only ranks does without it.
    import numpy as np

    rows = sorted(zip(papers, picked, strict=True), key=lambda row: (row[0].id, row[0].version))
    picks = sum(picked)
    if len(rows) < MIN_PAPERS or not MIN_PICKS <= picks <= len(rows) - MIN_PICKS:
        raise Refused(
            f"Too little to learn from: {len(rows)} papers, {picks} of them picked; it takes "
            f"{MIN_PAPERS} papers, {MIN_PICKS} of them picked and {MIN_PICKS} not."
        )
    counts = [_fields(paper) for paper, _ in rows]
    vocabulary = _vocabulary(counts)
    named = {term for text in _profile_texts(profile) for term in _terms(text)}
    boost = np.array([PROFILE_TERM_BOOST if t in named else 1.0 for _, t in vocabulary.columns])
    table = _table(counts, vocabulary).multiply(boost).tocsr()
    flags = np.array([bool(flag) for _, flag in rows])
    weights = _fit(table, vocabulary.words, flags)
    scores = table @ weights
    spread = scores.std() if scores.std() > _NOTHING else 1.0
    sampled = [paper for paper, _ in rows[:: len(rows) // SPREAD_OF + 1]]
    own = [row.score for row in keyword_ranking.rank(profile, sampled)]
    zero_shot = ZERO_SHOT_WEIGHT / math.sqrt(picks) / max(pstdev(own), LEAST_SPREAD)
    vectors = [meaning.papers[paper.id] for paper, _ in rows] if meaning else []
    of_meaning = _fit_meaning(vectors, meaning.interest, flags) if meaning else ()
    learned: list[dict[str, Term]] = [{}, {}, {}, {}]
    for (field, term), weight in zip(vocabulary.columns, weights * boost / spread, strict=True):
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
        middle=round(float(scores.mean()) / spread + zero_shot * fmean(own), 4),
        meaning=of_meaning,
        meaning_middle=round(fmean(dot(v, of_meaning) for v in vectors), 4) if vectors else 0.0,
    )


def _vocabulary(papers: Sequence[Sequence[Counter[str]]]) -> _Vocabulary:
    frequencies = [_document_frequencies(field) for field in zip(*papers, strict=True)]
    terms = ((field, term) for field in range(4) for term in frequencies[field])
    columns = {key: column for column, key in enumerate(terms)}
    words = len(columns) - len(frequencies[3])
    if not words:
        raise Refused("There is nothing to learn from: no word stands in two of the papers.")
    return _Vocabulary(frequencies, columns, words)


def _table(papers: Sequence[Sequence[Counter[str]]], vocabulary: _Vocabulary) -> Any:
    """A sparse matrix: a row for each paper, a column for each term, tf-idf times the field's
    weight."""
    from scipy import sparse  # type: ignore[import-untyped]

    ends, columns, amounts = [0], list[int](), list[float]()
    for paper in papers:
        for field, counts in enumerate(paper):
            vector = _tf_idf(counts, vocabulary.frequencies[field], len(papers))
            columns += [vocabulary.columns[field, term] for term in vector]
            amounts += [FIELD_WEIGHTS[field] * amount for amount in vector.values()]
        ends.append(len(columns))
    return sparse.csr_matrix((amounts, columns, ends), (len(papers), len(vocabulary.columns)))


def _fit(table: Any, words: int, picked: Any) -> Any:
    """A weight for each column: of words by themselves and through their themes, of categories
    (the columns from `words` on) apart. scikit-learn takes a second to import."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.utils.extmath import randomized_svd  # type: ignore[import-untyped]
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    def regress(matrix: Any, trust: float) -> Any:
        fitted = LogisticRegression(C=trust, class_weight="balanced", solver="liblinear")
        weights = fitted.fit(matrix, picked).coef_[0]
        spread = (matrix @ weights).std()
        return weights / spread if spread > _NOTHING else weights

    of_words, rank = table[:, :words], min(SVD_COMPONENTS, table.shape[0] // 3)
    weights = regress(of_words, C_WORDS)
    for draw in range(DRAWS):
        with threadpool_limits(1):  # several threads spin while waiting for one another
            themes = randomized_svd(of_words, rank, n_iter=2, random_state=draw)[2].T
        projected = of_words @ themes
        size = math.sqrt((projected**2).sum(axis=1).mean()) or 1.0
        weights = weights + themes @ regress(projected / size, C_THEMES) / size / DRAWS
    if words < table.shape[1]:
        weights = np.append(weights, CATEGORIES * regress(table[:, words:], C_CATEGORIES))
    return weights


def _fit_meaning(
    vectors: Sequence[bytes], interest: Sequence[float], picked: Any
) -> tuple[float, ...]:
    """A weight for each number of a vector: of what was picked, and of what the profile says."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    table = np.frombuffer(b"".join(vectors), np.int8).reshape(len(vectors), -1) / STEPS
    fitted = LogisticRegression(C=C_MEANING, class_weight="balanced", solver="liblinear")
    weights = fitted.fit(table, picked).coef_[0]
    spread = (table @ weights).std()
    weights *= LEARNED_MEANING / (spread if spread > _NOTHING else 1.0)
    own = ZERO_SHOT_MEANING / math.sqrt(picked.sum()) / local_ranking.MEANING_SPREAD
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


def _terms(text: str) -> list[str]:
    """The stems of a text, each alone and each with the next."""
    stems = [stem for stem, _, _ in stemmed_words(text)[1]]
    return stems + [f"{first} {last}" for first, last in pairwise(stems)]


def _fields(paper: Paper) -> tuple[Counter[str], ...]:
    texts = _terms(paper.title), _terms(paper.abstract)
    return tuple(map(Counter, (*texts, paper.authors, paper.categories)))


def _document_frequencies(papers: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """How many papers have each term: the MAX_TERMS most frequent of those in two or more."""
    counted = Counter(term for paper in papers for term in paper)
    often = sorted((-n, term) for term, n in counted.items() if n > 1)
    return {term: -n for n, term in often[:MAX_TERMS]}


def _tf_idf(counts: Mapping[str, int], having: Mapping[str, int], papers: int) -> dict[str, float]:
    """The tf-idf vector of a text's known terms, of length 1."""
    amounts = {
        term: (1 + math.log(n)) * (1 + math.log((1 + papers) / (1 + having[term])))
        for term, n in counts.items()
        if term in having
    }
    length = math.hypot(*amounts.values()) or 1.0
    return {term: amount / length for term, amount in amounts.items()}
