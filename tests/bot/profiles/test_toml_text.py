"""A profile written as TOML is the same profile when it is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.papers import Cutoffs, Example, Followed, Keywords, Profile, Topic
from bot.profiles import library
from bot.profiles.toml_text import as_toml
from bot.profiles.validate import parse_profile, validate_data
from tests.factories import profile


@pytest.mark.parametrize("shipped", library.shipped().values(), ids=lambda each: each.name)
def test_a_profile_that_ships_comes_back(shipped: Profile) -> None:
    assert parse_profile(as_toml(shipped)) == shipped


def test_every_field_comes_back_and_an_empty_one_is_not_written() -> None:
    full = profile(
        title='A "title" \\ with \ue000 and ü',
        cross_lists=False,
        gate=False,
        maximum=7,
        language="de",
        cutoffs=Cutoffs(relevance=3, novelty=9),
        keywords=Keywords(relevant=("a,b",), irrelevant=("'c'",), application=("d = [1]",)),
        authors=Followed(follow=("Ada Lovelace", "阿達")),
        examples=(
            Example(id="2503.15294", title='On "$x$"', abstract="A \\'e."),
            Example(title="A book"),
        ),
    )
    text = as_toml(full)
    assert parse_profile(text) == full
    assert "\\ue000" in text
    plain = profile(topics=(Topic(name="Matter", relevant="Studies."),))
    bare = as_toml(plain)
    assert parse_profile(bare) == plain
    assert not any(word in bare for word in ("[keywords]", "[authors]", "language", "irrelevant"))


TEXT = st.text(min_size=1, max_size=60)


@given(TEXT, TEXT, st.text(max_size=60), st.lists(TEXT, max_size=3))
def test_whatever_a_profile_says_comes_back(
    title: str, relevant: str, irrelevant: str, words: list[str]
) -> None:
    found = validate_data(
        {
            "name": "mine",
            "title": title,
            "categories": ["cs.LG"],
            "topics": [{"name": "t", "relevant": relevant, "irrelevant": irrelevant}],
            "keywords": {"relevant": words},
            "authors": {"follow": words},
        }
    )
    if isinstance(found, Profile):
        text = as_toml(found)
        assert parse_profile(text) == found
        assert all(char.isprintable() or char == "\n" for char in text)
