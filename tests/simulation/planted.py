"""`python -m tests.simulation.planted`: small faults are put into copies of Paperboy, one in each,
and the simulator has to find them. Prints a table; exits 1 if a fault was not found.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.simulation.run import Size, run

_ROOT = Path(__file__).parents[2]
_COPIED = ("bot", "workers", "prompts", "tests")
# Many short runs with few channels: what goes wrong is new in each.
_SIZE = Size(days=5, workspaces=2, channels=12, moments=3)
# A run that does not end is cut off so long (s of CPU) after the time is over.
_AFTER_SECONDS = 60


class Misplaced(Exception):
    """A text to be changed is not in its file exactly once."""


@dataclass(frozen=True)
class Bug:
    """A fault to plant: in `file` the text `before` becomes `after`; `seen` is what people would
    see of it."""

    name: str
    file: str
    before: str
    after: str
    seen: str

    def planted(self) -> str:
        """The file's text with the fault. Raises Misplaced."""
        text = (_ROOT / self.file).read_text(encoding="utf-8")
        if text.count(self.before) != 1:
            raise Misplaced(
                f"{self.name}: {text.count(self.before)} times in {self.file}:\n{self.before}"
            )
        return text.replace(self.before, self.after)


@dataclass(frozen=True)
class Hunt:
    """How a fault was looked for: the seeds run, in so many seconds of CPU, and the first promise
    that the last of them broke; empty when none was broken."""

    bug: Bug
    seed: int
    seconds: float
    broken: str

    def __str__(self) -> str:
        if not self.broken:
            return f"{self.bug.name} | NOT FOUND in {self.seed} seeds | {self.seconds:.0f} |"
        return f"{self.bug.name} | {self.seed} | {self.seconds:.0f} | {self.broken}"


def bugs() -> list[Bug]:
    """planted_bugs.toml, in its order."""
    with Path(__file__).with_name("planted_bugs.toml").open("rb") as file:
        return [Bug(**row) for row in tomllib.load(file)["bug"]]


def hunt(
    bug: Bug,
    minutes: float,
    size: Size = _SIZE,
    report: Callable[[str], object] = lambda told: None,
) -> Hunt:
    """Run the simulator on a copy with the fault, seed after seed from 1, until a promise is broken
    or so many minutes of CPU are over. `report` is told of each run. Raises Misplaced."""
    changed = bug.planted()
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        for name in _COPIED:
            ignored = shutil.ignore_patterns("__pycache__", "golden", "data")
            shutil.copytree(_ROOT / name, Path(folder, name), ignore=ignored)
        Path(folder, bug.file).write_text(changed, encoding="utf-8")
        seed, seconds, broken = 0, 0.0, ""
        for row in _results(folder, minutes, size):
            seed, seconds, broken = row["seed"], row["seconds"], row["broken"]
            report(f"{bug.name}: seed {seed}, {seconds:.0f} s")
        return Hunt(bug, seed, seconds, broken)


def _results(folder: str, minutes: float, size: Size) -> Iterator[dict[str, object]]:
    """What a process in the copy prints of each seed. One that does not end breaks a promise."""
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    numbers = map(str, (minutes, size.days, size.workspaces, size.channels, size.moments or 0))
    command = [sys.executable, "-m", "tests.simulation.planted", "--here", *numbers]
    done, process = (
        0,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True),
    )
    assert process.stdout is not None, "it is a pipe"
    try:
        for line in process.stdout:
            if line.startswith("{"):  # other lines are of the log
                row = json.loads(line)
                done = row["seed"]
                yield row
        if process.wait() < 0:
            seconds = 60 * minutes + _AFTER_SECONDS
            yield {"seed": done + 1, "seconds": seconds, "broken": "a run does not end"}
        elif process.returncode:
            raise RuntimeError(f"the simulator ended with {process.returncode}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _look_here(minutes: float, size: Size) -> None:
    """Run seed after seed until a promise is broken or the time is over; print a line for each."""
    most = int(60 * minutes) + _AFTER_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    seconds = 0.0
    for seed in count(1):
        result = run(seed, size)
        seconds, broken = seconds + result.seconds, next(iter(result.broken), "")
        print(json.dumps({"seed": seed, "seconds": seconds, "broken": broken}), flush=True)
        if broken or seconds > 60 * minutes:
            return


def _chosen(only: str | None) -> list[Bug]:
    return [bug for bug in bugs() if only is None or only in bug.name]


def main() -> int:
    options = argparse.ArgumentParser(
        prog="python -m tests.simulation.planted", description=__doc__
    )
    options.add_argument("--only", metavar="NAME", help="the faults with this in their name")
    options.add_argument("--minutes", type=float, default=10.0, help="of CPU, for each fault")
    options.add_argument("--processes", type=int, default=1, help="faults looked for at once")
    options.add_argument("--here", nargs=5, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.here:
        minutes, *size = given.here
        days, workspaces, channels, moments = map(int, size)
        _look_here(float(minutes), Size(days, workspaces, channels, moments or None))
        return 0
    chosen, hunts = _chosen(given.only), list[Hunt]()
    for bug in chosen:
        bug.planted()  # all are in their places, before the first is looked for
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    print("fault | found by seed | seconds of CPU | what was broken", flush=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("", total=len(chosen))

        def look(bug: Bug) -> Hunt:
            return hunt(
                bug, given.minutes, report=lambda told: progress.update(task, description=told)
            )

        with ThreadPoolExecutor(given.processes) as pool:
            for future in as_completed([pool.submit(look, bug) for bug in chosen]):
                hunts.append(future.result())
                progress.advance(task)
                progress.console.file.flush()
                print(hunts[-1], flush=True)
    found = [each for each in hunts if each.broken]
    slowest = max((each.seconds for each in found), default=0.0)
    print(f"{len(found)} of {len(chosen)} found, the slowest after {slowest:.0f} s of CPU")
    return 0 if chosen and len(found) == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
