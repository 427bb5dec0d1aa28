"""The nouns both halves share: frozen values, no input or output.

They grow by wrapping: Paper -> Announced -> Decision -> Ledger -> Digest. Times are UTC and aware;
a `date` is a New York announcement date unless its name says otherwise.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import date as date_
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field


class Noun(BaseModel):
    """A value: compared by content, never changed, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AnnounceType(StrEnum):
    """How arXiv lists a paper, relative to the categories that were asked for."""

    NEW = "new"
    CROSS = "cross"
    REPLACE = "replace"
    REPLACE_CROSS = "replace-cross"

    @property
    def is_replacement(self) -> bool:
        return self in (AnnounceType.REPLACE, AnnounceType.REPLACE_CROSS)


class Trouble(StrEnum):
    """Every typed reason why a list or a score is missing. views.py has the words for each."""

    # arXiv
    BAD_QUERY = "bad_query"  # HTTP 400, or its well-formed "Feed error" document
    NOT_A_FEED = "not_a_feed"  # HTML or anything else with status 200
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    EMPTY_WEEKDAY = "empty_weekday"  # a holiday, a quiet category or a throttled answer: unknown
    LIST_CUT = "list_cut"  # one category at arXiv's 2,000: new papers have fallen off
    FORBIDDEN = "forbidden"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    NO_LIST = "no_list"  # nothing is known of that date
    # the model
    NO_KEY = "no_key"
    BAD_KEY = "bad_key"
    UNKNOWN_MODEL = "unknown_model"
    QUOTA = "quota"
    MODEL_DOWN = "model_down"
    MODEL_REFUSED = "model_refused"
    BAD_REPLY = "bad_reply"
    LEFT_OUT = "left_out"  # the reply was readable and did not mention the paper


class Problem(Noun):
    """What stands between a day and its papers; `detail` is the other side's own words, cleaned."""

    trouble: Trouble
    detail: str = ""


class Paper(Noun):
    """One version of one paper, as arXiv gives it.

    `id` has no version (`2503.15294`, `hep-th/9901001`). `title` and `abstract` are raw TeX with
    white space folded: the judge reads them so, text.readable() makes them readable when shown.
    `authors` are split and in Unicode. `categories` have the primary one first.
    """

    id: str
    version: int = Field(ge=1)
    title: str
    abstract: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]

    @property
    def versioned(self) -> str:
        return f"{self.id}v{self.version}"

    @property
    def url(self) -> str:
        return f"https://arxiv.org/abs/{self.id}"


class Announced(Noun):
    """A paper on one day's list."""

    paper: Paper
    announce_type: AnnounceType


class Listing(Noun):
    """One feed document, read: the papers in its order, replacements apart as (id, categories).

    `date` is the New York date the feed states. `items` counts every entry, for the 2,000 limit.
    """

    date: date_
    papers: tuple[Announced, ...]
    replaced: tuple[tuple[str, tuple[str, ...]], ...]
    items: int


class Topic(Noun):
    """One criterion: what belongs to it and what only looks like it."""

    name: str = Field(min_length=1, max_length=80)
    relevant: str = Field(min_length=1, max_length=2000)
    irrelevant: str = Field(default="", max_length=2000)


Word = Annotated[str, Field(min_length=1, max_length=80)]
Cutoff = Annotated[int, Field(ge=1, le=10)]


class Keywords(Noun):
    """Words to look for, words to avoid, and words that betray an application."""

    relevant: tuple[Word, ...] = ()
    irrelevant: tuple[Word, ...] = ()
    application: tuple[Word, ...] = ()


class Cutoffs(Noun):
    """A paper is picked when both scores reach these."""

    relevance: Cutoff = 7
    novelty: Cutoff = 6


class Followed(Noun):
    """Authors whose papers always reach the judge and are marked."""

    follow: tuple[Word, ...] = ()


class Profile(Noun):
    """What a group of readers works on; the same fields as the TOML file."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    title: str = Field(min_length=1, max_length=100)
    categories: tuple[str, ...] = Field(min_length=1, max_length=40)
    cross_lists: bool = True
    maximum: int = Field(default=20, ge=1, le=100)
    cutoffs: Cutoffs = Cutoffs()
    topics: tuple[Topic, ...] = Field(min_length=1, max_length=20)
    keywords: Keywords = Keywords()
    authors: Followed = Followed()

    @property
    def fingerprint(self) -> str:
        """Names this exact profile: any change of any field changes it."""
        return fingerprint(self.model_dump_json())


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


class Decision(Noun):
    """A paper's outcome; `trouble` says why it is unscored, `followed` whom of its authors the
    profile follows."""

    announced: Announced
    outcome: Outcome
    score: Score | None = None
    trouble: Trouble | None = None
    followed: tuple[str, ...] = ()

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
    announcements for which this last announced day stands.
    """

    batch: str
    date: date_
    asked_at: datetime
    changed_at: datetime
    source: Source = Source.ARXIV
    instead_of: date_ | None = None
    problem: Problem | None = None


class Batch(Noun):
    """Everything one source announced on a day, in a fixed order (by announcement, then id)."""

    key: str
    papers: tuple[Announced, ...]
    replaced: tuple[tuple[str, tuple[str, ...]], ...]


class Digest(Noun):
    """A profile's day, decided: every announced paper once, in posted order, picked first.

    `prompt` is the instruction text exactly as the model got it, empty for the local judge.
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

    @property
    def date(self) -> date_:
        return self.listed.date

    @property
    def complete(self) -> bool:
        """Nothing is missing: no list, or part of one, and no score is still owed."""
        return self.listed.problem is None and not self.counts[Outcome.UNSCORED]

    @property
    def counts(self) -> dict[Outcome, int]:
        """Papers by outcome, all six named; their sum is the number announced."""
        seen = Counter(decision.outcome for decision in self.decisions)
        return {outcome: seen[outcome] for outcome in Outcome}

    @property
    def picked(self) -> tuple[Decision, ...]:
        return tuple(d for d in self.decisions if d.outcome is Outcome.PICKED)


class Address(Noun):
    """One channel of one platform: where digests go and what remembers what it had."""

    platform: str = Field(pattern=r"^[a-z]+$")
    channel: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")

    def __str__(self) -> str:
        return f"{self.platform}:{self.channel}"


class Wish(Noun):
    """Somebody waits for a profile's day at an address.

    `profile` is a fingerprint; `since` is when it was asked for: what failed before then is tried
    again, what is complete is used as it is.
    """

    profile: str
    wanted: Wanted
    judge: Judge
    address: Address
    since: datetime


def fingerprint(*parts: str) -> str:
    """A short stable name for some text: 16 hex digits of SHA-256 over the parts in order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part.encode())
    return digest.hexdigest()[:16]
