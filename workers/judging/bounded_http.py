"""An HTTP client with a limit on each call's total time and on each answer's size."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

import httpx2

T = TypeVar("T")

# An answer has some kilobytes; a wave of sixteen hostile ones stays below a tenth of a gigabyte.
_BODY_LIMIT = 4_000_000
# Headers about the body on the wire; ours is decoded and complete.
_OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")


class ResponseTooLarge(httpx2.ReadError):
    """The answer is larger than any real one."""


class BoundedClient(httpx2.AsyncClient):
    """Reads every answer in full, errors too, within its request's read time-out as a whole.

    httpx2's time-outs are per read, so a server that drips bytes, or headers, would never reach
    them. httpx2 decompresses at most a megabyte at a time, so counting decompressed bytes is
    enough. Redirects are not followed: the key and the papers go only where they were meant to.
    """

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Raises httpx2's errors, and ResponseTooLarge."""
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
    """An event loop in its own thread, for blocking callers: asyncio is used for its time-outs.
    The thread starts with the first call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine and return its result; blocks. Raises what it raises, and CancelledError
        once this is closed."""
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
        """Cancel the calls under way, run the `last` one, and end the thread."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None or loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(_cancel_all(last), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _cancel_all(last: Callable[[], Coroutine[Any, Any, None]]) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await last()
