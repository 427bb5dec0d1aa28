"""A small cache whose entries expire; pure."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ExpiringCache(Generic[K, V]):
    """At most `max_entries` values, each for `max_age`; the oldest goes first. For one thread."""

    def __init__(self, max_age: timedelta, max_entries: int) -> None:
        self._max_age, self._max_entries = max_age, max_entries
        self._kept: dict[K, tuple[datetime, V]] = {}

    def get(self, name: K, now: datetime) -> V | None:
        """None when there is no value, or it has expired."""
        at, value = self._kept.get(name, (None, None))
        return value if at is not None and now - at <= self._max_age else None

    def put(self, name: K, value: V, now: datetime) -> None:
        self._kept.pop(name, None)  # a new value goes to the end
        self._kept[name] = (now, value)
        while len(self._kept) > self._max_entries:
            del self._kept[next(iter(self._kept))]
