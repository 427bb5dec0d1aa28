"""The evaluation: what a change of prompt or model does to a fixed set of papers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest import Score, ScoreResult, Usage
from bot.domain.papers import Cutoffs, Paper, fingerprint
from bot.domain.reasons import ModelReason
from bot.errors import Refused, Unavailable
from bot.settings import Settings
from bot.store.store import Store
from bot.terminal import render
from bot.views.measuring.evaluation import Evaluation, Report, eval_text
from tests.conftest import check_golden
from tests.factories import NOW, paper, paper_ids, profile
from tests.servers import fake_http
from tests.workers.scripted_model import PAID
from workers.arxiv import sample
from workers.cli import evaluate
from workers.judging import batches, scoring

PAPERS = evaluate.evaluation_papers([paper(id) for id in paper_ids(25)])
PLAIN = "The group works on {{ profile.title }}. Score each paper.\n"
ANCHORED = (
    PLAIN
    + """
Anchored examples:
{% for relevance, novelty, what in [
  (10, 3, "measures known methods of the criterion once more"),
  (3, 9, "a new kind of clock, with a word on the criterion at its end"),
  (6, 5, "half of it is about another field"),
  (2, 2, "another field, known methods"),
] %}
- relevance {{ relevance }}, novelty {{ novelty }}: {{ what }}
{% endfor %}
"""
)


def scored(id: str, anchored: bool) -> tuple[int, int]:
    """What the scripted model says: nearly everything in two cells, unless it has examples."""
    true = int(fingerprint(id), 16)
    if anchored:
        return true % 10 + 1, true // 10 % 10 + 1
    return (9, 8) if true % 10 > 4 else (8, 7) if true % 10 else (10, 9)


def answer(instructions: str, about: list[str]) -> str:
    anchored = "Anchored examples" in instructions
    rows = []
    for id in about:
        relevance, novelty = scored(id, anchored)
        rows.append({"id": id, "comment": "Fine.", "relevance": relevance, "novelty": novelty})
    return json.dumps({"papers": rows})


class Squeezed:
    """A model that uses the whole scale only when it is shown how."""

    def __init__(self, name: str = "scripted", fails: Callable[[str], bool] | None = None) -> None:
        self.name, self.asked = name, list[str]()
        self._fails = fails or (lambda id: False)

    def ask(
        self, instructions: str, question: str, schema: dict[str, object], cache_key: str
    ) -> batches.ModelReply:
        rows = [line for line in question.splitlines() if line.startswith("{")]
        about = [json.loads(row)["id"] for row in rows]
        self.asked += about
        if all(map(self._fails, about)):
            raise Unavailable("Away.", ModelReason.MODEL_DOWN)
        return batches.ModelReply(answer(instructions, about), PAID)


def told(text: str, tmp_path: Path) -> str:
    file = tmp_path / f"{fingerprint(text)}.md.j2"
    file.write_text(text)
    return evaluate.instructions(profile(), file)


def run(
    store: Store, model: Squeezed, instructions: str, minutes: int = 0
) -> evaluate.StoredEvaluation:
    at = NOW + timedelta(minutes=minutes)
    return evaluate.score_papers(model, profile(), PAPERS, instructions, store, 1, at)


# -- what an evaluation shows


def test_examples_in_the_prompt_take_the_scores_apart_and_the_eval_shows_it(
    store: Store, tmp_path: Path
) -> None:
    before = run(store, Squeezed(), told(PLAIN, tmp_path))
    after = run(store, Squeezed(), told(ANCHORED, tmp_path), minutes=5)
    report = evaluate.compared(after, [before])
    now, last, found = report.now, report.last, report.agreement
    assert last == before.evaluation
    assert found
    assert now.scored == last.scored == found.papers == 25
    assert last.pairs <= 3 < 15 < now.pairs
    assert now.nine_eight + now.eight_seven < 0.2 < 0.8 < last.nine_eight + last.eight_seven
    assert now.tie < 0.2 < 0.4 < last.tie
    assert found.exact < 0.5
    assert now.prompt != last.prompt
    check_golden("evaluate/change.txt", render.as_text([eval_text(report)]))


def test_the_first_evaluation_has_nothing_to_be_compared_with(store: Store, tmp_path: Path) -> None:
    kept = run(store, Squeezed(), told(PLAIN, tmp_path))
    shown = render.as_text([eval_text(evaluate.compared(kept, []))])
    check_golden("evaluate/first.txt", shown)


def test_an_evaluation_repeated_buys_nothing_and_says_the_same(
    store: Store, tmp_path: Path
) -> None:
    first, model = run(store, Squeezed(), told(PLAIN, tmp_path)), Squeezed()
    again = run(store, model, told(PLAIN, tmp_path))
    assert model.asked == []
    assert (first.evaluation.asked, again.evaluation.asked) == (25, 0)
    assert again == first.model_copy(update={"evaluation": again.evaluation})
    assert again.evaluation.usage == first.evaluation.usage == Usage.total([PAID] * 2)
    assert "no paper sent to the model" in str(eval_text(Report(now=again.evaluation)))


def test_another_prompt_model_or_text_is_another_judge(store: Store, tmp_path: Path) -> None:
    kept = [
        run(store, Squeezed(), told(PLAIN, tmp_path)),
        run(store, Squeezed(), told(ANCHORED, tmp_path)),
        run(store, Squeezed("other"), told(PLAIN, tmp_path)),
    ]
    rewritten = [PAPERS[0].model_copy(update={"abstract": "Rewritten."}), *PAPERS[1:]]
    model, plain = Squeezed(), told(PLAIN, tmp_path)
    kept.append(evaluate.score_papers(model, profile(), rewritten, plain, store, 1, NOW))
    assert len(model.asked) == 25
    assert len({k.judge for k in kept}) == 4
    assert len({k.papers for k in kept}) == 2


def test_no_evaluation_touches_the_scores_of_a_day(store: Store) -> None:
    run(store, Squeezed(), scoring.instructions(profile()))
    live = scoring.judge_key(profile(), "scripted")
    assert store.scores.results(live, [p.versioned for p in PAPERS]) == {}


def test_papers_without_a_score_are_counted_by_reason_and_asked_again(
    store: Store, tmp_path: Path
) -> None:
    plain = told(PLAIN, tmp_path)
    late = {p.id for p in PAPERS[20:]}
    short = run(store, Squeezed(fails=lambda id: id in late), plain)
    assert short.evaluation.unscored == {ModelReason.MODEL_DOWN: 5}
    assert (short.evaluation.papers, short.evaluation.scored) == (25, 20)
    assert "not scored: 5, the model is down" in eval_text(Report(now=short.evaluation)).text
    model = Squeezed()
    assert run(store, model, plain).evaluation.asked == 5
    assert set(model.asked) == late


def test_the_papers_do_not_depend_on_the_order_of_a_file() -> None:
    papers = [paper(id) for id in paper_ids(200)]
    shuffled = Random(1).sample(papers, len(papers))
    assert evaluate.evaluation_papers(shuffled) == evaluate.evaluation_papers(papers)
    assert len(evaluate.evaluation_papers(papers)) == 200


def test_the_sample_gives_sixty_always_the_same() -> None:
    chosen = evaluate.evaluation_papers(None)
    assert len(chosen) == 60
    assert {p.id for p in chosen} < {entry.paper.id for entry in sample.listing().papers}
    check_golden("evaluate/papers.txt", "\n".join(p.versioned for p in chosen) + "\n")


# -- the measures


PAIR = st.tuples(st.integers(1, 10), st.integers(1, 10))
SCORES = st.dictionaries(st.sampled_from(paper_ids(12)), PAIR)


@given(SCORES)
def test_a_judge_agrees_with_itself(scores: dict[str, tuple[int, int]]) -> None:
    found = evaluate.agreement(scores, scores)
    assert found.papers == len(scores)
    assert found.exact == found.within_one == (1 if scores else 0)
    assert {found.relevance, found.novelty, found.sum} <= {1.0, None}


@given(SCORES, SCORES)
def test_agreement_is_mutual_and_within_its_bounds(
    one: dict[str, tuple[int, int]], other: dict[str, tuple[int, int]]
) -> None:
    found = evaluate.agreement(one, other)
    assert found == evaluate.agreement(other, one)
    assert found.papers == len(one.keys() & other.keys())
    assert 0 <= found.exact <= found.within_one <= 1
    assert all(-1 <= r <= 1 for r in (found.relevance, found.novelty, found.sum) if r is not None)


def test_a_judge_that_turns_the_order_round_agrees_the_other_way() -> None:
    one = {id: (n, 5) for n, id in enumerate(paper_ids(9), 1)}
    other = {id: (10 - n, 5) for n, id in enumerate(paper_ids(9), 1)}
    found = evaluate.agreement(one, other)
    assert (found.relevance, found.novelty, found.sum) == (-1, None, -1)
    assert found.exact == pytest.approx(1 / 9)
    assert found.within_one == pytest.approx(3 / 9 - 2 / 9)


def measured(*pairs: tuple[int, int]) -> Evaluation:
    verdicts = {
        id: ScoreResult(score=Score(relevance=pair[0], novelty=pair[1], comment=""))
        for id, pair in zip(paper_ids(len(pairs)), pairs, strict=True)
    }
    mine = profile(cutoffs=Cutoffs(relevance=8, novelty=7))
    return evaluate.summarise(mine, verdicts, model="m", prompt="p", at=NOW, asked=0, usage=Usage())


def test_what_is_squeezed_is_measured() -> None:
    found = measured((9, 8), (9, 8), (8, 7), (8, 7), (3, 9))
    assert found.relevance == (0, 0, 1, 0, 0, 0, 0, 2, 2, 0)
    assert found.novelty == (0, 0, 0, 0, 0, 0, 2, 2, 1, 0)
    assert (found.pairs, found.nine_eight, found.eight_seven) == (3, 0.4, 0.4)
    assert found.reaching == 4
    assert found.tie == pytest.approx(1 / 3)


def test_of_one_value_there_is_no_correlation() -> None:
    assert measured((9, 8), (9, 7)).correlation is None
    assert measured((9, 9), (8, 8)).correlation == pytest.approx(1)
    assert measured((9, 8), (8, 9)).correlation == pytest.approx(-1)


@given(st.lists(PAIR, max_size=20))
def test_no_paper_is_lost_in_the_figures(pairs: list[tuple[int, int]]) -> None:
    found = measured(*pairs)
    assert found.scored == sum(found.novelty) == found.papers == len(pairs)
    assert found.reaching <= found.scored
    assert 0 <= found.nine_eight + found.eight_seven <= 1


# -- the command


def write_papers(file: Path, papers: tuple[Paper, ...]) -> Path:
    rows = (p.model_dump_json(include={"id", "title", "abstract"}) for p in papers)
    file.write_text("\n".join(rows))
    return file


def settings(data_dir: Path, **fields: Any) -> Settings:
    return Settings(PAPERBOY_DATA_DIR=data_dir, **fields)


def test_the_command_compares_two_prompts_on_a_file_of_papers(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    del store
    papers = write_papers(tmp_path / "papers.jsonl", PAPERS)
    plain, anchored = tmp_path / "plain.md.j2", tmp_path / "anchored.md.j2"
    plain.write_text(PLAIN)
    anchored.write_text(ANCHORED)

    def model(path: str, body: bytes) -> fake_http.HttpReply:
        instructions = json.loads(body)["messages"][0]["content"]
        return fake_http.chat_reply(answer(instructions, fake_http.requested_ids(body)))

    with fake_http.run_fake_server(model) as there:
        given = settings(tmp_path / "data", REDIS_URL=redis_url, OPENAI_BASE_URL=f"{there.url}/v1")
        reports = [
            evaluate.evaluate(given, "foundations", papers, prompt)
            for prompt in (plain, anchored, anchored, plain)
        ]
    first, second, third, fourth = reports
    assert first.last is None
    assert second.last == third.last == first.now
    assert second.agreement == third.agreement == fourth.agreement
    assert fourth.last == third.now
    assert [r.now.asked for r in reports] == [25, 25, 0, 0]
    assert second.now.profile == "foundations"
    assert len(there.requests) == 4


def test_the_sample_is_judged_by_the_prompt_that_ships(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    del store
    with fake_http.run_fake_server(fake_http.answer_with_scores) as there:
        given = settings(tmp_path, REDIS_URL=redis_url, OPENAI_BASE_URL=f"{there.url}/v1")
        found = evaluate.evaluate(given, "compression", None, None)
    assert (found.now.papers, found.now.scored, len(there.requests)) == (60, 60, 3)
    assert b"Two scores" in there.requests[0][1]


def test_without_a_model_there_is_nothing_to_evaluate(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="OPENAI_API_KEY"):
        evaluate.evaluate(settings(tmp_path), "foundations", None, None)


def test_a_model_that_is_away_leaves_no_evaluation_behind(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    del store
    with fake_http.run_fake_server(lambda path, body: fake_http.error_reply(401, "no")) as there:
        given = settings(tmp_path, REDIS_URL=redis_url, OPENAI_BASE_URL=f"{there.url}/v1")
        found = evaluate.evaluate(given, "foundations", None, None)
    assert found.now.unscored == {ModelReason.BAD_KEY: 60}
    assert found.now.scored == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "{% for %}",
        "{{ nobody }}",
        "{{ profile.nothing }}",
        "{{ 1 / 0 }}",
        "{{ profile.__class__ }}",
    ],
)
def test_a_prompt_that_cannot_be_filled_in_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="can't be used as a prompt"):
        told(text, tmp_path)


def test_a_prompt_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="can't be used as a prompt"):
        evaluate.instructions(profile(), tmp_path / "none.md.j2")


def test_the_prompt_that_ships_given_as_a_file_is_the_same_prompt() -> None:
    shipped = Path(scoring.__file__).parents[2] / "prompts" / "score.md.j2"
    mine = profile()
    assert evaluate.instructions(mine, shipped) == evaluate.instructions(mine, None)


# -- what is remembered


def kept(judge: str, papers: str = "set", of: str = "matters") -> evaluate.StoredEvaluation:
    evaluation = measured((9, 8)).model_copy(update={"profile": of})
    return evaluate.StoredEvaluation(
        judge=judge, papers=papers, evaluation=evaluation, scores={"1v1": (9, 8)}
    )


def test_what_is_remembered_is_found_again_and_one_judge_once(tmp_path: Path) -> None:
    file = tmp_path / "new" / "evaluations.json"
    for judge in ("a", "b", "a"):
        evaluate.save_evaluation(file, evaluate.load_evaluations(file), kept(judge))
    assert evaluate.load_evaluations(file) == [kept("b"), kept("a")]
    assert [found.name for found in file.parent.iterdir()] == ["evaluations.json"]


def test_no_more_is_remembered_than_is_of_use(tmp_path: Path) -> None:
    file = tmp_path / "evaluations.json"
    for n in range(25):
        evaluate.save_evaluation(file, evaluate.load_evaluations(file), kept(str(n)))
    assert [k.judge for k in evaluate.load_evaluations(file)] == [str(n) for n in range(5, 25)]


def test_only_the_same_papers_for_the_same_profile_are_compared() -> None:
    others = [kept("a", papers="other"), kept("b", of="another"), kept("now")]
    assert evaluate.compared(kept("now"), others).last is None
    assert evaluate.compared(kept("now"), [kept("c"), *others]).last is not None


def test_the_newest_of_the_other_judges_is_the_last() -> None:
    older, newer = kept("a"), kept("b")
    at = newer.evaluation.model_copy(update={"at": NOW + timedelta(days=1)})
    newer = newer.model_copy(update={"evaluation": at})
    assert evaluate.compared(kept("now"), [older, newer, kept("now")]).last == at


def test_a_file_that_is_no_memory_is_refused_before_anything_is_bought(tmp_path: Path) -> None:
    file = tmp_path / "evaluations.json"
    file.write_text("[{]")
    with pytest.raises(Refused, match="Move it away"):
        evaluate.evaluate(settings(tmp_path, OPENAI_API_KEY="x"), "foundations", None, None)
