"""Papers and profiles: frozen values, no I/O.

They grow by wrapping: Paper -> Announced -> Decision -> Digest (the latter two in
domain/digest.py). Times are UTC and aware; a `date` is a New York announcement date.
"""

from __future__ import annotations

import hashlib
from datetime import date as date_
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bot.domain.languages import ENGLISH, language_name
from bot.domain.reasons import ArxivReason


class Value(BaseModel):
    """Compared by content, immutable; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def fingerprint(*parts: str) -> str:
    """A short stable name for text: 16 hex digits of SHA-256 over the parts in order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part.encode())
    return digest.hexdigest()[:16]


class AnnounceType(StrEnum):
    """How arXiv lists a paper, relative to the requested categories."""

    NEW = "new"
    CROSS = "cross"
    REPLACE = "replace"
    REPLACE_CROSS = "replace-cross"

    @property
    def is_replacement(self) -> bool:
        return self in (AnnounceType.REPLACE, AnnounceType.REPLACE_CROSS)


class Problem(Value):
    """Why a day's papers are missing; `detail` is arXiv's own words, cleaned."""

    trouble: ArxivReason
    detail: str = ""


class Paper(Value):
    """One version of one paper, as on arXiv.

    `id` has no version (`2503.15294`, `hep-th/9901001`). `title` and `abstract` are raw TeX with
    white space folded: the judge gets them so, arxiv/text.py makes them readable for people.
    `authors` are split and in Unicode. `categories` begin with the primary one.
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


class Change(Value):
    """A new version of an older paper (an id), as a list announces it: the authors' words where it
    is withdrawn, and where it is published, a journal's reference or a DOI."""

    paper: str
    version: int = Field(ge=1)
    withdrawn: str = ""
    published: str = ""


class Listing(Value):
    """One parsed feed: papers in its order, replacements apart as (id, categories).

    `date` is the New York date the feed states. `items` counts every entry,
    for arXiv's limit of 2,000. `changes` say more of the replacements.
    """

    date: date_
    papers: tuple[Announced, ...]
    replaced: tuple[tuple[str, tuple[str, ...]], ...]
    items: int
    changes: tuple[Change, ...] = ()


class Comparison(Value):
    """The papers of the same categories and day in the feed and in the archive's answer."""

    feed: int
    archive: int
    only_feed: int
    only_archive: int


class ArchiveNote(Value):
    """arXiv's archive interface (OAI-PMH) was asked `at` for some categories, because of what was
    wrong with the feed (`why`). It had so many `papers`; of `unclear` others it cannot tell whether
    they are cross-listed that day or were only corrected. `compared` once the feed had the same."""

    at: datetime
    why: ArxivReason
    categories: tuple[str, ...]
    papers: int
    unclear: int = 0
    compared: Comparison | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the feed may still have more: it has not come, or lacks what the archive has. One
        that is cut has no more."""
        is_cut = self.why is ArxivReason.LIST_CUT
        return not is_cut and (self.compared is None or self.compared.only_archive > 0)


class ArchiveList(Value):
    """A note with the papers (ids) that it is about."""

    note: ArchiveNote
    ids: tuple[str, ...]


class Topic(Value):
    """One criterion: what belongs to it, and what only looks as if it did."""

    name: str = Field(min_length=1, max_length=80)
    relevant: str = Field(min_length=1, max_length=2000)
    irrelevant: str = Field(default="", max_length=2000)


Word = Annotated[str, Field(min_length=1, max_length=80)]
Cutoff = Annotated[int, Field(ge=1, le=10)]


class Keywords(Value):
    """Words that speak for a paper, against it, and for a mere application."""

    relevant: tuple[Word, ...] = ()
    irrelevant: tuple[Word, ...] = ()
    application: tuple[Word, ...] = ()


class Cutoffs(Value):
    """A paper is picked when both scores reach them."""

    relevance: Cutoff = 7
    novelty: Cutoff = 6


class Followed(Value):
    """Authors whose papers always reach the model and are marked."""

    follow: tuple[Word, ...] = ()


class Example(Value):
    """A paper that readers liked, in its own words: the local ranking looks for others like it.
    `id` is empty for one that is not on arXiv."""

    id: str = Field(default="", max_length=40)
    title: str = Field(min_length=1, max_length=300)
    abstract: str = Field(default="", max_length=1500)


class Profile(Value):
    """The topics of a group of readers, with the fields of the TOML file. Without a `gate` every
    paper reaches the model. `language` (a code) is that of the judge's sentences; what is left out
    by default keeps the fingerprints of profiles from before there was such a field."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    title: str = Field(min_length=1, max_length=100)
    categories: tuple[str, ...] = Field(min_length=1, max_length=40)
    cross_lists: bool = True
    gate: bool = True
    maximum: int = Field(default=20, ge=1, le=100)
    language: str = Field(
        default=ENGLISH, max_length=40, exclude_if=lambda language: language == ENGLISH
    )
    cutoffs: Cutoffs = Cutoffs()
    topics: tuple[Topic, ...] = Field(min_length=1, max_length=20)
    keywords: Keywords = Keywords()
    authors: Followed = Followed()
    examples: tuple[Example, ...] = Field(
        default=(), max_length=20, exclude_if=lambda some: not some
    )

    @property
    def foreign_language(self) -> str:
        """The name of the language that the judge writes in; empty for English."""
        return "" if self.language == ENGLISH else language_name(self.language)

    @property
    def fingerprint(self) -> str:
        """Identifies this exact profile: a change to any field changes it."""
        return fingerprint(self.model_dump_json())
