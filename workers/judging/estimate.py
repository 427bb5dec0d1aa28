"""Estimates what judging papers would cost, without asking a model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from bot.domain.budget import NANO, Estimate, MaxCost, Payer, Remaining
from bot.domain.digest import ListResult
from bot.domain.papers import Paper, Profile
from bot.store.spending import Spending
from bot.store.store import Store
from workers.judging import batches, close_calls, outcomes, scoring, top_papers
from workers.judging.metering import (
    SCORE_TOKENS,
    TOP_TOKENS,
    affordable_papers,
    max_call_cost,
)
from workers.judging.prices import price_tokens

# Measured: a token of English with formulas has about four characters. A row of a reply has a few
# words (28 tokens), one about the day's best papers two sentences (50).
_CHARACTERS_A_TOKEN, _ROW_TOKENS, _TOP_ROW_TOKENS = 4, 28, 50
# A row about a close call is two numbers. Of a day's papers so many are close calls
# (tests/benchmarks/bench_looks.py).
_LOOK_ROW_TOKENS, _CLOSE_SHARE = 12, 0.18
# The call about the best papers comes last; so much of a short budget is kept for it at most.
_TOP_SHARE = 3


class ExpectedCost(NamedTuple):
    """Approximate calls, tokens and dollars (None where the price is unknown)."""

    calls: int
    prompt: int
    completion: int
    usd: float | None

    def reserve_per_paper(self, papers: int) -> MaxCost:
        """One paper's share of the cost of so many `papers`."""
        usd = None if self.usd is None else self.usd / papers
        return MaxCost.of(usd, -(-(self.prompt + self.completion) // papers))


def expected_cost(
    profile: Profile,
    model: str,
    papers: Sequence[Paper],
    per_call: int = batches.PAPERS_PER_CALL,
    looks_again: bool = False,
) -> ExpectedCost:
    """The likely cost of a day with these papers, nothing of it cached: scoring them, one call
    about the best, and second looks where the day has them."""
    told, best = len(scoring.instructions(profile)), _likely_best(profile, papers)
    calls = [
        (told + len(scoring.question(part)), _ROW_TOKENS * len(part))
        for part in batches.split_into_calls(papers, per_call)
    ]
    if best:
        asked = len(top_papers.instructions(profile)) + len(top_papers.question(best))
        calls.append((asked, _TOP_ROW_TOKENS * len(best)))
    if looks_again:
        close = papers[: round(_CLOSE_SHARE * len(papers))]
        row = _LOOK_ROW_TOKENS * close_calls.PLAIN.choices
        for part in close_calls.split_into_calls(close):
            calls.append((told + len(close_calls.question(part)), row * len(part)))
    tokens = [(characters // _CHARACTERS_A_TOKEN, completion) for characters, completion in calls]
    # Each call by itself: some models take more for a long prompt.
    prices = (price_tokens(model, prompt, 0, completion) for prompt, completion in tokens)
    known = [each[0] + each[1] for each in prices if each[0] is not None]
    return ExpectedCost(
        calls=len(calls),
        prompt=sum(prompt for prompt, _ in tokens),
        completion=sum(completion for _, completion in tokens),
        usd=sum(known) if len(known) == len(calls) else None,
    )


def papers_within(
    budget: Remaining, profile: Profile, model: str, papers: Sequence[Paper]
) -> int | None:
    """How many of these papers a budget pays for, with the call about the best; None where it is
    for all."""
    if not papers:
        return None
    reserve = _max_top(profile, model, papers)
    left = Remaining(
        nano=_less(budget.nano, reserve.nano or 0), tokens=_less(budget.tokens, reserve.tokens)
    )
    for per_call in (batches.PAPERS_PER_CALL, batches.PAPERS_OF_SHORT_BUDGET):
        cost = expected_cost(profile, model, papers, per_call)
        most = affordable_papers(left, cost.reserve_per_paper(len(papers)))
        if most is None or most >= len(papers):
            return None
    return most


def can_look_again(
    budget: Remaining, profile: Profile, model: str, papers: Sequence[Paper], form: close_calls.Form
) -> bool:
    """Whether a budget pays for further looks at these papers, with the call about the best."""
    costs = [_max_top(profile, model, papers), *_max_looks(profile, model, papers, form)]
    if budget.tokens is not None and sum(cost.tokens for cost in costs) > budget.tokens:
        return False
    if budget.nano is None:
        return True
    nano = [cost.nano for cost in costs if cost.nano is not None]
    return len(nano) == len(costs) and sum(nano) <= budget.nano


def _max_looks(
    profile: Profile, model: str, papers: Sequence[Paper], form: close_calls.Form
) -> list[MaxCost]:
    """Of each call about these papers."""
    told, schema = scoring.instructions(profile), close_calls.schema()
    questions = map(close_calls.question, close_calls.split_into_calls(papers))
    return [
        max_call_cost(model, told, question, schema, form.row_tokens, form.choices)
        for question in questions
    ]


def _less(left: int | None, reserve: int) -> int | None:
    return None if left is None else left - min(reserve, left // _TOP_SHARE)


def _likely_best(profile: Profile, papers: Sequence[Paper]) -> Sequence[Paper]:
    """As many papers as the call about the best usually has."""
    return papers[: top_papers.usual_count(profile)]


def _max_top(profile: Profile, model: str, papers: Sequence[Paper]) -> MaxCost:
    told, asked = top_papers.instructions(profile), _likely_best(profile, papers)
    question = top_papers.question(asked)
    return max_call_cost(model, told, question, top_papers.schema(), TOP_TOKENS)


def estimate_day(
    profile: Profile,
    model: str,
    payer: Payer,
    list_result: ListResult,
    store: Store,
    now: datetime,
    looks_again: bool = False,
) -> Estimate:
    """The cost of judging a stored list's day, and how far the payer's remaining budget reaches."""
    day, _ = outcomes.papers_of_day(profile, store.lists.batch(list_result.batch))
    papers = [entry.paper for entry in day]
    results = store.scores.results(scoring.judge_key(profile, model), [p.versioned for p in papers])
    asked = [p for p in papers if not (v := results.get(p.versioned)) or v.score is None]
    cost = expected_cost(profile, model, asked, looks_again=looks_again)
    budget = Spending(store).remaining(payer, now)
    return Estimate(
        profile=profile.title,
        date=list_result.date,
        model=model,
        announced=len(papers),
        cached=len(papers) - len(asked),
        calls=cost.calls,
        prompt=cost.prompt,
        completion=cost.completion,
        usd=cost.usd,
        max_usd=None if cost.usd is None else _max_usd(profile, model, asked, looks_again),
        within_budget=papers_within(budget, profile, model, asked),
    )


def _max_usd(profile: Profile, model: str, papers: Sequence[Paper], looks_again: bool) -> float:
    """With a second look at every paper."""
    instructions, schema = scoring.instructions(profile), scoring.schema()
    questions = map(scoring.question, batches.split_into_calls(papers))
    reserves = [
        max_call_cost(model, instructions, question, schema, SCORE_TOKENS) for question in questions
    ]
    if papers:
        reserves.append(_max_top(profile, model, papers))
    if looks_again:
        reserves += _max_looks(profile, model, papers, close_calls.PLAIN)
    return sum(reserve.nano or 0 for reserve in reserves) / NANO
