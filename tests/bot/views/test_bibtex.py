"""A paper as a BibTeX entry: what is copied compiles, and means the paper."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views.keeping.bibtex import bibtex_text, entry
from tests.factories import HOSTILE_DECISION, paper


def test_an_entry_has_what_arxivs_own_has() -> None:
    found = paper(
        title="Borsuk-Ulam and Replicable Learning",
        authors=("Ari Blondal", "Hamed Hatami", "ATLAS Collaboration", "and others"),
    )
    assert bibtex_text(found).title == "Borsuk-Ulam and Replicable Learning"
    assert bibtex_text(found).code == (
        "@misc{blondal2025borsuk,\n"
        "  title         = {{Borsuk-Ulam and Replicable Learning}},\n"
        "  author        = {Ari Blondal and Hamed Hatami and {ATLAS Collaboration} and others},\n"
        "  year          = {2025},\n"
        "  eprint        = {2503.15294},\n"
        "  archivePrefix = {arXiv},\n"
        "  primaryClass  = {cs.LG},\n"
        "  url           = {https://arxiv.org/abs/2503.15294},\n"
        "}"
    )


@pytest.mark.parametrize(
    ("title", "written"),
    [
        ("A $\\gamma$-margin for $k$ of $n_1$", "A $\\gamma$-margin for $k$ of $n_1$"),
        ("R&D: 50% off, snake_case, #1", "R\\&D: 50\\% off, snake\\_case, \\#1"),
        ("R\\&D", "R\\&D"),
        ("M\\\"uller's {KV} cache", "M\\\"uller's {KV} cache"),
        ("From $5 to $10 a day", "From \\$5 to \\$10 a day"),
        ("Open { brace", "Open brace"),
        ("Closed } first {", "Closed first"),
        (
            "\\input{/etc/passwd} read",
            "\\textbackslash{}input\\textbraceleft{}/etc/passwd\\textbraceright{} read",
        ),
        ("A title that ends in \\", "A title that ends in \\textbackslash{}"),
        ("x^2 outside", "x\\textasciicircum{}2 outside"),
    ],
)
def test_a_title_compiles_and_keeps_its_mathematics(title: str, written: str) -> None:
    assert f"title         = {{{{{written}}}}}," in entry(paper(title=title))


@pytest.mark.parametrize(
    ("id", "authors", "title", "key", "year"),
    [
        (
            "hep-th/9901001",
            ("Jesús M. Rodríguez-de-Vera",),
            "The matter",
            "rodriguezdevera",
            "1999",
        ),
        ("2503.15294", ("Ludwig van Beethoven",), "On 3D", "vanbeethoven", "2025"),
        ("2503.15294", ("李 明",), "一", "arxiv250315294", "2025"),
        ("2503.15294", (), "Nobody's", "arxiv250315294", "2025"),
    ],
)
def test_a_key_is_of_plain_letters_and_digits(
    id: str, authors: tuple[str, ...], title: str, key: str, year: str
) -> None:
    found = entry(paper(id, authors=authors, title=title))
    assert found.startswith(f"@misc{{{key}")
    assert f"year          = {{{year}}}" in found
    assert f"eprint        = {{{id}}}" in found


def test_three_thousand_authors_still_fit_into_a_message() -> None:
    found = entry(paper(authors=tuple(f"Author {n} O'Name" for n in range(3000))))
    assert len(found) < 3000
    assert "Author 49 O'Name and others}," in found


pieces = st.sampled_from(
    [
        "\\",
        "{",
        "}",
        "$",
        "&",
        "#",
        "%",
        "_",
        "^",
        "~",
        "`",
        "a",
        " and ",
        ",",
        "\\$",
        "\\}",
        "é",
        " ",
    ]
)


@given(st.lists(pieces, max_size=15).map("".join), st.lists(pieces, max_size=8).map("".join))
def test_whatever_people_write_no_brace_opens_or_closes_a_field(title: str, author: str) -> None:
    found = entry(paper(title=title, authors=(author,)))
    rows = found.split("\n")
    assert rows[0].startswith("@misc{")
    assert rows[-1] == "}"
    for row in rows[1:-1]:
        before = row.removesuffix("},")
        depths = [before[:n].count("{") - before[:n].count("}") for n in range(len(before) + 1)]
        assert depths[-1] == 1, row
        assert min(depths[depths.index(1) :]) == 1, row
        assert not before.endswith("\\")


def test_a_hostile_paper_has_an_entry_too() -> None:
    found = entry(HOSTILE_DECISION.paper)
    assert "title         = {{" in found
    assert "@everyone" in found
    assert "primaryClass  = {hep-th}," in found
