"""A ranking that was learned from what a profile's judge picked: it is text, and needs no numpy;
pure."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from pydantic import Field

from bot.arxiv.stems import stemmed_words
from bot.domain.papers import Paper, Profile, Value
from workers.embedding.meaning import Meaning, dot
from workers.gate import keyword_ranking

# Chosen on recorded days up to May 2025; see training.py.
FIELD_WEIGHTS = (0.6, 1.0, 0.5, 1.0)  # of a paper's vectors: title, abstract, authors, categories
SHOWN = 5

ONE_RUN = re.compile(r"[\w\s'’-]+")  # words not separated by punctuation


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
        for terms, counts in zip(known, fields_of(paper), strict=True):
            having = {term: terms[term].papers for term in counts if term in terms}
            for term, amount in tf_idf(counts, having, self.papers).items():
                parts[term] += amount * terms[term].weight
        return parts

    def _words(self, paper: Paper, parts: Mapping[str, float]) -> tuple[str, ...]:
        """The terms that contributed most, no word twice; none that every fourth paper has."""
        written = {name: name for name in paper.authors}
        for text in (paper.title, paper.abstract):
            plain, words = stemmed_words(text)
            runs = [(word, word) for word in words] + list(pairwise(words))
            for (stem, start, _), (last, at, end) in runs:
                if ONE_RUN.fullmatch(plain, start, end):
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


def terms_of(text: str) -> list[str]:
    """The stems of a text, each alone and each with the next."""
    stems = [stem for stem, _, _ in stemmed_words(text)[1]]
    return stems + [f"{first} {last}" for first, last in pairwise(stems)]


def fields_of(paper: Paper) -> tuple[Counter[str], ...]:
    """The terms of a paper's title and abstract, its authors and its categories, with how often it
    has each."""
    texts = terms_of(paper.title), terms_of(paper.abstract)
    return tuple(map(Counter, (*texts, paper.authors, paper.categories)))


def tf_idf(counts: Mapping[str, int], having: Mapping[str, int], papers: int) -> dict[str, float]:
    """The tf-idf vector of a text's known terms, of length 1."""
    amounts = {
        term: (1 + math.log(n)) * (1 + math.log((1 + papers) / (1 + having[term])))
        for term, n in counts.items()
        if term in having
    }
    length = math.hypot(*amounts.values()) or 1.0
    return {term: amount / length for term, amount in amounts.items()}
