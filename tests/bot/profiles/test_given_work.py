"""What somebody types when asked what they work on, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.papers import Profile
from bot.errors import Refused
from bot.profiles.form import LONGEST
from bot.profiles.given_work import GivenWork, decoded, parse_given
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


@pytest.mark.parametrize(
    "content",
    [
        BIB.encode() + "é".encode(),
        b"\xef\xbb\xbf" + BIB.encode() + "é".encode(),
        BIB.encode("utf-16-le").join((b"\xff\xfe", "é".encode("utf-16-le"))),
        BIB.encode() + b"\xe9",
    ],
)
def test_a_file_is_read_as_programs_write_it(content: bytes) -> None:
    assert decoded(content) == f"{BIB}é"


def test_a_librarys_file_stands_beside_what_is_typed() -> None:
    assert decoded(b"TY  - A\r\nER  -\rTY  - B\n") == "TY  - A\nER  -\nTY  - B\n"
    assert parse_given("", BIB) == GivenWork(library=BIB)
    assert parse_given("", as_toml(profile())) == profile()
    assert parse_given("Tides", BIB) == GivenWork("Tides", library=BIB)
    author = GivenWork("Emmy Noether", library=BIB, author="Emmy Noether")
    assert parse_given("Emmy Noether", BIB) == author


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "is empty"),
        (b"\n\n", "is empty"),
        (b"%PDF-1.4 \x00", "is no text"),
        (b"\x89PNG\r\n\x1a\n", "is no text"),
    ],
)
def test_a_file_that_is_no_text_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(Refused, match=said):
        decoded(content)


@pytest.mark.parametrize(
    ("typed", "file", "said"),
    [
        ("", "<html>@misc{a}", "neither BibTeX nor RIS"),
        (BIB, BIB, "give one of them"),
        (as_toml(profile()), BIB, "give one of them"),
        ("We work on tides.", as_toml(profile()), "A profile's file says all: give it alone"),
        ("", as_toml(profile()).replace("cs.LG", "cs.XX"), '"cs.XX" is not an arXiv category'),
        ("x" * (LONGEST + 1), BIB, "at most 3,000"),
    ],
)
def test_a_file_that_is_no_library_or_a_second_one_is_refused(
    typed: str, file: str, said: str
) -> None:
    with pytest.raises(Refused, match=said):
        parse_given(typed, file)


@pytest.mark.parametrize("line", ["\n", " \n", "\t", "x\n", "categories \n", "@article \n"])
def test_a_file_of_blank_lines_is_refused_and_holds_nobody_up(line: str) -> None:
    """A million of them took hours, in the process that has to answer everybody: what begins a line
    was looked for across all lines after it, from each of them."""
    with pytest.raises(Refused, match="neither BibTeX nor RIS"):
        parse_given("", line * (1_000_000 // len(line)) + "x")


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
