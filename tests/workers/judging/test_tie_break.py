"""The second look: who is looked at again, what a model is told, and how its order is read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest import Decision, Outcome
from bot.domain.papers import Topic
from tests.benchmarks import bench_ties
from tests.conftest import check_golden
from tests.factories import decision, paper, paper_ids, profile
from workers.judging import tie_break

PAPERS = [paper(id) for id in paper_ids(6)]
ALL = [p.id for p in PAPERS]


def decided(*pairs: tuple[int, int], maximum: int = 20) -> list[Decision]:
    """A day in posted order: the first `maximum` picked, the others over the limit."""
    return [
        decision(id, Outcome.PICKED if place < maximum else Outcome.OVER_LIMIT, *pair)
        for place, (id, pair) in enumerate(zip(paper_ids(len(pairs)), pairs, strict=True))
    ]


def looked_at(day: Iterable[Decision], maximum: int = 20) -> list[str]:
    return [p.id for p in tie_break.papers_to_order(profile(maximum=maximum), list(day))]


def test_papers_that_tie_are_looked_at_again_and_those_below_the_line_are_not() -> None:
    day = [*decided((9, 8), (9, 8), (8, 7)), decision("2503.20000", Outcome.BELOW_CUTOFF, 6, 9)]
    assert looked_at([*day, decision("2503.20001", Outcome.UNSCORED)]) == paper_ids(3)


@pytest.mark.parametrize("pairs", [(), ((9, 8),), ((9, 8), (9, 7), (8, 8))])
def test_a_day_without_a_tie_needs_no_second_look(pairs: tuple[tuple[int, int], ...]) -> None:
    assert looked_at(decided(*pairs)) == []


def test_only_ties_far_below_the_limit_need_none_either() -> None:
    pairs = [(10, 9), (10, 8), (9, 8), (9, 7), (8, 7), (8, 7)]
    assert looked_at(decided(*pairs, maximum=2), maximum=2) == []


def test_twice_the_limit_is_looked_at_and_all_that_tie_with_the_last() -> None:
    pairs = [(9, 9), (9, 9), (9, 8), (8, 7), (8, 7), (8, 6)]
    assert looked_at(decided(*pairs, maximum=2), maximum=2) == paper_ids(5)


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
    assert tie_break.papers_to_order(profile(), again) == tie_break.papers_to_order(profile(), day)


def test_the_prompt_of_the_second_look() -> None:
    mine = profile(
        topics=(
            Topic(name="Matter", relevant="Studies of the matter.", irrelevant="Dust."),
            Topic(name="Energy", relevant="Where it goes."),
        )
    )
    sent = tie_break.instructions(mine) + "\n" + tie_break.question(PAPERS[:2])
    check_golden("prompts/tie_break.txt", sent)


@given(st.text(), st.text())
def test_a_paper_cannot_leave_its_line(title: str, abstract: str) -> None:
    asked = tie_break.question([paper("2503.00001", title=title, abstract=abstract), PAPERS[0]])
    rows = [json.loads(line) for line in asked.splitlines() if line.startswith("{")]
    assert [row["id"] for row in rows] == ["2503.00001", PAPERS[0].id]
    assert (rows[0]["title"], rows[0]["abstract"]) == (title, abstract)


def test_the_schema_is_strict() -> None:
    schema = tie_break.schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"]) == ["order"]


def test_an_orders_key_is_its_question_and_its_model() -> None:
    mine = profile()
    key = tie_break.order_key(mine, "m", PAPERS)
    assert tie_break.order_key(profile(maximum=3), "m", PAPERS) == key
    others = [
        tie_break.order_key(profile(title="Other"), "m", PAPERS),
        tie_break.order_key(mine, "n", PAPERS),
        tie_break.order_key(mine, "m", PAPERS[1:]),
        tie_break.order_key(mine, "m", [paper(ALL[0], abstract="Rewritten."), *PAPERS[1:]]),
    ]
    assert len({key, *others}) == 5


def order(*named: object) -> str:
    return json.dumps({"order": named})


def test_an_order_is_read_as_it_stands() -> None:
    assert tie_break.parse_reply(order(*reversed(ALL)), PAPERS) == tuple(reversed(ALL))


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
    assert tie_break.parse_reply(text, PAPERS) == tuple(ALL[::-1])


def test_papers_an_order_leaves_out_come_last_in_the_order_they_had() -> None:
    found = tie_break.parse_reply(order(ALL[4], ALL[1], ALL[3]), PAPERS)
    assert found == (ALL[4], ALL[1], ALL[3], ALL[0], ALL[2], ALL[5])


@pytest.mark.parametrize(
    "text",
    [
        *("", "No.", "{}", "[]", "[" * 90_000, '"' * 9, json.dumps({"papers": 8})),
        *(order(), order(*ALL[:2]), order(*paper_ids(9)[6:]), order(*ALL)[:-9]),
    ],
)
def test_what_orders_fewer_than_half_is_no_order(text: str) -> None:
    assert tie_break.parse_reply(text, PAPERS) is None


JSON = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(ALL),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("id"), inner),
)


@given(st.text() | JSON.map(json.dumps) | st.lists(st.sampled_from(ALL)).map(json.dumps))
def test_no_reply_whatever_raises_and_no_paper_is_lost_or_twice(text: str) -> None:
    found = tie_break.parse_reply(text, PAPERS)
    assert found is None or sorted(found) == ALL


def test_the_chance_of_a_tie_is_that_of_two_papers_drawn() -> None:
    assert (
        tie_break.tie_probability([])
        == tie_break.tie_probability([1])
        == tie_break.tie_probability([1, 2])
        == 0
    )
    assert tie_break.tie_probability([1, 1]) == 1
    assert tie_break.tie_probability([(9, 8), (9, 8), (8, 7), (8, 7)]) == pytest.approx(1 / 3)


@given(st.lists(st.integers(0, 5), max_size=30))
def test_the_chance_counts_pairs(keys: list[int]) -> None:
    pairs = [(a, b) for i, a in enumerate(keys) for b in keys[:i]]
    expected = sum(a == b for a, b in pairs) / len(pairs) if pairs else 0
    assert tie_break.tie_probability(keys) == pytest.approx(expected)


@given(st.permutations(ALL))
def test_after_a_second_look_no_two_papers_tie(said: list[str]) -> None:
    found = tie_break.parse_reply(order(*said), PAPERS)
    assert found
    place = {id: n for n, id in enumerate(found)}
    assert tie_break.tie_probability((9, 8, place[id]) for id in ALL) == 0
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
