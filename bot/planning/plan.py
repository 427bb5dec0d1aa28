"""The next missing step of a request, from what earlier steps have stored; pure.

Steps are not chained: whoever waits asks again, and gets the next missing step or none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from bot.arxiv.calendar import new_york_date
from bot.domain.digest import ListQuery, ListResult, Source, combined_problem
from bot.domain.papers import Problem, Value, fingerprint
from bot.domain.reasons import ArxivReason, ModelReason
from bot.domain.request import DigestRequest, delivery_name, digest_name

# arXiv's feed may still grow in the hour it turns over: a younger answer is used again, and a list
# that is not settled is fetched this often.
_FRESH = timedelta(minutes=10)
# A model outage lasts minutes to hours; asking costs nothing meanwhile.
RETRY_AFTER = timedelta(minutes=10)


class StepKind(StrEnum):
    """The three jobs."""

    FETCH = "fetch"
    SCORE = "score"
    DELIVER = "deliver"


class StepRecord(Value):
    """A step was taken at `at`; `complete` when nothing is missing from its result.

    `version` identifies the decisions: those of a judged day, or those that a delivery showed. It
    is empty in records of older releases. A judged day also has its number of `papers`, how many
    of them lack a score for now (`unscored`), for how many the model was `away`, the `outage` where
    most lack one, and `list_at`, the `changed_at` of the list that was judged. `problem` is the
    list's, as a delivery reported it; `ranked` says that a delivery looked for papers to show by
    their local rank.
    """

    at: datetime
    complete: bool
    papers: int = 0
    unscored: int = 0
    outage: ModelReason | None = None
    version: str = ""
    list_at: datetime | None = None
    problem: Problem | None = None
    # Left out where empty, so that older releases can read them.
    away: int = Field(default=0, exclude_if=lambda papers: not papers)
    ranked: bool = Field(default=False, exclude_if=lambda flag: not flag)


class DayState(Value):
    """What is stored of one day."""

    listed: ListResult | None = None
    judged: StepRecord | None = None


class RequestState(DayState):
    """What is stored for a request: of its day, of the `earlier` days, and their delivery."""

    earlier: tuple[DayState, ...] = ()
    delivered: StepRecord | None = None

    @property
    def version(self) -> str:
        """Identifies the decisions so far, of all days."""
        days = [day.judged.version if day.judged else "" for day in (*self.earlier, self)]
        return days[0] if len(days) == 1 or not any(days) else fingerprint(*days)

    @property
    def problem(self) -> Problem | None:
        """Why papers are missing from the days, as far as is known."""
        return combined_problem([day.listed for day in (*self.earlier, self) if day.listed])


class Step(Value):
    """A job to run for a request (`wish`, as queued jobs of any release call it); `seen` is the
    state in which the step was missing."""

    kind: StepKind
    wish: DigestRequest
    seen: RequestState

    @property
    def id(self) -> str:
        """Names the change that the step makes by the result it replaces: whoever sees the same
        state queues the same job, at whatever moment, and a step that was taken has another id
        from then on.

        Letters, digits, `_` and `-` only: rq allows no others in a job's id.
        """
        request, seen = self.wish, self.seen
        if self.kind is StepKind.FETCH or seen.listed is None:
            about = [request.wanted.key, str(seen.listed and seen.listed.asked_at)]
        elif self.kind is StepKind.SCORE:
            judged = str(seen.judged and seen.judged.at)
            about = [digest_name(request, seen.listed), str(seen.listed.changed_at), judged]
        else:
            delivered = str(seen.delivered and seen.delivered.at)
            about = [delivery_name(request, seen.listed), seen.version, delivered]
        return f"{self.kind}-{fingerprint(*about)}"

    @property
    def is_urgent(self) -> bool:
        """Whether a person waits for it, not a schedule."""
        return bool(self.wish.by or not self.wish.subscription)


class NextAction(Value):
    """What to do for a request at a moment: a step, or nothing. `fulfilled` when no step will
    follow; `late_reason` says why a day is not delivered at its time."""

    step: Step | None = None
    fulfilled: bool = False
    late_reason: ArxivReason | ModelReason | None = None


def next_action(request: DigestRequest, facts: RequestState, now: datetime) -> NextAction:
    """What to do for a request now."""
    if request.at is None or request.until is None:
        step = next_step(request, facts)
        return NextAction(step=step, fulfilled=step is None)
    return _next_action(request, facts, now, request.at, request.until)


def next_step(request: DigestRequest, facts: RequestState) -> Step | None:
    """The next missing step of a person's request; None when it is fulfilled.

    A step that failed before the request is tried again; a failure since then stands: the person
    gets the reason now, and may ask again.
    """
    list_result, judged, delivered = facts.listed, facts.judged, facts.delivered
    if list_result is None or _stale(list_result, request.wanted, request.since):
        return Step(kind=StepKind.FETCH, wish=request, seen=facts)
    if not is_judged(facts, request.since) or judged is None:
        return Step(kind=StepKind.SCORE, wish=request, seen=facts)
    if request.preview and not request.voted:
        return None
    if delivered is None or delivered.version != facts.version:
        return Step(kind=StepKind.DELIVER, wish=request, seen=facts)
    if delivered.problem and delivered.problem != facts.problem:
        return Step(kind=StepKind.DELIVER, wish=request, seen=facts)
    return None


def is_last_try(request: DigestRequest, now: datetime) -> bool:
    """Whether scores that are missing now are waited for no longer: the window of a schedule is
    over. A person's request in a chat is renewed; whoever reads at a terminal waits for nothing."""
    if request.until is not None:
        return now >= request.until
    return request.address.platform in ("terminal", "stdout")


