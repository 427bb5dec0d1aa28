"""`python -m tests.simulation --seed N --days D`: one run, its trace and what it found.

With --until-failure, seed after seed on every core, until a promise is broken or the time is over;
with --minutes alone, past those that break one, which are told as they come.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.simulation.record import Record
from tests.simulation.run import Result, Size, run, shortened
from tests.simulation.soak import soak


def main() -> int:
    given = _options().parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of a set is part of the trace
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        again = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        os.execve(sys.executable, again, environment)
    size = Size(given.days, given.workspaces, given.channels, given.moments)
    if given.until_failure or given.minutes:
        most_failed = 1 if given.until_failure else None
        record = Record(given.record)
        minutes = given.minutes or 10
        failed = soak(given.seed, size, minutes, given.processes, record, most_failed)
        for each in failed if given.until_failure else ():
            print("\n".join(each.broken))
            _tell_shortened(each, given.shorten)
        return 1 if failed else 0
    only = None if given.only is None else [int(n) for n in given.only.split(",") if n]
    result = run(given.seed, size, only)
    print(result)
    if given.story:
        print("\n".join(result.story))
    if not result.broken:
        return 0
    print("\n".join(result.broken))
    if only is None:
        _tell_shortened(result, given.shorten)
    return 1


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--days", type=int, default=Size.days)
    options.add_argument("--workspaces", type=int, default=Size.workspaces)
    options.add_argument("--channels", type=int, default=Size.channels, help="of each workspace")
    options.add_argument("--moments", type=int, help="different times of day, instead of any")
    options.add_argument("--only", help="the numbers of the plan's parts to keep, with commas")
    options.add_argument("--story", action="store_true", help="tell everything that happened")
    options.add_argument("--shorten", type=int, default=30, help="runs to make for a short story")
    options.add_argument("--until-failure", action="store_true")
    options.add_argument("--minutes", type=float, help="of seed after seed; else 10")
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options.add_argument("--record", type=Path, help="file of what was run, to go on with it later")
    return options


def _tell_shortened(failed: Result, most_runs: int) -> None:
    """Print the shortest story that still breaks the promise."""
    if not most_runs:
        return
    kept, shortest = shortened(failed, most_runs)
    size = failed.size
    print(f"\nIn short, with {len(kept)} of the plan's parts:")
    print("\n".join(shortest.story))
    print("\n".join(shortest.broken))
    print(
        f"\nAgain: python -m tests.simulation --seed {failed.seed} --days {size.days} "
        f"--workspaces {size.workspaces} --channels {size.channels} --story "
        + (f"--moments {size.moments} " if size.moments else "")
        + f"--only {','.join(map(str, kept))}"
    )


if __name__ == "__main__":
    sys.exit(main())
