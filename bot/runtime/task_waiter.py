"""Waiting for the workers to do a task, on behalf of the one person who asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from bot.commands.context import Context
from bot.domain.tasks.task import Task, TaskResult

log = structlog.get_logger()

_POLL_SECONDS: Final = 0.2
# How often the job is queued again, should it be lost with its server.
_AGAIN_SECONDS: Final = 5.0
# Between two reports: a platform edits a message about once a second.
_REPORT_SECONDS: Final = 3.0
_PATIENCE_SECONDS: Final = 180.0

# Hears how many of how many parts are done.
Report = Callable[[int, int], Awaitable[None]]


class TaskWaiter:
    """Polls the store: few people wait at once."""

    def __init__(self, context: Context, queue: Callable[[str, bool], None]) -> None:
        """`queue` queues a task by its key and whether it is quick, unless it is queued."""
        self._context, self._queue = context, queue

    async def wait_for(self, task: Task, report: Report) -> TaskResult | None:
        """What came of a task; None where that takes too long. Raises RedisError."""
        store, key, begun = self._context.store, task.key, time.monotonic()
        await asyncio.to_thread(store.tasks.put, task)
        asked, told, said = -_AGAIN_SECONDS, begun, (0, 0)
        while (now := time.monotonic()) - begun < _PATIENCE_SECONDS:
            if now - asked >= _AGAIN_SECONDS:
                await asyncio.to_thread(self._queue, key, task.is_quick)
                asked = now
            if found := await asyncio.to_thread(store.tasks.result, key):
                return found
            progress = await asyncio.to_thread(store.progress, f"task-{key}")
            if progress != said and now - told >= _REPORT_SECONDS:
                told, said = now, progress
                await report(*progress)
            await asyncio.sleep(_POLL_SECONDS)
        log.warning("task timed out", key=key)
        return None
