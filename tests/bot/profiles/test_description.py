"""What a description says of a profile, and what is guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.papers import Profile
from bot.profiles import form, library
from bot.profiles.description import answers_for, likely_categories, title_for, with_codes

KNOWN = library.shipped()


@pytest.mark.parametrize(
    ("description", "categories"),
    [
        ("KV cache compression and sparse attention", "cs.LG cs.CL"),
        ("quantum error correction", "quant-ph"),
        ("robot manipulation from demonstrations", "cs.RO cs.LG"),
        ("superconductivity in cuprates", "cond-mat.supr-con"),
        ("database query optimization", "cs.DB math.OC"),
        ("cosmology from weak lensing", "astro-ph.CO gr-qc"),
        ("machine learning theory", "cs.LG stat.ML"),
        ("fluid dynamics of turbulence", "physics.flu-dyn"),
        ("algebraic topology, homotopy theory", "math.AT"),
        ("cooking pasta", ""),
        ("", ""),
    ],
)
def test_the_categories_of_a_description(description: str, categories: str) -> None:
    assert likely_categories(description, KNOWN) == tuple(categories.split())


@pytest.mark.parametrize(
    ("topics", "title"),
    [
        ("pruning and quantization", "Pruning and quantization"),
        ("Pruning: weights and heads\nQuantization: few bits", "Pruning"),
        ("v1.5 models, and others", "V1.5 models"),
        ("word " * 30, "Word word word word word word word word word word word word"),
        ("", ""),
    ],
)
def test_a_title_is_the_beginning_of_a_description(topics: str, title: str) -> None:
    assert title_for(topics) == title


def test_a_description_is_a_whole_profile() -> None:
    made = form.parse_answers(
        answers_for("Pruning: weights and heads; quantization in few bits", asked="cs.LG"), None
    )
    assert isinstance(made, Profile)
    assert (made.name, made.title, made.maximum) == ("pruning", "Pruning", 10)
    assert [topic.name for topic in made.topics] == ["Pruning", "quantization in few bits"]


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        ("machine  Learning", "cs.LG, stat.ML"),
        ("Robotics, quant-ph", "cs.RO, quant-ph"),
        ("cs.LGG", "cs.LGG"),
        ("", ""),
    ],
)
def test_a_name_stands_for_all_the_categories_that_have_it(asked: str, codes: str) -> None:
    assert with_codes(asked) == codes


@given(st.text(max_size=300))
def test_no_description_is_too_odd(description: str) -> None:
    asked = ", ".join(likely_categories(description, KNOWN))
    assert form.parse_answers(answers_for(description, asked=asked), None)
