"""A model behind a meter: what is set aside, paid, given back, and who is still asked."""

from __future__ import annotations

import json
import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.budget import (
    NANO,
    Limits,
    MaxCost,
    Payer,
    Period,
    Purpose,
    Remaining,
    Scope,
    SpentTotals,
)
from bot.domain.digest import ScoreResult, Usage
from bot.domain.reasons import ModelReason
from bot.errors import Refused, Unavailable
from bot.store.spending import Spending
from bot.store.store import Store
from tests.factories import NOW, paper, paper_ids, profile
from tests.spending_workers import PricedModel, judge_quarter_of_day
from tests.waiting import TIMEOUT_SECONDS, wait_until
from workers.judging import metering, scoring
from workers.judging.batches import ModelReply, score_papers
from workers.judging.metering import (
    CLAIMS_TOKENS,
    SCORE_TOKENS,
    MeteredModel,
    affordable_papers,
    max_prompt_tokens,
)
from workers.judging.prices import price_tokens

WHOLE = Scope(workspace="slack:T1")
QUESTION = scoring.question([paper()])


@pytest.fixture
def spending(store: Store) -> Spending:
    return Spending(store)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "_POLL_SECONDS", 0.005)


class Failing(PricedModel):
    """A model that cannot be asked."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def ask(self, *asked: Any) -> ModelReply:
        raise self.error


def metered(model: Any, spending: Spending, **limits: Any) -> MeteredModel:
    who = Payer(workspace="slack:T1", profile="matters", workspace_limits=Limits(**limits))
    return MeteredModel(model, who, Purpose.DIGEST, spending, lambda: NOW)


def ask(meter: MeteredModel, question: str = QUESTION) -> ModelReply:
    return meter.ask("Judge.", question, scoring.schema(), "key")


def today(spending: Spending, now: datetime = NOW) -> SpentTotals:
    return spending.spent(WHOLE, Period.DAY, now)


class Reasoning(PricedModel):
    """A model that writes so many tokens before its answer; `allowed` are its calls' limits."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.tokens, self.allowed = tokens, list[int]()

    def ask(
        self, instructions: str, question: str, schema: dict[str, object], key: str, most: int
    ) -> ModelReply:
        self.allowed.append(most)
        if most < self.tokens:
            return ModelReply("", Usage(calls=1, completion_tokens=most), ModelReason.CUT_OFF)
        return super().ask(instructions, question, schema, key, most)


def test_an_answer_is_bounded_where_nothing_is_limited_with_room_for_a_model_that_reasons(
    spending: Spending,
) -> None:
    short = SCORE_TOKENS + 200
    for tokens, unlimited, limited in (
        (0, [short], [short]),
        (1000, [short, 4 * short, 4 * short], [short] * 3),
        (9000, [short, 4 * short, 4 * short], [short] * 3),
    ):
        for limits, expected in ({}, unlimited), ({"day_usd": 9}, limited):
            model = Reasoning(tokens)
            meter = metered(model, spending, **limits)
            while len(model.allowed) < len(expected):
                ask(meter)
            assert model.allowed == expected


def test_a_model_that_babbles_gets_no_more_room(spending: Spending) -> None:
    class Babbling(Reasoning):
        def ask(self, *asked: Any) -> ModelReply:
            reply = super().ask(*asked)
            return ModelReply('{"papers": [{"comment": "It ', reply.usage, ModelReason.CUT_OFF)

    model = Babbling(9000)
    meter = metered(model, spending)
    for _ in range(2):
        ask(meter)
    assert len(set(model.allowed)) == 1


def test_a_calls_maximum_cost_is_reserved_and_then_replaced_by_its_cost(spending: Spending) -> None:
    seen = []

    class Watching(PricedModel):
        def ask(self, *asked: Any) -> ModelReply:
            seen.append(today(spending))
            return super().ask(*asked)

    meter = metered(Watching(), spending, day_usd=0.01)
    reply = ask(meter)
    most = meter.max_cost("Judge.", QUESTION, scoring.schema())
    assert (seen[0].nano, seen[0].reserved_nano) == (0, most.nano)
    assert seen[0].reserved_tokens == most.tokens
    after = today(spending)
    assert reply.usage.cost_usd is not None
    assert after.nano == pytest.approx(reply.usage.cost_usd * NANO, abs=10)
    assert (after.reserved_nano, after.calls) == (0, 1)


