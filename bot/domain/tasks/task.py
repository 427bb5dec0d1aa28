"""What the workers do for one person who waits, and what comes of it; no I/O."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from bot.domain.draft import Draft
from bot.domain.papers import Value, fingerprint
from bot.domain.tasks.search import Search, SearchResult
from bot.domain.tasks.trial import Trial, TrialResult
from bot.domain.tasks.zotero import ZoteroErrand, ZoteroResult


class Drafting(Value):
    """A profile to be drafted from what somebody typed about their work: sentences with arXiv ids
    and links among them, a library (BibTeX or RIS), and what may be an author's name. `chosen` is a
    paper by the one who is meant, where several people have that name; `is_file`: the library was
    given as a file, not typed."""

    text: str = ""
    library: str = ""
    is_file: bool = Field(default=False, exclude_if=lambda is_file: not is_file)
    author: str = ""
    chosen: str = ""


class NamesakeChoice(Value):
    """Somebody who may be meant by a name: how many papers, where and with whom, and the id of the
    latest."""

    id: str
    papers: int
    categories: tuple[str, ...]
    co_authors: tuple[str, ...]


class Task(Value):
    """A trial, a draft, a search, or an errand to Zotero. `by` is who waits, in which workspace,
    since when."""

    trial: Trial | None = None
    drafting: Drafting | None = None
    search: Search | None = None
    zotero: ZoteroErrand | None = None
    workspace: str
    by: str
    since: datetime

    @property
    def key(self) -> str:
        return fingerprint(self.model_dump_json())

    @property
    def is_quick(self) -> bool:
        """Whether it takes seconds; Zotero may ask for pauses while papers are sent."""
        return self.trial is None and (self.zotero is None or self.zotero.what == "check")


class TaskResult(Value):
    """What came of a task: one of these, or a sentence that says why nothing did. `namesakes` are
    the people of whom one has to be chosen first."""

    trial: TrialResult | None = None
    draft: Draft | None = None
    search: SearchResult | None = None
    zotero: ZoteroResult | None = None
    namesakes: tuple[NamesakeChoice, ...] = ()
    refused: str = ""
