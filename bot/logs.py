"""Logs: one line each, on standard error, for every library that a process uses."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import structlog


def to_stderr() -> None:
    """Standard output is for results. httpx2 is kept quiet: at INFO it logs whole addresses,
    which may hold a password."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


class Sparing:
    """Warnings that anybody can cause, at most so many a minute; the next one says how many were
    left out."""

    def __init__(self, log: Any, most: int, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._log, self._most, self._clock = log, most, clock
        self._begun, self._lines, self._left_out = clock(), 0, 0

    def line(self, event: str, **about: Any) -> None:
        """Log it, or count it."""
        if (now := self._clock()) - self._begun >= 60:
            self._begun, self._lines = now, 0
        if self._lines >= self._most:
            self._left_out += 1
            return
        self._lines += 1
        more = {"left_out_before": self._left_out} if self._left_out else {}
        self._left_out = 0
        self._log.warning(event, **about, **more)
