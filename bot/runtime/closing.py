"""Finishing a close although the task that awaits it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

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
