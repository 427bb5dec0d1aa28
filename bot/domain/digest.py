"""A judged day: its list, scores, usage and decisions; no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date as date_
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Self

from pydantic import Field

from bot.domain.judge import Judge
from bot.domain.moved_up import MovedUp
from bot.domain.papers import Announced, ArchiveNote, Paper, Problem, Profile, Value, fingerprint
from bot.domain.reasons import AWAY, ArxivReason, ModelReason


class CloseCall(Value):
    """A score near the cut-offs that was looked at again: relevance and novelty of every look, the
    first one's first. Where no other could be had the first stands alone, and `trouble` says
    why."""

    looks: tuple[tuple[int, int], ...] = Field(min_length=1)
    trouble: ModelReason | None = None


class Score(Value):
    """A judge's score; `novelty` is None where the judge has none (the local ranking).

    `comment` says why: the criterion the paper meets and what in it does. `shows` says what the
    paper does or finds, in one sentence; empty where nobody has written it. `given` is the judge's
    own relevance and novelty where the day's order told papers apart that it had bunched. Of a
    `close_call` relevance and novelty are the average of its looks.
    """

    relevance: int = Field(ge=1, le=10)
    novelty: int | None = Field(default=None, ge=1, le=10)
    comment: str
    # These are left out where empty: what is stored without them then keeps its text, its
    # fingerprint, and its readers in older releases.
    shows: str = Field(default="", exclude_if=lambda shows: not shows)
    given: tuple[int, int | None] | None = Field(default=None, exclude_if=lambda pair: pair is None)
    close_call: CloseCall | None = Field(default=None, exclude_if=lambda call: call is None)


class Sentences(Value):
    """Two sentences for a paper's readers: what it shows (empty where the model's could not be
    used), and why it is for them (empty where it meets no criterion closely)."""

    shows: str = ""
    why: str = ""


class Usage(Value):
    """What was paid. Tokens as the API reports them: cached ones are part of the prompt, reasoning
    part of the completion. Dollars are None when a price is unknown, never 0."""

    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    prompt_usd: float | None = 0.0
    completion_usd: float | None = 0.0

    @property
    def cost_usd(self) -> float | None:
        """Dollars for both, or None when a price is unknown."""
        return _sum([self.prompt_usd, self.completion_usd])

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        """The sum; its cost is unknown if that of any part is."""
        rows = list(parts)
        return cls(
            calls=sum(row.calls for row in rows),
            prompt_tokens=sum(row.prompt_tokens for row in rows),
            cached_tokens=sum(row.cached_tokens for row in rows),
            completion_tokens=sum(row.completion_tokens for row in rows),
            reasoning_tokens=sum(row.reasoning_tokens for row in rows),
            prompt_usd=_sum(row.prompt_usd for row in rows),
            completion_usd=_sum(row.completion_usd for row in rows),
        )


def _sum(dollars: Iterable[float | None]) -> float | None:
    """Rounded to a millionth of a cent, so that the order of the parts does not matter."""
    total = 0.0
    for part in dollars:
        if part is None:
            return None
        total += part
    return round(total, 8)


class ScoreResult(Value):
    """The result of judging one paper: its score or why there is none, and every call that was
    paid for it, so that a digest can say what its scores cost when they were bought."""

    score: Score | None
    trouble: ModelReason | None = None
    calls: tuple[str, ...] = ()


class FurtherLooks(Value):
    """What one call about a close call brought: relevance and novelty of each answer to it that
    named the paper, perhaps of none; and the call, so that a digest can say what it cost."""

    pairs: tuple[tuple[int, int], ...]
    calls: tuple[str, ...]


class Outcome(StrEnum):
    """How an announced paper ends its day; exactly one for each."""

    PICKED = "picked"
    BELOW_CUTOFF = "below_cutoff"
    OVER_LIMIT = "over_limit"
    GATED = "gated"
    REPEAT = "repeat"
    UNSCORED = "unscored"


class LocalRank(Value):
    """A paper's local rank on its day, from 1, and the profile's words that counted most.

    `relevance` is what the local ranking gives it where it is the judge; None in ranks of older
    releases."""

    rank: int = Field(ge=1)
    of: int
    words: tuple[str, ...] = ()
    relevance: int | None = Field(default=None, exclude_if=lambda relevance: relevance is None)


class Decision(Value):
    """A paper's outcome; `trouble` is why it is unscored, `followed` are its authors whom the
    profile follows, `place` is its local rank where no model judged it."""

    announced: Announced
    outcome: Outcome
    score: Score | None = None
    trouble: ModelReason | None = None
    followed: tuple[str, ...] = ()
    place: LocalRank | None = None

    @property
    def paper(self) -> Paper:
        return self.announced.paper

    @property
    def is_unasked(self) -> bool:
        """Whether the gate or the budget kept the paper from the model."""
        return self.outcome is Outcome.GATED or self.trouble is ModelReason.NO_BUDGET


class Source(StrEnum):
    """Where a day's list comes from."""

    ARXIV = "arxiv"
    WINDOW = "window"  # reconstructed from submission dates, by the API
    FILES = "files"
    SAMPLE = "sample"


