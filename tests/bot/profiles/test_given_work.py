"""What somebody types when asked what they work on, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.papers import Profile
from bot.errors import Refused
from bot.profiles.given_work import LONGEST, GivenWork, parse_given
from bot.profiles.toml_text import as_toml
from tests.factories import profile

BIB = "@misc{a, title={Tides}}"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("  \n ", None),
        ("We work on tides.", GivenWork("We work on tides.")),
        ("tides, 2503.00001", GivenWork("tides, 2503.00001")),
        ("Emmy Noether", GivenWork("Emmy Noether", author="Emmy Noether")),
        ("Emmy\nNoether", GivenWork("Emmy Noether", author="Emmy Noether")),
        ("by Emmy\ufeff Noether", GivenWork(author="Emmy Noether")),
        ("@m{a,", GivenWork("@m{a,")),
        ("J. von Neumann", GivenWork("J. von Neumann", author="J. von Neumann")),
        ("author: noether", GivenWork(author="noether")),
        ("by Emmy  Noether.", GivenWork(author="Emmy Noether")),
        ("Tides and moons", GivenWork("Tides and moons")),
        ("Machine Learning", GivenWork("Machine Learning")),
        ("Tides", GivenWork("Tides")),
        (f"We like\n{BIB}", GivenWork("We like", library=BIB)),
        ("TY  - JOUR\nER  - ", GivenWork(library="TY  - JOUR\nER  -")),
        (as_toml(profile()), profile()),
    ],
)
def test_what_was_typed_is_told_apart(typed: str, found: GivenWork | Profile | None) -> None:
    assert parse_given(typed) == found


def test_a_file_with_mistakes_names_some_of_them_and_a_long_text_its_length() -> None:
    with pytest.raises(Refused, match=r'line 3: categories: "cs.XX" is not an arXiv category'):
        parse_given(as_toml(profile()).replace("cs.LG", "cs.XX"))
    with pytest.raises(Refused, match="3,001 characters; at most 3,000"):
        parse_given("x" * (LONGEST + 1))


@given(st.text(max_size=LONGEST + 10) | st.text("@{}=[]\"'by: TYAaé.\n", max_size=200))
def test_whatever_is_typed_is_taken_apart_or_refused_in_a_sentence(typed: str) -> None:
    said: object
    try:
        said = parse_given(typed)
    except Refused as refused:
        said = str(refused)[:1_000] == str(refused)
    assert said is None or said is True or isinstance(said, Profile | GivenWork)
