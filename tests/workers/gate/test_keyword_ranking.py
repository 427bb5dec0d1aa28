"""The local judge: what a reader without a model sees at the top, and why."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.papers import Keywords, Paper, Profile, Topic
from tests.benchmarks import bench_rank, embedded_record
from tests.complexity import assert_linear_growth
from tests.factories import paper, paper_ids, profile
from workers.gate import keyword_ranking
from workers.gate.ranking_quality import auc, share_needed

COMPRESSION = profile(
    topics=(
        Topic(
            name="Model compression",
            relevant="Pruning, quantization and low-rank methods; theory of sparse networks.",
            irrelevant="Known methods used in dentistry, with no new theory.",
        ),
        Topic(name="Physics", relevant="The Schrödinger equation."),
    ),
    keywords=Keywords(
        relevant=("mixture of experts", "MoE", "pruning", "sparsity"),
        irrelevant=("federated learning",),
        application=("medical imaging",),
    ),
)
ON_TOPIC = {
    "title": "Pruning sparse networks",
    "abstract": "We give a theory of pruning. Sparsity and quantization of a network are compared.",
}
OFF_TOPIC = {
    "title": "Bees in the city",
    "abstract": "We count bees in parks over two summers and compare their numbers.",
}


def rank(*papers: Paper, of: Profile = COMPRESSION) -> dict[str, keyword_ranking.KeywordScore]:
    """By id, in the order of the ranking."""
    return {row.id: row for row in keyword_ranking.rank(of, papers)}


def score(title: str, abstract: str = "") -> float:
    """What a paper scores when it is alone on its day."""
    return rank(paper("1", title=title, abstract=abstract))["1"].score


def crowd(n: int) -> list[Paper]:
    """Papers about other things than the profile, and about not quite the same as each other."""
    things = ("bees", "tides", "opera", "chess", "glass", "bread", "rivers", "maps")
    return [
        paper(id, title=f"On {things[i % 8]} and {things[i // 8 % 8]}", abstract=f"We count {i}.")
        for i, id in enumerate(paper_ids(n))
    ]


def test_a_day_without_papers_has_no_ranking() -> None:
    assert keyword_ranking.rank(COMPRESSION, ()) == ()


def test_a_paper_sharing_nothing_with_the_profile_gets_one() -> None:
    for day in ([], [paper("2", **ON_TOPIC)], crowd(50)):
        row = rank(paper("1", **OFF_TOPIC), *day)["1"]
        assert (row.relevance, row.words) == (1, ())
        assert row.score <= 0


def test_a_paper_that_only_resembles_good_ones_still_gets_one() -> None:
    good = [paper(id, **ON_TOPIC, authors=()) for id in paper_ids(20)]
    alike = paper("1", title="We give a comparison", abstract="We give what is compared.")
    assert rank(alike, *good, *crowd(5))["1"].relevance == 1


def test_an_on_topic_paper_alone_on_its_day_reaches_the_cutoff() -> None:
    assert rank(paper("1", **ON_TOPIC))["1"].relevance >= 7


def test_a_passing_mention_alone_on_its_day_does_not() -> None:
    passing = {"title": OFF_TOPIC["title"], "abstract": OFF_TOPIC["abstract"] + " Pruning helps."}
    assert 1 < rank(paper("1", **passing))["1"].relevance < 7


def test_a_large_day_with_nothing_for_the_profile_gives_nobody_a_seven() -> None:
    assert all(row.relevance < 7 for row in rank(*crowd(200)).values())


def test_the_one_paper_that_fits_a_large_day_comes_first_with_a_ten() -> None:
    rows = rank(*crowd(200), paper("9", **ON_TOPIC))
    assert next(iter(rows)) == "9"
    assert rows["9"].relevance == 10


def test_equal_papers_stand_by_id() -> None:
    assert list(rank(*(paper(id, **ON_TOPIC) for id in ("3", "1", "2")))) == ["1", "2", "3"]


def test_the_title_weighs_more_than_the_abstract() -> None:
    assert score("Pruning", "Of trees.") > score("Of trees", "Pruning.") > 0


def test_a_keyword_weighs_more_than_a_word_of_a_topic() -> None:
    assert score("MoE") > score("Equation") > 0


def test_a_keyword_of_several_words_counts_as_a_phrase() -> None:
    whole = score("A mixture of experts")
    assert whole == score("A mixture-of-experts") == score("Mixtures of Expert")
    assert whole > score("Experts like a mixture") > 0


@pytest.mark.parametrize("written", ["prunes", "Pruned", "PRUNING", "prune", "\\textbf{Pruning}"])
def test_endings_and_commands_hide_no_word(written: str) -> None:
    assert score(f"On {written} here") == score("On pruning here") > 0


@pytest.mark.parametrize("written", ["Schrödinger", 'Schr\\"odinger', 'Schr\\"{o}dinger'])
def test_accents_hide_no_word(written: str) -> None:
    assert rank(paper("1", title=f"{written} again"))["1"].words == ("Schrödinger",)


def test_words_to_avoid_and_words_of_an_application_count_against() -> None:
    plain = score("Pruning at last")
    assert score("Pruning for medical imaging") < plain
    assert score("Pruning in federated learning") < plain
    assert score("Pruning in dentistry") < plain


def test_what_is_unwanted_weighs_less_than_what_is_wanted() -> None:
    assert score("Mixture of experts for medical imaging") > 0


def test_a_wanted_word_in_the_irrelevant_text_is_not_held_against_a_paper() -> None:
    topic = COMPRESSION.topics[0]
    kinder = topic.model_copy(update={"irrelevant": "Dentistry."})
    day = paper("1", title="A theory")
    both = [rank(day, of=profile(topics=(one,)))["1"].score for one in (topic, kinder)]
    assert both[0] == both[1] > 0


def test_among_equals_the_one_that_resembles_the_good_papers_comes_first() -> None:
    good = [paper(id, title="Pruning", abstract="Lottery tickets at birth.") for id in paper_ids(5)]
    like = paper("2", title="Networks", abstract="Lottery tickets once more.")
    unlike = paper("1", title="Networks", abstract="Bees counted once more.")
    rows = list(rank(*crowd(40), *good, like, unlike))
    assert rows.index("2") < rows.index("1")


def test_the_words_are_the_profiles_own_best_first() -> None:
    text = {"title": "MOES: a mixture of experts", "abstract": "Low-rank, quantized."}
    assert rank(paper("1", **text), *crowd(30))["1"].words == (
        "mixture of experts",
        "MoE",
        "low-rank",
        "quantization",
    )


def test_at_most_five_words_are_shown() -> None:
    everything = " ".join(topic.relevant for topic in COMPRESSION.topics)
    assert len(rank(paper("1", abstract=everything))["1"].words) == 5


def test_a_word_that_every_paper_of_the_day_has_is_not_shown() -> None:
    day = [paper(id, title="Networks", abstract=f"Of {id}.") for id in paper_ids(40)]
    row = rank(*day, paper("1", title="Pruning networks", abstract=""))["1"]
    assert row.words == ("pruning",)


def test_two_papers_alone_on_their_day_may_share_their_words() -> None:
    rows = rank(*(paper(id, title="Pruning networks", abstract="") for id in ("1", "2")))
    assert [row.words for row in rows.values()] == [("pruning", "networks")] * 2


def test_a_stop_word_is_not_shown_and_a_short_keyword_is() -> None:
    of = profile(
        topics=(Topic(name="Glass", relevant="New ways to see how glass forms."),),
        keywords=Keywords(relevant=("MoE",)),
    )
    row = rank(paper("1", title="A new MoE, and how"), of=of)["1"]
    assert row.words == ("MoE",)


def test_a_long_word_that_says_nothing_and_words_apart_are_not_shown() -> None:
    of = profile(
        topics=(Topic(name="Glass", relevant="What glass cannot do; encodings and the quantum."),),
        keywords=Keywords(),
    )
    row = rank(paper("1", title="What encodings and the quantum cannot do"), of=of)["1"]
    assert row.words == ("encodings", "quantum")


def test_a_profile_of_nothing_but_small_words_gives_everybody_a_one() -> None:
    empty = profile(
        topics=(Topic(name="-", relevant="the of and"),), keywords=Keywords(relevant=(" ", "..."))
    )
    rows = rank(paper("1", **ON_TOPIC), *crowd(3), of=empty)
    assert {row.relevance for row in rows.values()} == {1}


WORDS = ("pruning", "sparse", "networks", "medical imaging", "bees", "theory of", "$\\alpha$")
TEXTS = st.lists(st.sampled_from(WORDS)).map(" ".join)
DAYS = st.lists(
    st.builds(
        lambda id, a, b: paper(id, title=a, abstract=b),
        st.sampled_from(paper_ids(30)),
        TEXTS,
        TEXTS,
    ),
    max_size=12,
    unique_by=lambda one: one.id,
)


@given(DAYS, st.randoms())
def test_the_order_papers_arrive_in_changes_nothing(day: list[Paper], chance: Random) -> None:
    shuffled = chance.sample(day, len(day))
    assert keyword_ranking.rank(COMPRESSION, day) == keyword_ranking.rank(COMPRESSION, shuffled)


@given(DAYS)
def test_every_paper_is_ranked_once_and_relevance_never_contradicts_the_order(
    day: list[Paper],
) -> None:
    rows = keyword_ranking.rank(COMPRESSION, day)
    assert sorted(row.id for row in rows) == sorted(one.id for one in day)
    assert [row.relevance for row in rows] == sorted((r.relevance for r in rows), reverse=True)
    assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)
    assert all(row.score == round(row.score, 6) for row in rows)


@given(st.text(), st.text())
def test_any_text_can_be_ranked(title: str, abstract: str) -> None:
    of = profile(topics=(Topic(name="Any", relevant=abstract or "x", irrelevant=title),))
    assert len(keyword_ranking.rank(of, [paper("1", title=title, abstract=abstract)])) == 1


def test_a_day_twice_as_long_takes_twice_the_work() -> None:
    words = [f"word{i}" for i in range(5000)]
    day = [
        paper(id, title="Pruning", abstract=" ".join(words[i : i + 180]) + " sparse networks")
        for i, id in enumerate(paper_ids(2000))
    ]
    assert len(keyword_ranking.rank(COMPRESSION, day)) == 2000
    assert_linear_growth(lambda size: keyword_ranking.rank(COMPRESSION, day[:size]), 100)


def test_the_benchmark_prints_how_well_the_picks_were_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_record, "KEPT", tmp_path)
    rows = [
        {"date": day, "id": f"{day}.{n}", "authors": [], "categories": ["cs.LG"]}
        | (ON_TOPIC if n == 0 else OFF_TOPIC)
        | {"selected": n == 0}
        for day in ("2025-03-03", "2025-04-01")
        for n in range(4)
    ]
    record, toml = tmp_path / "record.jsonl.gz", tmp_path / "profile.toml"
    record.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))
    toml.write_text(
        'name = "small"\ntitle = "Small"\ncategories = ["cs.LG"]\n'
        '[[topics]]\nname = "Pruning"\nrelevant = "Sparse networks."\n'
    )
    bench_rank.main(record, toml)
    table = capsys.readouterr().out
    assert "8 papers on 2 days, 2 picked" in table
    assert (
        "AUC over the whole record                                     1.000         1.000" in table
    )


def test_a_tie_counts_half_in_the_benchmark() -> None:
    assert auc([(1.0, True), (1.0, False), (0.0, False)]) == 0.75
    assert share_needed([(3.0, True), (2.0, False), (1.0, True), (0.0, False)], 0.95) == 0.75


@pytest.mark.parametrize(
    ("doublings", "relevance"), [(-4, 1), (-1, 5), (-0.5, 6), (0, 7), (0.5, 8), (1, 9), (3, 10)]
)
def test_two_points_are_a_doubling_and_seven_is_what_readers_pick(
    doublings: float, relevance: int
) -> None:
    assert (
        keyword_ranking._relevance(keyword_ranking.SCORE_OF_SEVEN * 2**doublings * 1.0001)
        == relevance
    )


def test_a_phrase_that_comes_again_counts_more() -> None:
    once = "A mixture of experts. An expert, a mixture."
    again = "A mixture of experts. A mixture of experts."
    assert score("Trees", again) > score("Trees", once) > 0


def test_no_phrase_of_the_profile_reaches_over_a_comma() -> None:
    together, apart = (
        profile(topics=(Topic(name="Of", relevant=text),), keywords=Keywords())
        for text in ("Sparse networks.", "Sparse, networks.")
    )
    day = paper("1", title="Sparse networks")
    assert rank(day, of=together)["1"].words == ("Sparse networks",)
    assert rank(day, of=apart)["1"].words == ("networks", "Sparse")
