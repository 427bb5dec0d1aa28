"""The nouns both halves share, papers and profiles: frozen values, no input or output.

They grow by wrapping: Paper -> Announced -> Decision -> Digest (the latter two in
domain/digest.py). Times are UTC and aware; a `date` is a New York announcement date.
"""

from __future__ import annotations

import hashlib
from datetime import date as date_
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bot.domain.reasons import ArxivReason


class Value(BaseModel):
    """A value: compared by content, never changed, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def fingerprint(*parts: str) -> str:
    """A short stable name for some text: 16 hex digits of SHA-256 over the parts in order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part.encode())
    return digest.hexdigest()[:16]


class AnnounceType(StrEnum):
    """How arXiv lists a paper, relative to the categories that were asked for."""

    NEW = "new"
    CROSS = "cross"
    REPLACE = "replace"
    REPLACE_CROSS = "replace-cross"

    @property
    def is_replacement(self) -> bool:
        return self in (AnnounceType.REPLACE, AnnounceType.REPLACE_CROSS)


class Problem(Value):
    """What stands between a day and its papers; `detail` is the other side's own words, cleaned."""

    trouble: ArxivReason
    detail: str = ""


class Paper(Value):
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


class Announced(Value):
    """A paper on one day's list."""

    paper: Paper
    announce_type: AnnounceType


class Listing(Value):
    """One feed document, read: the papers in its order, replacements apart as (id, categories).

    `date` is the New York date the feed states. `items` counts every entry, for the 2,000 limit.
    """

    date: date_
    papers: tuple[Announced, ...]
    replaced: tuple[tuple[str, tuple[str, ...]], ...]
    items: int


class Topic(Value):
    """One criterion: what belongs to it and what only looks like it."""

    name: str = Field(min_length=1, max_length=80)
    relevant: str = Field(min_length=1, max_length=2000)
    irrelevant: str = Field(default="", max_length=2000)


Word = Annotated[str, Field(min_length=1, max_length=80)]
Cutoff = Annotated[int, Field(ge=1, le=10)]


class Keywords(Value):
    """Words to look for, words to avoid, and words that betray an application."""

    relevant: tuple[Word, ...] = ()
    irrelevant: tuple[Word, ...] = ()
    application: tuple[Word, ...] = ()


class Cutoffs(Value):
    """A paper is picked when both scores reach these."""

    relevance: Cutoff = 7
    novelty: Cutoff = 6


class Followed(Value):
    """Authors whose papers always reach the judge and are marked."""

    follow: tuple[Word, ...] = ()


class Profile(Value):
    """What a group of readers works on; the same fields as the TOML file. Without a `gate` every
    paper reaches the model."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    title: str = Field(min_length=1, max_length=100)
    categories: tuple[str, ...] = Field(min_length=1, max_length=40)
    cross_lists: bool = True
    gate: bool = True
    maximum: int = Field(default=20, ge=1, le=100)
    cutoffs: Cutoffs = Cutoffs()
    topics: tuple[Topic, ...] = Field(min_length=1, max_length=20)
    keywords: Keywords = Keywords()
    authors: Followed = Followed()

    @property
    def fingerprint(self) -> str:
        """Names this exact profile: any change of any field changes it."""
        return fingerprint(self.model_dump_json())
