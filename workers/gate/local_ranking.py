"""The local judge at its best: a day ranked by the profile's words and by their meaning; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from bot.domain.papers import Paper, Profile
from workers.embedding.meaning import Meaning, dot
from workers.gate import keyword_ranking
from workers.gate.keyword_ranking import KeywordScore

# Means and standard deviations of 4,923 papers of recorded days up to May 2025, before the profile
# they were picked for. Words have them on any day, because a word's rarity is the day's. Meaning
# does not: to a reader of quantum computing, all of quant-ph is near. So these stand for the day
# only as far as it is short, as so many papers; any number from 10 up ranks the record as well.
WORDS, WORDS_SPREAD = 0.073, 0.123
MEANING, MEANING_SPREAD = 0.300, 0.077
PRIOR_PAPERS = 30

# A sum of two standard scores: one paper in ten reaches 2, about what readers pick (9.6 %), which
# makes a 7. From there a point for each, and further down three for two: so a cut-off from 3 up is
# reached by as many papers as by words alone, within a tenth of the day.
SCORE_OF_SEVEN, STEEPER_BELOW = 2.0, 1.5


def rank(
    profile: Profile, papers: Sequence[Paper], meaning: Meaning | None
) -> tuple[KeywordScore, ...]:
    """Rank a day's papers: best first, ties by id, whatever the order of `papers`. Without a
    meaning this is keyword_ranking.rank, whose scores are on another scale, and whose relevance is
    on the same."""
    rows = keyword_ranking.rank(profile, papers)
    if meaning is None:
        return rows
    near = {row.id: dot(meaning.papers[row.id], meaning.interest) for row in rows}
    middle, spread = _day(near.values())
    ranked = []
    for row in rows:
        words = (row.score - WORDS) / WORDS_SPREAD
        score = round(words + (near[row.id] - middle) / spread, 4) + 0.0  # + 0.0: never "-0.0"
        ranked.append(
            KeywordScore(id=row.id, score=score, relevance=_relevance(score), words=row.words)
        )
    return tuple(sorted(ranked, key=lambda row: (-row.score, row.id)))


def _relevance(score: float) -> int:
    over = score - SCORE_OF_SEVEN
    return min(max(math.floor(7 + over * (1.0 if over > 0 else STEEPER_BELOW)), 1), 10)


def _day(near: Iterable[float]) -> tuple[float, float]:
    """Mean and standard deviation of a day with PRIOR_PAPERS more, which have MEANING's."""
    found = sorted(near)
    papers = len(found) + PRIOR_PAPERS
    middle = (math.fsum(found) + PRIOR_PAPERS * MEANING) / papers
    squares = math.fsum((value - middle) ** 2 for value in found)
    prior = MEANING_SPREAD**2 + (MEANING - middle) ** 2
    return middle, math.sqrt((squares + PRIOR_PAPERS * prior) / papers)
