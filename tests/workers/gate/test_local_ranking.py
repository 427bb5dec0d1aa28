"""The local judge with words and meaning: what a reader without a model sees at the top."""

from __future__ import annotations

from collections import Counter
from functools import cache
from random import Random
from statistics import fmean

import pytest

from bot.domain.papers import Keywords, Paper, Topic
from tests.factories import paper, profile
from tests.workers.gate.tide_papers import TIDES, tide_papers
from tests.workers.gate.vectors import embed_by, meaning
from workers.embedding.embeddings import Embed, load_model
from workers.embedding.meaning import dot
from workers.gate import keyword_ranking, local_ranking
from workers.gate.ranking_quality import auc

# Speaks of the sea, and of none of the words in the papers on tides.
SEA = profile(
    topics=(Topic(name="The sea", relevant="How it rises and falls."),),
    keywords=Keywords(relevant=("ebb and flow", "coast")),
)
KNOWING = embed_by(*TIDES, "sea", "rises", "ebb", "coast")


@cache
def real() -> Embed:
    return load_model()


def ranked(papers: list[Paper], by: Embed = KNOWING) -> list[keyword_ranking.KeywordScore]:
    return list(local_ranking.rank(SEA, papers, meaning(by, SEA, papers)))


def test_papers_that_say_it_in_other_words_are_found() -> None:
    papers, picked = tide_papers(60)
    told = dict(zip((p.id for p in papers), picked, strict=True))
    words = local_ranking.rank(SEA, papers, None)
    assert auc([(row.score, told[row.id]) for row in words]) < 0.6
    assert auc([(row.score, told[row.id]) for row in ranked(papers)]) > 0.95


def test_the_real_model_knows_what_a_sentence_is_about() -> None:
    near = paper("1", title="The Moon's pull on harbours", abstract="High water comes twice a day.")
    far = paper("2", title="Bees in the city", abstract="We count bees in parks.")
    for papers in ([near, far], [far, near]):
        rows = ranked(papers, real())
        assert [row.id for row in rows] == ["1", "2"]
        assert rows[0].words == ()
        assert rows[0].relevance > rows[1].relevance


def test_without_vectors_the_words_rank_as_they_do_alone() -> None:
    papers, _ = tide_papers(60)
    assert local_ranking.rank(SEA, papers, None) == keyword_ranking.rank(SEA, papers)


def test_neither_the_order_of_a_day_nor_its_repetition_shows() -> None:
    papers, _ = tide_papers(60)
    shuffled = papers.copy()
    Random(3).shuffle(shuffled)
    assert ranked(shuffled) == ranked(papers) == ranked(papers)
    assert [row.score for row in ranked(papers)] == sorted(
        (row.score for row in ranked(papers)), reverse=True
    )
    twins = [paper(id, title="A", abstract="B") for id in ("2503.2", "2503.1")]
    assert [row.id for row in ranked(twins)] == ["2503.1", "2503.2"]


def test_a_day_on_nothing_but_the_subject_is_not_all_sevens() -> None:
    """As quant-ph is to a reader of quantum computing: there, being near says little."""
    papers, _ = tide_papers(400, every=1)
    rows = ranked(papers)
    (alone,) = ranked(papers[:1])
    assert sum(row.relevance >= 7 for row in rows) < len(rows) / 4
    assert fmean(row.score for row in rows) < 0  # as on any day
    assert alone.relevance > Counter(row.relevance for row in rows).most_common(1)[0][0]


def test_a_day_on_nothing_of_the_subject_has_no_seven() -> None:
    papers = [p for p, tidal in zip(*tide_papers(240), strict=True) if not tidal]
    assert max(row.relevance for row in ranked(papers)) < 7


@pytest.mark.parametrize("papers", [[], [paper("1", title="", abstract="")]])
def test_the_emptiest_days_are_ranked(papers: list[Paper]) -> None:
    assert [row.id for row in ranked(papers, real())] == [p.id for p in papers]


def test_a_profile_without_keywords_is_its_topics() -> None:
    bare = SEA.model_copy(update={"keywords": Keywords()})
    papers, _ = tide_papers(3)
    found = meaning(real(), bare, papers)
    assert dot(real()("The sea. How it rises and falls."), found.interest) == pytest.approx(2, 0.02)
