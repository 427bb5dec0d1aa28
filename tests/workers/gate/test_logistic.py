"""Logistic regression: the minimum that scikit-learn's liblinear finds, on any kind of table."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from workers.gate import logistic
from workers.gate.logistic import DenseTable, Numbers, SparseTable


def rows(n: int = 60, columns: int = 7) -> tuple[Numbers, Numbers, Numbers]:
    """Numbers of which four in ten are zero, whether the sum of two of them is large, and how often
    each row counts; by arithmetic alone, so that they are the same for ever."""
    at = np.arange(n * columns).reshape(n, columns)
    table = np.where(at * 7 % 10 < 4, 0.0, np.sin(at * 1.7))
    return table, table[:, 0] + table[:, 3] + np.cos(at[:, 1] * 5) > 0.4, 1.0 + np.arange(n) % 3


def sparse(table: Numbers) -> SparseTable:
    row, column = np.nonzero(table)
    return SparseTable(row, column, table[row, column], *table.shape)


# scikit-learn 1.9.1: LogisticRegression(C=2, solver="liblinear", tol=1e-13), with the counts,
# balanced, as sample_weight.
LIBLINEAR = [
    *(1.7288567063859956, -0.02831853136314498, -0.21484408738407576, 1.9009344423719565),
    *(0.597024882868013, -0.8521758789183172, 0.9228928009993982),
]


def test_it_finds_the_weights_that_scikit_learn_finds() -> None:
    table, picked, counts = rows()
    found = logistic.fit(DenseTable(table), picked, 2.0, counts)
    assert found == pytest.approx(LIBLINEAR, abs=1e-7)


def test_a_sparse_table_is_fitted_as_a_dense_one() -> None:
    table, picked, counts = rows()
    dense = logistic.fit(DenseTable(table), picked, 2.0, counts)
    assert logistic.fit(sparse(table), picked, 2.0, counts) == pytest.approx(dense, abs=1e-12)


def test_a_row_that_counts_three_times_is_as_three_rows() -> None:
    table, picked, counts = rows()
    times = counts.astype(int)
    again = logistic.fit(
        DenseTable(table.repeat(times, axis=0)),
        picked.repeat(times),
        2.0,
        np.ones(times.sum()),
    )
    assert again == pytest.approx(logistic.fit(DenseTable(table), picked, 2.0, counts), abs=1e-8)


def test_a_table_without_columns_has_no_weights() -> None:
    nothing = SparseTable(*np.zeros((2, 0), np.int64), np.zeros(0), 60, 0)
    _, picked, counts = rows()
    assert len(logistic.fit(nothing, picked, 2.0, counts)) == 0


def test_sides_that_are_told_apart_by_far_make_no_warning() -> None:
    table = np.array([[1e4], [-1e4], [2e4], [-3e4]])
    (weight,) = logistic.fit(DenseTable(table), table[:, 0] > 0, 1e3, np.ones(4))
    assert 0 < weight < 1


@pytest.mark.parametrize(
    "other", [{"OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": "AVX512F"}, {}]
)
def test_an_older_processors_code_finds_the_same_weights(other: dict[str, str]) -> None:
    program = """
from tests.workers.gate.test_logistic import *
table, picked, counts = rows()
for kind in (DenseTable, sparse):
    print([round(float(w), 8) for w in logistic.fit(kind(table), picked, 2.0, counts)])
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, **other},
        capture_output=True,
        text=True,
    )
    table, picked, counts = rows()
    here = [
        str([round(float(w), 8) for w in logistic.fit(t, picked, 2.0, counts)])
        for t in (DenseTable(table), sparse(table))
    ]
    assert done.stdout.splitlines() == here, done.stderr
