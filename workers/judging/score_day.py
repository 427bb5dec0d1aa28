"""What a model says of a day within its budget: scores, then the order of those that tie."""

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
from bot.store.accounts import Accounts
from bot.store.days import Store
from bot.store.lease import Lease
from bot.store.spending import Spending
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

# An order that cannot be read is asked for once more; then the local ranking breaks the ties.
_LOOKS = 2
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
        """`day` is the ledger's name: what is spared on it counts once, judged again or not."""
        self._store, self._model, self._profile, self._payer = store, model, profile, payer
        self._spending, self._accounts = Spending(store), Accounts(store)
        self._calls_at_once, self._clock, self._lease = calls_at_once, clock, lease
        self._day = day
        self.order_calls: list[str] = []  # the names of the calls that put this day in order

    def score(
        self, papers: Sequence[Paper], ranking: Sequence[str], progress: Progress
    ) -> dict[str, ScoreResult]:
        """A verdict for each paper, by `IDvN`, each stored as it arrives; what is known is not
        asked. Where the budget does not reach, the best of the `ranking` (ids) are asked about."""
        key = scoring.judge_key(self._profile, self._model.name)
        verdicts = self._store.score_results(key, [paper.versioned for paper in papers])
        known = [result for result in verdicts.values() if result.score]
        calls = [call for result in known for call in result.calls]
        self._book_savings(SkipReason.CACHE, len(known), self._store.usage(calls).cost_usd)
        asked = self._within_means(papers, verdicts, ranking)

        def tell() -> None:
            progress(sum(v.score is not None for v in verdicts.values()), len(papers))

        tell()
        with (
            closing(self._metered(SCORE_TOKENS)) as metered,
            closing(
                batches.score_papers(metered, self._profile, asked, verdicts, self._calls_at_once)
            ) as arriving,
        ):
            for brought in arriving:
                self._lease.renew()
                if brought.results:
                    self._store.put_score_results(key, brought.results, brought.call, brought.usage)
                    verdicts |= brought.results
                    tell()
        nobody = ScoreResult(score=None, trouble=ModelReason.NO_BUDGET)
        verdicts = {p.versioned: verdicts.get(p.versioned, nobody) for p in papers}
        left = sum(v.trouble is ModelReason.NO_BUDGET for v in verdicts.values())
        self._book_savings(SkipReason.LIMIT, left, None)
        return verdicts

    def book_gated(self, papers: int, verdicts: Mapping[str, ScoreResult]) -> None:
        """Book what the gate spared, by what those that were asked have cost."""
        calls = [call for result in verdicts.values() for call in result.calls]
        usd, asked = self._store.usage(calls).cost_usd, len(verdicts)
        self._book_savings(SkipReason.GATE, papers, usd * papers / asked if usd and asked else None)

    def break_ties(self, decisions: Sequence[Decision], ranking: Sequence[str]) -> list[str]:
        """The ranking's ids, those first that the model has put in order: the papers that lead the
        day, when some of them tie."""
        place = {id: rank for rank, id in enumerate(ranking)}
        papers = tie_break.papers_to_order(self._profile, decisions)
        if not papers:
            return list(ranking)
        key = tie_break.order_key(self._profile, self._model.name, papers)
        self.order_calls = [f"{key}-{n}" for n in range(_LOOKS)]
        first = self._store.tie_break_order(key) or self._ordered(key, papers, place)
        return [*first, *(id for id in ranking if id not in set(first))]

    def _ordered(self, key: str, papers: Sequence[Paper], place: dict[str, int]) -> tuple[str, ...]:
        by_rank = sorted(papers, key=lambda paper: place.get(paper.id, len(place)))
        told, asked = tie_break.instructions(self._profile), tie_break.question(papers)
        with closing(self._metered(PLACE_TOKENS)) as metered, ThreadPoolExecutor(1) as aside:
            for call in self.order_calls:
                look = aside.submit(metered.ask, told, asked, tie_break.schema(), key)
                while not look.done():  # it may take longer than the lease lasts
                    self._lease.renew()
                    wait([look], _HEARTBEAT_SECONDS)
                try:
                    reply = look.result()
                except PaperboyError as error:
                    log.warning("tie-break call failed", profile=self._profile.name, why=str(error))
                    return ()
                self._store.put_score_results(key, {}, call, reply.usage)
                if reply.text and (order := tie_break.parse_reply(reply.text, by_rank)):
                    self._store.put_tie_break_order(key, order)
                    return order
        log.warning("tie-break reply unreadable", profile=self._profile.name)
        return ()

    def _within_means(
        self, papers: Sequence[Paper], known: dict[str, ScoreResult], ranking: Sequence[str]
    ) -> list[Paper]:
        """All, in their fixed order, or, under a limit, known ones and the best-ranked others, the
        best first: what the budget does not reach after all is then the last of them."""
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
