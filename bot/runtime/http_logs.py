"""What an HTTP server logs that anybody can reach: a line for a malformed request, not too many."""

from __future__ import annotations

import logging

from aiohttp.http import HttpProcessingError

from bot.logs import RateLimitedLog


def errors_logger(name: str, limited_log: RateLimitedLog) -> logging.Logger:
    """A logger for aiohttp's server of this name."""
    errors = logging.getLogger(f"paperboy.{name}")
    errors.filters = [_MalformedRequestFilter(limited_log)]
    return errors


class _MalformedRequestFilter(logging.Filter):
    """aiohttp logs every malformed request with a traceback; this makes it a line, and not too
    many. Our own faults pass."""

    def __init__(self, limited_log: RateLimitedLog) -> None:
        super().__init__()
        self._log = limited_log

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, HttpProcessingError):
            return True
        self._log.warning(
            "malformed HTTP request", error=type(error).__name__ if error else record.msg
        )
        return False
