"""Finishing a close, or a message, although the task that awaits it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

# aiohttp waits ten seconds for the other side to confirm that a websocket is closed.
_SECONDS: Final = 10.0


async def finish_closing(closing: Awaitable[object], seconds: float = _SECONDS) -> None:
    """Await a close that a cancellation must not cut short, which would leave its connections
    open; the cancellation is raised again once the close is over, or after `seconds` in vain.

    Raises what the close raises, and TimeoutError.
    """

    async def bounded() -> None:
        async with asyncio.timeout(seconds):
            await closing

    cancelled: asyncio.CancelledError | None = None
    task = asyncio.create_task(bounded())
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()


async def finish(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Await work that a cancellation gives so many seconds to come to its end; then, or when it is
    cancelled again, the cancellation is raised."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=seconds)
        raise
    finally:
        task.cancel()
        if task.done() and not task.cancelled():
            task.exception()  # it was raised, or came after the cancellation
