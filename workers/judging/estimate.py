"""Estimates what judging papers would cost, without asking a model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from bot.domain.budget import NANO, Estimate, MaxCost, Payer
from bot.domain.digest import ListResult
from bot.domain.papers import Paper, Profile
from bot.store.spending import Spending
from bot.store.store import Store
from workers.judging import batches, outcomes, scoring
from workers.judging.metering import SCORE_TOKENS, affordable_papers, max_call_cost
from workers.judging.prices import price_tokens

# Measured: a token of English with formulas has about four characters, and the replies for 450
# papers with their comments had 24,100 tokens.
_CHARACTERS_A_TOKEN, _ROW_TOKENS = 4, 54


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


def expected_cost(profile: Profile, model: str, papers: Sequence[Paper]) -> ExpectedCost:
    """The likely cost of asking a model about these papers, nothing of it cached."""
    instructions_length = len(scoring.instructions(profile))
    questions = [scoring.question(part) for part in batches.split_into_calls(papers)]
    prompt = (
        sum(instructions_length + len(question) for question in questions) // _CHARACTERS_A_TOKEN
    )
    completion = _ROW_TOKENS * len(papers)
    prompt_usd, completion_usd = price_tokens(model, prompt, 0, completion)
    known = prompt_usd is not None and completion_usd is not None
    usd = (prompt_usd or 0) + (completion_usd or 0) if known else None
    return ExpectedCost(len(questions), prompt, completion, usd)


def estimate_day(
    profile: Profile, model: str, payer: Payer, list_result: ListResult, store: Store, now: datetime
) -> Estimate:
    """The cost of judging a stored list's day, and how far the payer's remaining budget reaches."""
    day, _ = outcomes.papers_of_day(profile, store.lists.batch(list_result.batch))
    papers = [entry.paper for entry in day]
    results = store.scores.results(scoring.judge_key(profile, model), [p.versioned for p in papers])
    asked = [p for p in papers if not (v := results.get(p.versioned)) or v.score is None]
    cost = expected_cost(profile, model, asked)
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
        max_usd=None if cost.usd is None else _max_usd(profile, model, asked),
        within_budget=affordable_papers(budget, cost.reserve_per_paper(len(asked)))
        if asked
        else None,
    )


def _max_usd(profile: Profile, model: str, papers: Sequence[Paper]) -> float:
    instructions, schema = scoring.instructions(profile), scoring.schema()
    questions = map(scoring.question, batches.split_into_calls(papers))
    reserves = (
        max_call_cost(model, instructions, question, schema, SCORE_TOKENS) for question in questions
    )
    return sum(reserve.nano or 0 for reserve in reserves) / NANO
