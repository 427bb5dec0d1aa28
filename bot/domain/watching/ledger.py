"""A month of deliveries: owed, made, late by how much, excused, and unexplained; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.papers import Value

# Up to here a delivery counts as on time.
ON_TIME: Final = timedelta(minutes=5)
# Upper bounds of the lateness of deliveries, in seconds; beyond the last is one more.
LATENESS_BOUNDS: Final = (60, 300, 900, 1800, 3600, 7200, 14400, 43200, 86400)
# After a digest's window an open delivery is still expected for so long: the last post takes its
# time.
_PATIENCE: Final = timedelta(hours=2)


class Excuse(StrEnum):
    """Why a delivery that was owed is not made."""

    PAUSED = "paused"  # by a person, or because the channel can't be posted to
    ENDED = "ended"  # the subscription, or its profile
    LEFT_OUT = "left_out"  # more missed days than one digest takes; the digest says so


class OpenDelivery(Value):
    """A delivery that is owed and not made yet: a subscription's key and its moment (UTC)."""

    subscription: str
    at: datetime

    def is_unexplained(self, now: datetime, window_hours: float) -> bool:
        """Whether even its window is long over."""
        return now - self.at > timedelta(hours=window_hours) + _PATIENCE


class Month(Value):
    """The deliveries whose moments are in one month (its first day, UTC).

    `lateness` counts those made by the seconds (of LATENESS_BOUNDS, -1 beyond) that they were late
    at most; `worst` is the latest's in seconds. `waiting` are open and may still come,
    `unexplained` are open though their window is over: always 0, or something is wrong."""

    month: date
    owed: int
    lateness: Mapping[int, int]
    worst: int
    excused: Mapping[Excuse, int]
    waiting: int
    unexplained: int

    @property
    def made(self) -> int:
        return sum(self.lateness.values())

    @property
    def on_time(self) -> int:
        """Those made within ON_TIME."""
        limit = ON_TIME.total_seconds()
        return sum(n for bound, n in self.lateness.items() if 0 <= bound <= limit)


def bound_of(late: timedelta) -> int:
    """The bound of LATENESS_BOUNDS that a lateness is within; -1 beyond the last."""
    seconds = late.total_seconds()
    return next((bound for bound in LATENESS_BOUNDS if seconds <= bound), -1)
