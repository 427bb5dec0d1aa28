"""Workers that spend, run as processes of their own; this module imports little, so they start
fast."""

from __future__ import annotations

import json
import random
import threading
import time
from datetime import UTC, datetime

from redis import Redis

from bot.domain.budget import NANO, Limits, MaxCost, Payer, Period, Purpose, Refusal, Unit
from bot.domain.digest import ScoreResult, Usage
from bot.domain.reasons import ModelReason
from bot.store.connection import connect
from bot.store.spending import Spending
from bot.store.store import Store
from tests.factories import paper, profile
from workers.judging.batches import ModelReply, score_papers
from workers.judging.metering import MeteredModel
from workers.judging.prices import price_tokens

LIMIT = 2_000_000
_NOW = datetime(2025, 3, 20, 8, 40, tzinfo=UTC)


def _wait_for_all(redis: Redis, workers: int = 4) -> None:
    """Wait until all workers have started."""
    redis.incr("test:arrived")
    while int(str(redis.get("test:arrived"))) < workers:
        time.sleep(0.005)


def spend_at_random(redis_url: str, seed: int) -> tuple[int, int, int]:
    """Nano-dollars: what this worker paid, what it may have paid, and the most it saw committed of
    the limit."""
    dice, paid, unknown, most_seen = random.Random(seed), 0, 0, 0
    limits = Limits(day_usd=LIMIT / NANO)
    with connect(redis_url) as redis:
        spending = Spending(Store(redis))
        _wait_for_all(redis)
        for n in range(150):
            who = Payer(workspace="slack:T1", profile=dice.choice("abc"), workspace_limits=limits)
            most = dice.randrange(100, 40_000)
            reserve = MaxCost(nano=most, tokens=10)
            reservation = spending.reserve(f"{seed}-{n}", who, reserve, Purpose.DIGEST, _NOW)
            most_seen = max(
                most_seen, spending.spent(who.scopes[0], Period.DAY, _NOW).committed(Unit.NANO)
            )
            if isinstance(reservation, Refusal):
                continue
            fate = dice.random()
            if fate < 0.1:
                spending.give_back(reservation)
            elif fate < 0.2:
                unknown += most  # killed before it could settle
            else:
                cost = dice.randrange(0, most + 1)
                paid += cost
                usage = Usage(calls=1, prompt_tokens=5, prompt_usd=cost / NANO)
                for _ in range(dice.choice((1, 1, 2))):
                    spending.settle(reservation, usage)
    return paid, unknown, most_seen


class PricedModel:
    """A model at the price of gpt-6-luna that takes some seconds and records what it billed."""

    name = "gpt-6-luna"

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.bills, self._lock = seconds, list[Usage](), threading.Lock()
        self.asked_ids: list[list[str]] = []

    def ask(
        self,
        instructions: str,
        question: str,
        schema: dict[str, object],
        cache_key: str,
        most_output: int,
    ) -> ModelReply:
        about = [json.loads(line)["id"] for line in question.splitlines() if line[:1] == "{"]
        time.sleep(self.seconds)
        prompt, completion = (len(instructions) + len(question)) * 10 // 42, 60 * len(about)
        assert completion <= most_output
        prompt_usd, completion_usd = price_tokens(self.name, prompt, 0, completion)
        bill = Usage(
            calls=1,
            prompt_tokens=prompt,
            completion_tokens=completion,
            prompt_usd=prompt_usd,
            completion_usd=completion_usd,
        )
        with self._lock:
            self.bills.append(bill)
            self.asked_ids.append(about)
        rows = [{"id": id, "comment": "Fine.", "relevance": 8, "novelty": 7} for id in about]
        return ModelReply(json.dumps({"papers": rows}), bill)


def judge_quarter_of_day(redis_url: str, worker: int) -> tuple[int, int, int, float]:
    """One of four workers on a day of 450 papers that may cost a cent in all. Returns its papers
    with a score, those without for lack of budget, its calls, and what they cost in dollars."""
    model = PricedModel(seconds=0.01)
    papers = [paper(f"2503.{n:05}", abstract="We prove a bound. " * 75) for n in range(450)]
    who = Payer(workspace="slack:T1", profile=f"p{worker}", workspace_limits=Limits(day_usd=0.01))
    with connect(redis_url) as redis:
        spending = Spending(Store(redis))
        metered = MeteredModel(model, who, Purpose.DIGEST, spending, lambda: _NOW)
        results = dict[str, ScoreResult]()
        _wait_for_all(redis)
        for brought in score_papers(metered, profile(), papers[worker::4], {}, 16):
            results |= brought.results
    scored = sum(v.score is not None for v in results.values())
    over_budget = sum(v.trouble is ModelReason.NO_BUDGET for v in results.values())
    return scored, over_budget, len(model.bills), sum(bill.cost_usd or 0 for bill in model.bills)
