"""Logs on standard error, for Paperboy and every library it uses."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

import structlog

from bot import faults
from bot.safe_text import safe


def configure() -> None:
    """Log to standard error; standard output is for results. At a terminal for people, elsewhere a
    JSON object a line. No line or traceback shows a secret or controls the terminal. httpx2 and mcp
    log every request at INFO, so they log warnings only. What is logged with an exception is told
    as a fault, too, where that is set up."""
    is_terminal = sys.stderr.isatty()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Safe("%(asctime)s %(message)s") if is_terminal else _SafeJson())
    logging.basicConfig(
        handlers=[handler, faults.LibrariesFaults(logging.ERROR)], level=logging.INFO
    )
    for library in ("httpx2", "mcp"):
        logging.getLogger(library).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            _told,
            structlog.processors.format_exc_info,  # structlog's own shows variables, with secrets
            *_rendered(is_terminal),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    sys.excepthook = _excepthook
    threading.excepthook = lambda fault: _excepthook(
        fault.exc_type, fault.exc_value or fault.exc_type(), fault.exc_traceback
    )


def _told(log: object, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The line gets the fault's number, by which it is found from Sentry."""
    error = event.get("exc_info")
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException) and (number := faults.report(error)):
        event["fault"] = number
    return event


def _rendered(is_terminal: bool) -> tuple[structlog.types.Processor, ...]:
    if is_terminal:
        stamp = structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False)
        return stamp, _safely, structlog.dev.ConsoleRenderer(colors=True)
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    return stamp, _safely, structlog.processors.JSONRenderer(ensure_ascii=False)


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Add these fields (workspace, profile, subscription, day) to what is logged meanwhile, those
    that are not empty."""
    with structlog.contextvars.bound_contextvars(**{k: v for k, v in fields.items() if v}):
        yield


@contextmanager
def only_warnings() -> Iterator[None]:
    """Keep from a person at a terminal what is no trouble, for as long as work is done there."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        yield
    finally:
        structlog.configure(wrapper_class=before)


def detach_terminal() -> None:
    """Send further output nowhere: writing to a closed terminal would fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        if os.isatty(stream):
            os.dup2(nowhere, stream)
    os.close(nowhere)


class _Safe(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return safe(super().format(record))


class _SafeJson(logging.Formatter):
    """What libraries log, in the form of our own lines."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        event = {"event": record.getMessage(), "level": record.levelname.lower()}
        event |= {"logger": record.name, "timestamp": at}
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps({key: safe(text) for key, text in event.items()}, ensure_ascii=False)


def _safely(log: object, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    plain = (int, float, type(None))
    return {
        key: value
        if isinstance(value, plain)
        else safe(value if isinstance(value, str) else repr(value))
        for key, value in event.items()
    }


def _excepthook(
    kind: type[BaseException], error: BaseException, where: TracebackType | None
) -> None:
    faults.report(error)
    sys.stderr.write(safe("".join(traceback.format_exception(kind, error, where))))
    faults.flush()


# Of each kind of thing that anybody outside can cause.
LINES_A_MINUTE: Final = 10


class RateLimitedLog:
    """Logs warnings that anybody outside can cause, at most so many a minute; the next one says how
    many were left out."""

    def __init__(self, log: Any, lines_a_minute: int, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._log, self._lines_a_minute, self._clock = log, lines_a_minute, clock
        self._begun, self._lines, self._left_out = clock(), 0, 0

    def warning(self, event: str, **about: Any) -> None:
        """Log an event, or count it as left out."""
        if (now := self._clock()) - self._begun >= 60:
            self._begun, self._lines = now, 0
        if self._lines >= self._lines_a_minute:
            self._left_out += 1
            return
        self._lines += 1
        more = {"left_out_before": self._left_out} if self._left_out else {}
        self._left_out = 0
        self._log.warning(event, **about, **more)
