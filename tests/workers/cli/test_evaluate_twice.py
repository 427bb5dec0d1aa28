"""An evaluation in two runs: how far they agree, what they cost, and what is bought again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager

from bot.domain.budget import Limits, Payer, Purpose
from bot.domain.papers import fingerprint
from bot.domain.reasons import ModelReason
from bot.store.spending import Spending
from bot.store.store import Store
from bot.terminal import render
from bot.views.measuring.steadiness import Steadiness, steadiness_text
from tests.conftest import check_golden
from tests.factories import NOW, paper, paper_ids, profile
from tests.servers.fake_http import (
    HttpReply,
    error_reply,
    json_reply,
    requested_ids,
    run_fake_server,
)
from workers.cli import evaluate, evaluate_twice
from workers.judging import model as model_judging
from workers.judging import scoring
from workers.judging.metering import MeteredModel

LUNA, FREE = "gpt-6-luna", (Limits(), Limits())
MINE = profile()
PAPERS = evaluate.evaluation_papers([paper(id) for id in paper_ids(100)])


class Moody:
    """A model's server: a paper is worth 2 to 9, and each answer is a point beside it, or not, by
    the number of answers before it. `away` lists the calls (from 0) it refuses."""

    def __init__(self, *away: int) -> None:
        self.asked, self.calls, self.away = list[str](), 0, away

    def __call__(self, path: str, body: bytes) -> HttpReply:
        request, ids = json.loads(body), requested_ids(body)
        self.calls += 1
        if self.calls - 1 in self.away:
            return error_reply(401, "invalid_api_key")
        self.asked += ids
        texts = [self._rows(ids, f"{self.calls} {n}") for n in range(request.get("n", 1))]
        choices = [{"message": {"role": "assistant", "content": text}} for text in texts]
        prompt, written = len(str(request["messages"])) // 4, sum(map(len, texts)) // 4
        usage = {"prompt_tokens": prompt, "completion_tokens": written}
        return json_reply({"choices": choices, "usage": usage})

    def _rows(self, ids: list[str], mood: str) -> str:
        def relevance(id: str) -> int:
            return 2 + int(fingerprint(id), 16) % 8 + int(fingerprint(id, mood), 16) % 3 - 1

        rows = [{"id": id, "relevance": relevance(id), "novelty": 9} for id in ids]
        return json.dumps({"papers": [row | {"comment": "A bound."} for row in rows]})


@contextmanager
def bench(
    store: Store, moody: Moody, limits: tuple[Limits, Limits] = FREE
) -> Iterator[evaluate.Bench]:
    payer, told = Payer.of("terminal:", MINE.name, limits), scoring.instructions(MINE)
    with (
        run_fake_server(moody) as server,
        closing(model_judging.Model(LUNA, "x", f"{server.url}/v1", 5.0)) as model,
    ):

        def metered(row_tokens: int, choices: int) -> MeteredModel:
            paid = payer, Purpose.DIGEST, Spending(store), lambda: NOW
            return MeteredModel(model, *paid, row_tokens, choices=choices)

        yield evaluate.Bench(MINE, PAPERS, told, store, model, metered, 1)


def judged_twice(store: Store, moody: Moody, limits: tuple[Limits, Limits] = FREE) -> Steadiness:
    with bench(store, moody, limits) as each:
        return evaluate_twice.evaluate_twice(each)


def test_two_runs_of_a_moody_judge_agree_more_once_its_close_calls_are_looked_at_again(
    store: Store,
) -> None:
    moody = Moody()
    found = judged_twice(store, moody)
    one, more = found.one_look, found.averaged
    assert found.both == found.papers == 100
    assert one.jaccard is not None
    assert more.jaccard is not None
    assert one.jaccard < 0.8 < more.jaccard
    assert more.relevance < one.relevance
    assert min(found.close) > 25  # a day has second looks for 25 papers of a hundred
    assert found.looks == (8 * 25, 8 * 25)
    assert len(moody.asked) == 2 * (100 + 25)
    assert found.complete
    check_golden("evaluate/twice.txt", render.as_text([steadiness_text(found)]))


def test_two_runs_buy_nothing_of_each_other_and_nothing_a_second_time(store: Store) -> None:
    first, moody = judged_twice(store, Moody()), Moody()
    assert judged_twice(store, moody) == first
    assert moody.calls == 0


def test_two_runs_that_were_interrupted_go_on_where_they_were(store: Store) -> None:
    moody = Moody(5)
    short = judged_twice(store, moody)
    assert short.unscored == {}
    assert short.unseen[ModelReason.BAD_KEY] > 0
    assert not short.complete
    bought = len(moody.asked)
    rest = Moody()
    whole = judged_twice(store, rest)
    assert whole.complete
    assert bought + len(rest.asked) == 2 * (100 + 25)


def test_two_runs_stay_within_the_budget_and_say_what_is_missing(store: Store) -> None:
    limits = (Limits(day_tokens=22_000), Limits())
    found = judged_twice(store, Moody(), limits)
    shown = render.as_text([steadiness_text(found)])
    usage = [found.usage, found.looks_usage]
    assert sum(each.prompt_tokens + each.completion_tokens for each in usage) <= 22_000
    assert not found.complete
    assert "the budget is used up" in shown


def test_progress_counts_the_papers_of_both_runs(store: Store) -> None:
    seen = list[tuple[int, int]]()
    with bench(store, Moody()) as each:
        evaluate_twice.evaluate_twice(each, lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert {total for _, total in seen} == {200}
    assert seen[-1][0] == 200
