"""Themes: the directions that a singular value decomposition finds, of a sparse table."""

from __future__ import annotations

import numpy as np
import pytest

from workers.gate import themes
from workers.gate.logistic import Numbers, SparseTable


def sparse(table: Numbers) -> SparseTable:
    row, column = np.nonzero(table)
    return SparseTable(row, column, table[row, column], *table.shape)


def table(rows: int = 40, columns: int = 90, rank: int = 5) -> Numbers:
    """A few themes, each weaker than the one before, and a little noise; half of it is zero."""
    random = np.random.RandomState(1)
    amounts = sum(
        0.5**n * np.outer(random.standard_normal(rows), random.standard_normal(columns))
        for n in range(rank)
    )
    found: Numbers = (amounts + 1e-4 * random.standard_normal((rows, columns))) * (
        random.random_sample((rows, columns)) < 0.5
    )
    found[3] = 0  # a paper without a known word
    return found


def test_they_are_those_of_the_whole_decomposition() -> None:
    rows = table()
    found = themes.find_themes(sparse(rows), 4)
    _, lengths, directions = np.linalg.svd(rows, full_matrices=False)
    size = np.sqrt((found.amounts**2).sum() / 40)
    assert size == pytest.approx(1)
    # The same space, and as much of the table in it.
    within = np.linalg.qr(found.parts)[0]
    held = np.linalg.norm(rows @ within) ** 2
    assert held == pytest.approx((lengths[:4] ** 2).sum(), rel=1e-3)
    assert np.linalg.norm(directions[0] @ within) == pytest.approx(1, abs=1e-6)


def test_a_rows_amounts_are_the_table_times_the_columns_parts() -> None:
    rows = table()
    found = themes.find_themes(sparse(rows), 7)
    assert found.amounts == pytest.approx(rows @ found.parts, abs=1e-12)
    assert not found.amounts[3].any()


def test_no_more_themes_are_found_than_there_are() -> None:
    rows = np.outer(np.arange(1.0, 9), [1.0, 0, 2])
    found = themes.find_themes(sparse(rows), 3)
    assert found.amounts.shape == (8, 1)
    assert abs(found.amounts[:, 0]) == pytest.approx(np.arange(1, 9) / np.sqrt(25.5))


def test_twice_the_same_is_found() -> None:
    one, other = (themes.find_themes(sparse(table()), 5) for _ in range(2))
    assert (one.amounts == other.amounts).all()
    assert (one.parts == other.parts).all()
