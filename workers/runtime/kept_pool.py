"""A command's pool of workers, which is started again when it ends before the command does."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import Final

import structlog

from workers.runtime.worker import REFUSED

log = structlog.get_logger()

# A service manager tells all processes to end at once: the pool may hear it before we do.
_GRACE: Final = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0


class KeptPool:
    """Runs the process that `make` makes, until it is stopped.

    Workers of a pool that was killed notice that, and end or finish what they are at: for some
    seconds they work beside the new ones, as several `paperboy worker` do.
    """

    def __init__(self, make: Callable[[], BaseProcess]) -> None:
        self._make = make
        self._stopping = threading.Event()
        self._changing = threading.Lock()
        self._began = time.monotonic()
        self._pool = make()
        self._pool.start()
        self._keeper = threading.Thread(target=self._keep, name="kept pool", daemon=True)
        self._keeper.start()

    def stop(self) -> None:
        """Tell the workers to end, once: a second time would abort what they are at. Returns at
        once."""
        with self._changing:
            if not self._stopping.is_set():
                self._stopping.set()
                self._pool.terminate()

    def join(self, seconds: float) -> None:
        """Wait for the end of workers that were told so, then end them."""
        self._keeper.join(seconds)
        if self._keeper.is_alive() and self._pool.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._pool.pid, signal.SIGKILL)
            self._keeper.join()

    def _keep(self) -> None:
        pause = 0.0
        while True:
            self._pool.join()  # not its sentinel, which the workers it forked hold open
            status = self._pool.exitcode
            if self._stopping.wait(_GRACE) or status == REFUSED:
                return
            pause = pause_after(pause, time.monotonic() - self._began)
            log.error("the workers ended and start again", why=_why(status), pause_seconds=pause)
            self._stopping.wait(pause)
            with self._changing:
                if self._stopping.is_set():
                    return
                self._began = time.monotonic()
                self._pool = self._make()
                self._pool.start()


def pause_after(before: float, lived: float) -> float:
    """How many seconds to wait with the next start, where a pool lived so many after a pause of
    `before`: none where that was long, otherwise more each time."""
    if lived >= _LONGEST_PAUSE:
        return 0.0
    return min(max(before * 2, _FIRST_PAUSE), _LONGEST_PAUSE)


def _why(status: int | None) -> str:
    if status == -signal.SIGKILL:
        return "killed; where nobody did it, the machine had no memory left"
    if status is not None and status < 0:
        return f"ended by signal {-status}"
    return f"ended with status {status}"
