"""Which paper people mean, however they write it down."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.arxiv.ids import PaperId, find, parse_one
from bot.errors import Refused
from tests.complexity import steps

quick = settings(max_examples=200)

OLD = "astro-ph cond-mat cs hep-th math math-ph q-bio quant-ph alg-geom cmp-lg solv-int supr-con"


def written(named: PaperId) -> str:
    return named.id if named.version is None else f"{named.id}v{named.version}"


def refusal(text: str) -> str:
    with pytest.raises(Refused) as refused:
        parse_one(text)
    return str(refused.value)


# -- ids and where they stand


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("2503.15294", "2503.15294"),
        ("2503.15294v2", "2503.15294v2"),
        ("2503.15294V12", "2503.15294v12"),
        ("arXiv:2503.15294", "2503.15294"),
        ("arxiv: 2503.15294v1 [cs.LG] 19 Mar 2025", "2503.15294v1"),
        ("arXiv2503.15294", "2503.15294"),
        ("0704.0001 and 1412.9999, 1501.00001.", "0704.0001 1412.9999 1501.00001"),
        ("hep-th/9901001", "hep-th/9901001"),
        ("arXiv:hep-th/9901001v1", "hep-th/9901001v1"),
        ("HEP-TH/9901001", "hep-th/9901001"),
        ("math.GT/0309136", "math/0309136"),
        ("cond-mat.mes-hall/0309136v3", "cond-mat/0309136v3"),
        ("alg-geom/9202001 cmp-lg/9404001", "alg-geom/9202001 cmp-lg/9404001"),
        ("hep-th/9108001 hep-th/0703253", "hep-th/9108001 hep-th/0703253"),
        # Links.
        ("https://arxiv.org/abs/2503.15294", "2503.15294"),
        ("http://www.arxiv.org/abs/2503.15294v2?context=cs.LG#top", "2503.15294v2"),
        ("https://arxiv.org/pdf/2503.15294", "2503.15294"),
        ("https://arxiv.org/pdf/2503.15294v2.pdf", "2503.15294v2"),
        ("https://arxiv.org/pdf/hep-th/9901001v1.pdf", "hep-th/9901001v1"),
        ("https://arxiv.org/abs/math.GT/0309136", "math/0309136"),
        ("https://arxiv.org/html/2503.15294v1#S3", "2503.15294v1"),
        ("https://export.arxiv.org/abs/hep-th%2F9901001", "hep-th/9901001"),
        ("https://www.alphaxiv.org/overview/2503.15294v2", "2503.15294v2"),
        ("https://alphaxiv.org/abs/2503.15294", "2503.15294"),
        ("https://www.alphaxiv.org/pdf/2503.15294", "2503.15294"),
        ("https://huggingface.co/papers/2503.15294?utm_source=x", "2503.15294"),
        ("https://doi.org/10.48550/arXiv.2503.15294", "2503.15294"),
        ("10.48550/arXiv.hep-th/9901001.", "hep-th/9901001"),
        ("10.48550/arxiv.math.GT/0309136", "math/0309136"),
        ("https://www.google.com/search?q=arXiv%3A2503.15294", "2503.15294"),
        # In other text.
        ("<https://arxiv.org/abs/2503.15294>", "2503.15294"),
        ("<https://arxiv.org/abs/2503.15294v2|arxiv.org/abs/2503.15294v2>", "2503.15294v2"),
        ("[2503.15294](https://arxiv.org/abs/2503.15294)", "2503.15294"),
        ("_2503.15294_ *2503.15295* `2503.15296`", "2503.15294 2503.15295 2503.15296"),
        ("Is 2503.15294, (2503.15295) or “2503.15296”?", "2503.15294 2503.15295 2503.15296"),
        ("2503.15295,2503.15294;2503.15295", "2503.15295 2503.15294"),
        ("first 2503.15294v1, then 2503.15294v2", "2503.15294v1"),
        ("Smith-2503.15294.pdf", "2503.15294"),
        ("see 2503.15294.Then", "2503.15294"),
        ("hep–th/9901001", "hep-th/9901001"),
    ],
)
def test_an_id_is_found_wherever_it_stands(text: str, ids: str) -> None:
    assert " ".join(map(written, find(text))) == ids


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3.14159",
        "12345.67890",
        "2503.152945",
        "2503.1529",
        "2513.15294",
        "2500.15294",
        "1412.00001",
        "1501.0001",
        "2503.00000",
        "0703.0001",
        "9901.00001",
        "2503.15294v0",
        "1.2503.15294",
        "2503.15294.1",
        "192.168.10.1",
        "+4912.34567",
        "+49 711 1234567, 555-123-4567, 020 7946 0958",
        "$1,203.4567",
        "1742459999.123456",
        "2025-03-20 20.03.2025",
        "x2503.15294 2503.15294x",
        "٢٥٠٣.١٥٢٩٤",
        "hep-th/990100",
        "hep-th/99010011",
        "hep-th/9913001",
        "hep-th/9901000",
        "hep-th/0704001",
        "hep-th/9001001",
        "hep-xx/9901001",
        "stat/0701001",
        "foo-hep-th/9901001",
        "https://arxiv.org/list/hep-th/2503",
        "https://arxiv.org/abs/9901001",
        "https://slack.com/archives/C0123456789/p1742459999123456",
        "10.1103/PhysRevLett.125.123456",
    ],
)
def test_a_number_of_another_kind_is_no_id(text: str) -> None:
    assert find(text) == ()


months = st.tuples(st.integers(0, 99), st.integers(1, 12)).map(lambda ym: ym[0] * 100 + ym[1])
new_ids = months.filter(lambda month: 704 <= month < 9107).flatmap(
    lambda month: st.integers(1, 9999 if month < 1501 else 99999).map(
        lambda number: f"{month:04}.{number:0{4 if month < 1501 else 5}}"
    )
)
old_ids = st.builds(
    lambda archive, month, number: f"{archive}/{month:04}{number:03}",
    st.sampled_from(OLD.split()),
    months.filter(lambda month: month >= 9107 or month < 704),
    st.integers(1, 999),
)
papers = st.builds(PaperId, id=new_ids | old_ids, version=st.none() | st.integers(1, 99))
places = st.sampled_from(
    [
        "{}",
        "arXiv:{}",
        "https://arxiv.org/abs/{}",
        "https://arxiv.org/pdf/{}.pdf?download=1",
        "<https://arxiv.org/html/{}|the paper>",
        "[it](https://www.alphaxiv.org/overview/{})",
        "https://huggingface.co/papers/{}.",
        "10.48550/arXiv.{},",
    ]
)


@quick
@given(st.lists(st.tuples(papers, places), max_size=5, unique_by=lambda pair: pair[0].id))
def test_all_that_are_named_are_found_in_order(pairs: list[tuple[PaperId, str]]) -> None:
    text = " and ".join(place.format(written(named)) for named, place in pairs)
    assert find(text) == tuple(named for named, _ in pairs)


@quick
@given(papers, places, st.text("abc .,;:!?()<>|*_`'\"\n", max_size=10))
def test_one_is_what_is_named(named: PaperId, place: str, after: str) -> None:
    assert parse_one(f"why {place.format(written(named))} {after}") == named


# -- what is wrong with the others


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (" ", "Say which paper, by an arXiv id like 2503.15294 or hep-th/9901001."),
        (
            "that one",
            'There is no arXiv id in "that one"; ids look like 2503.15294 or hep-th/9901001.',
        ),
        ("2503.1529", '"2503.1529" has four digits after the point; it takes five.'),
        (
            "1412.09999",
            '"1412.09999" has five digits after the point; it takes four; did you mean 1412.9999?',
        ),
        ("2513.15294", '"2513.15294" is no arXiv id: there is no month 13.'),
        (
            "202503.15294",
            '"202503.15294" has six digits before the point; year and month take four; '
            "did you mean 2503.15294?",
        ),
        (
            "2503.15294v0",
            '"2503.15294v0" has version 0; versions start at v1; did you mean 2503.15294?',
        ),
        (
            "0701.1234",
            '"0701.1234" would be from before April 2007, when ids looked like hep-th/9901001.',
        ),
        (
            "math/0704001",
            '"math/0704001" would be from after March 2007; ids look like 0704.0001 since then.',
        ),
        ("hep-th/990100", '"hep-th/990100" has six digits after the slash; it takes seven.'),
        ("2503.00000", '"2503.00000" has number 0; numbers start at 1.'),
        (
            "https://arxiv.org/abs/9901001",
            '"abs/9901001" is of no archive that arXiv had when ids looked like hep-th/9901001.',
        ),
        ("2503.15294 2503.15295", "Name one paper at a time, not 2503.15294 and 2503.15295."),
        (
            " ".join(f"2503.1529{n}" for n in range(7)),
            "Name one paper at a time, not 2503.15290, 2503.15291, 2503.15292, 2503.15293 "
            "and 3 more.",
        ),
    ],
)
def test_text_that_is_no_id_gets_a_sentence(text: str, says: str) -> None:
    assert refusal(text) == says


@pytest.mark.parametrize(
    "text",
    [
        "2503 15294",
        "2503,15294",
        "2503/15294",
        "2503-15294v2",
        "2503..15294",
        "250315294",
        "2025 03.15294 or 202503.15294",
        "25O3.15294",
        "2503.l5294",
        "2503.15294pdf",
        "2503.15294v",
        "id2503.15294",
        "2503.015294",
        "2503.15294v00",
    ],
)
def test_a_typing_error_is_guessed(text: str) -> None:
    assert refusal(text).endswith("; did you mean 2503.15294?")


@pytest.mark.parametrize(
    "text",
    ["hepth/9901001", "hep_th/9901001", "hep th 9901001", "hep-th9901001", "hep-th:9901001",
     "see hep-th 9901001", "hept-h/9901001", "arxiv.org/abs/hepth/9901001"],
)  # fmt: skip
def test_an_archive_written_otherwise_is_guessed(text: str) -> None:
    assert refusal(text).endswith("; did you mean hep-th/9901001?")


def spoilt(id: str) -> list[str]:
    """Ids with one thing wrong: a character left out, doubled, or another in its place."""
    found = []
    for at, char in enumerate(id):
        found += [id[:at] + id[at + 1 :], id[:at] + char + id[at:]]
        found += [id[:at] + other + id[at + 1 :] for other in "0oOlI9-./ x\x00"]
    return found


@pytest.mark.parametrize("id", ["2503.15294", "1412.9999", "hep-th/9901001", "math.GT/0309136v2"])
def test_every_id_with_one_thing_wrong_is_an_id_or_gets_a_sentence(id: str) -> None:
    assert len(spoilt(id)) > 100
    for text in spoilt(id):
        check(text)


near = st.text("0123456789.v/-hepthmatarXiv: \u202e", max_size=30)


@quick
@given(st.text() | near | st.lists(near).map(" ".join))
def test_any_text_is_one_id_or_gets_a_sentence(text: str) -> None:
    check(text)


def check(text: str) -> None:
    try:
        named = parse_one(text)
    except Refused as refused:
        said = str(refused)
        assert said.isprintable()
        assert len(said) < 200
        assert re.fullmatch(r"(Say|Name|There is|\").+[.?]", said)
        if guess := re.search(r"did you mean (\S+)\?$", said):
            assert parse_one(guess[1]).id == guess[1]
    else:
        assert find(text) == (named,)
        assert find(written(named)) == (named,)


@pytest.mark.parametrize(
    "unit",
    ["1", "1234.", "2503.1529 ", "a-", "a ", "hep-th/", "math.", "v", "%", "%2F", "0", "arxiv", "o",
     "2503.15294v", "-", " ", "1 "],
)  # fmt: skip
def test_a_long_text_is_read_at_once(unit: str) -> None:
    refusal(unit * (1_000_000 // len(unit)))  # a second look at each character would take hours


def test_many_ids_with_a_typing_error_are_not_all_compared_with_every_archive() -> None:
    few, many = (steps(lambda n=n: refusal("quantxx 9913001 " * n)) for n in (10, 120))
    assert many <= 1.2 * few
