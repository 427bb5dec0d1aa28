"""What judging papers would cost, before anybody is asked."""

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

# English and formulas together; and a row of a reply with its comment, as measured: 24,100 tokens
# for 450 papers.
_CHARACTERS_A_TOKEN, _ROW_TOKENS = 4, 54


class ExpectedCost(NamedTuple):
    """So many calls and tokens, about; dollars, None where nobody knows the price."""

    calls: int
    prompt: int
    completion: int
    usd: float | None

    def reserve_per_paper(self, papers: int) -> MaxCost:
        """The share of one of so many papers."""
        usd = None if self.usd is None else self.usd / papers
        return MaxCost.of(usd, -(-(self.prompt + self.completion) // papers))


def expected_cost(profile: Profile, model: str, papers: Sequence[Paper]) -> ExpectedCost:
    """What asking a model about these papers is likely to cost, nothing of it cached."""
    told = len(scoring.instructions(profile))
    questions = [scoring.question(part) for part in batches.split_into_calls(papers)]
    prompt = sum(told + len(question) for question in questions) // _CHARACTERS_A_TOKEN
    completion = _ROW_TOKENS * len(papers)
    prompt_usd, completion_usd = price_tokens(model, prompt, 0, completion)
    known = prompt_usd is not None and completion_usd is not None
    usd = (prompt_usd or 0) + (completion_usd or 0) if known else None
    return ExpectedCost(len(questions), prompt, completion, usd)


def estimate_day(
    profile: Profile, model: str, payer: Payer, list_result: ListResult, store: Store, now: datetime
) -> Estimate:
    """A day whose list is there, for a payer with some of its budget left."""
    day, _ = outcomes.papers_of_day(profile, store.lists.batch(list_result.batch))
    papers = [entry.paper for entry in day]
    known = store.scores.results(scoring.judge_key(profile, model), [p.versioned for p in papers])
    asked = [p for p in papers if not (v := known.get(p.versioned)) or v.score is None]
    cost = expected_cost(profile, model, asked)
    left = Spending(store).remaining(payer, now)
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
        max_usd=None if cost.usd is None else _most(profile, model, asked),
        within_budget=affordable_papers(left, cost.reserve_per_paper(len(asked)))
        if asked
        else None,
    )


def _most(profile: Profile, model: str, papers: Sequence[Paper]) -> float:
    told, schema = scoring.instructions(profile), scoring.schema()
    questions = map(scoring.question, batches.split_into_calls(papers))
    reserves = (max_call_cost(model, told, asked, schema, SCORE_TOKENS) for asked in questions)
    return sum(reserve.nano or 0 for reserve in reserves) / NANO
