"""A second look at close calls: who gets one, what comes of it, what it costs, and when not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.budget import Limits, Period, Scope
from bot.domain.digest import Digest, Outcome, Score
from bot.domain.judge import Examples, Judge, VotedExample
from bot.domain.papers import Cutoffs
from bot.domain.reasons import ModelReason
from bot.domain.request import DigestRequest, digest_name
from bot.store.spending import Spending
from bot.store.store import Store
from tests.conftest import check_golden
from tests.factories import NOW, announced, digest_request, list_result, listing, paper, profile
from tests.servers.fake_http import (
    FakeServer,
    HttpReply,
    error_reply,
    json_reply,
    question_text,
    requested_ids,
    run_fake_server,
    top_for,
)
from workers.judging import close_calls, scoring
from workers.judging import model as model_judging
from workers.judging.metering import max_call_cost
from workers.score_job import score

LUNA, FREE = "gpt-6-luna", (Limits(), Limits())
MINE = profile(maximum=10, cutoffs=Cutoffs(relevance=7, novelty=6))
# First looks by the last digit of the id: 6 to 8 are at the line or a point from it.
FIRST = {"3": (3, 6), "6": (6, 6), "7": (7, 6), "8": (8, 6), "9": (9, 8)}
NEAR = ["2503.00006", "2503.00007", "2503.00008"]
FAR = ["2503.00009", "2503.00019", "2503.00003"]
Look = Callable[[str, int], tuple[int, int]]


def completion(texts: list[str], prompt: int, reasoning: int = 0) -> HttpReply:
    """A chat completion with so many choices; a token has four characters."""
    choices = [
        {"index": n, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for n, text in enumerate(texts)
    ]
    usage = {
        "prompt_tokens": prompt // 4,
        "completion_tokens": sum(map(len, texts)) // 4,
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    return json_reply({"object": "chat.completion", "choices": choices, "usage": usage})


class Wavering:
    """A model's server: first looks as in FIRST, further ones (the nth choice) as `look` says.
    `fails` may answer a look in its place."""

    def __init__(self, look: Look = lambda id, n: (7, 6)) -> None:
        self.look, self.reasoning = look, 0
        self.fails: Callable[[list[str]], HttpReply | None] = lambda ids: None
        self.firsts: list[list[str]] = []
        self.looks: list[list[str]] = []
        self.choices: list[int] = []

    def __call__(self, path: str, body: bytes) -> HttpReply:
        request, ids = json.loads(body), requested_ids(body)
        size = len(str(request["messages"]))
        row = request["response_format"]["json_schema"]["schema"]["properties"]
        if "order" in row:
            return completion([json.dumps(top_for(body))], size)
        if "comment" in row["papers"]["items"]["properties"]:
            self.firsts.append(ids)
            return completion([self._rows(ids, lambda id: FIRST[id[-1]])], size, self.reasoning)
        if (failed := self.fails(ids)) is not None:
            return failed
        self.looks.append(ids)
        self.choices.append(request.get("n", 1))
        choices = range(self.choices[-1])
        return completion(
            [self._rows(ids, lambda id, n=n: self.look(id, n)) for n in choices], size
        )  # type: ignore[misc]

    def _rows(self, ids: list[str], of: Callable[[str], tuple[int, int]]) -> str:
        rows = [dict(zip(("id", "relevance", "novelty"), (id, *of(id)), strict=True)) for id in ids]
        return json.dumps({"papers": [row | {"comment": "Matter: a bound."} for row in rows]})

    @property
    def looked_at(self) -> list[str]:
        return sorted(id for ids in self.looks for id in ids)


class Morning:
    """A day of some papers before that server, judged as often as it is asked for."""

    def __init__(self, store: Store, server: FakeServer, ids: list[str]) -> None:
        self.store, self.server, self.hours = store, server, 0
        self.judge = Judge(model=LUNA)
        self.announce(ids)

    def announce(self, ids: list[str]) -> None:
        papers = [announced(id, abstract="The matter.") for id in ids]
        changed = self.store.lists.add("2025-03-20", listing(*papers), NOW)
        self.store.lists.put_result(self.request.wanted, list_result(NOW, changed=changed))

    @property
    def request(self) -> DigestRequest:
        since = NOW + timedelta(hours=self.hours)
        changes = {"profile": self.store.profiles.put(MINE), "judge": self.judge}
        return digest_request().model_copy(update=changes | {"since": since})

    def judged(
        self, limits: tuple[Limits, Limits] = FREE, looks: bool = True, at_once: int = 4
    ) -> Digest:
        self.hours += 1
        by = self.request
        with closing(model_judging.Model(LUNA, "x", f"{self.server.url}/v1", 5.0)) as model:
            nobody = lambda done, total: None  # noqa: E731
            score(by, self.store, model, at_once, lambda: by.since, nobody, limits, None, looks)
        return self.digest

    @property
    def digest(self) -> Digest:
        found = self.store.lists.result(self.request.wanted)
        assert found is not None
        digest = self.store.days.get(digest_name(self.request, found))
        assert digest is not None
        return digest


@contextmanager
def morning(store: Store, model: Wavering, ids: list[str]) -> Iterator[Morning]:
    with run_fake_server(model) as server:
        yield Morning(store, server, ids)


def outcomes(digest: Digest) -> dict[str, Outcome]:
    return {decision.paper.id: decision.outcome for decision in digest.decisions}


def score_of(digest: Digest, id: str) -> Score:
    decision = digest.decision_for(id)
    assert decision is not None
    assert decision.score is not None
    return decision.score


def troubles(digest: Digest) -> set[ModelReason | None]:
    scores = [decision.score for decision in digest.decisions if decision.score]
    return {score.close_call.trouble for score in scores if score.close_call}


# -- what is a close call, and its average


@pytest.mark.parametrize(
    ("pair", "close"),
    [
        ((7, 6), True),
        ((6, 6), True),
        ((7, 5), True),
        ((10, 7), True),
        ((8, 7), True),
        ((5, 6), False),
        ((10, 4), False),
        ((9, 8), False),
    ],
)
def test_a_score_a_point_from_the_line_is_a_close_call(pair: tuple[int, int], close: bool) -> None:
    given = Score(relevance=pair[0], novelty=pair[1], comment="")
    assert close_calls.is_close(MINE, given) is close


def test_the_local_ranking_has_no_close_calls() -> None:
    assert not close_calls.is_close(MINE, Score(relevance=7, novelty=None, comment=""))


@given(st.lists(st.integers(1, 10), min_size=1, max_size=9))
def test_a_mean_is_rounded_and_a_half_counts_up(values: list[int]) -> None:
    mean = close_calls.half_up_mean(values)
    assert mean - 0.5 <= sum(values) / len(values) < mean + 0.5


def test_the_question_of_a_second_look() -> None:
    shown = [paper("2503.00006"), paper("2503.00007")]
    check_golden("prompts/close_calls.txt", close_calls.question(shown))
    assert "comment" not in json.dumps(close_calls.schema())


def test_another_model_or_criterion_is_another_looker_and_a_cutoff_is_not() -> None:
    key = close_calls.looker_key(MINE, LUNA)
    assert close_calls.looker_key(profile(), LUNA) == key
    other = profile(title="Other matters")
    assert len({key, close_calls.looker_key(MINE, "m"), close_calls.looker_key(other, LUNA)}) == 3
    assert key != scoring.judge_key(MINE, LUNA)


# -- a morning


def test_close_calls_are_looked_at_again_and_averaged_and_others_are_not(store: Store) -> None:
    model = Wavering(lambda id, n: (8, 7) if id == NEAR[0] else (5, 6))
    with morning(store, model, NEAR + FAR) as day:
        digest = day.judged()
    assert model.looked_at == NEAR
    assert model.choices == [8]
    assert outcomes(digest) == {
        NEAR[0]: Outcome.PICKED,  # 6, then 8 eight times
        NEAR[1]: Outcome.BELOW_CUTOFF,
        NEAR[2]: Outcome.BELOW_CUTOFF,  # 8, then 5 eight times
        FAR[0]: Outcome.PICKED,
        FAR[1]: Outcome.PICKED,
        FAR[2]: Outcome.BELOW_CUTOFF,
    }
    score = score_of(digest, NEAR[0])
    assert score.close_call is not None
    assert score.close_call.looks == ((6, 6), *[(8, 7)] * 8)
    assert (score.relevance, score.novelty) == (8, 7)
    assert score_of(digest, FAR[0]).close_call is None
    assert digest.usage.calls == 3  # the scores, the looks, the best


def test_looks_with_a_workspaces_examples_are_its_own_and_have_them(store: Store) -> None:
    model, papers = Wavering(), (VotedExample(paper="1", title="Q", relevance=3, is_liked=True),)
    with morning(store, model, NEAR) as day:
        day.judged()
        for workspace in ("slack:T1", "slack:T2", "slack:T1"):
            day.judge = Judge(model=LUNA, examples=Examples(workspace=workspace, papers=papers))
            day.judged()
        shown = [b'\\"Q\\"' in body for _, body in day.server.requests]
    assert [len(model.firsts), len(model.looks)] == [3, 3]
    assert sum(shown) == 4  # both calls of both workspaces


def test_a_second_look_is_at_other_company_without_comments(store: Store) -> None:
    with morning(store, Wavering(), NEAR + FAR) as day:
        day.judged()
        sent = [json.loads(body) for _, body in day.server.requests]
    first, second, _ = sent
    assert first["messages"][0] == second["messages"][0]  # the criteria, which servers cache
    assert "leave the comment out" in question_text(json.dumps(second).encode())
    assert second["n"] == 8
    assert second["max_tokens"] < first["max_tokens"]


def test_a_day_judged_again_buys_no_look_again_and_stays_the_same(store: Store) -> None:
    model = Wavering()
    with morning(store, model, NEAR + FAR) as day:
        first = day.judged()
        day.announce(["2503.00017"])
        second = day.judged()
    assert model.looks == [model.looks[0], ["2503.00017"]]
    for id in NEAR:
        assert score_of(first, id).close_call == score_of(second, id).close_call
        assert outcomes(first)[id] == outcomes(second)[id]
    assert second.usage.calls > first.usage.calls


def test_a_worker_killed_between_two_looks_buys_the_rest_alone(store: Store) -> None:
    near, model = [f"2503.0{n:03}7" for n in range(22)], Wavering()
    far = [f"2503.0{n:03}9" for n in range(80)]
    with morning(store, model, near + far) as day:
        put, stored = store.scores.put_looks, list[int]()

        def once(*given: object) -> None:
            if stored:
                raise ConnectionError("killed")
            stored.append(1)
            put(*given)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store.scores, "put_looks", once)
            with pytest.raises(ConnectionError):
                day.judged(at_once=1)
        kept = len(model.looks[0])
        model.looks.clear()
        digest = day.judged()
    assert len(model.looked_at) == len(near) - kept
    assert all(score_of(digest, id).close_call for id in near)


def test_a_server_that_gives_one_answer_alone_has_its_one_look(store: Store) -> None:
    model = Wavering(lambda id, n: (6, 6))

    def answer(path: str, body: bytes) -> HttpReply:
        if "n" in json.loads(body):
            return error_reply(400, "unsupported_parameter: n")
        return model(path, body)

    with run_fake_server(answer) as server:
        digest = Morning(store, server, NEAR).judged()
    assert model.choices == [1]
    score = score_of(digest, NEAR[1])
    assert score.close_call is not None
    assert score.close_call.looks == ((7, 6), (6, 6))
    assert outcomes(digest)[NEAR[1]] is Outcome.PICKED  # 6.5 and 6


def test_a_model_that_reasons_answers_once(store: Store) -> None:
    model = Wavering()
    model.reasoning = 50
    with morning(store, model, NEAR) as day:
        day.judged()
    assert model.choices == [1]


def test_a_paper_that_the_look_leaves_out_keeps_its_first_score(store: Store) -> None:
    model = Wavering()
    model.fails = lambda ids: completion(['{"papers": []}'], 400)
    with morning(store, model, NEAR) as day:
        digest = day.judged()
        assert troubles(digest) == {ModelReason.LEFT_OUT}
        day.announce(FAR)
        assert score_of(day.judged(), NEAR[0]) == score_of(digest, NEAR[0])
        sent = [body for _, body in day.server.requests if b"leave the comment out" in body]
    assert len(sent) == 1


# -- when there is none


def test_a_model_that_is_away_for_the_look_leaves_the_first_score_for_good(store: Store) -> None:
    model = Wavering(lambda id, n: (1, 1))
    model.fails = lambda ids: error_reply(403, "country")
    with morning(store, model, NEAR) as day:
        first = day.judged()
        model.fails = lambda ids: None
        day.announce(FAR)
        second = day.judged()
    assert troubles(first) == {ModelReason.NOT_ADMITTED}
    assert outcomes(first)[NEAR[1]] is Outcome.PICKED
    assert model.looks == []
    assert all(score_of(first, id) == score_of(second, id) for id in NEAR)


def test_after_a_look_that_failed_no_other_is_begun(store: Store) -> None:
    near = [f"2503.0{n:03}7" for n in range(60)]
    far = [f"2503.0{n:03}9" for n in range(180)]
    model, tried = Wavering(), list[int]()
    model.fails = lambda ids: tried.append(len(ids)) or error_reply(403, "country")  # type: ignore[func-returns-value]
    with morning(store, model, near + far) as day:
        digest = day.judged(at_once=1)
    assert tried == [20]
    assert troubles(digest) == {ModelReason.NOT_ADMITTED}


def test_a_model_that_went_away_during_the_first_looks_is_not_asked_for_more(
    store: Store,
) -> None:
    model, near = Wavering(), [f"2503.0{n:03}7" for n in range(40)]

    def answer(path: str, body: bytes) -> HttpReply:
        if near[-1] in requested_ids(body):
            return error_reply(401, "invalid_api_key")
        return model(path, body)

    with run_fake_server(answer) as server:
        digest = Morning(store, server, near).judged(at_once=1)
    assert model.looks == []
    assert troubles(digest) == {ModelReason.BAD_KEY}


def test_without_money_the_first_look_stands_and_says_so(store: Store) -> None:
    near = [f"2503.0{n:03}7" for n in range(20)]
    model, limits = Wavering(), (Limits(day_tokens=9000), Limits())
    with morning(store, model, near) as day:
        digest = day.judged(limits)
        place = day.request.address.workspace_key
    assert len(model.firsts) == 1
    assert model.looks == []
    assert troubles(digest) == {ModelReason.NO_BUDGET}
    spent = Spending(store).spent(Scope(workspace=place), Period.DAY, NOW)
    assert 0 < spent.tokens <= 9000


def test_a_budget_that_reaches_for_one_of_both_pays_the_call_about_the_best(store: Store) -> None:
    asked = [paper(id, abstract="The matter.") for id in NEAR]
    told, form = scoring.instructions(MINE), close_calls.PLAIN
    question, schema = close_calls.question(asked), close_calls.schema()
    looks = max_call_cost(LUNA, told, question, schema, *reversed(form)).tokens
    with morning(store, Wavering(), NEAR) as day:
        first = day.judged(looks=False).usage  # with the call about the best
        spent = first.prompt_tokens + first.completion_tokens
    store.redis.flushdb()
    model, limits = Wavering(), (Limits(day_tokens=spent + looks), Limits())
    with morning(store, model, NEAR) as day:
        digest = day.judged(limits)
    assert model.looks == []
    assert troubles(digest) == {ModelReason.NO_BUDGET}
    assert all(decision.score and decision.score.shows for decision in digest.picked)


def test_looks_are_paid_from_the_budget_and_counted(store: Store) -> None:
    model, limits = Wavering(), (Limits(day_tokens=90_000), Limits())
    with morning(store, model, NEAR + FAR) as day:
        digest = day.judged(limits)
        place = day.request.address.workspace_key
    spent = Spending(store).spent(Scope(workspace=place), Period.DAY, NOW)
    usage = digest.usage
    assert model.looked_at == NEAR
    assert spent.tokens == usage.prompt_tokens + usage.completion_tokens
    assert spent.calls == usage.calls == 3


def test_what_an_older_release_decided_stays_and_only_new_papers_are_looked_at(
    store: Store,
) -> None:
    model = Wavering(lambda id, n: (1, 1))
    with morning(store, model, NEAR) as day:
        before = day.judged(looks=False)
        assert model.looks == []
        day.announce(["2503.00017"])
        after = day.judged()
    assert model.looked_at == ["2503.00017"]
    assert all(score_of(before, id) == score_of(after, id) for id in NEAR)
    assert not re.search("close_call", before.model_dump_json())
    assert outcomes(after)["2503.00017"] is Outcome.BELOW_CUTOFF


def test_of_many_close_calls_those_nearest_the_line_are_looked_at_again(store: Store) -> None:
    above, at = ([f"2503.0{n:03}{digit}" for n in range(20)] for digit in (8, 7))
    model = Wavering()
    with morning(store, model, above[:5] + at) as day, pytest.MonkeyPatch.context() as patch:
        patch.setitem(FIRST, "8", (8, 7))
        digest = day.judged()
    assert model.looked_at == at
    left = [score_of(digest, id).close_call for id in above[:5]]
    assert {call and call.trouble for call in left} == {ModelReason.TOO_MANY_CLOSE}
