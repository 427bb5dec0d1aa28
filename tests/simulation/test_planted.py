"""Every fault that can be planted has its place in the code, and one is really found."""

from __future__ import annotations

import pytest

from tests.simulation.planted import Bug, bugs, hunt
from tests.simulation.run import Size


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.name)
def test_a_fault_can_still_be_planted(bug: Bug) -> None:
    assert bug.after in bug.planted()


def test_there_are_many_and_each_has_a_name() -> None:
    names = [bug.name for bug in bugs()]
    assert len(names) == len(set(names)) >= 25


def test_a_planted_fault_is_found() -> None:
    bug = next(bug for bug in bugs() if bug.name == "a paper at the cut-off is left out")
    found = hunt(bug, minutes=1, size=Size(days=3, workspaces=1, channels=4))
    assert "is below_cutoff" in found.broken
