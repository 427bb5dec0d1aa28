"""Remembering for a moment what was found out; pure."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ExpiringCache(Generic[K, V]):
    """Values by name, for so long and so many of them: the one put in first goes first. For one
    thread."""

    def __init__(self, max_age: timedelta, max_entries: int) -> None:
        self._keep, self._most = max_age, max_entries
        self._kept: dict[K, tuple[datetime, V]] = {}

    def get(self, name: K, now: datetime) -> V | None:
        """None for what was never put in, or is too old by now."""
        at, value = self._kept.get(name, (None, None))
        return value if at is not None and now - at <= self._keep else None

    def put(self, name: K, value: V, now: datetime) -> None:
        self._kept.pop(name, None)  # to the end of the row
        self._kept[name] = (now, value)
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
