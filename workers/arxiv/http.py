"""HTTP to arXiv: one request at a time per installation, limited in time and size, errors typed."""

from __future__ import annotations

import asyncio
import importlib.metadata
import ssl
from collections.abc import Callable, Coroutine
from contextlib import aclosing, suppress
from functools import cache
from typing import Any, NamedTuple, TypeVar

import httpx2
import stamina
from redis import Redis
from redis.exceptions import LockNotOwnedError

from bot.arxiv.text import one_line, shortened
from bot.domain.reasons import ArxivReason
from bot.errors import Refused, Unavailable
from bot.network import retry_after_seconds
from bot.store.lists import ARXIV_PACE_KEY

T = TypeVar("T")

_BODY_LIMIT = 50_000_000
_CONNECT_SECONDS = 5.0
_LONGEST_WAIT = 30.0  # a longer Retry-After is reported, not waited for
_TURN_SECONDS = 120.0  # how long a request waits for those of other processes

# The waits are 2-3 and 4-5 s; no total limit is needed because every request has one.
_RETRIES = stamina.RetryingCaller(
    attempts=3, timeout=None, wait_initial=2.0, wait_max=10.0, wait_jitter=1.0
)


class _Reply(NamedTuple):
    status: int
    retry_after: float | None
    moved_to: str | None
    body: bytes


class ArxivHttp:
    """Requests one document at a time. Each process has its own, on a shared Redis.

    Blocks, and runs a short event loop of its own: from asyncio call it through `to_thread`.
    Messages name the host, never the URL, which may hold a secret.
    """

    def __init__(self, redis: Redis, pause: float, timeout: float) -> None:
        """`pause` is in seconds between two requests of the installation (arXiv's terms of use),
        `timeout` in seconds from connecting to the last byte."""
        self._redis, self._pause, self._timeout = redis, pause, timeout

    def get(self, url: str, read: Callable[[bytes], T]) -> T:
        """The document at `url`, parsed by `read`. Raises Refused, Unavailable."""
        return _RETRIES(_again, self._answer, url, read)

    def _answer(self, url: str, read: Callable[[bytes], T]) -> T:
        reply = self._paced(url)
        if reply.moved_to:
            reply = self._paced(reply.moved_to)
        if reply.status != 200:
            raise _failure(_host(url), reply, read)
        try:
            return read(reply.body)
        except Unavailable as error:
            message = f"{_host(url)} sent no usable list: {error}"
            raise Unavailable(message, error.reason_or(ArxivReason.MALFORMED)) from error

    def _paced(self, url: str) -> _Reply:
        """Make a request while no other process does, with `pause` seconds after it."""
        host = _host(url)
        # The lock expires: a crashed process frees it soon after the longest request.
        longest = self._timeout + 10
        lock = self._redis.lock(ARXIV_PACE_KEY, timeout=longest, sleep=0.05)
        # It has longer to live only where the server's clock was set back.
        if self._redis.pttl(ARXIV_PACE_KEY) > longest * 1000:
            self._redis.expire(ARXIV_PACE_KEY, int(longest))
        if not lock.acquire(blocking_timeout=_TURN_SECONDS):
            raise Unavailable(f"Other requests to {host} are taking too long.", ArxivReason.TIMEOUT)
        try:
            return _run(self._fetch(url))
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise Unavailable(f"{host} didn't answer in time.", ArxivReason.TIMEOUT) from error
        except httpx2.DecodingError as error:
            raise Unavailable(f"{host} sent a damaged answer.", ArxivReason.MALFORMED) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unavailable(f"{host} can't be reached.", ArxivReason.UNREACHABLE) from error
        finally:
            # Not released: the next request may start when the lock expires. Should Redis have lost
            # it, the answer is still good.
            with suppress(LockNotOwnedError):
                lock.extend(self._pause, replace_ttl=True)

    async def _fetch(self, url: str) -> _Reply:
        # asyncio only for its time-out: httpx2's are per read, so a server that drips bytes, or
        # headers, would never reach them.
        async with (
            asyncio.timeout(self._timeout),
            _client(self._timeout) as client,
            client.stream("GET", url) as response,
            aclosing(response.aiter_bytes()) as chunks,
        ):
            body = bytearray()
            async for chunk in chunks:  # decompressed, at most a megabyte at a time
                body += chunk
                if len(body) > _BODY_LIMIT:
                    raise Unavailable(f"{_host(url)} sent too much data.", ArxivReason.NOT_A_FEED)
            moved = response.next_request
            return _Reply(
                status=response.status_code,
                retry_after=retry_after_seconds(response.headers.get("retry-after", "")),
                moved_to=str(moved.url) if moved else None,
                body=bytes(body),
            )


def _again(error: Exception) -> bool | float:
    """Whether to retry, or the seconds to wait first where stamina does not choose."""
    if not isinstance(error, Unavailable) or error.reason is ArxivReason.FORBIDDEN:
        return False
    if isinstance(error.__cause__, httpx2.ConnectTimeout):
        return False  # so that a machine without network says so at once
    if isinstance(error.__cause__, httpx2.ConnectError):
        return 0.0
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= _LONGEST_WAIT else False
    return True


def _failure(host: str, reply: _Reply, read: Callable[[bytes], object]) -> Refused | Unavailable:
    """The error for a status other than 200."""
    match reply.status:
        case 400:
            return _refusal(host, reply.body, read)
        case 403:
            reason, does = ArxivReason.FORBIDDEN, "does not let us in"
        case 429:
            reason, does = ArxivReason.THROTTLED, "asks us to slow down"
        case 503 if reply.retry_after is not None:  # how arXiv's older services throttle
            reason, does = ArxivReason.THROTTLED, "asks us to come back later"
        case _:
            reason, does = ArxivReason.SERVER_ERROR, "cannot answer"
    return Unavailable(f"{host} {does} (HTTP {reply.status}).", reason, reply.retry_after)


def _refusal(host: str, body: bytes, read: Callable[[bytes], object]) -> Refused:
    """With arXiv's own words: its document's, or the text itself where there is no document."""
    text = ""
    try:
        read(body)
    except Refused as refused:
        return refused
    except Unavailable:
        text = one_line(body[:1000].decode(errors="replace"))
    words = shortened(text, 200) if text and "<" not in text else "it gives no reason."
    return Refused(f"{host} refused the query: {words}", ArxivReason.BAD_QUERY)


def _client(timeout: float) -> httpx2.AsyncClient:
    try:
        version = importlib.metadata.version("paperboy")
    except importlib.metadata.PackageNotFoundError:  # a checkout that was never installed
        version = "0"
    who = f"Paperboy/{version} (self-hosted; posts arXiv's lists to a research group's chat)"
    limits = httpx2.Timeout(timeout, connect=min(_CONNECT_SECONDS, timeout))
    try:
        return httpx2.AsyncClient(headers={"User-Agent": who}, timeout=limits, verify=_trusted())
    except (ImportError, OSError, ValueError, httpx2.InvalidURL) as error:
        message = "The proxy or the certificates that the environment names cannot be used."
        raise Unavailable(message, ArxivReason.UNREACHABLE) from error


@cache  # loading all certificates takes longer than most answers
def _trusted() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


def _host(url: str) -> str:
    """The part of a URL that may be shown: no user name, password or query."""
    try:
        return httpx2.URL(url).host or "arXiv"
    except httpx2.InvalidURL:
        return "arXiv"


def _run(work: Coroutine[Any, Any, T]) -> T:
    """asyncio.run without waiting for an abandoned name look-up."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()