class ListQuery(Value):
    """A request for a list of some categories, from arXiv, saved files or the sample.

    `date` None means the date the feed states. `latest` replaces an empty day by the last announced
    one. `files` are names of stored documents.
    """

    source: Source
    categories: tuple[str, ...]
    date: date_ | None = None
    latest: bool = False
    files: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return _query_key(self)


@lru_cache(maxsize=1 << 12)
def _query_key(query: ListQuery) -> str:
    """Kept, because a tick asks for it for every subscription."""
    return fingerprint(query.model_dump_json())


class ListResult(Value):
    """The result of a query: the batch that the list is stored in, or the problem, or both.

    `batch` is empty when there is no list at all. `asked_at` is when it was last fetched,
    `changed_at` when papers were last added to the batch. `instead_of` is the day without
    announcements that this last announced day replaces. Unless `settled`, it may still grow.
    `archive` is what arXiv's archive interface told, where the feed alone did not have the day.
    """

    batch: str
    date: date_
    asked_at: datetime
    changed_at: datetime
    source: Source = Source.ARXIV
    instead_of: date_ | None = None
    problem: Problem | None = None
    settled: bool = True
    # Left out where empty: what is stored without it keeps its text.
    archive: ArchiveNote | None = Field(default=None, exclude_if=lambda note: note is None)


def combined_problem(lists: Sequence[ListResult]) -> Problem | None:
    """The problem of several days' lists, the newest last. A day without a list was a holiday,
    unless it is the newest."""
    problems = [list_result.problem for list_result in lists if list_result.problem]
    real = (problem for problem in problems if problem.trouble is not ArxivReason.NO_LIST)
    return next(real, None) or (lists[-1].problem if lists else None)


class Batch(Value):
    """Everything one source announced on a day, in a fixed order (by announcement, then id)."""

    key: str
    papers: tuple[Announced, ...]
    replaced: tuple[tuple[str, tuple[str, ...]], ...]


