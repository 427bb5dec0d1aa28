"""Waiting, for whoever asked about a paper, until the workers have found it out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import redis
import structlog

from bot.commands import papers
from bot.commands.context import Answer, Context, Invocation
from bot.domain.lookup import Lookup
from bot.views import refusals

log = structlog.get_logger()

_POLL_SECONDS = 0.2
# The workers are asked anew as often: they may have ended just before an inquiry came.
_AGAIN_SECONDS = 1.0
_PATIENCE_SECONDS = 120.0


class LookupWaiter:
    """One look at the store serves all who wait."""

    def __init__(self, context: Context, ask_workers: Callable[[], None]) -> None:
        """`ask_workers` queues the job that answers inquiries, unless it is there."""
        self._context, self._ask_workers = context, ask_workers
        self._waiting: dict[str, asyncio.Event] = {}
        self._looking: asyncio.Task[None] | None = None

    async def wait_for(self, invocation: Invocation, lookup: Lookup) -> Answer:
        """What came of it, or that it takes too long. Raises RedisError."""
        await asyncio.to_thread(self._context.lookups.put, lookup)
        answer, found = papers.lookup_result, None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while found is None:  # somebody who asks the same just then makes it wait again
                    await self._answered(lookup)
                    found = await asyncio.to_thread(answer, invocation, self._context, lookup)
        except TimeoutError:
            log.warning("lookup timed out", paper=lookup.paper)
            found = await asyncio.to_thread(answer, invocation, self._context, lookup)
        return found or Answer(refusals.still_asking(lookup.paper))

    async def _answered(self, lookup: Lookup) -> None:
        answered = self._waiting.setdefault(lookup.key, asyncio.Event())
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        await answered.wait()

    async def _look(self) -> None:
        asked = 0.0
        while waiting := set(self._waiting):  # before the look: who comes later is not meant
            try:
                if time.monotonic() - asked >= _AGAIN_SECONDS:
                    await asyncio.to_thread(self._ask_workers)
                    asked = time.monotonic()
                left = await asyncio.to_thread(self._context.lookups.keys)
            except redis.RedisError as error:  # who waits longer than they should is told
                log.error("redis unreachable", error=type(error).__name__)
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            for key in waiting - left:
                self._waiting.pop(key).set()
            await asyncio.sleep(_POLL_SECONDS)
