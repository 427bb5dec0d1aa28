"""Waiting for the workers to answer lookups, on behalf of everyone who asked about a paper."""

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
# How often the job is queued again: it may have ended just before a lookup was stored.
_AGAIN_SECONDS = 1.0
_PATIENCE_SECONDS = 120.0


class LookupWaiter:
    """One poll of the store serves everyone who waits."""

    def __init__(self, context: Context, ask_workers: Callable[[], None]) -> None:
        """`ask_workers` queues the job that answers lookups, unless it is queued."""
        self._context, self._ask_workers = context, ask_workers
        self._waiting: dict[str, asyncio.Event] = {}
        self._polling: asyncio.Task[None] | None = None

    async def wait_for(self, invocation: Invocation, lookup: Lookup) -> Answer:
        """The answer to a lookup, or that it takes longer than expected. Raises RedisError."""
        await asyncio.to_thread(self._context.lookups.put, lookup)
        result, answer = papers.lookup_result, None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while answer is None:  # another request for the same lookup makes it wait again
                    await self._answered(lookup)
                    answer = await asyncio.to_thread(result, invocation, self._context, lookup)
        except TimeoutError:
            log.warning("lookup timed out", paper=lookup.paper)
            answer = await asyncio.to_thread(result, invocation, self._context, lookup)
        return answer or Answer(refusals.still_asking(lookup.paper))

    async def _answered(self, lookup: Lookup) -> None:
        answered = self._waiting.setdefault(lookup.key, asyncio.Event())
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
        await answered.wait()

    async def _poll(self) -> None:
        asked = 0.0
        while waiting := set(self._waiting):  # before the store is read: new ones wait a round
            try:
                if time.monotonic() - asked >= _AGAIN_SECONDS:
                    await asyncio.to_thread(self._ask_workers)
                    asked = time.monotonic()
                left = await asyncio.to_thread(self._context.lookups.keys)
            except redis.RedisError as error:  # wait_for() ends after its patience
                log.error("redis unreachable", error=type(error).__name__)
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            for key in waiting - left:
                self._waiting.pop(key).set()
            await asyncio.sleep(_POLL_SECONDS)
