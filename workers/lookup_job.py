"""Answering what people want to know of papers: many at once, each thing found out once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

import structlog

from bot.domain.budget import Limits, Payer, Purpose
from bot.domain.digest import Score, Verdict
from bot.domain.lookup import Found, Inquiry, Opinion
from bot.domain.papers import Paper, Profile, Trouble
from bot.errors import PaperboyError, Refused
from bot.store.lookups import Inquiries
from bot.store.spending import Spending
from workers.arxiv.client import IDS, Arxiv
from workers.gate import keyword_ranking
from workers.judging import batches, explaining, scoring
from workers.judging.metering import CLAIMS_TOKENS, Bounded, Metered

log = structlog.get_logger()

_LEASE_SECONDS = 15.0
_LOOK_SECONDS = 0.1
# Who asks next is often there a moment later.
_LINGER_SECONDS = 1.0
# Others wait in the same queue; the bot asks again for what is left.
_LASTING_SECONDS = 30.0
_STALE = timedelta(hours=1)

Models = Callable[[str], Bounded | None]


class _Counted:
    """A model that may be called so often and no more."""

    def __init__(self, model: Bounded, may_call: Callable[[], bool]) -> None:
        self.name, self._model, self._may_call = model.name, model, may_call

    def ask(
        self,
        instructions: str,
        question: str,
        schema: dict[str, object],
        cache_key: str,
        *most_output: int,
    ) -> batches.Reply:
        if not self._may_call():
            raise Refused("A day's questions are used up.", Trouble.NO_BUDGET)
        return self._model.ask(instructions, question, schema, cache_key, *most_output)


class Inquiring:
    """One worker at a time serves an installation's inquiries, as far as its `models` (by name;
    None where this worker has no key) and a day's `most_calls` of a workspace go."""

    def __init__(
        self,
        inquiries: Inquiries,
        arxiv: Arxiv,
        models: Models,
        at_once: int,
        most_calls: int,
        clock: Callable[[], datetime],
        limits: tuple[Limits, Limits] = (Limits(), Limits()),
    ) -> None:
        self._inquiries, self._store = inquiries, inquiries.store
        self._arxiv, self._models, self._clock = arxiv, models, clock
        self._most_calls, self._limits = most_calls, limits
        self._pool = ThreadPoolExecutor(at_once + 1)
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
        for inquiry in self._inquiries.all():
            if self._clock() - inquiry.since > _STALE:  # nobody waits for it any more
                self._inquiries.drop(inquiry)
                continue
            if not takes_more and inquiry.key not in self._needs:
                continue
            if self._needs.get(inquiry.key, set()) & self._under_way.keys():
                continue
            if not inquiry.ref and self._inquiries.found(inquiry.paper) is None:
                if inquiry.paper in self._failed:
                    self._inquiries.drop(inquiry)
                else:
                    sought.append(inquiry.paper)
            elif not (needs := self._set_off(inquiry)):
                self._inquiries.drop(inquiry)
                self._needs.pop(inquiry.key, None)
            else:
                self._needs[inquiry.key] = needs
        if sought and self._lookup is None:
            ids = list(dict.fromkeys(sought))[:IDS]
            self._lookup, self._looked = self._pool.submit(self._look_up, ids), ids
        running = [*self._under_way.values(), *([self._lookup] if self._lookup else [])]
        if not running:
            time.sleep(_LOOK_SECONDS)
            return False
        wait(running, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
        for name in [name for name, future in self._under_way.items() if future.done()]:
            if error := self._under_way.pop(name).exception():
                self._failed.add(name)  # a fault of ours, which must not stop the others
                log.error("could not find out", what=name, exc_info=error)
        if self._lookup and self._lookup.done():
            if error := self._lookup.exception():
                self._failed.update(self._looked)
                log.error("could not look up", ids=len(self._looked), exc_info=error)
            self._lookup = None
        return True

    def _set_off(self, inquiry: Inquiry) -> set[str]:
        """Begin to find out what is not known yet; returns the names of what is under way."""
        if inquiry.ref:
            try:
                paper = self._store.paper(inquiry.ref)
            except KeyError:
                log.error("an inquiry's paper is gone", paper=inquiry.paper)
                return set()
        else:
            found = self._inquiries.found(inquiry.paper)
            if found is None or found.paper is None or found.withdrawn:
                return set()
            paper = found.paper
        known = self._inquiries.opinions(inquiry.profiles, inquiry.judge, paper)
        names = set()
        for profile in inquiry.profiles:
            if profile in known:
                continue
            name = f"{profile} {inquiry.judge.model} {paper.versioned}"
            if name in self._failed:
                continue
            if name not in self._under_way:
                self._under_way[name] = self._pool.submit(self._find_out, inquiry, profile, paper)
            names.add(name)
        return names

    def _look_up(self, ids: list[str]) -> None:
        """All that were asked for meanwhile, in one question to arXiv."""
        now = self._clock()
        try:
            shown = self._arxiv.named(ids)
        except PaperboyError as error:
            log.warning("arXiv could not be asked", ids=len(ids), why=str(error))
            for id in ids:
                trouble = error.trouble or Trouble.UNREACHABLE
                self._inquiries.put_found(id, Found(paper=None, trouble=trouble, at=now))
            return
        for id in ids:
            found = Found(paper=None, trouble=Trouble.NOT_FOUND, at=now)
            if one := shown.get(id):
                found = Found(paper=one.paper, withdrawn=one.withdrawn, at=now)
            self._inquiries.put_found(id, found)

    def _find_out(self, inquiry: Inquiry, profile: str, paper: Paper) -> None:
        opinion = self._opinion(inquiry, self._store.profile(profile), paper)
        self._inquiries.put_opinion(profile, inquiry.judge, paper, opinion)

    def _opinion(self, inquiry: Inquiry, profile: Profile, paper: Paper) -> Opinion:
        if inquiry.judge.model is None:
            (row,) = keyword_ranking.rank(profile, [paper])
            words = ", ".join(row.words)
            return Opinion(score=Score(relevance=row.relevance, comment=words))
        model = self._models(inquiry.judge.model)
        if model is None:
            return Opinion(score=None, trouble=Trouble.NO_KEY)
        payer = Payer.of(inquiry.workspace, profile.name, self._limits)
        spending, asks = Spending(self._store), Purpose.QUESTION
        counted = _Counted(model, lambda: self._may_call(inquiry))
        scorer = Metered(counted, payer, asks, spending, self._clock)
        verdict = self._verdict(inquiry, scorer, profile, paper)
        if verdict.score is None:
            return Opinion(score=None, trouble=verdict.trouble)
        explainer = Metered(counted, payer, asks, spending, self._clock, CLAIMS_TOKENS)
        return self._explained(inquiry, explainer, profile, paper, verdict.score)

    def _verdict(
        self, inquiry: Inquiry, model: batches.Asks, profile: Profile, paper: Paper
    ) -> Verdict:
        """The score a digest gave, or would give: it is kept where digests look for theirs."""
        key = scoring.judge_key(profile, model.name)
        known = self._store.verdicts(key, [paper.versioned])
        verdict = known.get(paper.versioned, Verdict(score=None))
        if verdict.score is None:
            for brought in batches.judge(model, profile, [paper], known, 1):
                if brought.verdicts:
                    self._store.put_verdicts(key, brought.verdicts, brought.call, brought.usage)
                    verdict = brought.verdicts.get(paper.versioned, verdict)
        return verdict

    def _explained(
        self,
        inquiry: Inquiry,
        model: batches.Asks,
        profile: Profile,
        paper: Paper,
        score: Score,
    ) -> Opinion:
        """The claims that the paper's own words bear out."""
        key = explaining.key(profile, model.name)
        told, asked = explaining.instructions(profile), explaining.question(paper)
        try:
            reply = model.ask(told, asked, explaining.schema(), key)
        except PaperboyError as error:
            return Opinion(score=score, silent=error.trouble or Trouble.MODEL_DOWN)
        self._store.put_verdicts(key, {}, uuid.uuid4().hex, reply.usage)
        if reply.text is None:
            return Opinion(score=score, silent=Trouble.MODEL_REFUSED)
        read = explaining.read(reply.text, profile, paper)
        if read is None:
            return Opinion(score=score, silent=Trouble.BAD_REPLY)
        claims, dropped = read
        log.info("explained", paper=paper.id, claims=len(claims), dropped=dropped)
        unproven = Trouble.UNPROVEN if dropped and not claims else None
        return Opinion(score=score, claims=claims, dropped=dropped, silent=unproven)

    def _may_call(self, inquiry: Inquiry) -> bool:
        purse = inquiry.purse or inquiry.workspace
        return self._inquiries.take_call(purse, self._clock(), self._most_calls)
