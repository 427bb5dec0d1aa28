"""An HTTP client whose calls end: in time, from connecting to the last byte, and in size."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

import httpx2

T = TypeVar("T")

# An answer has some kilobytes; a wave of sixteen that lie stays below a tenth of a gigabyte.
_BODY_LIMIT = 4_000_000
# What a body's length and coding were on the wire; here it is plain and whole.
_OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")


class ResponseTooLarge(httpx2.ReadError):
    """An answer larger than any can be."""


class BoundedClient(httpx2.AsyncClient):
    """Every answer is read whole, errors too, within the read time-out of its request in all.

    httpx2's time-outs are per read, so a server that drips bytes, or headers, would never reach
    them. It decompresses a megabyte at most at a time, so counting what comes out is enough. It
    follows no redirect: the key and the papers go where they were meant to go.
    """

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Raises httpx2's errors, and TooMuch."""
        seconds = request.extensions.get("timeout", {}).get("read")
        options["stream"] = True
        try:
            async with asyncio.timeout(seconds):
                response = await super().send(request, **options)
                try:
                    body = await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise httpx2.ReadTimeout("It took too long.", request=request) from error
        headers = [(n, v) for n, v in response.headers.items() if n.lower() not in _OF_THE_WIRE]
        return httpx2.Response(response.status_code, headers=headers, content=body, request=request)


async def _read(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _BODY_LIMIT:
            raise ResponseTooLarge("It sent far too much.", request=response.request)
    return bytes(body)


class LoopThread:
    """An event loop in a thread of its own, for callers that are threads: asyncio for its
    time-outs alone. It begins with the first call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the call brings; blocks. Raises what it raises, and CancelledError when this was
        closed meanwhile or before."""
        with self._lock:
            if self._closed:
                raise CancelledError
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
                self._thread.start()
            future = asyncio.run_coroutine_threadsafe(call(), self._loop)
        return future.result()

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Give up what is under way, run the last call, and end the thread."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None or loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(_given_up(last), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _given_up(last: Callable[[], Coroutine[Any, Any, None]]) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await last()
