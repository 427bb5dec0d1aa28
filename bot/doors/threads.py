"""Threads of the programs' own: however much they ask for, those of the chats stay free."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_THREADS: Final = 2

T = TypeVar("T")


class Threads:
    """The store is asked from these; who comes later waits for those before."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="programs")

    async def run(self, ask: Callable[[], T]) -> T:
        """What `ask` returns or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, ask)

    def close(self) -> None:
        """Nothing that has not begun is begun any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
