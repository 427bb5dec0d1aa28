"""Why a server could not be reached, in words, for every client library, and when to ask again."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_seconds(header: str) -> float | None:
    """A Retry-After header, seconds or an HTTP date (RFC 9110, 10.2.3) -> seconds from now, 0 or
    more and finite; None for any other text, which a proxy may send."""
    if re.fullmatch(r"\d{1,9}(\.\d{0,9})?", header, re.ASCII):
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError, IndexError, TypeError):  # it promises the first alone
        return None


def describe_error(error: BaseException) -> str:
    """A clause such as "nothing listens there" for an error or its cause, without the address and
    without the library's words."""
    chain = tuple(_chain(error))
    for each in chain:  # certificates first: they are wrapped in errors that say less
        if isinstance(each, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({each.verify_message.rstrip('.')})"
    for each in chain:
        if isinstance(each, ssl.SSLError):
            return "it does not speak TLS, or not as we do"
        if isinstance(each, socket.gaierror):
            return "there is no host of that name, or no network"
        if isinstance(each, ConnectionRefusedError):
            return "nothing listens there"
        if isinstance(each, TimeoutError):
            return "it does not answer in time"
        if isinstance(each, ConnectionError):
            return "it closes the connection"
        if isinstance(each, OSError) and each.errno in _WORDS:
            return _WORDS[each.errno]
    return f"it does not answer as it should ({type(error).__name__})"


_WORDS = {
    errno.ENOENT: "there is no such socket or file",
    errno.EACCES: "we may not use it",
    errno.EHOSTUNREACH: "there is no way to it",
    errno.ENETUNREACH: "there is no network",
    errno.EADDRINUSE: "another program uses that port",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EMFILE: "too many files are open",
}


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes; asyncio tries several addresses and keeps each error."""
    seen = set[int]()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [getattr(each, "os_error", None), each.__cause__, each.__context__]
        waiting += getattr(each, "exceptions", ())
