"""Redis for an event loop: what many tasks ask at once goes in one message, from one thread."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from redis import Redis

from bot.store.values.primary import ask_all


class _Asked(NamedTuple):
    command: tuple[Any, ...]
    copied: bool
    answer: asyncio.Future[Any]


class RoundTrips:
    """While one message is under way, all that is asked waits for the next. So a thousand channels
    cost a few threads and answers a second, and not some for each of their messages."""

    def __init__(self, redis: Redis) -> None:
        """`redis` must decode responses to str."""
        self.redis = redis
        self._waiting: list[_Asked] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, *command: Any, copied: bool = False) -> Any:
        """A command's answer, which as any may be given twice (Store). Raises RedisError; also,
        where it must be `copied`, NotCopied, as ask_all does."""
        asked = _Asked(command, copied, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await asked.answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, []
                try:
                    answers = await asyncio.to_thread(self._ask, asked)
                except BaseException as error:
                    _fail(asked, error)
                    if not isinstance(error, Exception):
                        raise
                else:
                    _give(asked, answers)
        finally:
            self._task = None
            _fail(self._waiting, asyncio.CancelledError())
            self._waiting = []

    def _ask(self, asked: list[_Asked]) -> list[Any]:
        return ask_all(self.redis, [(each.command, each.copied) for each in asked])


def _give(asked: list[_Asked], answers: list[Any]) -> None:
    for each, answer in zip(asked, answers, strict=True):
        if each.answer.done():  # who asked was cancelled
            continue
        if isinstance(answer, Exception):
            each.answer.set_exception(answer)
        else:
            each.answer.set_result(answer)


def _fail(asked: list[_Asked], error: BaseException) -> None:
    for each in asked:
        if each.answer.done():
            continue
        if isinstance(error, asyncio.CancelledError):
            each.answer.cancel()
        else:
            each.answer.set_exception(error)
