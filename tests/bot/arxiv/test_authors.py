"""Who wrote a paper, and whom of those somebody follows. The strings are arXiv's own."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.arxiv.authors import followed, split_authors
from tests.complexity import assert_linear_growth

quick = settings(max_examples=100)

PIECES = [
    *"()(),,;: .&-'",
    " and ",
    "Jane",
    "Doe",
    "(Eric)",
    "Yun",
    "India)",
    r"\'",
    "{",
    "$",
    "Jr.",
]
name = st.text("abcdeéø", min_size=2, max_size=8).map(str.capitalize)
full_name = st.tuples(name, name).map(" ".join)


# -- splitting


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        ("Ari Blondal, Hamed Hatami", ("Ari Blondal", "Hamed Hatami")),
        (r"\`Alex Pujol Vidal, S{\o}ren Stobbe", ("Àlex Pujol Vidal", "Søren Stobbe")),
        (r"Stanis{\l}aw \'Swierczewski", ("Stanisław Świerczewski",)),
        ("Ratna Kandala,  Deepti, Joyojeet Pal", ("Ratna Kandala", "Deepti", "Joyojeet Pal")),
        ("NVIDIA, :, Hassan Abu, and Shadab Khan", ("NVIDIA", "Hassan Abu", "Shadab Khan")),
        ("Ann Roe and Jo Doe; Max Moe & Eva Poe", ("Ann Roe", "Jo Doe", "Max Moe", "Eva Poe")),
        ("ATLAS Collaboration, Rock and Roll Team", ("ATLAS Collaboration", "Rock and Roll Team")),
        ("Robert W. Heath, Jr., Hal Daumé III", ("Robert W. Heath Jr.", "Hal Daumé III")),
        (r"J.\,Doe, , ,K.~Roe,", ("J. Doe", "K. Roe")),
        ("", ()),
    ],
)
def test_every_author_is_named_once_and_in_order(raw: str, names: tuple[str, ...]) -> None:
    assert split_authors(raw) == names


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (
            "M. R. Nirmal (Department of Chemistry, IIT Madras, India, Centre for Quantum"
            " Information, Communication, and Computing), Ankit Khandelwal (IIT Madras, India)",
            ("M. R. Nirmal", "Ankit Khandelwal"),
        ),
        ("Jane Doe (Univ. of X (CNRS, France), Lyon), John Roe", ("Jane Doe", "John Roe")),
        ("Jane Doe (MIT) and John Roe (ETH)", ("Jane Doe", "John Roe")),
        ("A. Bee (1), C. Dee (2) ((1) MIT, Boston, (2) ETH)", ("A. Bee", "C. Dee")),
        ("Gang Li, Guangzhou College of Commerce), India), Bo Bar", ("Gang Li", "Bo Bar")),
        ("Gang Li, Department of Trade, X University, China), Bo Bar", ("Gang Li", "Bo Bar")),
        ("Jane Doe (MIT, John Roe (ETH), Max Moe", ("Jane Doe", "John Roe", "Max Moe")),
        ("The Institute of Cancer, Jane Doe", ("The Institute of Cancer", "Jane Doe")),
    ],
)
def test_affiliations_are_not_authors(raw: str, names: tuple[str, ...]) -> None:
    assert split_authors(raw) == names


def test_a_nickname_stays_with_the_one_who_has_it() -> None:
    raw = "Zihao Zheng (Eric), Jiayu Chen (Eric), Yun (Eric), Liang, Xiang Chen"
    assert split_authors(raw) == ("Zihao Zheng", "Jiayu Chen", "Yun (Eric) Liang", "Xiang Chen")
    assert split_authors("Chuan (CJ) Li (MIT), Jo Roe") == ("Chuan (CJ) Li", "Jo Roe")
    assert split_authors("Jane (MIT) Doe, Jo Roe") == ("Jane Doe", "Jo Roe")
    assert split_authors('Guiling "Grace" Wang') == ('Guiling "Grace" Wang',)
    assert split_authors("Yik Ki (Jackie), Ma, Jo Roe") == ("Yik Ki (Jackie) Ma", "Jo Roe")
    assert split_authors("C. M. (Matt), Bradford, Jo Roe") == ("C. M. (Matt) Bradford", "Jo Roe")
    assert split_authors("Jo Doe (Kenya), Deepti, Jane Doe (MIT), Roe") == (
        *("Jo Doe", "Deepti", "Jane Doe", "Roe"),
    )


def test_a_one_word_author_from_one_country_does_not_absorb_the_next_author() -> None:
    assert split_authors("Deepti (India), Joyojeet Pal") == ("Deepti", "Joyojeet Pal")


@quick
@given(st.text() | st.lists(st.sampled_from([*PIECES, "\x1b", "\u202e"])).map("".join))
def test_any_string_gives_names_that_can_be_shown(raw: str) -> None:
    for author in split_authors(raw):
        assert any(map(str.isalpha, author))
        assert not {"Cc", "Cf", "Cs"} & set(map(unicodedata.category, author))
        assert author == " ".join(author.split())
        assert not set(",;:") & set(author)


@quick
@given(st.lists(full_name), st.sampled_from([", ", ",", " ,  ", "; ", " (Uni X, Y), ", " (1), "]))
def test_names_come_back_however_they_are_joined(names: list[str], joint: str) -> None:
    assert split_authors(joint.join(names)) == tuple(names)


def test_the_longest_list_takes_no_more_work_for_each_name() -> None:
    def authors(number: int) -> None:
        one = r"J\'er\^ome M\"uller (Dept. of X, Univ. of Y (CNRS), France)"
        assert split_authors(", ".join([one] * number)) == ("Jérôme Müller",) * number

    assert_linear_growth(authors, 50)
    authors(395)


# -- following


@pytest.mark.parametrize(
    ("author", "entry"),
    [
        ("Søren Stobbe", "soren stobbe"),
        ("Jane Doe", "J. Doe"),
        ("J. Doe", "Jane Doe"),
        ("Jane Q. Doe", "Jane Doe"),
        ("Jane Doe", "J. Q. Doe"),
        ("Jean-Pierre Serre", "J.-P. Serre"),
        ("Xiao-Ming Li", "Xiaoming Li"),
        ("Jesús M. Rodríguez-de-Vera", "Jesus Rodriguez-de-Vera"),
        ("Hal Daumé III", "Hal Daume"),
        ("Yun (Eric) Liang", "Eric Liang"),
        ("Yun (Eric) Liang", "Yun Liang"),
        ('Zhaoqin "Richie" Li', "Richie Li"),
        ("Deepti", "deepti"),
        ('"Mickey Mouse"', "Mickey Mouse"),
        ('"Mickey Mouse"', '"Mickey Mouse"'),
        ("The ATLAS Collaboration", "ATLAS Collaboration"),
        ("ATLAS Collaboration", "the ATLAS collaboration"),
        ("on behalf of the ATLAS Collaboration", "ATLAS Collaboration"),
        ("The ATLAS Collaboration", "ATLAS"),
        ("Anna Müller", "Anna Mueller"),
        ("Anna Mueller", "Anna Müller"),
        ("Anna Muller", "Anna Müller"),
        ("Anna Muller", "Anna Mueller"),
        ("Jörg Weiß", "Joerg Weiss"),
        ("Jens Østergaard", "Jens Oestergaard"),
        ("Jens Østergård", "Jens Ostergaard"),
        ("Åse Berg", "Aase Berg"),
        ("María García-López", "Maria Garcia Lopez"),
        ("Maria Garcia Lopez", "M. García-López"),
        ("S. T. Boris Choy", "Boris Choy"),
        ("Q. Jane Doe", "Jane Doe"),
        ("John Smith", "Smith, John"),
        ("John Q. Smith", "Smith, J."),
        ("Hal Daumé III", "Daume, Hal"),
    ],
)
def test_a_followed_author_is_found(author: str, entry: str) -> None:
    assert followed(["Somebody Else", author], [entry]) == (entry,)


@pytest.mark.parametrize(
    ("author", "entry"),
    [
        ("Jane Doe", "John Doe"),
        ("Jane Doe", "Jan Doe"),
        ("Jane A. Doe", "Jane B. Doe"),
        ("Jane Doe", "Jane Roe"),
        ("Jane Doe", "Doe"),
        ("Doe", "Jane Doe"),
        ("Q. Jane Doe", "J. Doe"),
        ("Jane Smith", "Smith, John"),
        ("Jane Smith", "John Smith"),
        ("Xue Li", "Xu Li"),
        ("Michael Roe", "Michal Roe"),
        ("Xiao Ming Li", "Xiao Mingli"),
        ("Maria Garcia", "María García-López"),
        ("Maria Lopez", "María García-López"),
        ("The ATLAS Collaboration", "CMS Collaboration"),
        ("ATLAS Team", "ATLAS Collaboration"),
        ("John Atlas", "ATLAS Collaboration"),
        ("Jesús M. Rodríguez-de-Vera", "J. Vera"),
        ("Jane Doe", "."),
        ("Jane Doe", ""),
    ],
)
def test_somebody_else_is_not_taken_for_a_followed_author(author: str, entry: str) -> None:
    assert followed([author], [entry]) == ()


def test_followed_authors_come_as_they_were_written_down() -> None:
    names = ["Bernhard Schölkopf", "Jane Doe", "Ari Blondal"]
    follow = ["JANE DOE", "Nobody Here", "B. Scholkopf"]
    assert followed(names, follow) == ("JANE DOE", "B. Scholkopf")
    assert followed([], follow) == ()


@quick
@given(st.lists(full_name, min_size=1), st.lists(full_name))
def test_everybody_can_be_followed(names: list[str], others: list[str]) -> None:
    assert followed(names, names) == tuple(names)
    assert set(followed(names, others)) <= set(others)


@quick
@given(st.lists(st.text()), st.lists(st.text()))
def test_any_names_can_be_compared(names: list[str], follow: list[str]) -> None:
    assert set(followed(names, follow)) <= set(follow)
