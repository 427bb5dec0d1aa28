"""Texts as the model reads them; the numbers are those of the `tokenizers` package."""

from __future__ import annotations

import pytest

from workers.embedding.wordpiece import MAX_TOKENS, token_ids

START, END, UNKNOWN = 101, 102, 100


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", []),
        ("Pruning sparse networks", [10975, 19496, 3070, 20288, 6125]),
        (
            "Schrödinger's O(n^2) $\\alpha$-divergence, re-visited!",
            [
                *(8040, 8093, 7716, 9912, 1005, 1055, 1051, 1006, 1050, 1034, 1016, 1007, 1002),
                *(1032, 6541, 1002, 1011, 17856, 17905, 1010, 2128, 1011, 4716, 999),
            ],
        ),
        ("量子 computing", [UNKNOWN, 1816, 9798]),  # each Chinese character by itself
        (
            "A\u200bB\tC\nÅngström Ελλάς",
            [11113, 1039, 17076, 15687, 1159, 29727, 29727, 14608, 19579],
        ),
        ("naïve café — “quoted” … 10%", [15743, 7668, 1517, 1523, 9339, 1524, 1529, 2184, 1003]),
        ("zyzzyva " + "x" * 101, [1062, 2100, 28753, 3567, UNKNOWN]),
        ("\U0001d543atent \U0001f600", [UNKNOWN, UNKNOWN]),
    ],
)
def test_a_text_has_the_numbers_that_the_model_was_trained_on(text: str, ids: list[int]) -> None:
    assert token_ids(text) == [START, *ids, END]


def test_a_long_text_ends_where_the_model_does() -> None:
    ids = token_ids("sparse " * 500)
    assert len(ids) == MAX_TOKENS
    assert ids == [START, *[20288] * (MAX_TOKENS - 2), END]


def test_a_text_cannot_write_the_models_own_marks() -> None:
    assert token_ids("[SEP] [CLS] [MASK]").count(END) == 1
    assert token_ids("[CLS]").count(START) == 1
