"""The gate that learns: what a reader's picks teach, and what is left in the store of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from random import Random
from statistics import fmean, pstdev

import pytest

from bot.domain.papers import Keywords, Paper, Profile, Topic
from bot.errors import Refused
from tests.factories import paper, profile
from tests.workers.gate.tide_papers import TIDES, tide_papers
from tests.workers.gate.vectors import embed_by, meaning
from workers.embedding.meaning import Meaning
from workers.gate import keyword_ranking, learned_ranking, training
from workers.gate.ranking_quality import auc

# The profile speaks of compression; what is picked are papers on tides, which it does not name.
COMPRESSION = profile(
    topics=(Topic(name="Model compression", relevant="Pruning and quantization."),),
    keywords=Keywords(relevant=("pruning", "low-rank")),
)


@cache
def knows() -> learned_ranking.LearnedRanking:
    return training.train(COMPRESSION, *tide_papers(240))


def judged(
    of: Profile, model: learned_ranking.LearnedRanking, papers: list[Paper], picked: list[bool]
) -> float:
    was = dict(zip((p.id for p in papers), picked, strict=True))
    return auc([(row.score, was[row.id]) for row in model.rank(of, papers)])


def test_what_was_picked_is_found_on_days_it_has_not_seen() -> None:
    papers, picked = tide_papers(60, seed=2)
    told = dict(zip((p.id for p in papers), picked, strict=True))
    before = auc([(row.score, told[row.id]) for row in keyword_ranking.rank(COMPRESSION, papers)])
    assert before < 0.7
    assert judged(COMPRESSION, knows(), papers, picked) > 0.99


def test_a_day_is_ranked_best_first_ties_by_id() -> None:
    papers, _ = tide_papers(30, seed=2)
    twins = [paper("2503.2", title="A", abstract="B"), paper("2503.1", title="A", abstract="B")]
    rows = knows().rank(COMPRESSION, [*papers, *twins])
    assert [row.rank for row in rows] == list(range(1, 33))
    assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)
    ids = [row.id for row in rows]
    assert ids.index("2503.1") + 1 == ids.index("2503.2")


def test_neither_the_order_of_a_day_nor_of_the_lesson_shows() -> None:
    papers, picked = tide_papers(240)
    rows = list(zip(papers, picked, strict=True))
    Random(3).shuffle(rows)
    again = training.train(COMPRESSION, [row[0] for row in rows], [row[1] for row in rows])
    assert again == knows()
    day, _ = tide_papers(30, seed=2)
    assert again.rank(COMPRESSION, day[::-1]) == knows().rank(COMPRESSION, day)


def test_a_paper_alone_on_its_day_is_ranked() -> None:
    papers, picked = tide_papers(40, seed=2)
    alone = [knows().rank(COMPRESSION, [p])[0] for p in papers]
    assert auc([(row.score, was) for row, was in zip(alone, picked, strict=True)]) > 0.99
    assert knows().rank(COMPRESSION, []) == ()


def test_a_paper_without_a_known_word_is_ranked_and_says_nothing() -> None:
    for text in ("", "Ωραία $x^2$ 数学", "zyzzyva " * 3):
        (row,) = knows().rank(COMPRESSION, [paper("1", title=text, abstract=text, authors=())])
        assert row.words == ()


def test_the_words_are_the_papers_own_and_speak_for_it() -> None:
    text = "The tides of an estuary: a Moon study of harbours, {\\it gauges} and bread."
    (row,) = knows().rank(COMPRESSION, [paper("1", title="Tides", abstract=text)])
    assert row.words[0] in ("tides", "Moon", "estuary", "harbours", "gauges")
    assert set(row.words) <= {"tides", "Moon", "estuary", "harbours", "gauges"}
    assert len(row.words) == 5
    (row,) = knows().rank(COMPRESSION, [paper("1", title="Bread", abstract="Opera, chess, wool.")])
    assert not set(row.words) & set(TIDES)


def ending(papers: list[Paper], words: str, every: int) -> list[Paper]:
    """The papers, every so many with more words at the end of the abstract."""
    return [
        p if i % every else p.model_copy(update={"abstract": f"{p.abstract}. {words}"})
        for i, p in enumerate(papers)
    ]


def test_no_word_is_shown_twice() -> None:
    papers, picked = tide_papers(240)
    model = training.train(COMPRESSION, ending(papers, "Storm flood.", 6), picked)
    assert model.abstract["storm flood"].weight > 0
    (row,) = model.rank(COMPRESSION, [paper("1", title="T", abstract="Storm flood!", authors=())])
    words = [word.lower() for shown in row.words for word in shown.split()]
    assert sorted(words) == ["flood", "storm"]


def test_a_word_that_every_fourth_paper_has_is_not_shown() -> None:
    papers, picked = tide_papers(240)
    usual = ending(ending(papers, "Neap.", 6), "Neap.", 5)
    model = training.train(COMPRESSION, usual, picked)
    assert model.abstract["neap"].weight > 0
    (row,) = model.rank(COMPRESSION, [paper("1", title="T", abstract="Neap tide.", authors=())])
    assert [word.lower() for word in row.words] == ["tide"]


def test_a_word_of_one_paper_alone_teaches_nothing() -> None:
    papers, picked = tide_papers(240)
    first = papers[0].model_copy(update={"abstract": papers[0].abstract + " shibboleth"})
    model = training.train(COMPRESSION, [first, *papers[1:]], picked)
    assert "shibboleth" not in model.abstract
    assert {term.papers for term in model.abstract.values()} >= {2}


def test_an_author_who_is_often_picked_speaks_for_a_paper() -> None:
    known, unknown = (
        paper(id, title="T", abstract="A study.", authors=(name,))
        for id, name in (("1", "Ebba Flood"), ("2", "Nobody Else"))
    )
    rows = {row.id: row for row in knows().rank(COMPRESSION, [known, unknown])}
    assert rows["1"].score > rows["2"].score
    assert "Ebba Flood" in rows["1"].words


def test_a_category_that_is_often_picked_counts_but_is_not_shown() -> None:
    papers, picked = tide_papers(240)
    kinds = [("cs.LG", "physics.ao-ph") if was else ("cs.LG",) for was in picked]
    listed = [p.model_copy(update={"categories": k}) for p, k in zip(papers, kinds, strict=True)]
    model = training.train(COMPRESSION, listed, picked)
    there, elsewhere = (
        paper(id, title="T", abstract="A study.", authors=(), categories=kind)
        for id, kind in (("2", kinds[0]), ("1", ("cs.LG",)))
    )
    first, second = model.rank(COMPRESSION, [there, elsewhere])
    assert (first.id, second.id) == ("2", "1")
    assert first.score > second.score + 0.05
    assert first.words == second.words
    text = paper("3", title="T", abstract="Tides.", authors=(), categories=("cs.LG",))
    assert model.rank(COMPRESSION, [text, there])[0].id == "3"


def test_papers_without_a_category_are_learned_from() -> None:
    papers, picked = tide_papers(240)
    bare = [p.model_copy(update={"categories": ()}) for p in papers]
    model = training.train(COMPRESSION, bare, picked)
    assert model.categories == {}
    assert judged(COMPRESSION, model, *tide_papers(60, seed=2)) > 0.99


def test_the_profile_still_counts_where_nothing_was_learned() -> None:
    named = paper("1", title="Low-rank pruning", abstract="Pruning and quantization.", authors=())
    other = paper("2", title="Zyzzyva", abstract="Zyzzyva zyzzyva.", authors=())
    rows = {row.id: row.score for row in knows().rank(COMPRESSION, [named, other])}
    assert rows["1"] > rows["2"]


def test_scores_are_on_one_scale_whatever_was_learned() -> None:
    papers, _ = tide_papers(240)
    scores = [row.score for row in knows().rank(COMPRESSION, papers)]
    assert abs(fmean(scores)) < 0.2
    assert 0.8 < pstdev(scores) < 1.4


def test_it_goes_through_json_unchanged() -> None:
    written = knows().model_dump_json()
    again = learned_ranking.LearnedRanking.model_validate_json(written)
    day, _ = tide_papers(30, seed=2)
    assert again.rank(COMPRESSION, day) == knows().rank(COMPRESSION, day)
    assert again == knows()


def test_ranking_by_what_was_learned_needs_no_numpy() -> None:
    program = """