@pytest.mark.parametrize("model", ["gpt-6-luna", "gpt-5-mini"])
def test_a_prompt_that_is_written_to_a_cache_costs_no_more_than_reserved(model: str) -> None:
    schema = scoring.schema()
    most = metering.max_call_cost(model, "Judge.", QUESTION, schema, metering.SCORE_TOKENS)
    prompt = max_prompt_tokens("Judge.", QUESTION, schema)
    for written, cached in ((prompt, 0), (prompt // 2, prompt // 2), (0, 0), (0, prompt)):
        prompt_usd, output_usd = price_tokens(model, prompt, cached, most.tokens - prompt, written)
        assert prompt_usd is not None
        assert output_usd is not None
        assert (prompt_usd + output_usd) * NANO <= (most.nano or 0) + 1


def test_a_call_that_may_not_be_paid_is_not_made(spending: Spending) -> None:
    model = PricedModel()
    with pytest.raises(Refused, match=r"Today's limit of \$0\.0001 for this workspace") as raised:
        ask(metered(model, spending, day_usd=0.0001))
    assert raised.value.reason is ModelReason.NO_BUDGET
    assert model.bills == []


@pytest.mark.parametrize(
    "error",
    [
        Refused("No such key.", ModelReason.BAD_KEY),
        Unavailable("Busy.", ModelReason.MODEL_BUSY),
        Unavailable("Away.", ModelReason.MODEL_DOWN),
        Unavailable("Not that.", ModelReason.MODEL_REFUSED),
    ],
)
def test_a_call_that_was_not_answered_costs_nothing(spending: Spending, error: Exception) -> None:
    with pytest.raises(type(error)):
        ask(metered(Failing(error), spending, day_usd=0.01))
    assert today(spending) == SpentTotals()


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("Too slow.", ModelReason.MODEL_SLOW),
        Unavailable("Cut off.", ModelReason.MODEL_DOWN, outcome_unknown=True),
    ],
)
def test_a_call_that_may_have_been_paid_counts_at_its_most(
    spending: Spending, error: Exception
) -> None:
    meter = metered(Failing(error), spending, day_usd=0.01)
    with pytest.raises(Unavailable):
        ask(meter)
    most = meter.max_cost("Judge.", QUESTION, scoring.schema())
    assert today(spending) == SpentTotals(nano=most.nano or 0, tokens=most.tokens, calls=1, kept=1)


def test_a_server_that_does_not_say_what_it_used_costs_the_most(spending: Spending) -> None:
    class Silent(PricedModel):
        def ask(self, *asked: Any) -> ModelReply:
            return ModelReply("{}", Usage(calls=1, prompt_usd=None, completion_usd=None))

    meter = metered(Silent(), spending, day_usd=0.01)
    ask(meter)
    assert today(spending).nano == meter.max_cost("Judge.", QUESTION, scoring.schema()).nano


def test_a_model_without_a_price_is_not_asked_within_a_limit_in_dollars(spending: Spending) -> None:
    model = PricedModel()
    model.name = "a-model-of-ones-own"
    with pytest.raises(Refused, match="no known price"):
        ask(metered(model, spending, month_usd=100.0))
    assert model.asked_ids == []


def test_a_model_without_a_price_is_asked_within_its_tokens(spending: Spending) -> None:
    model = PricedModel()
    model.name = "a-model-of-ones-own"
    meter = metered(model, spending, day_tokens=1000)
    ask(meter)
    while (
        1000 - today(spending).tokens >= meter.max_cost("Judge.", QUESTION, scoring.schema()).tokens
    ):
        ask(meter)
    with pytest.raises(Refused, match=r"limit of 1\.0k tokens"):
        ask(meter)
    assert 0 < today(spending).tokens <= 1000
    assert today(spending).unpriced == len(model.bills)


def test_the_models_output_limit_is_what_was_reserved(spending: Spending) -> None:
    told = []

    class Told(PricedModel):
        def ask(self, *asked: Any) -> ModelReply:
            told.append(asked[4])
            return super().ask(*asked)

    who = Payer(workspace="slack:T1", profile="matters", workspace_limits=Limits(day_usd=1))
    ten = scoring.question([paper(id) for id in paper_ids(10)])
    for tokens in (200, CLAIMS_TOKENS):
        meter = MeteredModel(Told(), who, Purpose.QUESTION, spending, lambda: NOW, tokens)
        before = today(spending).tokens
        ask(meter, ten)
        most = meter.max_cost("Judge.", ten, scoring.schema())
        assert most.tokens == told[-1] + max_prompt_tokens("Judge.", ten, scoring.schema())
        assert today(spending).tokens - before <= most.tokens
    assert told == [2200, 10200]


def test_a_call_that_has_to_wait_for_others_waits_and_is_made(spending: Spending) -> None:
    model = PricedModel(seconds=0.02)
    meter = metered(model, spending, day_usd=0.003)
    most = meter.max_cost("Judge.", QUESTION, scoring.schema()).nano or 0
    assert 16 * most > 0.003 * NANO > 8 * most  # not all at once
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: ask(meter), range(16)))
    assert len(model.bills) == 16


def in_line(meter: MeteredModel) -> int:
    """How many have asked so far, be it their turn or not."""
    return int(repr(meter._tickets).removeprefix("count(").removesuffix(")"))


