"""Scores one day by a model within its budget, then has it order the papers that tie."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from datetime import datetime

import structlog

from bot.domain.budget import Payer, Purpose, SkipReason
from bot.domain.digest import Decision, ScoreResult
from bot.domain.papers import Paper, Profile
from bot.domain.reasons import ModelReason
from bot.errors import PaperboyError
from bot.store.lease import Lease
from bot.store.spending import Accounts, Spending
from bot.store.store import Store
from workers.judging import batches, scoring, tie_break
from workers.judging.estimate import expected_cost
from workers.judging.metering import (
    PLACE_TOKENS,
    SCORE_TOKENS,
    LimitableModel,
    MeteredModel,
    affordable_papers,
)

log = structlog.get_logger()

Clock = Callable[[], datetime]
Progress = Callable[[int, int], None]

# An unreadable order is asked for once more; then the local ranking breaks the ties.
_TIE_BREAK_TRIES = 2
_HEARTBEAT_SECONDS = 2.0


class DayScorer:
    """One profile's day before one model, paid by one payer."""

    def __init__(
        self,
        store: Store,
        model: LimitableModel,
        profile: Profile,
        payer: Payer,
        calls_at_once: int,
        clock: Clock,
        lease: Lease,
        day: str,
    ) -> None:
        """`day` is the decided day's name: savings are booked once for it, however often it is
        judged."""
        self._store, self._model, self._profile, self._payer = store, model, profile, payer
        self._spending, self._accounts = Spending(store), Accounts(store)
        self._calls_at_once, self._clock, self._lease = calls_at_once, clock, lease
        self._day = day

    def score(
        self, papers: Sequence[Paper], ranking: Sequence[str], progress: Progress
    ) -> dict[str, ScoreResult]:
        """A result for each paper, by `IDvN`, each stored as it arrives. Papers with a stored score
        are not asked about; where the budget is short, the best of the `ranking` (ids) are."""
        key = scoring.judge_key(self._profile, self._model.name)
        results = self._store.scores.results(key, [paper.versioned for paper in papers])
        cached = [result for result in results.values() if result.score]
        calls = [call for result in cached for call in result.calls]
        self._book_savings(SkipReason.CACHE, len(cached), self._store.scores.usage(calls).cost_usd)
        asked = self._within_budget(papers, results, ranking)

        def report() -> None:
            progress(sum(r.score is not None for r in results.values()), len(papers))

        report()
        with (
            closing(self._metered(SCORE_TOKENS)) as metered,
            closing(
                batches.score_papers(metered, self._profile, asked, results, self._calls_at_once)
            ) as arriving,
        ):
            for call_result in arriving:
                self._lease.renew()
                if call_result.results:
                    self._store.scores.put(
                        key, call_result.results, call_result.call, call_result.usage
                    )
                    results |= call_result.results
                    report()
        unpaid = ScoreResult(score=None, trouble=ModelReason.NO_BUDGET)
        results = {p.versioned: results.get(p.versioned, unpaid) for p in papers}
        left_out = sum(r.trouble is ModelReason.NO_BUDGET for r in results.values())
        self._book_savings(SkipReason.LIMIT, left_out, None)
        return results

    def book_gated(self, papers: int, results: Mapping[str, ScoreResult]) -> None:
        """Book what the gate saved on `papers`, at the average price of those asked about."""
        calls = [call for result in results.values() for call in result.calls]
        usd, asked = self._store.scores.usage(calls).cost_usd, len(results)
        self._book_savings(SkipReason.GATE, papers, usd * papers / asked if usd and asked else None)

    def break_ties(
        self, decisions: Sequence[Decision], ranking: Sequence[str]
    ) -> tuple[list[str], list[str]]:
        """The ranking's ids, led by those the model put in order where the day's best papers tie;
        and the names of the calls that may have been made for it."""
        place = {id: rank for rank, id in enumerate(ranking)}
        papers = tie_break.papers_to_order(self._profile, decisions)
        if not papers:
            return list(ranking), []
        key = tie_break.order_key(self._profile, self._model.name, papers)
        calls = [f"{key}-{n}" for n in range(_TIE_BREAK_TRIES)]
        first = self._store.scores.tie_break_order(key) or self._ask_for_order(
            key, calls, papers, place
        )
        return [*first, *(id for id in ranking if id not in set(first))], calls

    def _ask_for_order(
        self, key: str, calls: Sequence[str], papers: Sequence[Paper], place: Mapping[str, int]
    ) -> tuple[str, ...]:
        by_rank = sorted(papers, key=lambda paper: place.get(paper.id, len(place)))
        instructions, question = tie_break.instructions(self._profile), tie_break.question(papers)
        with closing(self._metered(PLACE_TOKENS)) as metered, ThreadPoolExecutor(1) as pool:
            for call in calls:
                asked = pool.submit(metered.ask, instructions, question, tie_break.schema(), key)
                while not asked.done():  # a call may take longer than the lease lasts
                    self._lease.renew()
                    wait([asked], _HEARTBEAT_SECONDS)
                try:
                    reply = asked.result()
                except PaperboyError as error:
                    log.warning("tie-break call failed", profile=self._profile.name, why=str(error))
                    return ()
                self._store.scores.put(key, {}, call, reply.usage)
                if reply.text and (order := tie_break.parse_reply(reply.text, by_rank)):
                    self._store.scores.put_tie_break_order(key, order)
                    return order
        log.warning("tie-break reply unreadable", profile=self._profile.name)
        return ()

    def _within_budget(
        self, papers: Sequence[Paper], known: Mapping[str, ScoreResult], ranking: Sequence[str]
    ) -> list[Paper]:
        """All papers in their fixed order; under a limit, the best-ranked unscored ones it pays
        for, best first, so that a budget that runs out early costs the last of them."""
        if not self._payer.limited:
            return list(papers)
        place = {id: rank for rank, id in enumerate(ranking)}
        ranked = sorted(papers, key=lambda paper: place.get(paper.id, len(place)))
        unknown = [p for p in ranked if not (v := known.get(p.versioned)) or not v.score]
        left = self._spending.remaining(self._payer, self._clock())
        if not unknown:
            return []
        cost = expected_cost(self._profile, self._model.name, unknown)
        most = affordable_papers(left, cost.reserve_per_paper(len(unknown)))
        return unknown if most is None else unknown[:most]

    def _metered(self, row_tokens: int) -> MeteredModel:
        return MeteredModel(
            self._model, self._payer, Purpose.DIGEST, self._spending, self._clock, row_tokens
        )

    def _book_savings(self, why: SkipReason, papers: int, usd: float | None) -> None:
        if papers:
            self._accounts.record_savings(self._payer, self._day, why, papers, usd, self._clock())
