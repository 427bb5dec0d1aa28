"""Processes that take turns in one thread, on a clock that only they move.

Each process is a greenlet. It gives the others a turn where a real one would wait or be
interrupted: when it sleeps, and at its effects (each message to Redis, arXiv, the model or a chat).
Which one goes on is the seed's choice, so that a run can be repeated step by step. A process that
is killed has no effect from then on, whatever its `finally` blocks still try.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from greenlet import getcurrent, greenlet

# How often an effect takes long enough for others to come first, and how long that is at most.
_SLOW, _SLOWEST_SECONDS = 0.03, 5.0


class Killed(BaseException):
    """kill -9, as the code under it sees it."""


@dataclass(eq=False)
class Process:
    """A process, or a thread of one (`parent`), which dies with it. `on_death` is called once, when
    the process is killed; `killed_at` (monotonic) tells of that, or of the machine's end, and not
    of the run's. `job` counts the jobs it ran. Until `frozen_until` (monotonic) it has
    none of the effects `frozen_at`, as one whose machine stands still."""

    name: str
    run: Callable[[], None]
    on_death: Callable[[], None] = lambda: None
    is_mortal: bool = True
    parent: Process | None = None
    alive: bool = True
    killed_at: float | None = None
    wakeable: bool = False
    job: int = 0
    frozen_until: float = 0.0
    frozen_at: tuple[str, ...] = ()
    turn: int = 0  # the number of the wake-up it waits for
    greenlet: greenlet | None = field(default=None, repr=False)

    @property
    def root(self) -> Process:
        return self.parent.root if self.parent else self

    @property
    def is_over(self) -> bool:
        return self.greenlet is not None and self.greenlet.dead


class Signal:
    """What processes wait for; it tells them something."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._waiting: list[Process] = []
        self._said: dict[Process, str] = {}

    def wait(self, seconds: float) -> str:
        """Wait for the next time, but no longer than so long; what was said, or nothing."""
        me = self._scheduler.current
        assert me is not None, "a process waits"
        self._waiting.append(me)
        self._scheduler.wait(seconds)
        if me in self._waiting:
            self._waiting.remove(me)
        return self._said.pop(me, "")

    def give(self, said: str) -> None:
        while self._waiting:
            process = self._waiting.pop()
            self._said[process] = said
            self._scheduler.wake(process)


class Scheduler:
    """The clock, and whose turn it is. `now` is monotonic, in seconds; the wall clock, which may be
    set, is `offset` seconds ahead of it (both in seconds since 1970)."""

    def __init__(self, seed: str, begin: datetime) -> None:
        self.random = Random(seed)
        self.now, self.offset = begin.timestamp(), 0.0
        self.deaths = 0.0  # the chance that an effect is a process's last
        self.killed, self.effects = 0, 0
        self.fault: BaseException | None = None
        self.clock_moved: Callable[[float], object] = lambda wall: None
        self.killing: Callable[[str], object] = lambda name: None
        self._waiting: list[tuple[float, float, int, Process]] = []
        self._numbers = 0
        self._living: set[Process] = set()
        self._hub = getcurrent()
        self.current: Process | None = None

    @property
    def wall(self) -> float:
        return self.now + self.offset

    def datetime(self) -> datetime:
        """The wall clock's time (UTC)."""
        return datetime.fromtimestamp(self.wall, UTC)

    def spawn(self, process: Process, after: float = 0.0) -> Process:
        process.greenlet = greenlet(lambda: self._live(process))
        self._living.add(process)
        self._wait(process, after)
        return process

    def sleep(self, seconds: float) -> None:
        """The current process does nothing for so long."""
        me = self.current
        if me is None:
            self._move(self.now + seconds)
            return
        if not me.root.alive:
            raise Killed
        self._wait(me, seconds)
        loop = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        self._hub.switch()
        asyncio._set_running_loop(loop)
        if not me.root.alive:
            raise Killed

    def wait(self, seconds: float) -> None:
        """The same, unless somebody wakes it earlier."""
        me = self.current
        assert me is not None, "only a process waits"
        me.wakeable = True
        try:
            self.sleep(seconds)
        finally:
            me.wakeable = False

    def wake(self, process: Process) -> None:
        """What it waits for is there."""
        if process.wakeable and not process.is_over:
            process.wakeable = False
            self._wait(process, 0.0)

    def effect(self, what: str) -> None:
        """The current process is about to do something, or has just done it, that others see."""
        me = self.current
        if me is None:
            return
        root = me.root
        if not root.alive:
            raise Killed
        if root.frozen_until > self.now and what in root.frozen_at:
            self.sleep(root.frozen_until - self.now)
        self.effects += 1
        chance = self.random.random()
        if chance < self.deaths and root.is_mortal:
            self.killing(f"{root.name} killed ({what})")
            self.kill(root)
            raise Killed
        if chance > 1 - _SLOW:
            self.sleep(self.random.random() ** 4 * _SLOWEST_SECONDS)

    def kill(self, process: Process) -> None:
        if process.alive:
            process.alive, process.killed_at = False, self.now
            self.killed += 1
            process.on_death()

    def run(self, until: float) -> None:
        """Let everybody go on until then (monotonic). Raises what a process ended with."""
        while self._waiting and self._waiting[0][0] <= until:
            at, _, number, process = heapq.heappop(self._waiting)
            if number != process.turn or process.greenlet is None or process.greenlet.dead:
                continue
            if at > self.now:
                self._move(at)
            self.current = process
            process.greenlet.switch()
            self.current = None
            if self.fault is not None:
                raise self.fault
        self._move(max(self.now, until))

    def end(self) -> None:
        """Everybody is killed, and nobody takes over."""
        for process in sorted(self._living, key=lambda each: each.turn):
            process.alive = process.root.alive = False
            self.current = process
            if process.greenlet is not None and not process.greenlet.dead:
                process.greenlet.switch()
        self.current = None

    def set_clock(self, offset: float) -> None:
        """Set the wall clock this many seconds ahead of the monotonic one."""
        self.offset = offset
        self._move(self.now)

    def _move(self, now: float) -> None:
        self.now = now
        self.clock_moved(self.wall)

    def _wait(self, process: Process, seconds: float) -> None:
        self._numbers += 1
        process.turn = self._numbers
        entry = (self.now + seconds, self.random.random(), self._numbers, process)
        heapq.heappush(self._waiting, entry)

    def _live(self, process: Process) -> None:
        try:
            process.run()
        except Killed:
            pass
        except BaseException as fault:  # noqa: BLE001  # told by run()
            self.fault = fault
        finally:
            self._living.discard(process)
