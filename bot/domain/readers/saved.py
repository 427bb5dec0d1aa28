"""Papers that people keep for themselves, and what they share of them; no I/O."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.domain.papers import Value

# Papers that one person keeps in a workspace.
MOST_SAVED: Final = 500


class Reading(StrEnum):
    """How far somebody is with a paper: kept for later, being read, or done."""

    OPEN = "open"
    READING = "reading"
    DONE = "done"


class SavedPaper(Value):
    """A paper that one person (`by`, an id) saved `at` that moment. `ref` names its text
    (papers.paper_ref), `shared` the channels (addresses) that see it, and who saved it."""

    paper: str
    ref: str
    title: str
    by: str
    at: datetime
    state: Reading = Reading.OPEN
    shared: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.paper} {self.by}"

    def shared_with(self, channel: str) -> SavedPaper:
        """The same, shared with this channel (an address) too."""
        return self.model_copy(update={"shared": tuple(sorted({*self.shared, channel}))})

    def kept_from(self, channel: str) -> SavedPaper:
        """The same, not shared with this channel."""
        rest = tuple(each for each in self.shared if each != channel)
        return self.model_copy(update={"shared": rest})
