"""Answers questions about single papers: many at once, and each fact is fetched once."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.domain.budget import Limits, Payer, Purpose
from bot.domain.digest import Score, ScoreResult
from bot.domain.judge import Examples, Judge
from bot.domain.lookup import ArxivAnswer, Assessment, Lookup
from bot.domain.papers import Paper, Profile
from bot.domain.reasons import ArxivReason, ModelReason, PaperReason
from bot.errors import PaperboyError, Refused
from bot.store.lookups import Lookups
from bot.store.spending import Spending
from workers.arxiv.client import MAX_IDS, ArxivClient
from workers.embedding.embeddings import Embeddings
from workers.gate import local_ranking
from workers.judging import batches, explaining, scoring
from workers.judging.metering import CLAIMS_TOKENS, LimitableModel, MeteredModel

log = structlog.get_logger()

_LEASE_SECONDS = 15.0
_POLL_SECONDS = 0.1
# The next question often comes a moment later.
_LINGER_SECONDS = 1.0
# Other jobs wait in the same queue; the bot queues this one again for what is left.
_LASTING_SECONDS = 30.0
_STALE = timedelta(hours=1)

ModelFor = Callable[[str], LimitableModel | None]


class _CallLimitedModel:
    """A model that refuses a call when `take_call` grants none."""

    def __init__(self, model: LimitableModel, take_call: Callable[[], bool]) -> None:
        self.name, self._model, self._take_call = model.name, model, take_call

    def ask(
        self,
        instructions: str,
        question: str,
        schema: dict[str, object],
        cache_key: str,
        most_output: int,
        patience: float = 1.0,
        choices: int = 1,
    ) -> batches.ModelReply:
        assert choices == 1, "a question about a paper has one answer"
        if not self._take_call():
            raise Refused("Today's /why questions are used up.", ModelReason.NO_BUDGET)
        ask = self._model.ask if patience == 1.0 else partial(self._model.ask, patience=patience)
        return ask(instructions, question, schema, cache_key, most_output)


class LookupJob:
    """Answers an installation's lookups; one worker at a time holds its lease."""

    def __init__(
        self,
        lookups: Lookups,
        arxiv: ArxivClient,
        model_for: ModelFor,
        calls_at_once: int,
        max_calls_per_day: int,
        clock: Callable[[], datetime],
        limits: tuple[Limits, Limits] = (Limits(), Limits()),
        embeddings: Embeddings | None = None,
    ) -> None:
        """`model_for` gives a model by name, None where this worker has no key;
        `max_calls_per_day` bounds each workspace's calls."""
        self._lookups, self._store = lookups, lookups.store
        self._arxiv, self._model_for, self._clock = arxiv, model_for, clock
        self._max_calls_per_day, self._limits = max_calls_per_day, limits
        self._embeddings, self._one_at_a_time = embeddings, threading.Lock()
        self._pool = ThreadPoolExecutor(calls_at_once + 1)
        # Assessments under way by name, and the names each lookup waits for.
        self._under_way: dict[str, Future[None]] = {}
        self._needs: dict[str, set[str]] = {}
        self._failed: set[str] = set()  # names of assessments, ids of papers
        self._fetch: Future[None] | None = None
        self._fetched_ids: list[str] = []

    def serve(self) -> None:
        """Answer until nobody has asked for a second. Each result is stored at once."""
        lease = self._store.lease(f"inquire{self._lookups.private}", _LEASE_SECONDS, 0)
        if lease is None:
            return  # whoever holds it serves new lookups, too
        begun = last = time.monotonic()
        try:
            while True:
                lease.renew()
                if self._step(takes_more=time.monotonic() - begun < _LASTING_SECONDS):
                    last = time.monotonic()
                elif time.monotonic() - last >= _LINGER_SECONDS:
                    return  # only after a step: this process may have been asleep meanwhile
        finally:
            self._pool.shutdown(cancel_futures=True)
            lease.release()

    def _step(self, takes_more: bool) -> bool:
        """Start what the lookups miss and collect what is done; whether anything was under way."""
        missing = self._start_missing(takes_more)
        if missing and self._fetch is None:
            ids = list(dict.fromkeys(missing))[:MAX_IDS]
            self._fetch, self._fetched_ids = self._pool.submit(self._fetch_papers, ids), ids
        running = [*self._under_way.values(), *([self._fetch] if self._fetch else [])]
        if not running:
            time.sleep(_POLL_SECONDS)
            return False
        wait(running, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
        self._collect_assessments()
        self._collect_fetch()
        return True

    def _start_missing(self, takes_more: bool) -> list[str]:
        """Start missing assessments and drop lookups that are answered, stale or hopeless; the
        ids of papers that arXiv has to be asked for. Unless it `takes_more`, only lookups already
        begun are served."""
        missing = []
        for lookup in self._lookups.all():
            begun = self._needs.get(lookup.key)
            if self._clock() - lookup.since > _STALE:  # nobody waits for it any more
                self._lookups.drop(lookup)
            elif not (takes_more if begun is None else begun.isdisjoint(self._under_way)):
                continue  # left for later, or waiting for an assessment
            elif lookup.ref or self._lookups.arxiv_answer(lookup.paper) is not None:
                self._assess(lookup)
            elif lookup.paper in self._failed:
                self._lookups.drop(lookup)
            else:
                missing.append(lookup.paper)
        return missing

    def _assess(self, lookup: Lookup) -> None:
        """Start a lookup's missing assessments; drop it where there are none."""
        if needs := self._start_assessments(lookup):
            self._needs[lookup.key] = needs
        else:
            self._lookups.drop(lookup)
            self._needs.pop(lookup.key, None)

    def _collect_assessments(self) -> None:
        for name in [name for name, future in self._under_way.items() if future.done()]:
            if error := self._under_way.pop(name).exception():
                self._failed.add(name)  # a fault of ours, which must not stop the others
                log.error("assessment failed", what=name, exc_info=error)

    def _collect_fetch(self) -> None:
        if self._fetch and self._fetch.done():
            if error := self._fetch.exception():
                self._failed.update(self._fetched_ids)
                log.error("arXiv lookup failed", ids=len(self._fetched_ids), exc_info=error)
            self._fetch = None

    def _start_assessments(self, lookup: Lookup) -> set[str]:
        """Start the assessments that are not stored yet; the names of those under way."""
        paper = self._paper(lookup)
        if paper is None:
            return set()
        judges = {profile: lookup.judge_of(profile) for profile in lookup.profiles}
        stored = self._lookups.assessments(judges, paper)
        names = set()
        for profile, judge in judges.items():
            name = f"{profile} {judge.key} {paper.versioned}"
            if profile in stored or name in self._failed:
                continue
            if name not in self._under_way:
                self._under_way[name] = self._pool.submit(
                    self._assess_and_store, lookup, profile, paper
                )
            names.add(name)
        return names

    def _paper(self, lookup: Lookup) -> Paper | None:
        """The paper to assess; None where it is withdrawn or has no text."""
        if lookup.ref:
            try:
                return self._store.papers.get(lookup.ref)
            except KeyError:
                log.error("stored paper missing", paper=lookup.paper)
                return None
        answer = self._lookups.arxiv_answer(lookup.paper)
        return None if answer is None or answer.withdrawn else answer.paper

    def _fetch_papers(self, ids: list[str]) -> None:
        """Ask arXiv for several papers in one request, and store its answers."""
        now = self._clock()
        try:
            papers = self._arxiv.fetch_by_id(ids)
        except PaperboyError as error:
            log.warning("arXiv unavailable", ids=len(ids), why=str(error))
            reason = error.reason_or(ArxivReason.UNREACHABLE)
            for id in ids:
                self._lookups.put_arxiv_answer(id, ArxivAnswer(paper=None, trouble=reason, at=now))
            return
        for id in ids:
            answer = ArxivAnswer(paper=None, trouble=PaperReason.NOT_FOUND, at=now)
            if by_id := papers.get(id):
                answer = ArxivAnswer(paper=by_id.paper, withdrawn=by_id.withdrawn, at=now)
            self._lookups.put_arxiv_answer(id, answer)

    def _assess_and_store(self, lookup: Lookup, profile: str, paper: Paper) -> None:
        judge = lookup.judge_of(profile)
        assessment = self._assessment(lookup, judge, self._store.profiles.get(profile), paper)
        self._lookups.put_assessment(profile, judge, paper, assessment)

    def _assessment(
        self, lookup: Lookup, judge: Judge, profile: Profile, paper: Paper
    ) -> Assessment:
        if judge.model is None:
            with self._one_at_a_time:  # the model is one, and reads one text at a time
                meaning = self._embeddings.of(profile, [paper]) if self._embeddings else None
            (row,) = local_ranking.rank(profile, [paper], meaning)
            words = ", ".join(row.words)
            return Assessment(score=Score(relevance=row.relevance, comment=words))
        model = self._model_for(judge.model)
        if model is None:
            return Assessment(score=None, trouble=ModelReason.NO_KEY)
        payer = Payer.of(lookup.workspace, profile.name, self._limits)
        spending, purpose = Spending(self._store), Purpose.QUESTION
        counted = _CallLimitedModel(model, lambda: self._take_call(lookup))
        scorer = MeteredModel(counted, payer, purpose, spending, self._clock)
        result = self._score(scorer, judge.examples, profile, paper)
        if result.score is None:
            return Assessment(score=None, trouble=result.trouble)
        explainer = MeteredModel(counted, payer, purpose, spending, self._clock, CLAIMS_TOKENS)
        return self._explain(explainer, profile, paper, result.score)

    def _score(
        self,
        model: batches.ModelClient,
        examples: Examples | None,
        profile: Profile,
        paper: Paper,
    ) -> ScoreResult:
        """The score a digest gave or would give, stored where digests look for theirs."""
        key = scoring.judge_key(profile, model.name, examples)
        told = scoring.instructions(profile, examples)
        stored = self._store.scores.results(key, [paper.versioned])
        result = stored.get(paper.versioned, ScoreResult(score=None))
        if result.score is None:
            for call in batches.score_papers(model, profile, [paper], stored, 1, told):
                if call.results:
                    self._store.scores.put(key, call.results, call.call, call.usage)
                    result = call.results.get(paper.versioned, result)
        return result

    def _explain(
        self, model: batches.ModelClient, profile: Profile, paper: Paper, score: Score
    ) -> Assessment:
        """The score with the claims that the paper's own words bear out."""
        key = explaining.explanation_key(profile, model.name)
        instructions, question = explaining.instructions(profile), explaining.question(paper)
        try:
            reply = model.ask(instructions, question, explaining.schema(), key)
        except PaperboyError as error:
            return Assessment(score=score, silent=error.reason_or(ModelReason.MODEL_DOWN))
        self._store.scores.put(key, {}, uuid.uuid4().hex, reply.usage)
        if reply.text is None:
            return Assessment(score=score, silent=ModelReason.MODEL_REFUSED)
        checked = explaining.parse_reply(reply.text, profile, paper)
        if checked is None:
            return Assessment(score=score, silent=ModelReason.BAD_REPLY)
        claims, dropped = checked
        log.info("explained", paper=paper.id, claims=len(claims), dropped=dropped)
        unproven = PaperReason.UNPROVEN if dropped and not claims else None
        return Assessment(score=score, claims=claims, dropped=dropped, silent=unproven)

    def _take_call(self, lookup: Lookup) -> bool:
        purse = lookup.purse or lookup.workspace
        return self._lookups.take_call(purse, self._clock(), self._max_calls_per_day)
