"""How much each person's programs may ask for in a minute."""

from __future__ import annotations

import math
from typing import Final

_MINUTE: Final = 60.0
# Names that are remembered before those who asked for nothing in a minute are forgotten.
_REMEMBERED: Final = 10_000


class TooMany(Exception):
    """Somebody asks too fast; `seconds` until they may go on."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds


class Allowance:
    """So much a minute for each name: all at once or bit by bit."""

    def __init__(self, a_minute: int) -> None:
        self._most = float(a_minute)
        self._left: dict[str, tuple[float, float]] = {}  # by name, as it was at a time

    def spend(self, name: str, cost: int, now: float) -> None:
        """`now` is in seconds that never go back. Raises TooMany, and spends nothing then."""
        left, at = self._left.get(name, (self._most, now))
        left = min(self._most, left + (now - at) * self._most / _MINUTE)
        if left < cost:
            self._left[name] = left, now
            raise TooMany(math.ceil((cost - left) * _MINUTE / self._most))
        self._left[name] = left - cost, now
        if len(self._left) > _REMEMBERED:
            self._left = {n: row for n, row in self._left.items() if now - row[1] < _MINUTE}
