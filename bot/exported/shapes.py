"""The shapes of JSON that programs read; pure.

Their names are a contract (docs/commands.md, "JSON"; docs/api.md): one may be added, none changed.
All text is other people's, in one line or as arXiv has it, and is only ever a JSON string.
"""

from __future__ import annotations

from datetime import date as date_
from datetime import datetime
from typing import Literal

from pydantic import Field

from bot.domain.digest import Outcome
from bot.domain.paper_status import Stage
from bot.domain.papers import AnnounceType, Value


class PaperShape(Value):
    """A paper of a digest: what became of it, and why."""

    id: str
    version: int
    title: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    announce_type: AnnounceType
    outcome: Outcome
    relevance: int | None
    novelty: int | None = Field(description="Null where no model judged it.")
    shows: str = Field(description="What the paper shows, in a sentence.")
    comment: str
    reason: str = Field(description="Why it has this outcome.")


class UsageShape(Value):
    """What the day's scores took when they were bought."""

    model: str | None
    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd: float | None = Field(description="Null where the model's price is unknown.")


class ProblemShape(Value):
    """Why papers of arXiv's list are missing."""

    reason: str
    message: str


class DigestShape(Value):
    """A digest: every announced paper once, in posted order, those picked first. The outcomes add
    up to what was announced."""

    profile: str
    date: date_
    announced: int
    replacements: int
    outcomes: dict[Outcome, int]
    papers: tuple[PaperShape, ...]
    usage: UsageShape
    judge: str = Field(description="model, or local: the local ranking.")
    problem: ProblemShape | None
    notices: tuple[str, ...]
    ranked_locally: tuple[str, ...] = Field(
        default=(),
        exclude_if=lambda ids: not ids,
        description="Ids of papers that are shown though no model judged them.",
    )


class GivenDigest(DigestShape):
    """A digest as a channel got it; of its papers those that were asked for, `total` in all."""

    channel: str
    day: str
    url: str = Field(description="The message in the chat; empty where it has no address.")
    total: int = Field(description="Papers that were asked for, on all pages.")
    next_offset: int | None = Field(description="Where the next page begins; null on the last.")


class DigestRow(Value):
    """A digest that a channel got; `channel` and `day` together name it."""

    channel: str
    day: str
    profile: str
    date: date_
    announced: int
    picked: int
    complete: bool = Field(description="False while papers or scores are missing.")
    posted_at: datetime
    url: str


class DigestRows(Value):
    """Digests of your channels, the latest first."""

    digests: tuple[DigestRow, ...]
    total: int
    next_offset: int | None


class WhyRow(Value):
    """What became of a paper for one profile in one channel, as `/why` says it there."""

    channel: str
    profile: str
    stage: Stage = Field(description="How far it came.")
    verdict: str = Field(description="What decided, in a sentence.")
    date: date_ | None
    day: str = Field(description="Names the channel's digest that decided on it, if there is one.")
    outcome: Outcome | None
    relevance: int | None
    novelty: int | None
    shows: str
    comment: str
    claims: tuple[str, ...] = Field(description="Criteria it meets and misses, with quotes of it.")
    url: str = Field(description="The message that shows it, if there is one.")


class WhyShape(Value):
    """What became of a paper in your channels. Nobody is asked anew: neither model nor arXiv."""

    id: str
    version: int
    title: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    abstract: str
    withdrawn: str
    profiles: tuple[WhyRow, ...]


class FoundShape(Value):
    """A paper that was found, in the digest that decided on it."""

    id: str
    version: int
    title: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    channel: str
    profile: str
    date: date_
    day: str
    outcome: Outcome
    posted: bool
    relevance: int | None
    novelty: int | None
    url: str = Field(description="The message that shows it, if there is one.")


class FoundPapers(Value):
    """The nearest papers, the best first, of `searched` in the digests of your channels."""

    words: str
    searched: int
    since: date_ | None = Field(description="Of the oldest digest; null where there is none.")
    words_only: bool = Field(description="Their meaning could not be compared.")
    papers: tuple[FoundShape, ...]


class ErrorShape(Value):
    """Why there is no answer."""

    error: Literal[
        "no_token", "bad_request", "not_found", "not_allowed", "too_large", "too_many",
        "unavailable", "fault",
    ]  # fmt: skip
    message: str
