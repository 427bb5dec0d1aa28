"""Our own faults, told to Sentry where a DSN is set: which kind, where in the code, and no text."""

from __future__ import annotations

import logging
import os
import traceback
from contextlib import suppress
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import redis

from bot.endpoint import Endpoint
from bot.errors import PaperboyError
from bot.safe_text import safe

if TYPE_CHECKING:
    from sentry_sdk import Client
    from sentry_sdk.types import Event, Hint

# Somebody else is away, or what was asked for can't be: no fault of ours.
_EXPECTED: Final = (PaperboyError, redis.RedisError, ConnectionError, TimeoutError)
# How long a process that ends waits for what it is telling.
_FLUSH_SECONDS: Final = 1.0

# An event is made of these and nothing else, whatever sentry-sdk gathers one day. An exception's
# own text is not among them: it quotes what the code stumbled on, a title or what somebody wrote.
_OF_EVENT: Final = ("event_id", "timestamp", "platform", "level", "release", "environment")
_OF_EXCEPTION: Final = ("type", "module")
_OF_MECHANISM: Final = (
    *("type", "handled", "exception_id", "parent_id", "source", "is_exception_group"),
)
_OF_FRAME: Final = ("module", "function", "lineno", "in_app")


class _Reporter:
    def __init__(self, dsn: str) -> None:
        import sentry_sdk  # 3 MB, and few installations have a DSN

        self._sdk, self._dsn = sentry_sdk, dsn
        self._client: Client | None = None
        self._pid = 0
        # Sentry is away: nobody needs three lines for each fault.
        logging.getLogger("urllib3").setLevel(logging.ERROR)

    def report(self, error: BaseException) -> str | None:
        client = self._own_client()
        event, hint = self._sdk.utils.event_from_exception(error, client.options)
        return client.capture_event(event, hint)

    def flush(self) -> None:
        if self._client and self._pid == os.getpid():
            self._client.flush(_FLUSH_SECONDS)

    def _own_client(self) -> Client:
        """This process's own: one that was forked would share a connection."""
        if self._client is None or self._pid != os.getpid():
            self._client, self._pid = self._made(), os.getpid()
        return self._client

    def _made(self) -> Client:
        """A client by itself: nothing of sentry-sdk's hooks into libraries or logs."""
        return self._sdk.Client(
            dsn=self._dsn,
            release=f"paperboy@{metadata.version('paperboy')}",
            before_send=_only_what_may_go,
            **_QUIET,
        )


_QUIET: Final[dict[str, Any]] = {
    "in_app_include": ["bot", "workers"],
    "include_local_variables": False,
    "include_source_context": False,
    "send_default_pii": False,
    "max_request_body_size": "never",
    "max_breadcrumbs": 0,
    "default_integrations": False,
    "auto_enabling_integrations": False,
    "auto_session_tracking": False,
    "send_client_reports": False,
    "enable_backpressure_handling": False,
    "spotlight": False,
    "debug": False,
}

_reporter: _Reporter | None = None


def begin(dsn: Endpoint | None) -> None:
    """From now on tell faults of this process, and of those it forks; nobody without a DSN."""
    global _reporter
    _reporter = _Reporter(dsn.get_secret_value()) if dsn else None


def report(error: BaseException | None) -> str | None:
    """Tell of a fault, in the background; returns its number at Sentry, None where none is told.

    Never raises: whether Sentry can be told decides nothing here.
    """
    if _reporter and isinstance(error, Exception) and not isinstance(error, _EXPECTED):
        with suppress(Exception):
            return _reporter.report(error)
    return None


def flush() -> None:
    """Wait a moment for what is being told: this process is about to end."""
    if _reporter:
        with suppress(Exception):
            _reporter.flush()


class LibrariesFaults(logging.Handler):
    """Tells of faults of ours that only a library noticed and logged: its own have no line of our
    code in their traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error and _is_in_our_code(error):
            report(error)


def _is_in_our_code(error: BaseException) -> bool:
    names = (frame.f_globals.get("__name__") for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(str(name).split(".")[0] in ("bot", "workers") for name in names)


def _only_what_may_go(event: Event, hint: Hint) -> Event:
    given: dict[str, Any] = {**event}
    kept = _only(given, _OF_EVENT)
    kept["exception"] = {"values": [_bare(each) for each in given["exception"]["values"]]}
    masked: Event = _masked(kept)
    return masked


def _bare(exception: dict[str, Any]) -> dict[str, Any]:
    frames = (exception.get("stacktrace") or {}).get("frames") or []
    kept = _only(exception, _OF_EXCEPTION)
    kept["mechanism"] = _only(exception.get("mechanism") or {}, _OF_MECHANISM)
    kept["stacktrace"] = {"frames": [_only(frame, _OF_FRAME) for frame in frames]}
    return kept


def _only(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _masked(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked(each) for each in value]
    return safe(value) if isinstance(value, str) else value
