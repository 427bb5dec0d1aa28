"""Whether this process lives: its clock's last tick, and the chats whose events come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bot.domain.watching.figures import Vitals
from bot.runtime.answers import Answers


class Life:
    """Of the platforms by name, which join as they are connected. `stands_by` says whether another
    bot serves."""

    def __init__(
        self, platforms: Mapping[str, Answers[Any]], stands_by: Callable[[], bool]
    ) -> None:
        self._platforms, self._stands_by = platforms, stands_by
        self._ticked_at: datetime | None = None

    def tick(self, at: datetime) -> None:
        """Record a tick of the clock."""
        self._ticked_at = at

    def vitals(self) -> Vitals:
        chats = {name: answers.listens for name, answers in self._platforms.items()}
        given = [answers.why_unserved() for answers in self._platforms.values()]
        return Vitals(
            ticked_at=self._ticked_at,
            chats=chats,
            unserved=tuple(filter(None, given)),
            stands_by=self._stands_by(),
        )
