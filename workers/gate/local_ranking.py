"""The local judge at its best: a day ranked by the profile's words and by their meaning; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from bot.domain.papers import Paper, Profile
from workers.embedding.meaning import Meaning, dot
from workers.gate import keyword_ranking
from workers.gate.examples import like_in_meaning, like_in_words
from workers.gate.keyword_ranking import KeywordScore

# Means and standard deviations of 4,923 papers of recorded days up to May 2025, before the profile
# they were picked for. Words have them on any day, because a word's rarity is the day's. Meaning
# does not: to a reader of quantum computing, all of quant-ph is near. So these stand for the day
# only as far as it is short, as so many papers; any number from 10 up ranks the record as well.
WORDS, WORDS_SPREAD = 0.073, 0.123
MEANING, MEANING_SPREAD = 0.300, 0.077
PRIOR_PAPERS = 30

# The same of nearness to a profile's examples, over 3, 5 and 10 picks of April and May 2025 and the
# other month's papers. These chose what follows, too: so many examples count as much as topics and
# keywords do, and more of them more, up to a half again; and beside them the words of topics and
# keywords count half. Beside topics made of the same papers they could count for all, beside topics
# written by hand that does harm. The scales bring such sums to that of profiles without examples,
# by words and meaning or by words alone.
LIKE_WORDS, LIKE_WORDS_SPREAD = 0.050, 0.014
LIKE_MEANING, LIKE_MEANING_SPREAD = 0.270, 0.070
EXAMPLES_AS_TOPICS, MOST_TRUST, OWN_WORDS = 6, 1.5, 0.5
SCALE, WORDS_SCALE = 0.98, 1.55

# A sum of two standard scores: one paper in ten reaches 2, about what readers pick (9.6 %), which
# makes a 7. From there a point for each, and further down three for two: so a cut-off from 3 up is
# reached by as many papers as by words alone, within a tenth of the day.
SCORE_OF_SEVEN, STEEPER_BELOW = 2.0, 1.5


def rank(
    profile: Profile, papers: Sequence[Paper], meaning: Meaning | None
) -> tuple[KeywordScore, ...]:
    """Rank a day's papers: best first, ties by id, whatever the order of `papers`. Without a
    meaning and without examples this is keyword_ranking.rank, whose scores are on another scale,
    and whose relevance is on the same."""
    rows = keyword_ranking.rank(profile, papers)
    if meaning is None and not profile.examples:
        return rows
    words = {row.id: row.score for row in rows}
    near = {id: dot(meaning.papers[id], meaning.interest) for id in words} if meaning else {}
    means = _by_day(near, MEANING, MEANING_SPREAD)
    if profile.examples:
        scores = _with_examples(
            profile, papers, _by_day(words, WORDS, WORDS_SPREAD), means, meaning
        )
    else:
        scores = {id: (words[id] - WORDS) / WORDS_SPREAD + means[id] for id in words}
    ranked = []
    for row in rows:
        score = round(scores[row.id], 4) + 0.0  # + 0.0: never "-0.0"
        ranked.append(
            KeywordScore(id=row.id, score=score, relevance=_relevance(score), words=row.words)
        )
    return tuple(sorted(ranked, key=lambda row: (-row.score, row.id)))


def _with_examples(
    profile: Profile,
    papers: Sequence[Paper],
    words: Mapping[str, float],
    means: Mapping[str, float],
    meaning: Meaning | None,
) -> dict[str, float]:
    """The scores where the profile has examples, from standard scores by its topics and keywords
    (`words`, `means`)."""
    day = [paper for _, paper in sorted({paper.id: paper for paper in papers}.items())]
    like = _by_day(like_in_words(profile.examples, day), LIKE_WORDS, LIKE_WORDS_SPREAD)
    if meaning is None:
        alike, scale, own = dict.fromkeys(like, 0.0), WORDS_SCALE, 1.0
    else:
        alike = _by_day(like_in_meaning(meaning, list(words)), LIKE_MEANING, LIKE_MEANING_SPREAD)
        scale, own = SCALE, OWN_WORDS
    trust = min(len(profile.examples) / EXAMPLES_AS_TOPICS, MOST_TRUST)
    scale /= 1 + trust
    return {
        id: scale * (own * words[id] + means.get(id, 0.0) + trust * (like[id] + alike[id]))
        for id in words
    }


def standard_score(profile: Profile, score: float, meaning: Meaning | None) -> float:
    """A score of `rank` in standard deviations, which it is already but by words alone."""
    return score if meaning or profile.examples else (score - WORDS) / WORDS_SPREAD


def _relevance(score: float) -> int:
    over = score - SCORE_OF_SEVEN
    return min(max(math.floor(7 + over * (1.0 if over > 0 else STEEPER_BELOW)), 1), 10)


def _by_day(found: Mapping[str, float], usual: float, spread: float) -> dict[str, float]:
    """Standard scores, by the mean and standard deviation of a day that has PRIOR_PAPERS more, of
    which these are known."""
    values, papers = sorted(found.values()), len(found) + PRIOR_PAPERS
    middle = (math.fsum(values) + PRIOR_PAPERS * usual) / papers
    squares = math.fsum((value - middle) ** 2 for value in values)
    prior = spread**2 + (usual - middle) ** 2
    deviation = math.sqrt((squares + PRIOR_PAPERS * prior) / papers)
    return {id: (value - middle) / deviation for id, value in found.items()}