def test_those_who_wait_go_in_the_order_in_which_they_came(spending: Spending) -> None:
    gate, model = threading.Event(), PricedModel()

    class Slow(PricedModel):
        def ask(self, *asked: Any) -> ModelReply:
            gate.wait(TIMEOUT_SECONDS)
            return model.ask(*asked)

    questions = [scoring.question([paper(id)]) for id in paper_ids(6)]
    meter = metered(Slow(), spending, day_usd=0.0003)
    least = meter.max_cost("Judge.", QUESTION, scoring.schema()).nano or 0
    assert least < 0.0003 * NANO < 2 * least  # one at a time
    with ThreadPoolExecutor(6) as pool:
        asked = []
        for n, question in enumerate(questions, 1):
            asked.append(pool.submit(ask, meter, question))
            wait_until(lambda n=n: in_line(meter) == n, "it stands in line")
        gate.set()
        done = [future.exception() is None for future in asked]
    assert [about[0] for about in model.asked_ids] == paper_ids(6)[: len(model.asked_ids)]
    assert done == sorted(done, reverse=True)
    assert 2 <= sum(done) < 6


def test_nobody_is_asked_any_more_when_the_day_is_given_up(spending: Spending) -> None:
    model = PricedModel()
    meter = metered(model, spending, day_usd=0.0009)
    other = spending.reserve(
        "other", meter._payer, MaxCost(nano=800_000, tokens=1), Purpose.DIGEST, NOW
    )
    assert not hasattr(other, "passing")
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(ask, meter) for _ in range(2)]
        wait_until(lambda: in_line(meter) == 2, "both stand in line")
        meter.close()
        assert all(isinstance(future.exception(TIMEOUT_SECONDS), Refused) for future in waiting)
    assert model.asked_ids == []


def test_a_call_whose_day_is_given_up_while_its_money_is_reserved_is_not_made(
    spending: Spending,
) -> None:
    """Found by the simulator, seed 51000005: Redis was away for seconds, the answer was thrown
    away, and bought again."""
    model = PricedModel()

    def late() -> datetime:
        meter.close()
        return NOW

    meter = metered(model, spending, day_usd=1)
    meter._clock = late
    with pytest.raises(Refused, match="No one is waiting"):
        ask(meter)
    assert model.asked_ids == []
    assert today(spending).reserved_nano == 0


def test_when_the_budget_runs_out_the_remaining_papers_say_why(spending: Spending) -> None:
    papers = [paper(id) for id in paper_ids(100)]
    verdicts = dict[str, ScoreResult]()
    for brought in score_papers(
        metered(PricedModel(), spending, day_usd=0.004), profile(), papers, {}, calls_at_once=1
    ):
        verdicts |= brought.results
    scored = [verdicts[p.versioned].score is not None for p in papers]
    assert 10 <= sum(scored) < 100
    assert scored == sorted(scored, reverse=True)
    left_out = [verdicts[p.versioned].trouble for p in papers[sum(scored) :]]
    assert set(left_out) == {ModelReason.NO_BUDGET}
    assert today(spending).nano <= 0.004 * NANO


def test_a_cent_for_a_day_of_450_papers_and_four_workers(
    redis_url: str, spending: Spending
) -> None:
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=spawned) as pool:
        came = list(pool.map(judge_quarter_of_day, [redis_url] * 4, range(4)))
    spent, billed = today(spending), sum(usd for *_, usd in came)
    assert sum(scored + poor for scored, poor, *_ in came) == 450
    assert spent.calls == sum(calls for *_, calls, _ in came)
    assert spent.nano == pytest.approx(billed * NANO, abs=10 * spent.calls)
    assert spent.reserved_nano == 0
    assert 0.006 < billed <= 0.01
    assert spent.refused_nano == NANO // 100


@given(st.text(), st.text())
def test_a_prompt_has_no_more_tokens_than_bytes_and_a_script_of_its_own_counts_them(
    told: str, asked: str
) -> None:
    bytes_ = len((told + asked).encode("utf-8", "surrogatepass"))
    bound = max_prompt_tokens(told, asked, {}) - max_prompt_tokens("", "", {})
    assert bytes_ / 2 - 1 <= bound <= bytes_ + 1
    assert max_prompt_tokens(told + "数学", asked, {}) >= max_prompt_tokens(told, asked, {}) + 6


def test_the_schema_is_a_part_of_the_prompt() -> None:
    text = json.dumps(scoring.schema())
    assert max_prompt_tokens("", "", scoring.schema()) >= len(text) / 2


@pytest.mark.parametrize(
    ("left", "paper", "papers"),
    [
        (Remaining(nano=None, tokens=None), MaxCost(nano=5, tokens=5), None),
        (Remaining(nano=52, tokens=None), MaxCost(nano=5, tokens=5), 10),
        (Remaining(nano=52, tokens=14), MaxCost(nano=5, tokens=5), 2),
        (Remaining(nano=0, tokens=None), MaxCost(nano=5, tokens=5), 0),
        (Remaining(nano=52, tokens=None), MaxCost(nano=None, tokens=5), 0),
        (Remaining(nano=None, tokens=50), MaxCost(nano=None, tokens=5), 10),
        (Remaining(nano=3, tokens=3), MaxCost(nano=0, tokens=0), 3),
    ],
)
def test_how_many_papers_can_still_be_asked_about(
    left: Remaining, paper: MaxCost, papers: int | None
) -> None:
    assert affordable_papers(left, paper) == papers


def test_tokens_that_a_server_adds_to_a_prompt_are_reserved_too() -> None:
    assert max_prompt_tokens("", "", {}) >= 200
