"""Troubles that whoever runs Paperboy hears of once, and of their end; no I/O."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.papers import Value
from bot.domain.reasons import ArxivReason, ModelReason


class TroubleKind(StrEnum):
    """What is wrong."""

    ARXIV = "arxiv"  # arXiv doesn't answer, or not with a list
    MODEL = "model"  # it is away, or refuses
    BUDGET = "budget"  # a limit is reached
    LOGIN = "login"  # a chat doesn't let us in, or its events don't come
    CHAT = "chat"  # a chat takes no messages
    WORKSPACE = "workspace"  # it takes none for some of its workspaces
    LATE = "late"  # digests are late without a known reason, or beyond their window
    DATABASE = "database"  # was away
    WORKERS = "workers"  # a queue has none
    FAULT = "fault"  # jobs fail through a fault of ours
    UNREADABLE = "unreadable"  # stored values were set aside


class Sighting(Value):
    """Something outside has failed: first, and last (UTC)."""

    since: datetime
    at: datetime
    why: ArxivReason | ModelReason


class _Named(Value):
    """`what` of its kind it is (a chat, a queue), why, and how many it concerns."""

    kind: TroubleKind
    what: str = ""
    why: ArxivReason | ModelReason | None = None
    number: int = 0

    @property
    def name(self) -> str:
        return f"{self.kind} {self.what}".strip()


class Seen(_Named):
    """A trouble as it is seen at one moment, and since when where that is known."""

    since: datetime | None = None


class Trouble(_Named):
    """A trouble that is followed: `told` once the operator has heard of it, `quiet` since when it
    is not seen any more."""

    since: datetime
    told: bool = False
    quiet: datetime | None = None

    def is_tellable(self, now: datetime) -> bool:
        """Whether it has lasted long enough to be told."""
        return now - self.since >= _PATIENCE.get(self.kind, timedelta())

    def is_over(self, now: datetime) -> bool:
        """Whether it has been away for so long that it counts as over."""
        return self.quiet is not None and now - self.quiet >= _SETTLING.get(self.kind, timedelta())


# What is over within a minute is told to nobody: a chat reconnects, a worker is replaced.
_MINUTE: Final = timedelta(minutes=1)
_PATIENCE: Final = {
    TroubleKind.LOGIN: _MINUTE,
    TroubleKind.CHAT: _MINUTE,
    TroubleKind.WORKSPACE: _MINUTE,
    TroubleKind.WORKERS: _MINUTE,
}
# What comes and goes is one trouble.
_LONG: Final = timedelta(minutes=10)
_SETTLING: Final = {
    TroubleKind.ARXIV: _LONG,
    TroubleKind.MODEL: _LONG,
    TroubleKind.LOGIN: _LONG,
    TroubleKind.CHAT: _LONG,
    TroubleKind.WORKSPACE: _LONG,
    TroubleKind.WORKERS: _MINUTE,
    TroubleKind.FAULT: _LONG,
}
# arXiv and the model are asked every ten minutes while something is due, else when the clock wakes,
# which it does after half an hour: what was not seen for longer is not known to be wrong any more.
SIGHT_LASTS: Final = timedelta(minutes=45)