class Digest(Value):
    """A profile's decided day: every announced paper once, in posted order, picked first.

    `listed` says where the list came from, with the problem when papers are missing. `prompt` is
    the instruction text exactly as the model got it, empty for the local judge. A channel that
    missed days gets them in one digest: `earlier` are their dates, `left_out` counts those that
    were too many. `words_alone` says that the local ranking had to do without meaning.

    `ranked_locally` are the papers (ids) that a channel was shown by their local rank because no
    model had judged them, best first; None where no such papers were looked for. `by_votes`: its
    votes have changed the order, `moved` some papers up.
    """

    profile: Profile
    listed: ListResult
    decisions: tuple[Decision, ...]
    replacements: int
    judge: Judge
    prompt: str = ""
    usage: Usage = Usage()
    # Left out where false: what is stored without it keeps its fingerprint.
    words_alone: bool = Field(default=False, exclude_if=lambda flag: not flag)
    judged_at: datetime
    earlier: tuple[date_, ...] = ()
    left_out: int = 0
    ranked_locally: tuple[str, ...] | None = Field(default=None, exclude_if=lambda ids: ids is None)
    by_votes: bool = Field(default=False, exclude_if=lambda flag: not flag)
    moved: tuple[MovedUp, ...] = Field(default=(), exclude_if=lambda papers: not papers)

    @property
    def date(self) -> date_:
        return self.listed.date

    @property
    def prompt_id(self) -> str:
        """The same eight digits mean the same prompt; empty where none was sent."""
        return fingerprint(self.prompt)[:8] if self.prompt else ""

    @property
    def unscored_reason(self) -> ModelReason | None:
        """The reason most papers are unscored that the model was asked about; None when most are
        scored. Those that the gate or the budget kept from it do not count: that is no outage."""
        asked = [d for d in self.decisions if not d.is_unasked]
        reasons = Counter(decision.trouble for decision in asked if decision.trouble)
        if sum(reasons.values()) * 2 <= len(asked):
            return None
        return reasons.most_common(1)[0][0]

    @property
    def lost_to_outage(self) -> tuple[Decision, ...]:
        """The papers without a score because the model was away: for a reason that holds for all
        alike, or for any reason where most papers have none."""
        is_outage = self.unscored_reason is not None
        asked = (d for d in self.decisions if d.trouble and not d.is_unasked)
        return tuple(d for d in asked if is_outage or d.trouble in AWAY)

    @property
    def retryable_count(self) -> int:
        """Unscored papers that may get a score on a retry: not those beyond the budget."""
        missing = (d for d in self.decisions if d.outcome is Outcome.UNSCORED)
        return sum(d.trouble is not ModelReason.NO_BUDGET for d in missing)

    @property
    def version(self) -> str:
        """Identifies the decisions, whenever and at whatever price they were made: judging again
        with the same result gives the same version."""
        rows = (decision.model_dump_json() for decision in self.decisions)
        return fingerprint(str(self.replacements), *rows)

    @property
    def complete(self) -> bool:
        """Whether nothing is missing: neither papers of the list nor scores."""
        return self.listed.problem is None and not self.counts[Outcome.UNSCORED]

    @property
    def counts(self) -> dict[Outcome, int]:
        """Papers by outcome, all six present; their sum is the number announced."""
        counts = Counter(decision.outcome for decision in self.decisions)
        return {outcome: counts[outcome] for outcome in Outcome}

    def decision_for(self, id: str) -> Decision | None:
        """None when the day does not have the paper."""
        return next((d for d in self.decisions if d.paper.id == id), None)

    def limited_to(self, maximum: int) -> Digest:
        """The digest with at most so many papers picked; the others are over the limit."""
        kept = {decision.paper.id for decision in self.picked[:maximum]}
        profile = self.profile.model_copy(update={"maximum": min(maximum, self.profile.maximum)})
        decisions = tuple(
            d.model_copy(update={"outcome": Outcome.OVER_LIMIT})
            if d.outcome is Outcome.PICKED and d.paper.id not in kept
            else d
            for d in self.decisions
        )
        return self.model_copy(update={"profile": profile, "decisions": decisions})

    @property
    def picked(self) -> tuple[Decision, ...]:
        return tuple(d for d in self.decisions if d.outcome is Outcome.PICKED)

    def number_of(self, decision: Decision) -> int | None:
        """A picked paper's place in the digest, from 1; None for any other."""
        picked = self.picked
        return picked.index(decision) + 1 if decision in picked else None

    @property
    def stand_ins(self) -> tuple[Decision, ...]:
        """The papers that are shown by their local rank and that no model has judged since."""
        return tuple(d for d in self._shown_locally if d.outcome is Outcome.UNSCORED)

    @property
    def posted(self) -> tuple[Decision, ...]:
        """The papers that have a message of their own, in the thread's order: those picked, then
        those shown by their local rank, whatever was decided of them since."""
        others = (d for d in self._shown_locally if d.outcome is not Outcome.PICKED)
        return (*self.picked, *others)

    @property
    def _shown_locally(self) -> tuple[Decision, ...]:
        found = map(self.decision_for, self.ranked_locally or ())
        return tuple(decision for decision in found if decision)


# Outcomes that depend on the channel: what it was shown before, and its limit.
CHANNEL_OUTCOMES = {Outcome.PICKED, Outcome.OVER_LIMIT, Outcome.REPEAT}


class DeliveryBasis(NamedTuple):
    """What a delivery is made of: the names of the decided days, the newest last, and the version
    of their decisions (plan.RequestState.version)."""

    day_names: tuple[str, ...]
    version: str


def merge_digests(days: Sequence[Digest], left_out: int) -> Digest:
    """Several decided days of a profile as one digest of the newest day, the best papers first,
    without a limit. A paper of two days counts for the earlier one."""
    newest, papers = days[-1], dict[str, Decision]()
    for day in days:
        for decision in day.decisions:
            papers.setdefault(decision.paper.id, decision)
    problem = combined_problem([day.listed for day in days])
    notes = [day.listed.archive for day in reversed(days) if day.listed.archive]
    told = {"problem": problem, "archive": notes[0] if notes else None}
    return newest.model_copy(
        update={
            "listed": newest.listed.model_copy(update=told),
            "decisions": tuple(sorted(papers.values(), key=_by_score)),
            "replacements": sum(day.replacements for day in days),
            "usage": Usage.total(day.usage for day in days),
            "judged_at": max(day.judged_at for day in days),
            "earlier": tuple(day.date for day in days[:-1] if day.decisions),
            "left_out": left_out,
        }
    )


def _by_score(decision: Decision) -> tuple[int, int]:
    """By the judge's own scores: those that a day's order spread say nothing about other days."""
    if (score := decision.score) is None:
        return (0, 0)
    relevance, novelty = score.given or (score.relevance, score.novelty)
    return (-relevance, -(novelty or 0))
