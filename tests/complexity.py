"""How much work something is, counted in steps: the same on a busy machine as on an idle one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps(work: Callable[[], object]) -> int:
    """How many lines of Python `work` runs through.

    What one line asks of C (a regular expression, a slice) is one step, however long it takes; a
    test of such code gives it an input that would outlast the suite's limit for one test.
    """
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def assert_linear_growth(work: Callable[[int], object], size: int) -> None:
    """Twice as much to do is at most about twice as many steps."""
    work(size)  # what is made once and kept is no part of it
    once, twice = steps(lambda: work(size)), steps(lambda: work(2 * size))
    assert twice <= 2.2 * once + 100, f"{once} steps for {size}, {twice} for {2 * size}"
