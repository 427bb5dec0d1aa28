"""Many calls at once: ask, read, ask again in halves, and lose no paper."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.digest import Score, ScoreResult, Usage
from bot.domain.papers import Paper, Profile
from bot.domain.reasons import ModelReason
from bot.errors import Refused, Unavailable
from workers.judging import scoring

# Ten abstracts are about 2,500 tokens, answered in a few seconds; the instructions (about 1,500)
# are then a third of the prompt, and cacheable.
PAPERS_PER_CALL = 10
# A paper that is answered badly is asked again in halves: ten, five, three, two, alone.
_TRIES = 5
# On a small day a wave has few calls, which may fail for reasons of their own.
_FEW = 3
_AWAY = (ModelReason.MODEL_DOWN, ModelReason.MODEL_BUSY, ModelReason.MODEL_SLOW)
# What may be about one of the papers: asked again in halves, they leave it alone.
_OF_A_PAPER = (ModelReason.MODEL_REFUSED, ModelReason.CONTENT_FILTER, ModelReason.TOO_LONG)
# The caller hears from us at least this often, to renew what it holds.
_HEARTBEAT_SECONDS = 2.0


@dataclass(frozen=True)
class ModelReply:
    """What a call brought: the text, or None where there is none to read; what it cost; and why
    something is missing, where the server said so."""

    text: str | None
    usage: Usage
    reason: ModelReason | None = None


class ModelClient(Protocol):
    """What judging needs of a model; workers.llm.Model is one."""

    name: str

    def ask(
        self, instructions: str, question: str, schema: dict[str, object], cache_key: str
    ) -> ModelReply: ...


@dataclass(frozen=True)
class CallResult:
    """What one call, or giving up, brought: verdicts by `IDvN` (a later one of the same paper
    replaces an earlier one); `call` names it and `usage` is its price if it was paid."""

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
) -> Generator[CallResult]:
    """Judge the papers, yielding verdicts as they arrive (and an empty Brought as a heartbeat).

    `before` are the verdicts of an earlier run, by `IDvN`: a paper that has its score is not asked
    again, and what was paid for one that has none still counts. Papers are dealt to calls in their
    given order, known ones too, so that a run taken up again asks in the same company. At the end
    every paper has a verdict. Closing the iterator starts no further call. `instructions` are
    others than the profile's own, for trying them.
    """
    run = _Run(model, profile, instructions or scoring.instructions(profile))
    for paper in papers:
        if earlier := known_results.get(paper.versioned):
            run.calls[paper.versioned].extend(earlier.calls)
    known = {versioned for versioned, result in known_results.items() if result.score}
    parts = [
        tuple(paper for paper in part if paper.versioned not in known)
        for part in split_into_calls(papers)
    ]
    yield from run.run([part for part in parts if part], calls_at_once)


def split_into_calls(papers: Sequence[Paper]) -> list[Sequence[Paper]]:
    """The papers of each call, in their order."""
    return [papers[i : i + PAPERS_PER_CALL] for i in range(0, len(papers), PAPERS_PER_CALL)]


@dataclass(frozen=True)
class _Part:
    papers: tuple[Paper, ...]
    tries: int = 1


class _Run:
    """The calls under way for one day."""

    def __init__(self, model: ModelClient, profile: Profile, instructions: str) -> None:
        self.model = model
        self.instructions = instructions
        self.schema = scoring.schema()
        self.key = scoring.judge_key(profile, model.name)
        self.calls: dict[str, list[str]] = defaultdict(list)
        self.stopped: ModelReason | None = None
        self.fault: BaseException | None = None
        self.failures = 0  # calls that failed since the last one that was answered
        self.useless = 0  # answers since the last one that brought a score
        self.wave = 1  # how many calls are made at first, at once

    def run(self, parts: Sequence[tuple[Paper, ...]], calls_at_once: int) -> Iterator[CallResult]:
        self.wave = min(len(parts), calls_at_once)
        pool = ThreadPoolExecutor(calls_at_once, thread_name_prefix="model")
        try:
            under_way = {pool.submit(self._ask, part): part for part in map(_Part, parts)}
            while under_way and self.stopped not in _AWAY:
                done, _ = wait(under_way, _HEARTBEAT_SECONDS, FIRST_COMPLETED)
                for future in done:
                    brought, again = self._settle(under_way.pop(future), future)
                    yield brought
                    under_way |= {pool.submit(self._ask, part): part for part in again}
                if not done:
                    yield CallResult()
            for part in under_way.values():  # nobody is there: their time-outs tell nothing new
                yield self._unscored(part, self.stopped)
            if self.fault:  # after what was paid for and under way has come
                raise self.fault
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, part: _Part) -> ModelReply | None:
        if self.stopped:
            return None
        question = scoring.question(part.papers)
        return self.model.ask(self.instructions, question, self.schema, self.key)

    def _settle(
        self, part: _Part, future: Future[ModelReply | None]
    ) -> tuple[CallResult, list[_Part]]:
        """What a finished call brought, and what has to be asked again. A fault of ours starts no
        further call, and loses none."""
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
        if reply is None:  # not asked any more
            return CallResult() if self.fault else self._unscored(part, self.stopped), []
        self.failures = 0
        if reply.text is None:
            scores: dict[str, Score] = {}
            left = {paper.id: ModelReason.MODEL_REFUSED for paper in part.papers}
        else:
            scores, left = scoring.parse_reply(reply.text, part.papers)
        if reply.reason:
            left = dict.fromkeys(left, reply.reason)
        if scores:
            self.useless = 0
        else:
            self._useless(next(iter(left.values())))
        call = uuid.uuid4().hex
        for paper in part.papers:
            self.calls[paper.versioned].append(call)
        verdicts = {
            paper.versioned: self._verdict(paper, scores.get(paper.id), left.get(paper.id))
            for paper in part.papers
        }
        again = _halves(part, [paper for paper in part.papers if paper.id in left])
        return CallResult(verdicts, call, reply.usage), again

    def _failed(self, part: _Part, error: Unavailable) -> tuple[CallResult, list[_Part]]:
        """A call that brought nothing, and what has to be asked again."""
        reason = error.reason_or(ModelReason.MODEL_DOWN)
        unscored = self._unscored(part, reason)
        if reason in _OF_A_PAPER:
            self._useless(reason)
            return unscored, _halves(part, part.papers)
        self.failures += 1
        # A whole wave without an answer: nobody is there. A failure is quick, and believed on
        # a small day only when it comes again; a time-out has taken its time already.
        slow = reason is ModelReason.MODEL_SLOW
        if self.failures >= (self.wave if slow else max(self.wave, _FEW)):
            self.stopped = reason
        if slow or reason is ModelReason.NOT_ADMITTED:
            return unscored, _halves(part, part.papers)
        again = [_Part(part.papers, part.tries + 1)] if part.tries < _TRIES else []
        return unscored, again

    def _useless(self, reason: ModelReason) -> None:
        """Two waves of answers without one score: what comes next would be paid for nothing."""
        self.useless += 1
        if self.useless >= 2 * max(self.wave, _FEW):
            self.stopped = reason

    def _verdict(
        self, paper: Paper, score: Score | None, reason: ModelReason | None
    ) -> ScoreResult:
        return ScoreResult(score=score, trouble=reason, calls=tuple(self.calls[paper.versioned]))

    def _unscored(self, part: _Part, reason: ModelReason | None) -> CallResult:
        verdicts = {paper.versioned: self._verdict(paper, None, reason) for paper in part.papers}
        return CallResult(verdicts)


def _halves(part: _Part, papers: Sequence[Paper]) -> list[_Part]:
    """The papers a reply did not serve, in two smaller parts; none when they had their tries."""
    if part.tries >= _TRIES:
        return []
    half = (len(papers) + 1) // 2
    return [_Part(tuple(p), part.tries + 1) for p in (papers[:half], papers[half:]) if p]