import sys
from tests.factories import paper, profile
from workers.gate import learned_ranking as learned, threshold as gating
model = learned.LearnedRanking(papers=200, picks=20, title={}, abstract={"tide": (9, 2.5)},
                               authors={}, categories={}, zero_shot=1.0, middle=0.0)
(row,) = model.rank(profile(), [paper("1", abstract="Tides.")])
assert row.words == ("Tides",), row
print(row.score, sorted({"numpy", "scipy", "sklearn"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split()[1:] == ["[]"], done.stderr


def mute(n: int, seed: int) -> tuple[list[Paper], list[bool]]:
    """Papers that all say the same: the vectors alone know which of them are picked."""
    papers, picked = tide_papers(n, seed)
    return [paper(p.id, title="Bread", abstract="Salt.") for p in papers], picked


def vectors_of(of: Profile, papers: list[Paper], picked: list[bool]) -> Meaning:
    """Vectors that know what was picked, and a profile that does not."""
    told = {p.id for p, was in zip(papers, picked, strict=True) if was}
    embed = embed_by("tidal")
    found = meaning(embed_by(), of, papers)
    known = {p.id: embed(f"{'tidal ' * 2 if p.id in told else ''}{p.id}") for p in papers}
    return found._replace(papers=known)


def test_what_the_picked_mean_is_learned_where_no_word_tells() -> None:
    papers, picked = mute(300, 1)
    day, was = mute(60, 2)
    both = vectors_of(COMPRESSION, papers + day, picked + was)
    told = dict(zip((p.id for p in day), was, strict=True))

    def tried(rows: Sequence[learned_ranking.LearnedScore]) -> float:
        return auc([(row.score, told[row.id]) for row in rows])

    knows = training.train(COMPRESSION, papers, picked, both)
    by_words = training.train(COMPRESSION, papers, picked)
    assert tried(by_words.rank(COMPRESSION, day)) == 0.5
    assert tried(knows.rank(COMPRESSION, day, both)) > 0.75
    assert knows.rank(COMPRESSION, day) == by_words.rank(COMPRESSION, day)
    assert fmean(row.score for row in knows.rank(COMPRESSION, papers, both)) == pytest.approx(
        0, abs=0.01
    )
    again = learned_ranking.LearnedRanking.model_validate_json(knows.model_dump_json())
    assert again.rank(COMPRESSION, day, both) == knows.rank(COMPRESSION, day, both)


def test_a_profiles_meaning_counts_the_less_the_more_was_learned() -> None:
    near = embed_by("tidal", "pruning", "low-rank")
    of = [paper("1", title="Tidal tidal", abstract="tidal"), paper("2", title="Bees", abstract="")]
    leads = []
    for every in (12, 6, 3):
        papers, picked = tide_papers(240, every=every)
        random = Random(1)
        random.shuffle(picked)  # nothing to learn
        both = meaning(near, COMPRESSION, [*papers, *of])
        knows = training.train(COMPRESSION, papers, picked, both)
        with_it, without = (
            {row.id: row.score for row in knows.rank(COMPRESSION, of, how)} for how in (both, None)
        )
        leads.append(with_it["1"] - with_it["2"] - without["1"] + without["2"])
    assert leads == sorted(leads, reverse=True)
    assert leads[0] > leads[2] > 0


def test_what_was_learned_before_there_was_meaning_ranks_as_it_did() -> None:
    old = json.loads(knows().model_dump_json())
    assert old.pop("meaning") == []
    assert old.pop("meaning_middle") == 0
    again = learned_ranking.LearnedRanking.model_validate(old)
    day, _ = tide_papers(30, seed=2)
    found = meaning(embed_by("tide"), COMPRESSION, day)
    assert again.rank(COMPRESSION, day, found) == knows().rank(COMPRESSION, day)


@pytest.mark.parametrize(
    ("papers", "picks"), [(0, 0), (199, 50), (240, 0), (240, 19), (240, 221), (240, 240)]
)
def test_too_little_to_learn_from_is_said(papers: int, picks: int) -> None:
    few, _ = tide_papers(papers)
    with pytest.raises(Refused, match=f"{papers} papers, {picks} of them picked") as told:
        training.train(COMPRESSION, few, [i < picks for i in range(papers)])
    assert "200 papers" in str(told.value)


def test_just_enough_is_learned_from_even_if_the_papers_say_nothing() -> None:
    picked = [i < 20 for i in range(200)]
    same = [paper(f"2503.{i:05}", title="A", abstract="", authors=()) for i in range(200)]
    with pytest.raises(Refused, match="no word"):
        training.train(COMPRESSION, same, picked)
    same = [paper(f"2503.{i:05}", title="Bread", abstract="Salt.") for i in range(200)]
    scores = {row.score for row in training.train(COMPRESSION, same, picked).rank(profile(), same)}
    assert len(scores) == 1


def test_a_paper_that_stands_for_three_teaches_as_three_papers_would() -> None:
    """Papers below the threshold are seldom seen, and count the more."""
    papers, picked = tide_papers(240)
    counts = [3.0 if i % 5 == 0 else 1.0 for i in range(240)]
    thrice = [
        (p.model_copy(update={"id": f"{p.id}{copy}"}), was)
        for p, was, n in zip(papers, picked, counts, strict=True)
        for copy in range(int(n))
    ]
    weighed = training.train(COMPRESSION, papers, picked, counts=counts)
    plain = training.train(COMPRESSION, papers, picked)
    many = training.train(COMPRESSION, [row[0] for row in thrice], [row[1] for row in thrice])
    day, _ = tide_papers(40, seed=2)

    def order(model: learned_ranking.LearnedRanking) -> list[str]:
        return [row.id for row in model.rank(COMPRESSION, day)]

    assert weighed != plain
    assert weighed.papers == 240
    # Words of one paper alone, and rarity, are counted by papers: the same but for that.
    first = {id: place for place, id in enumerate(order(many))}
    assert fmean(abs(first[id] - place) for place, id in enumerate(order(weighed))) < 4
