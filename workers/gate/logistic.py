"""Logistic regression by Newton's method, of a sparse or a dense table; numpy alone; pure.

scikit-learn and scipy, which did this before, are 200 MB, and fit the same weights (to 3e-6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

# Of the first gradient's length. So near the minimum that the rounding of sums, which is another
# on another processor, is not seen in weights of three or four decimals.
PRECISION = 1e-9
MOST_STEPS, MOST_DIRECTIONS = 50, 200


class Table(Protocol):
    """A row for each paper, a column for each feature."""

    @property
    def columns(self) -> int: ...

    def times(self, weights: Numbers) -> Numbers:
        """A sum for each row."""

    def transposed_times(self, amounts: Numbers) -> Numbers:
        """A sum for each column."""


class SparseTable(NamedTuple):
    """The amounts that are not zero, with their rows and columns."""

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    amount: Numbers
    rows: int
    columns: int

    def times(self, weights: Numbers) -> Numbers:
        return _sums(self.row, self.amount * weights[self.column], self.rows)

    def transposed_times(self, amounts: Numbers) -> Numbers:
        return _sums(self.column, self.amount * amounts[self.row], self.columns)


def _sums(place: NDArray[np.int64], amounts: Numbers, places: int) -> Numbers:
    """One after the other, in their order: the same on every machine."""
    return np.asarray(np.bincount(place, amounts, places), np.float64)


class DenseTable(NamedTuple):
    """All amounts."""

    amounts: Numbers

    @property
    def columns(self) -> int:
        return int(self.amounts.shape[1])

    def times(self, weights: Numbers) -> Numbers:
        return np.asarray(self.amounts @ weights)

    def transposed_times(self, amounts: Numbers) -> Numbers:
        return np.asarray(amounts @ self.amounts)


def fit(table: Table, picked: NDArray[np.bool_], trust: float, counts: Numbers) -> Numbers:
    """The weights of the columns that tell picked rows from the others: those that minimise half
    the sum of their squares (and the constant's) plus `trust` (liblinear's C) times the log loss.
    A row counts `counts` times; both sides count the same together ("balanced").

    Truncated Newton's method: Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.1.
    """
    both = counts.sum() / 2
    cost = (
        trust * counts * np.where(picked, both / counts[picked].sum(), both / counts[~picked].sum())
    )
    sign = np.where(picked, 1.0, -1.0)

    def times(weights: Numbers) -> Numbers:
        return np.asarray(table.times(weights[:-1]) + weights[-1])

    def transposed_times(amounts: Numbers) -> Numbers:
        return np.append(table.transposed_times(amounts), amounts.sum())

    def loss(weights: Numbers, sums: Numbers) -> float:
        return float(weights @ weights / 2 + cost @ np.logaddexp(0, -sign * sums))

    weights, sums = np.zeros(table.columns + 1), np.zeros(len(sign))
    first = 0.0
    for _ in range(MOST_STEPS):
        wrong = (1 - np.tanh(sign * sums / 2)) / 2  # the chance given to the other side
        gradient = weights - transposed_times(cost * sign * wrong)
        length = float(np.linalg.norm(gradient))
        first = first or length
        if length <= PRECISION * first:
            break
        curvature = cost * wrong * (1 - wrong)
        step = _newton_step(times, transposed_times, curvature, gradient, first)
        along, before, part = times(step), loss(weights, sums), 1.0
        while loss(weights + part * step, sums + part * along) > before and part > PRECISION:
            part /= 2
        weights, sums = weights + part * step, sums + part * along
    return np.asarray(weights[:-1])


def _newton_step(
    times: Callable[[Numbers], Numbers],
    transposed_times: Callable[[Numbers], Numbers],
    curvature: Numbers,
    gradient: Numbers,
    first: float,
) -> Numbers:
    """Where the gradient would be about zero, by conjugate gradients: the more exactly the shorter
    the gradient is, next to the `first` one's length."""
    step, left = np.zeros(len(gradient)), -gradient
    direction, square = left, float(left @ left)
    enough = min(0.1, (square**0.5 / first) ** 0.5) ** 2 * square
    for _ in range(MOST_DIRECTIONS):
        bent = direction + transposed_times(curvature * times(direction))
        size = square / float(direction @ bent)
        step, left = step + size * direction, left - size * bent
        before, square = square, float(left @ left)
        if square <= enough:
            break
        direction = left + square / before * direction
    return step
