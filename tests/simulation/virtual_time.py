"""Python's clocks, sleeps, event loops and threads, on a scheduler's clock."""

from __future__ import annotations

import asyncio
import concurrent.futures
import multiprocessing
import random
import selectors
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import redis.retry
import time_machine

from tests.simulation.scheduler import Killed, Process, Scheduler
from workers import lookup_job
from workers.judging import batches, looking_again, metering, score_day

_IDLE_SECONDS = 3600.0
# How often the work of a thread takes place between two steps of its event loop's other tasks.
_APART = 0.1


class _Selector(selectors.BaseSelector):
    """Of a loop without files: to select is to sleep."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler, self._keys = scheduler, dict[Any, selectors.SelectorKey]()
        # How far the loop's clock ran on while the tasks of a killed process were ended.
        self.after_death: float | None = None

    def register(self, file: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(file, 0, events, data)
        self._keys[file] = key
        return key

    def unregister(self, file: Any) -> selectors.SelectorKey:
        return self._keys.pop(file)

    def select(self, timeout: float | None = None) -> list[Any]:
        seconds = _IDLE_SECONDS if timeout is None else timeout
        if self.after_death is not None:
            self.after_death += max(seconds, 0.0)
        elif seconds > 0:
            self._scheduler.wait(seconds)  # as a byte on its own pipe wakes a real loop
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class Loop(asyncio.SelectorEventLoop):
    """An event loop on the scheduler's clock."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._simulated = _Selector(scheduler)
        super().__init__(self._simulated)
        self._scheduler = scheduler
        # What is due at this very moment is due: seconds since 1970 have no billionths.
        self._clock_resolution = 1e-3

    def time(self) -> float:
        return self._scheduler.now + (self._simulated.after_death or 0.0)

    def end(self) -> None:
        """End the tasks of a killed process: without an effect, and now. Left to the garbage
        collector they would end in another's turn."""
        self._simulated.after_death = 0.0
        while tasks := asyncio.all_tasks(self):
            for task in tasks:
                task.cancel()
            self.run_until_complete(asyncio.wait(tasks, timeout=1.0))


class Pool:
    """concurrent.futures.ThreadPoolExecutor: each call is a process of its own, which dies with the
    one that made it."""

    def __init__(self, scheduler: Scheduler, workers: int) -> None:
        self._scheduler, self._free = scheduler, workers
        self._queued: list[tuple[Future[Any], Callable[[], Any]]] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._queued.append((future, lambda: function(*args)))
        self._start()
        return future

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        if cancel_futures:
            for future, _ in self._queued:
                future.cancel()
            self._queued.clear()

    def _start(self) -> None:
        while self._free and self._queued:
            self._free -= 1
            future, call = self._queued.pop(0)
            parent = self._scheduler.current
            assert parent is not None, "only a process has threads"
            thread = Process(
                f"{parent.name} thread", lambda f=future, c=call: self._run(f, c), parent=parent
            )
            self._scheduler.spawn(thread)

    def _run(self, future: Future[Any], call: Callable[[], Any]) -> None:
        if future.set_running_or_notify_cancel():
            try:
                result = call()
            except Killed:
                raise
            except BaseException as error:  # noqa: BLE001  # told by the future
                future.set_exception(error)
            else:
                future.set_result(result)
        self._free += 1
        self._start()


def _wait_for_futures(scheduler: Scheduler) -> Callable[..., Any]:
    def wait(
        futures: Iterable[Future[Any]],
        timeout: float | None = None,
        return_when: str = concurrent.futures.ALL_COMPLETED,
    ) -> Any:
        watched, me = list(futures), scheduler.current
        assert me is not None, "only a process waits"
        end = scheduler.now + (_IDLE_SECONDS if timeout is None else timeout)
        for future in watched:
            future.add_done_callback(lambda _: scheduler.wake(me))
        while True:
            done = [future for future in watched if future.done()]
            enough = done if return_when == FIRST_COMPLETED else len(done) == len(watched)
            if enough or scheduler.now >= end:  # lists: the order of a set is not the seed's
                return done, [future for future in watched if not future.done()]
            scheduler.wait(end - scheduler.now)

    return wait


class _Event:
    """threading.Event."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler, self._set = scheduler, False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float) -> bool:
        if not self._set:
            self._scheduler.sleep(timeout)
        return self._set


class _Condition:
    """threading.Condition, by looking again and again."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        return None

    def wait_for(self, predicate: Callable[[], bool]) -> None:
        while not predicate():
            self._scheduler.sleep(0.05)

    def notify_all(self) -> None:
        return None


@contextmanager
def simulated(scheduler: Scheduler) -> Iterator[None]:
    """While it lasts, the clocks and sleeps of this thread are the scheduler's, asyncio's loops run
    on it, and Paperboy's threads are its processes."""
    chances = random.Random(scheduler.random.random())

    def run(main: Any, **_: Any) -> Any:
        loop = Loop(scheduler)
        loop.set_exception_handler(lambda loop, context: None)
        try:
            return loop.run_until_complete(main)
        except Killed:
            loop.end()
            raise
        finally:
            asyncio.runners._cancel_all_tasks(loop)  # type: ignore[attr-defined]
            asyncio._set_running_loop(None)
            loop._ready.clear()  # type: ignore[attr-defined]
            loop.close()

    async def to_thread(function: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        apart = scheduler.random.random() < _APART
        if apart:
            await asyncio.sleep(scheduler.random.random() * 0.2)
        result = function(*args, **named)
        if apart:
            await asyncio.sleep(scheduler.random.random() * 0.2)
        return result

    threads = SimpleNamespace(
        Event=lambda: _Event(scheduler), Condition=lambda: _Condition(scheduler)
    )
    wait = _wait_for_futures(scheduler)
    with ExitStack() as stack:
        patch = lambda *args: stack.enter_context(mock.patch.object(*args))  # noqa: E731
        clock = stack.enter_context(time_machine.travel(scheduler.datetime(), tick=False))
        stack.callback(setattr, scheduler, "clock_moved", lambda wall: None)
        scheduler.clock_moved = clock.move_to
        patch(time, "monotonic", lambda: scheduler.now)
        patch(time, "sleep", scheduler.sleep)
        patch(redis.retry, "sleep", scheduler.sleep)
        patch(redis.client, "record_operation_duration", lambda **_: None)  # nobody measures
        patch(asyncio, "run", run)
        patch(asyncio, "to_thread", to_thread)
        patch(metering, "threading", threads)
        # Asking whether it lives waits for the clock to go on, which stands still here.
        patch(multiprocessing, "parent_process", lambda: None)
        patch(uuid, "uuid4", lambda: uuid.UUID(int=chances.getrandbits(128)))
        for module in (batches, looking_again, score_day, lookup_job):
            patch(module, "ThreadPoolExecutor", lambda n, **_: Pool(scheduler, n))
            patch(module, "wait", wait)
        before = random.getstate()
        random.seed(chances.random())  # what libraries take their chances from
        stack.callback(random.setstate, before)
        yield
