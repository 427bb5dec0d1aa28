"""The best papers: which they are, what a model is told, how its order and sentences are read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest import Decision, Outcome, Sentences
from bot.domain.papers import Paper, Topic
from tests.benchmarks import bench_ties
from tests.conftest import check_golden
from tests.factories import decision, paper, paper_ids, profile
from workers.judging import top_papers

PAPERS = [paper(id) for id in paper_ids(6)]
ALL = [p.id for p in PAPERS]


def decided(*pairs: tuple[int, int], maximum: int = 20) -> list[Decision]:
    """A day in posted order: the first `maximum` picked, the others over the limit."""
    return [
        decision(id, Outcome.PICKED if place < maximum else Outcome.OVER_LIMIT, *pair)
        for place, (id, pair) in enumerate(zip(paper_ids(len(pairs)), pairs, strict=True))
    ]


def looked_at(day: Iterable[Decision], maximum: int = 20) -> list[str]:
    return [p.id for p in top_papers.top_papers(profile(maximum=maximum), list(day))]


def test_papers_that_may_be_posted_are_looked_at_and_those_below_the_line_are_not() -> None:
    day = [*decided((9, 8), (9, 8), (8, 7)), decision("2503.20000", Outcome.BELOW_CUTOFF, 6, 9)]
    assert looked_at([*day, decision("2503.20001", Outcome.UNSCORED)]) == paper_ids(3)


@pytest.mark.parametrize("pairs", [((9, 8),), ((9, 8), (9, 7), (8, 8))])
def test_a_day_without_a_tie_is_looked_at_too_for_its_sentences(
    pairs: tuple[tuple[int, int], ...],
) -> None:
    day = decided(*pairs)
    assert looked_at(day) == paper_ids(len(pairs))
    assert not top_papers.tie_in_scores([d.paper for d in day], day)


def test_a_day_with_nothing_picked_needs_no_look() -> None:
    assert looked_at([]) == []
    assert looked_at([decision("2503.20000", Outcome.BELOW_CUTOFF, 6, 9)]) == []


def test_half_as_many_again_as_are_posted_are_looked_at() -> None:
    pairs = [(10, 9), (10, 8), (9, 8), (9, 7), (8, 7), (8, 7)]
    assert looked_at(decided(*pairs, maximum=2), maximum=2) == paper_ids(3)
    assert looked_at(decided(*pairs, maximum=3), maximum=3) == paper_ids(5)


def test_and_all_that_tie_with_the_last_one_posted() -> None:
    pairs = [(9, 9), (9, 8), (9, 8), (9, 8), (9, 8), (8, 6)]
    day = decided(*pairs, maximum=2)
    assert looked_at(day, maximum=2) == paper_ids(5)
    assert top_papers.tie_in_scores([d.paper for d in day], day)
    assert looked_at(decided((9, 9), *[(9, 8)] * 9, maximum=1), maximum=1) == paper_ids(2)


def test_ties_among_others_need_no_order() -> None:
    day = decided((9, 9), (9, 8), (8, 8), (8, 8), maximum=2)
    assert not top_papers.tie_in_scores(top_papers.top_papers(profile(maximum=2), day), day)


def test_a_crowd_of_equals_is_not_looked_at_without_end() -> None:
    assert len(looked_at(decided(*[(9, 8)] * 90, maximum=20), maximum=20)) == 60
    assert len(looked_at(decided(*[(9, 8)] * 300, maximum=100), maximum=100)) == 80


@given(st.lists(st.tuples(st.integers(7, 10), st.integers(6, 10)), max_size=40), st.randoms())
def test_what_broke_the_ties_before_does_not_change_the_question(
    pairs: list[tuple[int, int]], random: Random
) -> None:
    day = decided(*sorted(pairs, reverse=True))
    again = random.sample(day, len(day))
    again.sort(key=lambda d: (d.score.relevance, d.score.novelty) if d.score else (), reverse=True)
    assert top_papers.top_papers(profile(), again) == top_papers.top_papers(profile(), day)


def test_the_prompt_about_the_best_papers() -> None:
    mine = profile(
        topics=(
            Topic(name="Matter", relevant="Studies of the matter.", irrelevant="Dust."),
            Topic(name="Energy", relevant="Where it goes."),
        )
    )
    sent = top_papers.instructions(mine) + "\n" + top_papers.question(PAPERS[:2])
    check_golden("prompts/top.txt", sent)


@given(st.text(), st.text())
def test_a_paper_cannot_leave_its_line(title: str, abstract: str) -> None:
    asked = top_papers.question([paper("2503.00001", title=title, abstract=abstract), PAPERS[0]])
    rows = [json.loads(line) for line in asked.splitlines() if line.startswith("{")]
    assert [row["id"] for row in rows] == ["2503.00001", PAPERS[0].id]
    assert (rows[0]["title"], rows[0]["abstract"]) == (title, abstract)


def test_the_schema_is_strict() -> None:
    schema = top_papers.schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"]) == ["order"]
    row = schema["properties"]["order"]["items"]
    assert row["required"] == list(row["properties"]) == ["id", "shows", "why"]
    assert row["additionalProperties"] is False


def test_an_orders_key_is_its_question_and_its_model() -> None:
    mine = profile()
    key = top_papers.order_key(mine, "m", PAPERS)
    assert top_papers.order_key(profile(maximum=3), "m", PAPERS) == key
    others = [
        top_papers.order_key(profile(title="Other"), "m", PAPERS),
        top_papers.order_key(mine, "n", PAPERS),
        top_papers.order_key(mine, "m", PAPERS[1:]),
        top_papers.order_key(mine, "m", [paper(ALL[0], abstract="Rewritten."), *PAPERS[1:]]),
    ]
    assert len({key, *others}) == 5
    writers = [top_papers.writer_key(p, m) for p, m in ((mine, "m"), (mine, "n"))]
    assert top_papers.writer_key(profile(maximum=3), "m") == writers[0] != writers[1]


def order(*named: object) -> str:
    return json.dumps({"order": named})


def order_in(text: str) -> tuple[str, ...] | None:
    found = top_papers.parse_reply(text, PAPERS)
    return found and found.order


def test_an_order_is_read_as_it_stands() -> None:
    assert order_in(order(*reversed(ALL))) == tuple(reversed(ALL))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ALL[::-1]),
        "```json\n" + order(*ALL[::-1]) + "\n```",
        "Sure [as asked]. Here it is:\n" + order(*ALL[::-1]) + "\nI hope {this} helps.",
        order(*(f"{id}v2" for id in ALL[::-1])),
        order(*(f"arXiv:{id}" for id in ALL[::-1])),
        order(*(f" ArXiv: {id}v11 " for id in ALL[::-1])),
        order(*({"ID": id, "why": "It is good."} for id in ALL[::-1])),
        "\n".join(json.dumps({"id": id}) for id in ALL[::-1]),
        json.dumps({"result": {"order": ALL[::-1]}, "notes": ["none"]}),
        "They came as " + json.dumps(ALL) + " and I say " + order(*ALL[::-1]),
        order(*ALL[::-1], ALL[5], ALL[2]),
        order("9999.99999", *ALL[::-1], "", None, 7),
    ],
)
def test_an_order_is_read_however_a_model_writes_it(text: str) -> None:
    assert order_in(text) == tuple(ALL[::-1])


def test_papers_an_order_leaves_out_come_last_in_the_order_they_had() -> None:
    found = order_in(order(ALL[4], ALL[1], ALL[3]))
    assert found == (ALL[4], ALL[1], ALL[3], ALL[0], ALL[2], ALL[5])


@pytest.mark.parametrize(
    "text",
    [
        *("", "No.", "{}", "[]", "[" * 90_000, '"' * 9, json.dumps({"papers": 8})),
        *(order(), order(*ALL[:2]), order(*paper_ids(9)[6:]), order(*ALL)[:-9]),
    ],
)
def test_what_orders_fewer_than_half_is_no_order(text: str) -> None:
    assert order_in(text) is None


JSON = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(ALL),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("id"), inner),
)


@given(st.text() | JSON.map(json.dumps) | st.lists(st.sampled_from(ALL)).map(json.dumps))
def test_no_reply_whatever_raises_and_no_paper_is_lost_or_twice(text: str) -> None:
    found = top_papers.parse_reply(text, PAPERS)
    assert found is None or sorted(found.order) == ALL
    assert found is None or set(found.written) <= set(ALL)


BENCH = paper(
    "2503.00009",
    title="Numbers That Vary",
    abstract=r"RL-trained models drop by $48.0\%$ and $58.3\%$; code at https://github.com/x/y.",
)
WHY = "Reasoning: losses when numbers vary."


def written(*rows: object, about: Paper = BENCH) -> Sentences | None:
    found = top_papers.parse_reply(order(*rows), [about])
    return found.written.get(about.id) if found else None


def about(shows: object, why: object = WHY) -> dict[str, object]:
    return {"id": BENCH.id, "shows": shows, "why": why}


def test_the_two_sentences_are_read() -> None:
    shows = "Drops RL-trained models by 48.0% and 58.3%."
    assert written(about(shows)) == Sentences(shows=shows, why=WHY)
    assert written(about(f" {shows}\n", "a\x1b[31m  b")) == Sentences(shows=shows, why="a[31m b")
    odd = {"ID": f"arXiv:{BENCH.id}v2", "Shows": shows, "WHY": WHY}
    assert written(odd) == Sentences(shows=shows, why=WHY)


def test_a_number_that_is_not_the_papers_leaves_the_sentence_out_and_is_counted() -> None:
    text = order(about("Drops models by 38.5%."))
    found = top_papers.parse_reply(text, [BENCH])
    assert found
    assert (found.written, found.unproven) == ({BENCH.id: Sentences(why=WHY)}, 1)
    fine = top_papers.parse_reply(order(about("Drops models by 58.3%."), about("")), [BENCH])
    assert fine
    assert fine.unproven == 0


@pytest.mark.parametrize("link", ["https://evil.example", "http://x", "www.evil.example"])
def test_a_sentence_with_a_link_is_left_out(link: str) -> None:
    assert written(about(f"Drops models; see {link} now.")) == Sentences(why=WHY)


def test_sentences_without_end_are_cut() -> None:
    found = written(about("Proves a bound. " * 900, "Meets it. " * 900))
    assert found
    assert len(found.shows) <= 200
    assert len(found.why) <= 120
    assert found.shows.endswith("Proves…")
    assert found.why.endswith("it.…")


def test_a_number_that_the_cut_goes_through_is_not_shown() -> None:
    digits = "7" * 400
    long = paper("2503.00008", abstract=f"We count {digits}.")
    assert written({"id": long.id, "shows": digits, "why": ""}, about=long) == Sentences()


@pytest.mark.parametrize("odd", [None, 7, ["a", "b"], {"a": 1}, True])
def test_a_sentence_that_is_no_text_is_left_out(odd: object) -> None:
    assert written(about(odd)) == Sentences(why=WHY)
    assert written({"id": BENCH.id, "why": odd, "shows": "Proves it."}) == Sentences(
        shows="Proves it."
    )


def test_of_two_rows_about_a_paper_the_later_counts_and_ids_alone_are_an_order() -> None:
    assert written(about("Cuts."), about("Proves.")) == Sentences(shows="Proves.", why=WHY)
    assert written(BENCH.id) is None


def test_rows_about_papers_nobody_asked_about_change_nothing() -> None:
    other = {"id": "2503.99999", "shows": "Cuts.", "why": ""}
    assert written(other, about("Proves.")) == Sentences(shows="Proves.", why=WHY)


def test_a_reply_that_was_cut_off_gives_its_whole_rows() -> None:
    rows = [{"id": id, "shows": "Proves it.", "why": ""} for id in ALL]
    found = top_papers.parse_reply(order(*rows)[:-40], PAPERS)
    assert found
    assert (found.order, sorted(found.written)) == (tuple(ALL), ALL[:-1])


def test_the_chance_of_a_tie_is_that_of_two_papers_drawn() -> None:
    assert (
        top_papers.tie_probability([])
        == top_papers.tie_probability([1])
        == top_papers.tie_probability([1, 2])
        == 0
    )
    assert top_papers.tie_probability([1, 1]) == 1
    assert top_papers.tie_probability([(9, 8), (9, 8), (8, 7), (8, 7)]) == pytest.approx(1 / 3)


@given(st.lists(st.integers(0, 5), max_size=30))
def test_the_chance_counts_pairs(keys: list[int]) -> None:
    pairs = [(a, b) for i, a in enumerate(keys) for b in keys[:i]]
    expected = sum(a == b for a, b in pairs) / len(pairs) if pairs else 0
    assert top_papers.tie_probability(keys) == pytest.approx(expected)


@given(st.permutations(ALL))
def test_after_a_second_look_no_two_papers_tie(said: list[str]) -> None:
    found = order_in(order(*said))
    assert found
    place = {id: n for n, id in enumerate(found)}
    assert top_papers.tie_probability((9, 8, place[id]) for id in ALL) == 0
    assert all(place[a] < place[b] for a, b in pairwise(said))


def test_the_benchmark_shows_the_ties_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {
            "date": "2025-03-20",
            "id": id,
            "title": "T",
            "abstract": "A",
            "relevance": 9,
            "novelty": 8,
        }
        for id in paper_ids(4)
    ]
    record = tmp_path / "record.jsonl"
    record.write_text("\n".join(map(json.dumps, rows)))
    bench_ties.main(record, 2)
    before, after = capsys.readouterr().out.splitlines()[2:4]
    assert before.split() == ["before", "1.0000", "1.0000", "4.0"]
    assert after.split() == ["after", "0.0000", "0.0000", "4.0"]
