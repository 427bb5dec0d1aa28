"""Seed after seed on every core, until the time is over, or a promise is broken."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.simulation.record import Record
from tests.simulation.run import Result, Size, run

# Where nobody watches, what was done is told after so many runs.
_TOLD_RUNS = 50
# Silence is not taken for success: what runs for so long may never end.
_LONG_SECONDS = 300.0


def soak(
    seed: int,
    size: Size,
    minutes: float,
    processes: int,
    record: Record,
    most_failed: int | None = 1,
) -> list[Result]:
    """Run seed after seed for so many minutes, until so many have broken a promise; returns these.
    Those that the record has of the same code and size are not run again. Tells each as it comes;
    shows progress, and at the end prints what was run, with what the record had."""
    begun, done, failed = time.monotonic(), record.done, list[Result]()
    had = {result.seed for result in done if result.size == size}
    seeds = (each for each in itertools.count(seed) if each not in had)
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("no run has ended yet")
        for result in _results(seeds, size, begun + 60 * minutes, processes, console):
            record.add(result)
            progress.update(task, description=_sum(done))
            if not console.is_terminal and len(done) % _TOLD_RUNS == 0:
                console.print(_sum(done), soft_wrap=True)
            if result.broken:
                failed.append(result)
                console.print(f"{result}\n  {result.broken[0]}", soft_wrap=True, markup=False)
            if len(failed) == most_failed:
                break
    print(_sum(done))
    if record.earlier:
        print(f"by earlier code: {_sum(record.earlier)}")
    print(f"{time.monotonic() - begun:.0f} s on {processes} processes")
    return failed


def _results(
    seeds: Iterator[int], size: Size, end: float, processes: int, console: Console
) -> Iterator[Result]:
    """The runs' results as they come; none is begun after the end (monotonic)."""
    running = dict[Future[Result], int]()
    with ProcessPoolExecutor(processes) as pool:
        while True:
            while len(running) < processes and time.monotonic() < end:
                each = next(seeds)
                running[pool.submit(run, each, size)] = each
            if not running:
                return
            over, _ = wait(running, _LONG_SECONDS, FIRST_COMPLETED)
            if not over:
                console.print(f"no run has ended for {_LONG_SECONDS:.0f} s: {[*running.values()]}")
            for future in over:
                del running[future]
                yield future.result()


def _sum(done: list[Result]) -> str:
    days, seconds = sum(r.channel_days for r in done), sum(r.seconds for r in done)
    rate = days / seconds * 3600 if seconds else 0
    return (
        f"{len(done)} runs, {days:,} channel-days, {sum(r.threads for r in done):,} threads with "
        f"{sum(r.cards for r in done):,} papers, {sum(r.killed for r in done):,} deaths, "
        f"{sum(bool(r.broken) for r in done)} failed; {rate:,.0f} channel-days an hour and core"
    )
