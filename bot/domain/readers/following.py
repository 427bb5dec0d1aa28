"""What people follow, and what of it they are told; no I/O."""

from __future__ import annotations

from datetime import date as date_
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from bot.domain.papers import Change, Value, fingerprint


class FollowKind(StrEnum):
    """What somebody wants to be told of: papers by somebody, papers with a term in their title or
    abstract, or what becomes of one paper."""

    AUTHOR = "author"
    TERM = "term"
    PAPER = "paper"


class Evidence(Value):
    """What tells people of one name apart, of one `paper` (an id): who else wrote it, and its
    primary category; empty where that is not to count."""

    paper: str
    co_authors: tuple[str, ...] = ()
    category: str = ""


class Follow(Value):
    """One person (`by`, an id) of a workspace (Address.workspace_key) follows an author by name, a
    term, or a paper (an id, with its title where that is known). Of an author, `theirs` are papers
    that are certainly by whom is meant, `others` some by somebody else of that name."""

    workspace: str
    by: str
    kind: FollowKind
    what: str
    since: datetime
    title: str = ""
    theirs: tuple[Evidence, ...] = ()
    others: tuple[Evidence, ...] = ()

    @property
    def token(self) -> str:
        """Names it among what this person follows; the case of letters makes no other one."""
        return fingerprint(self.kind, " ".join(self.what.casefold().split()))

    @property
    def key(self) -> str:
        return f"{self.workspace} {self.by} {self.token}"


class Telling(Value):
    """A paper that a person is to be told of, once, whatever they follow it by (`follows`, tokens).

    `ref` names its text (papers.paper_ref), empty for a `change` to a paper, of which a list has
    only that. `date` is the list's, `at` when it was first found. `posted` are the digests that
    show it, as `CHANNEL DAY`, the first one first. `place` is where the person is told, decided
    before anything is sent: such a digest, or `direct BATCH`, one message with others.
    """

    workspace: str
    by: str
    paper: str
    ref: str = ""
    change: Change | None = None
    follows: tuple[str, ...]
    date: date_
    at: datetime
    posted: tuple[str, ...] = ()
    place: str = ""

    @property
    def subject(self) -> str:
        """What is told: a paper, or a version of one."""
        return f"{self.paper} v{self.change.version}" if self.change else self.paper

    @property
    def key(self) -> str:
        return f"{self.workspace} {self.by} {self.subject}"

    @property
    def batch(self) -> str:
        """The direct message that it is part of; empty where it is not."""
        kind, _, batch = self.place.partition(" ")
        return batch if kind == "direct" else ""


class Told(Value):
    """That a person was told of a paper; `mention`: in its thread."""

    at: datetime
    ref: str = ""
    mention: bool = Field(default=False, exclude_if=lambda flag: not flag)


class Untellable(StrEnum):
    """Why a person cannot be told of anything."""

    LEFT = "left"  # the workspace; or they are a guest there by now
    NO_DIRECT = "no_direct"  # they take no direct messages from us


class Unreachable(Value):
    """A person who follows something and cannot be told, since when, and why."""

    workspace: str
    by: str
    why: Untellable
    at: datetime

    @property
    def key(self) -> str:
        return f"{self.workspace} {self.by}"
