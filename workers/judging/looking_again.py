"""Looks again at close calls, in concurrent calls; a call that fails is not repeated."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import structlog

from bot.domain.digest import FurtherLooks, Usage
from bot.domain.papers import Paper, Profile
from bot.domain.reasons import ModelReason
from bot.errors import PaperboyError
from workers.judging import close_calls, scoring
from workers.judging.batches import ModelClient, ModelReply

log = structlog.get_logger()

# The caller gets a result at least this often, to renew its lease.
_HEARTBEAT_SECONDS = 2.0


@dataclass(frozen=True)
class LookResult:
    """What one call brought: looks by `IDvN`, its name and usage; or why it brought none (then
    `call` is empty). Empty as a heartbeat."""

    looks: Mapping[str, FurtherLooks] = field(default_factory=dict)
    call: str = ""
    usage: Usage = field(default_factory=Usage)
    troubles: Mapping[str, ModelReason] = field(default_factory=dict)


def look_again(
    model: ModelClient,
    profile: Profile,
    papers: Sequence[Paper],
    calls_at_once: int,
    instructions: str | None = None,
) -> Generator[LookResult]:
    """Ask about the papers once more, twenty a call, yielding what each call brings.

    After a failed call no further one is begun: the first scores stand, and a morning does not
    wait. A fault of ours is raised after the calls under way have come in. `instructions` as in
    batches.score_papers.
    """
    told, schema = instructions or scoring.instructions(profile), close_calls.schema()
    key = close_calls.looker_key(profile, model.name, instructions)
    stopped: ModelReason | None = None
    fault: BaseException | None = None

    def ask(part: Sequence[Paper]) -> ModelReply | None:
        nonlocal stopped  # here: the thread's next call may begin before anybody waits for this one
        if stopped:
            return None
        try:
            return model.ask(told, close_calls.question(part), schema, key)
        except PaperboyError as error:
            log.warning("call about close calls failed", why=str(error))
            stopped = error.reason_or(ModelReason.MODEL_DOWN)
            raise
        except Exception:
            stopped = ModelReason.STILL_AT_IT
            raise

    pool = ThreadPoolExecutor(calls_at_once, thread_name_prefix="look")
    try:
        parts = close_calls.split_into_calls(papers)
        under_way = {pool.submit(ask, part): part for part in parts}
        while under_way:
            done, _ = wait(under_way, _HEARTBEAT_SECONDS, FIRST_COMPLETED)
            for future in done:
                part, error = under_way.pop(future), future.exception()
                if error and not isinstance(error, PaperboyError):
                    fault = fault or error
                yield _result(future, part, stopped)
            if not done:
                yield LookResult()
        if fault:
            raise fault
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _result(
    future: Future[ModelReply | None], part: Sequence[Paper], stopped: ModelReason | None
) -> LookResult:
    reply = None if future.exception() else future.result()
    if reply is None:
        reason = stopped or ModelReason.MODEL_DOWN
        return LookResult(troubles={paper.versioned: reason for paper in part})
    call = uuid.uuid4().hex
    answers = (reply.text or "", *reply.others)
    return LookResult(close_calls.parse_replies(answers, part, call), call, reply.usage)
