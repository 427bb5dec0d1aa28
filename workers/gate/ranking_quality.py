"""How well a ranking finds what readers picked, in figures; pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import ceil

# A number that is higher for a better paper, and whether the paper was picked.
Judged = tuple[float, bool]


def auc(judged: Sequence[Judged]) -> float:
    """The chance (0 to 1) that a picked one stands above one that was not, ties counting half.
    Raises ZeroDivisionError where there is only one kind."""
    others = sorted(value for value, was in judged if not was)
    picks = [value for value, was in judged if was]
    below = sum(bisect_left(others, value) + bisect_right(others, value) for value in picks)
    return below / 2 / len(others) / len(picks)


def share_needed(judged: Sequence[Judged], recall: float) -> float:
    """The smallest share (0 to 1) of all, taken from the top, that holds so much of the picks.
    Raises IndexError where nothing was picked."""
    picks = sorted((value for value, was in judged if was), reverse=True)
    least = picks[ceil(recall * len(picks)) - 1]
    return sum(value >= least for value, _ in judged) / len(judged)
