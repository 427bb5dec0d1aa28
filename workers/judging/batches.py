"""Scores papers in concurrent calls; what a call leaves unscored is asked again in halves."""

from __future__ import annotations

import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from bot.domain.digest import Score, ScoreResult, Usage
from bot.domain.papers import Paper, Profile
from bot.domain.reasons import ModelReason
from bot.errors import Refused, Unavailable
from workers.judging import scoring

log = structlog.get_logger()

# Twenty abstracts are about 7,300 tokens, answered by some 600 in a few seconds; the instructions
# (about 1,500) are then a sixth of the prompt, and cacheable.
PAPERS_PER_CALL = 20
# A call is made only if the longest answer could be paid: what is left of a short budget would
# seldom do for twenty papers at once.
PAPERS_OF_SHORT_BUDGET = 10
# Papers a call leaves unscored are asked about again in halves: twenty, ten, five, three, two, one.
_TRIES = 6
# A small day's first wave has few calls, which may fail for reasons of their own.
_FEW = 3
# May concern a single paper: asking again in halves isolates it.
_ABOUT_ONE_PAPER = (ModelReason.MODEL_REFUSED, ModelReason.CONTENT_FILTER, ModelReason.TOO_LONG)
# The caller gets a result at least this often, to renew its lease.
_HEARTBEAT_SECONDS = 2.0


@dataclass(frozen=True)
class ModelReply:
    """A call's text, or None where there is none; its cost; why something is missing, where the
    server said so; and the texts of `others`, where several answers were asked for."""

    text: str | None
    usage: Usage
    reason: ModelReason | None = None
    others: tuple[str, ...] = ()


class ModelClient(Protocol):
    """A model as judging needs it; judging.model.Model is one."""

    name: str

    def ask(
        self, instructions: str, question: str, schema: dict[str, object], cache_key: str
    ) -> ModelReply: ...


@dataclass(frozen=True)
class CallResult:
    """What one call, or giving up, brought: results by `IDvN` (a later one for the same paper
    replaces an earlier one), and the call's name and usage if it was paid for."""

    results: Mapping[str, ScoreResult] = field(default_factory=dict)
    call: str | None = None
    usage: Usage = field(default_factory=Usage)


