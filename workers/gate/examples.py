"""How like a profile's examples a day's papers are, in words and in meaning; pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from bot.domain.papers import Example, Paper
from workers.embedding.meaning import Meaning, dot, mean
from workers.gate import keyword_ranking
from workers.gate.keyword_ranking import content_of, rarity_of, unit

# Rocchio's method: near to the mean of the examples, and this much away from the mean of the day's
# other papers. Of picks of April and May 2025, ranking the other month, any number from 0.3 to 0.7
# did as well; nearest example alone did worse.
AWAY: Final = 0.5
# A day counts as background as far as it has more than so many other papers; for what is missing
# stands what those two months had on average.
PRIOR_PAPERS: Final = 30
WORDS_OF_DAY, MEANING_OF_DAY = 0.052, 0.243


def like_in_words(examples: Sequence[Example], papers: Sequence[Paper]) -> dict[str, float]:
    """By id, how near (cosine) papers' words are to the examples', by the day's rarity of words."""
    contents = [content_of(paper, {}) for paper in papers]
    rarity = rarity_of(contents)
    unseen = math.log1p(len(papers) + keyword_ranking.PRIOR_PAPERS)
    rows = [_weighed(content, rarity, unseen) for content in contents]
    liked = [_weighed(content_of(each, {}), rarity, unseen) for each in examples]
    wanted, total = _sum(liked), _sum(rows)
    return {
        paper.id: _times(row, wanted) / len(liked)
        - _away(_times(row, total), _times(row, row), len(papers), WORDS_OF_DAY)
        for paper, row in zip(papers, rows, strict=True)
    }


def like_in_meaning(meaning: Meaning, ids: Collection[str]) -> dict[str, float]:
    """By id, how near (cosine) papers' meaning is to the examples'."""
    vectors = {id: meaning.papers[id] for id in ids}
    day = tuple(mean(list(vectors.values())))
    return {
        id: dot(vector, meaning.examples)
        - _away(dot(vector, day) * len(ids), 1.0, len(ids), MEANING_OF_DAY)
        for id, vector in vectors.items()
    }


def _away(to_all: float, to_itself: float, papers: int, usual: float) -> float:
    """What is taken off a paper for its nearness to the day's others, above what is usual."""
    others = papers - 1
    return AWAY * (to_all - to_itself - others * usual) / (others + PRIOR_PAPERS)


def _weighed(
    content: Mapping[str, float], rarity: Mapping[str, float], unseen: float
) -> dict[str, float]:
    return unit({term: amount * rarity.get(term, unseen) for term, amount in content.items()})


def _sum(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total = defaultdict[str, float](float)
    for row in rows:
        for term, amount in row.items():
            total[term] += amount
    return total


def _times(row: Mapping[str, float], weights: Mapping[str, float]) -> float:
    return math.fsum(amount * weights.get(term, 0.0) for term, amount in row.items())
