"""The nouns of judging: what is wanted, what was listed, scored, paid, decided; no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date as date_
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field

from bot.domain.papers import Announced, Noun, Paper, Problem, Profile, Trouble, fingerprint


class Score(Noun):
    """What a judge said; `novelty` is None where it cannot tell (the local ranking)."""

    relevance: int = Field(ge=1, le=10)
    novelty: int | None = Field(default=None, ge=1, le=10)
    comment: str


class Usage(Noun):
    """What was paid. Tokens as the API reports them: cached are part of the prompt's, reasoning
    part of the completion's. Dollars are None when a price is not known, never 0 for that."""

    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    prompt_usd: float | None = 0.0
    completion_usd: float | None = 0.0

    @property
    def cost_usd(self) -> float | None:
        """Dollars for both, or None when a price is not known."""
        return _sum([self.prompt_usd, self.completion_usd])

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        """The sum; its cost is unknown as soon as one part's is."""
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
    """Rounded to a millionth of a cent, so that the order of the parts does not show."""
    total = 0.0
    for part in dollars:
        if part is None:
            return None
        total += part
    return round(total, 8)


class Verdict(Noun):
    """What is remembered of judging one paper: its score or why there is none, and every call
    that was paid for it, so that a digest can say what its scores cost when they were bought."""

    score: Score | None
    trouble: Trouble | None = None
    calls: tuple[str, ...] = ()


class Outcome(StrEnum):
    """How an announced paper ends its day; exactly one each."""

    PICKED = "picked"
    BELOW_CUTOFF = "below_cutoff"
    OVER_LIMIT = "over_limit"
    GATED = "gated"
    REPEAT = "repeat"
    UNSCORED = "unscored"


class Place(Noun):
    """Where the local ranking put a paper on its day, from 1, and the profile's words that counted
    most."""

    rank: int = Field(ge=1)
    of: int
    words: tuple[str, ...] = ()


class Decision(Noun):
    """A paper's outcome; `trouble` says why it is unscored, `followed` whom of its authors the
    profile follows, `place` why the model was not asked."""

    announced: Announced
    outcome: Outcome
    score: Score | None = None
    trouble: Trouble | None = None
    followed: tuple[str, ...] = ()
    place: Place | None = None

    @property
    def paper(self) -> Paper:
        return self.announced.paper


class Judge(Noun):
    """Who scored: a model by name, or the local ranking (`model` None)."""

    model: str | None = None

    @property
    def kind(self) -> str:
        return "model" if self.model else "local"


class Source(StrEnum):
    """Where a day's list comes from."""

    ARXIV = "arxiv"
    WINDOW = "window"  # put together again from submission dates, by the API
    FILES = "files"
    SAMPLE = "sample"


class Wanted(Noun):
    """Which list is wanted: of some categories, from arXiv, from saved files or from the sample.

    `date` None means the day the feed states. `latest` turns an empty day into the last announced
    one. `files` are fingerprints of stored documents.
    """

    source: Source
    categories: tuple[str, ...]
    date: date_ | None = None
    latest: bool = False
    files: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return fingerprint(self.model_dump_json())


class Listed(Noun):
    """What came of a wanted list: the batch it was stored in, or the problem, or both.

    `batch` is empty when there is no list at all. `asked_at` is the last time it was looked for,
    `changed_at` the last time papers came to the batch. `instead_of` is the day without
    announcements for which this last announced day stands. Not `settled`, it may still grow.
    """

    batch: str
    date: date_
    asked_at: datetime
    changed_at: datetime
    source: Source = Source.ARXIV
    instead_of: date_ | None = None
    problem: Problem | None = None
    settled: bool = True


def whole_problem(lists: Sequence[Listed]) -> Problem | None:
    """The problem of several days' lists as a whole, the newest one the last: what arXiv has no
    list of was a holiday, unless it is the newest day."""
    problems = [listed.problem for listed in lists if listed.problem]
    real = (problem for problem in problems if problem.trouble is not Trouble.NO_LIST)
    return next(real, None) or (lists[-1].problem if lists else None)


class Batch(Noun):
    """Everything one source announced on a day, in a fixed order (by announcement, then id)."""

    key: str
    papers: tuple[Announced, ...]
    replaced: tuple[tuple[str, tuple[str, ...]], ...]


class Digest(Noun):
    """A profile's day, decided: every announced paper once, in posted order, picked first.

    `prompt` is the instruction text exactly as the model got it, empty for the local judge. A
    channel that is owed several days gets them in one: `earlier` are the other days' dates,
    `left_out` how many more there were.
    `listed` says where the day came from, with the problem when papers are missing.
    """

    profile: Profile
    listed: Listed
    decisions: tuple[Decision, ...]
    replacements: int
    judge: Judge
    prompt: str = ""
    usage: Usage = Usage()
    judged_at: datetime
    earlier: tuple[date_, ...] = ()
    left_out: int = 0

    @property
    def date(self) -> date_:
        return self.listed.date

    @property
    def outage(self) -> Trouble | None:
        """Why there is as good as no score: most papers lack one. A budget that is spent is no
        outage: it was meant so."""
        missing = [d.trouble for d in self.decisions if d.trouble]
        troubles = Counter(trouble for trouble in missing if trouble is not Trouble.NO_BUDGET)
        if sum(troubles.values()) * 2 <= len(self.decisions):
            return None
        return troubles.most_common(1)[0][0]

    @property
    def owed(self) -> int:
        """Papers without a score that asking again may bring: not those the budget left."""
        missing = (d for d in self.decisions if d.outcome is Outcome.UNSCORED)
        return sum(d.trouble is not Trouble.NO_BUDGET for d in missing)

    @property
    def version(self) -> str:
        """Names what was decided, whenever and at whatever price: judged again with the same
        outcome it is the same."""
        rows = (decision.model_dump_json() for decision in self.decisions)
        return fingerprint(str(self.replacements), *rows)

    @property
    def complete(self) -> bool:
        """Nothing is missing: no list, or part of one, and no score is still owed."""
        return self.listed.problem is None and not self.counts[Outcome.UNSCORED]

    @property
    def counts(self) -> dict[Outcome, int]:
        """Papers by outcome, all six named; their sum is the number announced."""
        seen = Counter(decision.outcome for decision in self.decisions)
        return {outcome: seen[outcome] for outcome in Outcome}

    def decided(self, id: str) -> Decision | None:
        """What became of a paper; None when the day does not have it."""
        return next((d for d in self.decisions if d.paper.id == id), None)

    @property
    def picked(self) -> tuple[Decision, ...]:
        return tuple(d for d in self.decisions if d.outcome is Outcome.PICKED)