def is_judged(day: DayState, since: datetime) -> bool:
    """Whether a day is judged, and did not fail before `since`."""
    if day.listed is None or day.judged is None or _outgrown(day.judged, day.listed):
        return False
    return not _failed_before(day.judged, since)


def _outgrown(judged: StepRecord, list_result: ListResult) -> bool:
    """Whether papers were added to the list since it was read for judging, perhaps while it was
    being judged. Both times are those of whoever fetched the list, so that the clocks of two
    machines are never compared."""
    return (judged.list_at or judged.at) < list_result.changed_at


def _next_action(
    request: DigestRequest, facts: RequestState, now: datetime, at: datetime, until: datetime
) -> NextAction:
    """For a schedule: days are fetched and judged ahead, delivered at their time, and improved
    until the window ends."""
    over = now >= until
    for query, day in _days(request, facts):
        if step := _preparation(request, query, day, now, over):
            overdue = now >= at and facts.delivered is None
            why = _late_reason(request, facts) or ModelReason.STILL_AT_IT
            return NextAction(step=step, late_reason=why if overdue else None)
    if now < at:
        return NextAction()
    late = _late_reason(request, facts)
    if late and not over:
        return NextAction(late_reason=late)
    done = facts.delivered
    mended = done and done.problem and not facts.problem  # papers reported missing have arrived
    ranks = over and not (done and done.ranked) and _model_was_away(request, facts)
    if done is None or done.version != facts.version or mended or ranks:
        judged = [day.judged.at for _, day in _days(request, facts) if day.judged]
        improved = request.model_copy(update={"since": max(request.since, *judged)})
        return NextAction(step=Step(kind=StepKind.DELIVER, wish=improved, seen=facts))
    return NextAction(fulfilled=over or _is_settled(request, facts))


def _preparation(
    request: DigestRequest, query: ListQuery, day: DayState, now: datetime, over: bool
) -> Step | None:
    """What a scheduled day needs before it is delivered; once the window is `over`, nothing that
    only improves it."""

    def step(kind: StepKind, since: datetime) -> Step:
        seen = RequestState(listed=day.listed, judged=day.judged)
        return Step(kind=kind, wish=request.for_single_day(query, since), seen=seen)

    list_result, judged = day.listed, day.judged
    if list_result is None:
        return step(StepKind.FETCH, request.since)
    if not (list_result.settled or over) and now - list_result.asked_at >= _FRESH:
        return step(StepKind.FETCH, list_result.asked_at + _FRESH)
    if judged is None or _outgrown(judged, list_result):
        return step(StepKind.SCORE, list_result.changed_at)
    if judged.unscored and not over and now - judged.at >= RETRY_AFTER:
        return step(StepKind.SCORE, judged.at + RETRY_AFTER)
    return None


def _late_reason(request: DigestRequest, facts: RequestState) -> ArxivReason | ModelReason | None:
    """Why a digest is held back, also while that is tried again: the newest day's empty list, or a
    day's model outage."""
    for query, day in _days(request, facts):
        if day.listed is None or day.judged is None:
            continue
        if query is request.wanted and not day.judged.papers and day.listed.problem:
            return day.listed.problem.trouble
        if day.judged.outage:
            return day.judged.outage
    return None


def _model_was_away(request: DigestRequest, facts: RequestState) -> bool:
    """Whether papers have no score that the model would have given, had it been there."""
    return any(day.judged and day.judged.away for _, day in _days(request, facts))


def _is_settled(request: DigestRequest, facts: RequestState) -> bool:
    """Whether no list may still grow, and no score is missing."""
    return all(
        day.listed and day.listed.settled and day.judged and not day.judged.unscored
        for _, day in _days(request, facts)
    )


def _days(request: DigestRequest, facts: RequestState) -> Iterator[tuple[ListQuery, DayState]]:
    yield from zip(request.earlier, facts.earlier, strict=True)
    yield request.wanted, facts


def _failed_before(done: StepRecord, since: datetime) -> bool:
    return not done.complete and done.at < since


def _stale(list_result: ListResult, query: ListQuery, since: datetime) -> bool:
    if list_result.asked_at >= since:
        return False
    if list_result.problem:
        return True
    if query.source is not Source.ARXIV:
        return False
    if query.date is not None and query.date < new_york_date(since):
        return False  # a past day's list does not change
    return since - list_result.asked_at > _FRESH
