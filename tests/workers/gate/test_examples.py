"""A profile with examples: papers like them come first, in words and in meaning."""

from __future__ import annotations

from random import Random

import pytest

from bot.domain.papers import Example, Paper
from tests.factories import profile
from tests.workers.gate.tide_papers import TIDES, tide_papers
from tests.workers.gate.vectors import embed_by, meaning
from workers.gate import local_ranking
from workers.gate.keyword_ranking import KeywordScore
from workers.gate.ranking_quality import auc

LIKED = [paper for paper, tidal in zip(*tide_papers(60, 7), strict=True) if tidal][:5]
EXAMPLES = tuple(Example(id=each.id, title=each.title, abstract=each.abstract) for each in LIKED)
# Its topic is on something else.
READER = profile(examples=EXAMPLES)
KNOWING = embed_by(*TIDES)


def ranked(papers: list[Paper], with_meaning: bool) -> tuple[KeywordScore, ...]:
    found = meaning(KNOWING, READER, papers) if with_meaning else None
    return local_ranking.rank(READER, papers, found)


@pytest.mark.parametrize("with_meaning", [True, False])
def test_papers_like_the_examples_come_first(with_meaning: bool) -> None:
    papers, picked = tide_papers(60)
    told = dict(zip((p.id for p in papers), picked, strict=True))
    rows = ranked(papers, with_meaning)
    assert auc([(row.score, told[row.id]) for row in rows]) > 0.95
    alone = local_ranking.rank(profile(), papers, None)
    assert auc([(row.score, told[row.id]) for row in alone]) < 0.7


def test_a_paper_asked_about_alone_is_told_from_others() -> None:
    near, far = (ranked(tide_papers(2)[0][n:][:1], True)[0] for n in (0, 1))
    assert near.score > far.score


@pytest.mark.parametrize("with_meaning", [True, False])
def test_neither_the_order_of_a_day_nor_its_repetition_shows(with_meaning: bool) -> None:
    papers, _ = tide_papers(60)
    shuffled = papers.copy()
    Random(3).shuffle(shuffled)
    assert ranked(shuffled, with_meaning) == ranked(papers, with_meaning)
    assert ranked([], with_meaning) == ()


def test_a_profile_without_examples_is_the_profile_it_was() -> None:
    assert "examples" not in profile().model_dump_json()
    assert profile().fingerprint != READER.fingerprint