def score_papers(
    model: ModelClient,
    profile: Profile,
    papers: Sequence[Paper],
    known_results: Mapping[str, ScoreResult],
    calls_at_once: int,
    instructions: str | None = None,
    per_call: int = PAPERS_PER_CALL,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generator[CallResult]:
    """Score the papers, yielding results as they arrive (and an empty CallResult as a heartbeat).

    `known_results` are an earlier run's, by `IDvN`: scored papers are not asked about again, and
    calls paid for unscored ones still count. Papers are dealt to calls in their given order,
    scored ones included, so that a resumed run groups them as before. At the end every paper has a
    result. Closing the iterator starts no further call. `instructions` replace the profile's own.
    Once it `should_stop` no call begins; raises HandedBack when those under way have come in.
    """
    run = _Run(model, profile, instructions or scoring.instructions(profile), should_stop)
    for paper in papers:
        if earlier := known_results.get(paper.versioned):
            run.calls[paper.versioned].extend(earlier.calls)
    known = {versioned for versioned, result in known_results.items() if result.score}
    parts = [
        tuple(paper for paper in part if paper.versioned not in known)
        for part in split_into_calls(papers, per_call)
    ]
    yield from run.run([part for part in parts if part], calls_at_once)


def split_into_calls(
    papers: Sequence[Paper], per_call: int = PAPERS_PER_CALL
) -> list[Sequence[Paper]]:
    """The papers of each call, in their order."""
    return [papers[i : i + per_call] for i in range(0, len(papers), per_call)]


@dataclass(frozen=True)
class _Part:
    """The papers of one call, how often they were asked about, and of how many calls at once this
    is one."""

    papers: tuple[Paper, ...]
    tries: int = 1
    among: int = 0


class HandedBack(Exception):
    """This process was to stop: nobody asked about some papers, and the next job does."""


class _Run:
    """The calls under way for one day."""

    def __init__(
        self,
        model: ModelClient,
        profile: Profile,
        instructions: str,
        should_stop: Callable[[], bool],
    ) -> None:
        self.model, self.should_stop = model, should_stop
        self.instructions = instructions
        self.schema = scoring.schema()
        self.key = scoring.judge_key(profile, model.name)
        self.calls: dict[str, list[str]] = defaultdict(list)
        self.stopped: ModelReason | None = None
        self.fault: BaseException | None = None
        self.failures = 0  # failed calls since the last answered one
        self.useless = 0  # answers since the last one with a score
        self.wave = 1  # the number of calls made at once at first
        self.patience = 1  # time-outs in a row after which the server is away
        self.answered = False
        self.at_once = 1
        # Since so many calls are made at once: how many were, and answers less time-outs.
        self.crowd = self.balance = 0

    def run(self, parts: Sequence[tuple[Paper, ...]], calls_at_once: int) -> Iterator[CallResult]:
        self.at_once = calls_at_once
        self.wave = min(len(parts), calls_at_once)
        halves = sum(2 if len(part) > PAPERS_PER_CALL // 2 else 1 for part in parts)
        self.patience = max(self.wave, min(halves, 2))
        pool = ThreadPoolExecutor(calls_at_once, thread_name_prefix="model")
        waiting, under_way = deque(map(_Part, parts)), dict[Future[ModelReply | None], _Part]()
        try:
            # Also once the server is found to be away: a call it has taken may yet be answered, and
            # is paid for then. One not yet made says at once that nothing was asked.
            while waiting or under_way:
                while waiting and len(under_way) < self.at_once and not self.should_stop():
                    part = replace(waiting.popleft(), among=self.at_once)
                    under_way[self._submitted(pool, part)] = part
                if not under_way:
                    raise HandedBack
                self.crowd = max(self.crowd, len(under_way))
                done, _ = wait(under_way, _HEARTBEAT_SECONDS, FIRST_COMPLETED)
                for future in done:
                    part = under_way.pop(future)
                    self._adapt(part, future)
                    result, again = self._settle(part, future)
                    yield result
                    waiting.extend(again)
                if not done:
                    yield CallResult()
            if self.fault:  # raised after the paid calls under way have come in
                raise self.fault
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _adapt(self, part: _Part, future: Future[ModelReply | None]) -> None:
        """Make a quarter as many calls at once where more of them time out than are answered: a
        server of one's own takes few at a time, and the others wait there until their time is up.
        """
        if part.among != self.at_once:  # made when there were more
            return
        error = future.exception()
        slow = isinstance(error, Unavailable) and error.reason is ModelReason.MODEL_SLOW
        self.balance = self.balance - 1 if slow else min(self.balance + 1, self.at_once - 1)
        most = min(self.at_once, self.crowd)
        if self.balance < 0 and most > 1:
            self.at_once, self.crowd, self.balance = max(most // 4, 1), 0, 0
            log.info("fewer calls at once, the model is slow", calls=self.at_once)

    def _submitted(self, pool: ThreadPoolExecutor, part: _Part) -> Future[ModelReply | None]:
        """The question is made here, so that a short one does not overtake the one before it: a
        budget shall reach for the best papers."""
        return pool.submit(self._ask, scoring.question(part.papers))

    def _ask(self, question: str) -> ModelReply | None:
        if self.stopped:
            return None
        return self.model.ask(self.instructions, question, self.schema, self.key)

    def _settle(
        self, part: _Part, future: Future[ModelReply | None]
    ) -> tuple[CallResult, list[_Part]]:
        """A finished call's result, and the parts to ask again. A fault of ours starts no further
        call and loses none under way."""
        match future.exception():
            case None:
                reply = future.result()
            case Refused() as error:
                self.stopped = error.reason_or(ModelReason.MODEL_REFUSED)
                return self._unscored(part, self.stopped), []
            case Unavailable() as error:
                return self._failed(part, error)
            case error:
                self.fault, self.stopped = self.fault or error, ModelReason.STILL_AT_IT
                return CallResult(), []
        if reply is None:  # stopped before it was asked
            return CallResult() if self.fault else self._unscored(part, self.stopped), []
        self.failures, self.answered = 0, True
        if reply.text is None:
            scores: dict[str, Score] = {}
            missing = {paper.id: ModelReason.MODEL_REFUSED for paper in part.papers}
        else:
            scores, missing = scoring.parse_reply(reply.text, part.papers)
        if reply.reason:
            missing = dict.fromkeys(missing, reply.reason)
        if scores:
            self.useless = 0
        else:
            self._count_useless(next(iter(missing.values())))
        call = uuid.uuid4().hex
        for paper in part.papers:
            self.calls[paper.versioned].append(call)
        results = {
            paper.versioned: self._result(paper, scores.get(paper.id), missing.get(paper.id))
            for paper in part.papers
        }
        again = _halves(part, [paper for paper in part.papers if paper.id in missing])
        return CallResult(results, call, reply.usage), again

    def _failed(self, part: _Part, error: Unavailable) -> tuple[CallResult, list[_Part]]:
        """A failed call's result, and the parts to ask again."""
        reason = error.reason_or(ModelReason.MODEL_DOWN)
        unscored = self._unscored(part, reason)
        if reason in _ABOUT_ONE_PAPER:
            self._count_useless(reason)
            return unscored, _halves(part, part.papers)
        self.failures += 1
        # A whole wave without an answer: the server is away. On a small day quick failures have to
        # repeat before that is believed; a time-out has waited long enough, but not in a crowd,
        # where others were answered before.
        slow = reason is ModelReason.MODEL_SLOW
        crowded = slow and self.answered and part.among > 1
        if not crowded and self.failures >= (self.patience if slow else max(self.wave, _FEW)):
            self.stopped = reason
        if slow or reason is ModelReason.NOT_ADMITTED:
            return unscored, _halves(part, part.papers)
        again = [_Part(part.papers, part.tries + 1)] if part.tries < _TRIES else []
        return unscored, again

    def _count_useless(self, reason: ModelReason) -> None:
        """Stop after two waves of answers without a score: further calls would be wasted money."""
        self.useless += 1
        if self.useless >= 2 * max(self.wave, _FEW):
            self.stopped = reason

    def _result(self, paper: Paper, score: Score | None, reason: ModelReason | None) -> ScoreResult:
        return ScoreResult(score=score, trouble=reason, calls=tuple(self.calls[paper.versioned]))

    def _unscored(self, part: _Part, reason: ModelReason | None) -> CallResult:
        results = {paper.versioned: self._result(paper, None, reason) for paper in part.papers}
        return CallResult(results)


def _halves(part: _Part, papers: Sequence[Paper]) -> list[_Part]:
    """The unscored papers in two smaller parts; none when their tries are used up."""
    if part.tries >= _TRIES:
        return []
    half = (len(papers) + 1) // 2
    return [_Part(tuple(p), part.tries + 1) for p in (papers[:half], papers[half:]) if p]
