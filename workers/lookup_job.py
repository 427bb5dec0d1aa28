"""Answering what people want to know of papers: many at once, each thing found out once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

import structlog

from bot.domain.budget import Limits, Payer, Purpose
from bot.domain.digest import Score, ScoreResult
from bot.domain.lookup import ArxivAnswer, Assessment, Lookup
from bot.domain.papers import Paper, Profile
from bot.domain.reasons import ArxivReason, ModelReason, PaperReason
from bot.errors import PaperboyError, Refused
from bot.store.lookups import Lookups
from bot.store.spending import Spending
from workers.arxiv.client import MAX_IDS, ArxivClient
from workers.gate import keyword_ranking
from workers.judging import batches, explaining, scoring
from workers.judging.metering import CLAIMS_TOKENS, LimitableModel, MeteredModel

log = structlog.get_logger()

_LEASE_SECONDS = 15.0
_LOOK_SECONDS = 0.1
# Who asks next is often there a moment later.
_LINGER_SECONDS = 1.0
# Others wait in the same queue; the bot asks again for what is left.
_LASTING_SECONDS = 30.0
_STALE = timedelta(hours=1)

ModelFor = Callable[[str], LimitableModel | None]


class _CallLimitedModel:
    """A model that may be called so often and no more."""

    def __init__(self, model: LimitableModel, take_call: Callable[[], bool]) -> None:
        self.name, self._model, self._take_call = model.name, model, take_call

    def ask(
        self,
        instructions: str,
        question: str,
        schema: dict[str, object],
        cache_key: str,
        *most_output: int,
    ) -> batches.ModelReply:
        if not self._take_call():
            raise Refused("A day's questions are used up.", ModelReason.NO_BUDGET)
        return self._model.ask(instructions, question, schema, cache_key, *most_output)


class LookupJob:
    """One worker at a time serves an installation's inquiries, as far as its `models` (by name;
    None where this worker has no key) and a day's `most_calls` of a workspace go."""

    def __init__(
        self,
        lookups: Lookups,
        arxiv: ArxivClient,
        model_for: ModelFor,
        calls_at_once: int,
        max_calls_per_day: int,
        clock: Callable[[], datetime],
        limits: tuple[Limits, Limits] = (Limits(), Limits()),
    ) -> None:
        self._inquiries, self._store = lookups, lookups.store
        self._arxiv, self._model_for, self._clock = arxiv, model_for, clock
        self._max_calls_per_day, self._limits = max_calls_per_day, limits
        self._pool = ThreadPoolExecutor(calls_at_once + 1)
        # What is being found out, by what it is; who waits for what.
        self._under_way: dict[str, Future[None]] = {}
        self._needs: dict[str, set[str]] = {}
        self._failed: set[str] = set()
        self._lookup: Future[None] | None = None
        self._looked: list[str] = []

    def serve(self) -> None:
        """Answer until nobody has asked for a moment. What is found out is left behind at once."""
        lease = self._store.lease(f"inquire{self._inquiries.private}", _LEASE_SECONDS, 0)
        if lease is None:
            return  # whoever holds it takes up what came meanwhile
        begun = last = time.monotonic()
        try:
            while True:
                lease.renew()
                if self._step(takes_more=time.monotonic() - begun < _LASTING_SECONDS):
                    last = time.monotonic()
                elif time.monotonic() - last >= _LINGER_SECONDS:
                    return  # and never without a look: it may have been asleep meanwhile
        finally:
            self._pool.shutdown(cancel_futures=True)
            lease.release()

    def _step(self, takes_more: bool) -> bool:
        """Look who waits, set off what is missing, take in what is done; whether there was any."""
        sought = []
        for lookup in self._inquiries.all():
            if self._clock() - lookup.since > _STALE:  # nobody waits for it any more
                self._inquiries.drop(lookup)
                continue
            if not takes_more and lookup.key not in self._needs:
                continue
            if self._needs.get(lookup.key, set()) & self._under_way.keys():
                continue
            if not lookup.ref and self._inquiries.arxiv_answer(lookup.paper) is None:
                if lookup.paper in self._failed:
                    self._inquiries.drop(lookup)
                else:
                    sought.append(lookup.paper)
            elif not (needs := self._start_assessments(lookup)):
                self._inquiries.drop(lookup)
                self._needs.pop(lookup.key, None)
            else:
                self._needs[lookup.key] = needs
        if sought and self._lookup is None:
            ids = list(dict.fromkeys(sought))[:MAX_IDS]
            self._lookup, self._looked = self._pool.submit(self._fetch_papers, ids), ids
        running = [*self._under_way.values(), *([self._lookup] if self._lookup else [])]
        if not running:
            time.sleep(_LOOK_SECONDS)
            return False
        wait(running, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
        for name in [name for name, future in self._under_way.items() if future.done()]:
            if error := self._under_way.pop(name).exception():
                self._failed.add(name)  # a fault of ours, which must not stop the others
                log.error("assessment failed", what=name, exc_info=error)
        if self._lookup and self._lookup.done():
            if error := self._lookup.exception():
                self._failed.update(self._looked)
                log.error("arXiv lookup failed", ids=len(self._looked), exc_info=error)
            self._lookup = None
        return True

    def _start_assessments(self, lookup: Lookup) -> set[str]:
        """Begin to find out what is not known yet; returns the names of what is under way."""
        if lookup.ref:
            try:
                paper = self._store.paper(lookup.ref)
            except KeyError:
                log.error("stored paper missing", paper=lookup.paper)
                return set()
        else:
            found = self._inquiries.arxiv_answer(lookup.paper)
            if found is None or found.paper is None or found.withdrawn:
                return set()
            paper = found.paper
        known = self._inquiries.assessments(lookup.profiles, lookup.judge, paper)
        names = set()
        for profile in lookup.profiles:
            if profile in known:
                continue
            name = f"{profile} {lookup.judge.model} {paper.versioned}"
            if name in self._failed:
                continue
            if name not in self._under_way:
                self._under_way[name] = self._pool.submit(
                    self._assess_and_store, lookup, profile, paper
                )
            names.add(name)
        return names

    def _fetch_papers(self, ids: list[str]) -> None:
        """All that were asked for meanwhile, in one question to arXiv."""
        now = self._clock()
        try:
            shown = self._arxiv.fetch_by_id(ids)
        except PaperboyError as error:
            log.warning("arXiv unavailable", ids=len(ids), why=str(error))
            for id in ids:
                reason = error.reason_or(ArxivReason.UNREACHABLE)
                self._inquiries.put_arxiv_answer(
                    id, ArxivAnswer(paper=None, trouble=reason, at=now)
                )
            return
        for id in ids:
            found = ArxivAnswer(paper=None, trouble=PaperReason.NOT_FOUND, at=now)
            if one := shown.get(id):
                found = ArxivAnswer(paper=one.paper, withdrawn=one.withdrawn, at=now)
            self._inquiries.put_arxiv_answer(id, found)

    def _assess_and_store(self, lookup: Lookup, profile: str, paper: Paper) -> None:
        assessment = self._opinion(lookup, self._store.profile(profile), paper)
        self._inquiries.put_assessment(profile, lookup.judge, paper, assessment)

    def _opinion(self, lookup: Lookup, profile: Profile, paper: Paper) -> Assessment:
        if lookup.judge.model is None:
            (row,) = keyword_ranking.rank(profile, [paper])
            words = ", ".join(row.words)
            return Assessment(score=Score(relevance=row.relevance, comment=words))
        model = self._model_for(lookup.judge.model)
        if model is None:
            return Assessment(score=None, trouble=ModelReason.NO_KEY)
        payer = Payer.of(lookup.workspace, profile.name, self._limits)
        spending, asks = Spending(self._store), Purpose.QUESTION
        counted = _CallLimitedModel(model, lambda: self._take_call(lookup))
        scorer = MeteredModel(counted, payer, asks, spending, self._clock)
        result = self._verdict(lookup, scorer, profile, paper)
        if result.score is None:
            return Assessment(score=None, trouble=result.trouble)
        explainer = MeteredModel(counted, payer, asks, spending, self._clock, CLAIMS_TOKENS)
        return self._explained(lookup, explainer, profile, paper, result.score)

    def _verdict(
        self, lookup: Lookup, model: batches.ModelClient, profile: Profile, paper: Paper
    ) -> ScoreResult:
        """The score a digest gave, or would give: it is kept where digests look for theirs."""
        key = scoring.judge_key(profile, model.name)
        known = self._store.score_results(key, [paper.versioned])
        result = known.get(paper.versioned, ScoreResult(score=None))
        if result.score is None:
            for brought in batches.score_papers(model, profile, [paper], known, 1):
                if brought.results:
                    self._store.put_score_results(key, brought.results, brought.call, brought.usage)
                    result = brought.results.get(paper.versioned, result)
        return result

    def _explained(
        self,
        lookup: Lookup,
        model: batches.ModelClient,
        profile: Profile,
        paper: Paper,
        score: Score,
    ) -> Assessment:
        """The claims that the paper's own words bear out."""
        key = explaining.explanation_key(profile, model.name)
        told, asked = explaining.instructions(profile), explaining.question(paper)
        try:
            reply = model.ask(told, asked, explaining.schema(), key)
        except PaperboyError as error:
            return Assessment(score=score, silent=error.reason_or(ModelReason.MODEL_DOWN))
        self._store.put_score_results(key, {}, uuid.uuid4().hex, reply.usage)
        if reply.text is None:
            return Assessment(score=score, silent=ModelReason.MODEL_REFUSED)
        read = explaining.parse_reply(reply.text, profile, paper)
        if read is None:
            return Assessment(score=score, silent=ModelReason.BAD_REPLY)
        claims, dropped = read
        log.info("explained", paper=paper.id, claims=len(claims), dropped=dropped)
        unproven = PaperReason.UNPROVEN if dropped and not claims else None
        return Assessment(score=score, claims=claims, dropped=dropped, silent=unproven)

    def _take_call(self, lookup: Lookup) -> bool:
        purse = lookup.purse or lookup.workspace
        return self._inquiries.take_call(purse, self._clock(), self._max_calls_per_day)
