"""Waiting in a test: for an event, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

# Far more than a busy machine needs, and less than the suite's limit for one test: what has not
# happened by then never will.
TIMEOUT_SECONDS = 60.0
_LOOK = 0.005


def wait_until(condition: Callable[[], object], what: str = "it") -> None:
    """Return once something has happened. Raises AssertionError when it does not."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() >= end:
            raise AssertionError(f"waited in vain until {what} happens")
        time.sleep(_LOOK)


async def wait_until_async(condition: Callable[[], object], what: str = "it") -> None:
    """The same, while the event loop goes on."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() >= end:
            raise AssertionError(f"waited in vain until {what} happens")
        await asyncio.sleep(_LOOK)
