"""Fuzz everything that comes from outside: `make fuzz MINUTES=10`.

    python -m tests.fuzz [--minutes N | --inputs N] [--target NAME ...] [--seed N]
    python -m tests.fuzz --repeat FILE      check one input again, with the traceback
    python -m tests.fuzz --minimise         keep the best of what was found in tests/fuzz/corpus

The time is shared by the targets. What a campaign finds stays in .fuzz/ for the next one. A failing
input that is mended moves to tests/fuzz/regressions/TARGET/, which the suite tries from then on.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.fuzz import corpus
from tests.fuzz.campaign import Campaign, campaign
from tests.fuzz.targets import TARGETS

_NO_COVERAGE = "atheris has no wheel for this Python: mutations of the corpus, without coverage."


def main(words: list[str] | None = None) -> int:
    """Returns 1 when a promise was broken."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=10, help="for all targets together")
    parser.add_argument("--inputs", type=int, default=0, help="for each target, instead of a time")
    parser.add_argument("--target", action="append", choices=TARGETS, metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeat", type=Path, metavar="FILE")
    parser.add_argument("--minimise", action="store_true")
    given = parser.parse_args(words)
    if given.repeat:
        path = given.repeat.resolve()
        TARGETS[path.parent.name].check(path.read_bytes())
        print(f"{path.parent.name}: every promise holds.")
        return 0
    names = given.target or list(TARGETS)
    if given.minimise:
        for name in names:
            folders = (corpus.KEPT, corpus.FOUND / "corpus")
            every = [data for folder in folders for data in corpus.inputs(folder / name)]
            kept = corpus.minimise(TARGETS[name], every)
            print(f"{name}: {corpus.replace(corpus.KEPT / name, kept)} kept of {len(every)}")
        return 0
    return _fuzz(names, given.minutes, given.inputs, given.seed)


def _fuzz(names: list[str], minutes: float, most: int, seed: int) -> int:
    console = Console(width=None if sys.stdout.isatty() else 120)
    if not importlib.util.find_spec("atheris"):
        console.print(_NO_COVERAGE)
    seconds = 0 if most else max(1, round(minutes * 60 / len(names)))
    done = list[Campaign]()
    for name in names:
        with console.status(f"{name} ..."):
            done.append(campaign(name, seconds, most, seed))
    console.print(_table(done))
    for each in done:
        for path, what in each.failures.items():
            console.print(f"\n{each.name}: {what}", markup=False, highlight=False)
            console.print(f"  python -m tests.fuzz --repeat {path}", markup=False, soft_wrap=True)
    return 1 if any(each.failures for each in done) else 0


def _table(done: list[Campaign]) -> Table:
    table = Table()
    table.add_column("target")
    for heading in ("inputs", "inputs/s", "edges", "new in corpus", "failures"):
        table.add_column(heading, justify="right")
    for each in done:
        pace = each.inputs / each.seconds
        counts = (each.inputs, round(pace), each.edges, each.new, len(each.failures))
        table.add_row(each.name, *(f"{count:,}" for count in counts))
    if len(done) > 1:
        inputs, seconds = sum(c.inputs for c in done), sum(c.seconds for c in done)
        new, failures = sum(c.new for c in done), sum(len(c.failures) for c in done)
        table.add_row(
            "together", f"{inputs:,}", f"{inputs / seconds:,.0f}", "", f"{new:,}", f"{failures:,}"
        )
    return table


if __name__ == "__main__":
    raise SystemExit(main())
