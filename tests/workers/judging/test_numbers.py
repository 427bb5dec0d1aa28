"""A number in a sentence about a paper stands in the paper, however either of them writes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.judging.numbers import numbers_stand_in

ABSTRACT = (
    r"RL-trained models drop by 48.0\% and 58.3\% on AMC23, over $10{,}000$ tasks in three sets, "
    r"at $O(n^{2})$ and $10^{-5}$; 1.5M tokens, twelve layers, the second of both halves, 4-bit."
)


@pytest.mark.parametrize(
    "sentence",
    [
        "Drops by 48.0% and 58.3% on average.",
        "Drops by 48% on AMC23.",
        "Fällt um 58,3 % auf AMC23.",
        "Solves 10,000 problems; 10000 problems; 10 000 problems; 10\u202f000 problems.",
        "Löst 10.000 Aufgaben.",
        "Uses 3 sets and 12 layers, twelve layers, three sets.",
        "Runs in O(n²) to 10⁻⁵.",
        "Reads 1.5 million tokens in two halves.",
        "ينخفض بنسبة ٥٨٫٣٪ و ٤٨٪",
        "在 AMC23 上下降５８.３%。",
        "Quantizes to 4 bits.",
        "Proves a bound without any number.",
        "",
    ],
)
def test_numbers_that_stand_in_the_paper(sentence: str) -> None:
    assert numbers_stand_in(sentence, "A title", ABSTRACT)


@pytest.mark.parametrize(
    "sentence",
    [
        "Drops by 58%.",
        "Drops by 83.5%.",
        "Drops by 5% on AMC24.",
        "Solves 1,000 problems.",
        "Solves 100,000 problems.",
        "Uses seven sets.",
        "Is a hundred times faster.",
        "Is ninefold faster.",
        "Runs in O(n⁷).",
        "Reads 15 million tokens.",
        "ينخفض بنسبة ٥٩٪",
        "Solves 10,000 problems in 4.0.1 and 4.7.",
    ],
)
def test_a_number_that_does_not_is_noticed(sentence: str) -> None:
    assert not numbers_stand_in(sentence, "A title", ABSTRACT)


def test_a_number_in_the_title_counts() -> None:
    assert numbers_stand_in("Has 7 parts.", "Seven Parts", "None here.")
    assert not numbers_stand_in("Has 7 parts.", "Eight Parts", "None here.")


def test_two_numbers_side_by_side_are_not_one() -> None:
    assert numbers_stand_in("Trains in 2024 300 models.", "", "In 2024 we train 300 models.")


@given(st.text(), st.text())
def test_any_text_is_checked_and_a_text_bears_itself_out(one: str, other: str) -> None:
    assert numbers_stand_in(one, other) in (True, False)
    assert numbers_stand_in(one, one)


@given(st.integers(21, 10**9))
def test_a_number_is_known_by_its_own_text_alone(number: int) -> None:
    assert numbers_stand_in(f"Has {number:,} parts.", f"There are {number} parts.")
    assert numbers_stand_in(f"Has {number} parts.", f"There are {number:,} parts.")
    assert not numbers_stand_in(f"Has {number + 1:,} parts.", f"There are {number} parts.")
