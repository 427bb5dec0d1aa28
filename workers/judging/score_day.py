"""Scores one day by a model within its budget, close calls again, and has the best described."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from datetime import datetime
from typing import NamedTuple

import structlog

from bot.domain.budget import Payer, Purpose, SkipReason
from bot.domain.digest import Decision, FurtherLooks, ScoreResult, Sentences
from bot.domain.judge import Examples
from bot.domain.papers import Paper, Profile
from bot.domain.reasons import AWAY, ModelReason
from bot.errors import PaperboyError
from bot.store.spending import Accounts, Spending
from bot.store.store import Store
from bot.store.values.lease import Lease
from workers.judging import batches, close_calls, looking_again, scoring, top_papers
from workers.judging.estimate import can_look_again, papers_within
from workers.judging.metering import (
    SCORE_TOKENS,
    TOP_TOKENS,
    LimitableModel,
    MeteredModel,
)

log = structlog.get_logger()

Clock = Callable[[], datetime]
Progress = Callable[[int, int], None]

# An unreadable answer is asked for once more; then the local ranking breaks the ties, and cards
# show the abstract's own sentence and the scoring call's few words.
_TOP_TRIES = 2
_HEARTBEAT_SECONDS = 2.0
# Fifteen papers with two sentences are about 1,000 tokens, twice those of a scoring call.
_TOP_PATIENCE = 3.0

# A first score that is missing for one of these: the model is not asked for a second look.
_NOT_ASKED_AGAIN = AWAY | {ModelReason.STILL_AT_IT}


class TopPapers(NamedTuple):
    """What is known of a day's best papers: every id of the ranking, led by those the model put in
    order; the names of the calls that may have been made for it; sentences by `IDvN`."""

    ranking: Sequence[str]
    calls: Sequence[str] = ()
    written: Mapping[str, Sentences] = {}


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
        looks_again: bool = True,
        examples: Examples | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """`day` is the decided day's name: savings are booked once for it, however often it is
        judged. `looks_again` allows calls about close calls. The model is shown the `examples`.
        Its methods raise HandedBack instead of asking anything once they `should_stop`."""
        self._store, self._model, self._profile, self._payer = store, model, profile, payer
        self._spending, self._accounts = Spending(store), Accounts(store)
        self._calls_at_once, self._clock, self._lease = calls_at_once, clock, lease
        self._day, self._looks_again = day, looks_again
        self._should_stop = should_stop
        self._examples, self._told = examples, scoring.instructions(profile, examples)

    @property
    def prompt(self) -> str:
        """As the model is sent it."""
        return scoring.prompt_as_sent(self._profile, self._examples)

    def score(
        self, papers: Sequence[Paper], ranking: Sequence[str], progress: Progress
    ) -> dict[str, ScoreResult]:
        """A result for each paper, by `IDvN`, each stored as it arrives. Papers with a stored score
        are not asked about; where the budget is short, the best of the `ranking` (ids) are."""
        key = scoring.judge_key(self._profile, self._model.name, self._examples)
        results = self._store.scores.results(key, [paper.versioned for paper in papers])
        cached = [result for result in results.values() if result.score]
        calls = [call for result in cached for call in result.calls]
        self._book_savings(SkipReason.CACHE, len(cached), self._store.scores.usage(calls).cost_usd)
        asked, per_call = self._within_budget(papers, results, ranking)
        # What an outage left without a score is the budget's matter now, where that ends first.
        within = {paper.versioned for paper in asked}
        results = {v: result for v, result in results.items() if result.score or v in within}

        def report() -> None:
            progress(sum(r.score is not None for r in results.values()), len(papers))

        report()
        with (
            closing(self._metered(SCORE_TOKENS)) as metered,
            closing(
                batches.score_papers(
                    *(metered, self._profile, asked, results, self._calls_at_once, self._told),
                    per_call=per_call,
                    should_stop=self._should_stop,
                )
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

    def look_again(
        self, papers: Sequence[Paper], results: Mapping[str, ScoreResult]
    ) -> dict[str, ScoreResult]:
        """The results, by `IDvN`, those of close calls averaged over further looks, which are
        stored as they arrive.

        A paper that this day was decided with before keeps what decided it: it may be posted. Where
        the model or the money is away the first score stands, and says so.
        """
        before = self._store.days.get(self._day)
        decided = {d.paper.versioned: d.score for d in before.decisions} if before else {}
        close = [
            paper
            for paper in papers
            if (first := results[paper.versioned].score)
            and close_calls.is_close(self._profile, first)
        ]
        owner = self._examples.workspace if self._examples else ""
        key = close_calls.looker_key(self._profile, self._model.name, self._told, owner)
        looks = self._store.scores.looks(key, [paper.versioned for paper in close])
        undecided = [p for p in close if not decided.get(p.versioned)] if self._looks_again else []
        nearest = close_calls.nearest(self._profile, undecided, results)
        asked = [paper for paper in nearest if paper.versioned not in looks]
        troubles = {paper.versioned: ModelReason.TOO_MANY_CLOSE for paper in undecided}
        troubles |= self._ask_again(key, asked, results, looks)
        averaged = dict(results)
        for paper in close:
            name = paper.versioned
            if score := decided.get(name):
                averaged[name] = close_calls.as_decided(results[name], score, looks.get(name))
            elif name in looks:
                averaged[name] = close_calls.with_looks(results[name], looks[name])
            elif name in troubles:
                averaged[name] = close_calls.without_looks(results[name], troubles[name])
        return averaged

    def _ask_again(
        self,
        key: str,
        papers: Sequence[Paper],
        results: Mapping[str, ScoreResult],
        looks: dict[str, FurtherLooks],
    ) -> Mapping[str, ModelReason]:
        """Ask about these close calls, store and add to `looks` what is answered, and return why
        the others have none."""
        if not papers:
            return {}
        self._require_time()
        calls = [call for result in results.values() for call in result.calls]
        form = close_calls.form(self._store.scores.usage(calls))
        away = next((r.trouble for r in results.values() if r.trouble in _NOT_ASKED_AGAIN), None)
        if not away and self._payer.limited:
            left = self._spending.remaining(self._payer, self._clock())
            if not can_look_again(left, self._profile, self._model.name, papers, form):
                away = ModelReason.NO_BUDGET
        troubles = {paper.versioned: away for paper in papers} if away else {}
        with (
            closing(self._metered(form.row_tokens, choices=form.choices)) as metered,
            closing(
                looking_again.look_again(
                    *(metered, self._profile, [] if away else papers, self._calls_at_once),
                    self._told,
                )
            ) as arriving,
        ):
            for result in arriving:
                self._lease.renew()
                troubles |= result.troubles
                if result.call:
                    self._store.scores.put_looks(key, result.looks, result.call, result.usage)
                    looks |= result.looks
        return troubles

    def book_gated(self, papers: int, results: Mapping[str, ScoreResult]) -> None:
        """Book what the gate saved on `papers`, at the average price of those asked about."""
        calls = [call for result in results.values() for call in result.calls]
        usd, asked = self._store.scores.usage(calls).cost_usd, len(results)
        self._book_savings(SkipReason.GATE, papers, usd * papers / asked if usd and asked else None)

    def describe_top(self, decisions: Sequence[Decision], ranking: Sequence[str]) -> TopPapers:
        """The model's order of the day's best papers, and its two sentences about each.

        One call, which is made where any of these papers tie or one has no sentences yet. Where
        its answer cannot be had, the local ranking breaks the ties.
        """
        papers = top_papers.top_papers(self._profile, decisions)
        if not papers:
            return TopPapers(list(ranking))
        key = top_papers.order_key(self._profile, self._model.name, papers)
        calls = [f"{key}-{n}" for n in range(_TOP_TRIES)]
        first = self._store.scores.top_order(key)
        if not first and self._is_needed(papers, decisions):
            place = {id: rank for rank, id in enumerate(ranking)}
            by_rank = sorted(papers, key=lambda paper: place.get(paper.id, len(place)))
            first = self._ask_for_top(key, calls, papers, by_rank)
        rest = [id for id in ranking if id not in set(first)]
        return TopPapers([*first, *rest], calls, self._written(papers))

    def _is_needed(self, papers: Sequence[Paper], decisions: Sequence[Decision]) -> bool:
        missing = len(self._written(papers)) < len(papers)
        return missing or top_papers.tie_in_scores(papers, decisions)

    def _written(self, papers: Sequence[Paper]) -> dict[str, Sentences]:
        """The stored sentences about these papers, by `IDvN`."""
        writer = top_papers.writer_key(self._profile, self._model.name)
        return self._store.scores.sentences(writer, [paper.versioned for paper in papers])

    def _ask_for_top(
        self, key: str, calls: Sequence[str], papers: Sequence[Paper], by_rank: Sequence[Paper]
    ) -> tuple[str, ...]:
        """Ask for the order and the sentences, store them, and return the order, empty where there
        is none. Papers that the answer leaves out come last, in the order of `by_rank`."""
        self._require_time()
        name, writer = self._profile.name, top_papers.writer_key(self._profile, self._model.name)
        english = not self._profile.foreign_language
        instructions, question = top_papers.instructions(self._profile), top_papers.question(papers)
        with (
            closing(self._metered(TOP_TOKENS, _TOP_PATIENCE)) as metered,
            ThreadPoolExecutor(1) as pool,
        ):
            for call in calls:
                asked = pool.submit(metered.ask, instructions, question, top_papers.schema(), key)
                while not asked.done():  # a call may take longer than the lease lasts
                    self._lease.renew()
                    wait([asked], _HEARTBEAT_SECONDS)
                try:
                    reply = asked.result()
                except PaperboyError as error:
                    log.warning("call for the best papers failed", profile=name, why=str(error))
                    return ()
                top = top_papers.parse_reply(reply.text or "", by_rank, english)
                if top is None:
                    self._store.scores.put(key, {}, call, reply.usage)
                    continue
                written = {p.versioned: top.written[p.id] for p in papers if p.id in top.written}
                self._store.scores.put_top(key, top.order, writer, written, call, reply.usage)
                log.info("best papers", profile=name, written=len(written), unproven=top.unproven)
                return top.order
        log.warning("reply about the best papers unreadable", profile=name)
        return ()

    def _within_budget(
        self, papers: Sequence[Paper], known: Mapping[str, ScoreResult], ranking: Sequence[str]
    ) -> tuple[list[Paper], int]:
        """All papers in their fixed order, and how many a call; under a limit, the best-ranked
        unscored ones it pays for, best first, so that a budget that runs out early costs the last
        of them, and in smaller calls where it is short."""
        if not self._payer.limited:
            return list(papers), batches.PAPERS_PER_CALL
        place = {id: rank for rank, id in enumerate(ranking)}
        ranked = sorted(papers, key=lambda paper: place.get(paper.id, len(place)))
        unknown = [p for p in ranked if not (v := known.get(p.versioned)) or not v.score]
        left = self._spending.remaining(self._payer, self._clock())
        most = papers_within(left, self._profile, self._model.name, unknown)
        if most is None:
            return unknown, batches.PAPERS_PER_CALL
        return unknown[:most], batches.PAPERS_OF_SHORT_BUDGET

    def _require_time(self) -> None:
        if self._should_stop():
            raise batches.HandedBack

    def _metered(self, row_tokens: int, patience: float = 1.0, choices: int = 1) -> MeteredModel:
        payer, clock = self._payer, self._clock
        paid = self._model, payer, Purpose.DIGEST, self._spending, clock
        return MeteredModel(*paid, row_tokens, patience, choices)

    def _book_savings(self, why: SkipReason, papers: int, usd: float | None) -> None:
        if papers:
            self._accounts.record_savings(self._payer, self._day, why, papers, usd, self._clock())
