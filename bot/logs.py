"""Logs: one line each, on standard error, for every library that a process uses."""

from __future__ import annotations

import logging
import sys

import structlog


def to_stderr() -> None:
    """Standard output is for results. httpx2 is kept quiet: at INFO it logs whole addresses,
    which may hold a password."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
