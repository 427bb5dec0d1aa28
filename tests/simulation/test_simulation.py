"""Simulated mornings keep every promise; a seed that once broke one is run again for ever."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import astuple
from datetime import date
from pathlib import Path

import pytest

from tests.simulation.plan import make_plan
from tests.simulation.record import Record
from tests.simulation.run import Result, Size, run
from tests.simulation.soak import soak

_SMALL = Size(days=4, workspaces=2, channels=3)
# About ten seconds of one core for each of the two ways in which seeds are chosen.
_RUNS = 3


def _seeds_that_failed() -> list[tuple[int, Size, list[int] | None]]:
    rows = []
    for line in (Path(__file__).parent / "regressions.txt").read_text(encoding="utf-8").split("\n"):
        if line and not line.startswith("#"):
            seed, days, workspaces, channels, *only = line.partition(":")[0].split()
            size = Size(int(days), int(workspaces), int(channels))
            rows.append((int(seed), size, [int(n) for n in only[0].split(",")] if only else None))
    return rows


def _told(result: Result) -> str:
    return "\n".join([str(result), *result.broken, *result.story[-200:]])


def test_the_same_seed_happens_twice_alike() -> None:
    """Also where an operator hears of troubles, and workspaces install Paperboy and remove it."""
    seed, with_more = 11, 12
    plan = make_plan(with_more, *astuple(_SMALL))
    assert all((plan.operator, plan.installed, plan.rotates))
    assert "uninstalled" in {trouble.kind for trouble in plan.troubles}
    traces = set()
    for each in (seed, with_more):
        first, second = run(each, _SMALL), run(each, _SMALL)
        assert first.story == second.story
        assert (first.trace, first.effects) == (second.trace, second.effects)
        traces.add(first.trace)
    assert len(traces) == 2


def test_a_run_beside_others_ends_as_it_does_alone() -> None:
    """`make soak` runs each seed in a process that another started."""
    size = "--days 3 --workspaces 1 --channels 2 --minutes 0.001 --processes 1"
    command = [sys.executable, "-m", "tests.simulation", "--seed", "11", *size.split()]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout.partition(",")[0]) == (0, "1 runs"), done.stderr


def test_a_soak_goes_on_with_its_record_and_tells_what_earlier_code_ran(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, size = tmp_path / "record", Size(days=1, workspaces=1, channels=1)

    def seeds(minutes: float) -> list[int]:
        record = Record(file)
        soak(11, size, minutes, 1, record, most_failed=None)
        return [result.seed for result in record.done]

    assert seeds(0.001) == [11]
    assert seeds(0.001) == [11, 12]
    assert capsys.readouterr().out.startswith("1 runs, 1 channel-days")
    file.write_text(file.read_text().replace('"code":"', '"code":"earlier '))
    assert seeds(0.001) == [11]
    assert "by earlier code: 2 runs, 2 channel-days" in capsys.readouterr().out


@pytest.mark.parametrize(("seed", "size", "only"), _seeds_that_failed())
def test_what_once_failed_holds(seed: int, size: Size, only: list[int] | None) -> None:
    result = run(seed, size, only)
    assert not result.broken, _told(result)


@pytest.mark.parametrize(
    "begin", [2000, 1000 * date.today().toordinal()], ids=["fixed", "of today"]
)
def test_some_mornings_with_everything_that_goes_wrong(begin: int) -> None:
    """New ones each day, the same for everybody who runs them then; `make soak` runs many more."""
    for seed in range(begin, begin + _RUNS):
        result = run(seed, _SMALL)
        assert not result.broken, _told(result)
