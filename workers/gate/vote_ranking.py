"""What readers' votes say of a paper, as a shift of its local rank; it is text, and needs no numpy;
pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from bot.arxiv.stems import stemmed_words
from bot.domain.papers import Paper, Value
from workers.embedding.meaning import Meaning, dot
from workers.gate.learned_ranking import ONE_RUN, Term, fields_of, tf_idf

_WORDS = 6  # that tell what was learned


class PaperVote(NamedTuple):
    """One person's vote on a paper."""

    paper: Paper
    by: str
    is_up: bool


class VoteRanking(Value):
    """What was learned from `votes` of `people`.

    A paper's shift is the sum over its terms plus the product of its vector with `meaning`, minus
    `middle` and `meaning_middle`, so that the papers it was learned beside have a mean of 0. Its
    unit is a standard deviation of the local ranking. `papers` is how many there were, for the
    rarity of terms; `meaning` is empty where not all of them had a vector.
    """

    votes: int
    people: int
    papers: int
    title: dict[str, Term]
    abstract: dict[str, Term]
    categories: dict[str, Term]
    middle: float = 0.0
    meaning: tuple[float, ...] = ()
    meaning_middle: float = 0.0

    def shift(self, paper: Paper, vector: bytes | None = None) -> float:
        """How much better (above 0) or worse a paper is by the votes; without its `vector`, by its
        words."""
        parts = []
        title, abstract, _, categories = fields_of(paper)
        known = (self.title, title), (self.abstract, abstract), (self.categories, categories)
        for terms, counts in known:
            # Of a term that no voted paper has only the rarity counts, for the vector's length.
            having = {term: terms[term].papers if term in terms else 0 for term in counts}
            for term, amount in tf_idf(counts, having, self.papers).items():
                if term in terms:
                    parts.append(amount * terms[term].weight)
        means = 0.0
        if self.meaning and vector is not None:
            means = dot(vector, self.meaning) - self.meaning_middle
        return math.fsum(parts) - self.middle + means

    def likeness(self, paper: Paper, other: Paper) -> float:
        """How many of their telling words two papers share, from 0 to 1."""
        first, second = (self._vector(each) for each in (paper, other))
        return math.fsum(amount * second[term] for term, amount in first.items() if term in second)

    def _vector(self, paper: Paper) -> dict[str, float]:
        counts = fields_of(paper)[1] + fields_of(paper)[0]
        having = {t: self.abstract[t].papers if t in self.abstract else 0 for t in counts}
        return tf_idf(counts, having, self.papers)

    def telling_words(self, papers: Sequence[Paper], against: bool = False) -> tuple[str, ...]:
        """The words of these papers that speak most for a paper, or `against` one, as the papers
        write them; none that every fourth paper has, and no word twice."""
        sign = -1.0 if against else 1.0
        worth, written = defaultdict[str, float](float), dict[str, str]()
        for paper in {paper.id: paper for paper in papers}.values():
            for term, amount in self._vector(paper).items():
                if term in self.abstract and self.abstract[term].papers <= self.papers / 4:
                    worth[term] += sign * amount * self.abstract[term].weight
            plain, words = stemmed_words(f"{paper.title}. {paper.abstract}")
            for (stem, start, end), (last, _, until) in pairwise(words):
                written.setdefault(stem, plain[start:end])
                if ONE_RUN.fullmatch(plain, start, until):
                    written.setdefault(f"{stem} {last}", plain[start:until])
        used, shown = set[str](), list[str]()
        for term in sorted(worth, key=lambda term: (-worth[term], term)):
            is_new = used.isdisjoint(term.split()) and len(term) > 2
            if worth[term] > 0 and term in written and is_new and len(shown) < _WORDS:
                used.update(term.split())
                shown.append(written[term].lower())
        return tuple(shown)

    def shifts(self, papers: Sequence[Paper], meaning: Meaning | None) -> dict[str, float]:
        """The shift of each paper (an id)."""
        vectors: Mapping[str, bytes] = meaning.papers if meaning else {}
        return {paper.id: self.shift(paper, vectors.get(paper.id)) for paper in papers}
