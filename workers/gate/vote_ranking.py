"""What readers' votes say of a paper, as a shift of its local rank; it is text, and needs no numpy;
pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bot.domain.papers import Paper, Value
from workers.embedding.meaning import Meaning, dot
from workers.gate.learned_ranking import Term, fields_of, tf_idf


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

    def shifts(self, papers: Sequence[Paper], meaning: Meaning | None) -> dict[str, float]:
        """The shift of each paper (an id)."""
        vectors: Mapping[str, bytes] = meaning.papers if meaning else {}
        return {paper.id: self.shift(paper, vectors.get(paper.id)) for paper in papers}
