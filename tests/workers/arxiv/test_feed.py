"""arXiv's documents, as people get to see them: whole, cut, broken, hostile."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.arxiv.authors import split_authors
from bot.domain.papers import AnnounceType, Listing
from bot.domain.reasons import ArxivReason
from bot.errors import PaperboyError, Refused, Unavailable
from tests import TESTS
from tests.complexity import assert_linear_growth
from workers.arxiv.feed import ApiPage, merge_listings, parse_api, parse_feed

WIRE = TESTS / "wire"
REAL = TESTS.parents[1] / "shared/fixtures/arxiv"


def wire(name: str) -> bytes:
    return (WIRE / f"arxiv_{name}.xml").read_bytes()


RSS, ATOM, ODD, API = (wire(n) for n in ("rss_quant_ph", "atom_quant_ph", "rss_odd", "api_page"))


def changed(document: bytes, old: str, new: str, count: int = -1) -> bytes:
    assert old.encode() in document
    return document.replace(old.encode(), new.encode(), count)


def trouble(document: bytes) -> ArxivReason | None:
    with pytest.raises(Unavailable) as caught:
        parse_feed(document)
    return caught.value.reason


# -- a day


def test_a_days_new_and_cross_listed_papers_are_read_and_replacements_counted_apart() -> None:
    listing = parse_feed(RSS)
    assert listing.date == date(2025, 4, 28)
    assert [(a.paper.versioned, str(a.announce_type)) for a in listing.papers] == [
        ("2504.17830v1", "new"),
        ("2504.18205v1", "new"),
        ("2504.18264v1", "new"),
        ("2504.18392v1", "cross"),
        ("2504.18220v1", "cross"),
    ]
    assert listing.replaced == (
        ("2409.15900", ("quant-ph",)),
        ("2401.00867", ("cs.LG", "cs.AI", "quant-ph")),
    )
    assert listing.items == 7


def test_of_a_new_version_a_list_says_its_number_and_where_it_was_published() -> None:
    published = "Neurocomputing, Volume 639, 28 July 2025, Article 130211"
    for document in (RSS, ATOM):
        changes = parse_feed(document).changes
        assert [(change.paper, change.version) for change in changes] == [
            ("2409.15900", 4),
            ("2401.00867", 4),
        ]
        assert changes[1].published == f"{published}, doi:10.1016/j.neucom.2025.130211"
        assert merge_listings([parse_feed(document), parse_feed(document)]).changes == changes
    gone = changed(
        RSS, "Abstract: In this paper we show", "Abstract: This paper has been withdrawn."
    )
    assert parse_feed(gone).changes[1].withdrawn.startswith("This paper has been withdrawn")


def test_the_atom_feed_says_the_same_as_the_rss_feed() -> None:
    assert parse_feed(ATOM) == parse_feed(RSS)


@pytest.mark.skipif(not REAL.is_dir(), reason="the saved feeds are not on this machine")
def test_a_real_day_of_81_entries_is_read() -> None:
    listing = parse_feed((REAL / "real_rss_quant-ph_2025-04-28_full81.xml").read_bytes())
    kinds = [a.announce_type for a in listing.papers]
    assert (kinds.count(AnnounceType.NEW), kinds.count(AnnounceType.CROSS)) == (40, 10)
    assert (len(listing.replaced), listing.items, listing.date) == (31, 81, date(2025, 4, 28))


def test_maths_and_markup_stay_as_the_author_wrote_them() -> None:
    paper = parse_feed(ODD).papers[0].paper
    assert paper.title == "Bounds for $x < y$ and $p<b> q$ & more"
    assert paper.abstract == r"We write $a\&b$, <b>not</b> HTML: &lt; stays. Abstract: twice."


def test_an_old_id_keeps_its_slash_and_its_class() -> None:
    old, older = (announced.paper for announced in parse_feed(ODD).papers[:2])
    assert (old.id, old.version) == ("hep-th/9901001", 3)
    assert older.url == "https://arxiv.org/abs/math.GT/0309136"


def test_a_paper_listed_twice_is_one_paper_and_new_if_either_says_so() -> None:
    listing = parse_feed(ODD)
    assert [a.paper.id for a in listing.papers].count("2511.00002") == 1
    assert listing.papers[2].announce_type is AnnounceType.NEW
    assert listing.replaced == (("2511.00003", ("hep-th",)),)
    assert listing.items == 7


def test_authors_come_one_by_one_without_affiliations_and_without_tex() -> None:
    papers = [announced.paper for announced in parse_feed(RSS).papers]
    assert papers[1].authors[1] == "Stanisław Świerczewski"
    assert papers[2].authors == (
        "M. R. Nirmal",
        "Ankit Khandelwal",
        "Manoj Nambiar",
        "Sharma S. R. K. C. Yamijala",
    )


def test_a_saved_feed_may_begin_with_a_blank_line() -> None:
    assert parse_feed(b"\n " + RSS) == parse_feed(RSS)


def test_categories_have_the_primary_one_first() -> None:
    assert parse_feed(RSS).papers[3].paper.categories == ("q-bio.QM", "quant-ph")


# -- whose day it is


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ("Mon, 28 Apr 2025 00:00:00 -0400", date(2025, 4, 28)),
        ("Mon, 28 Apr 2025 04:00:00 +0000", date(2025, 4, 28)),
        ("Mon, 28 Apr 2025 03:59:59 +0000", date(2025, 4, 27)),
        ("Fri, 20 Nov 2026 00:00:00 -0500", date(2026, 11, 20)),
        ("Fri, 20 Nov 2026 04:59:59 GMT", date(2026, 11, 19)),
    ],
)
def test_the_day_is_new_yorks(stated: str, day: date) -> None:
    assert parse_feed(changed(RSS, "Mon, 28 Apr 2025 00:00:00 -0400", stated)).date == day


def test_an_empty_atom_feed_made_in_the_evening_is_still_of_that_new_york_day() -> None:
    assert b"<updated>2026-11-21T03:55:04.264894+00:00" in wire("atom_empty")
    assert parse_feed(wire("atom_empty")) == Listing(
        date=date(2026, 11, 20), papers=(), replaced=(), items=0
    )


def test_a_sunday_is_an_empty_list_with_its_date() -> None:
    assert parse_feed(wire("rss_empty_sunday")) == Listing(
        date=date(2025, 4, 27), papers=(), replaced=(), items=0
    )


def test_a_channel_without_a_date_has_its_papers_date() -> None:
    assert parse_feed(
        changed(RSS, "<pubDate>", "<when>", 1).replace(b"</pubDate>", b"</when>", 1)
    ).date


@pytest.mark.parametrize("stated", ["", "soon", "Mon, 99 Xyz 2025 00:00:00 -0400"])
def test_a_list_without_a_date_is_not_guessed(stated: str) -> None:
    document = changed(RSS, "Mon, 28 Apr 2025 00:00:00 -0400", stated)
    document = changed(document, "Mon, 28 Apr 2025 04:00:00 +0000", stated)
    assert trouble(document) is ArxivReason.MALFORMED


# -- what is no list


@pytest.mark.parametrize(
    ("name", "words"),
    [("rss_error", "Bad subject class 'NOPE'. Valid"), ("atom_error", "Bad archive 'nope'. Valid")],
)
def test_an_error_feed_is_refused_with_arxivs_words_and_not_an_empty_day(
    name: str, words: str
) -> None:
    with pytest.raises(Refused, match=re.escape(words)) as caught:
        parse_feed(wire(name))
    assert caught.value.reason is ArxivReason.BAD_QUERY
    assert len(str(caught.value)) < 240
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"  \n",
        b"Rate exceeded.",
        json.dumps({"error": "busy"}).encode(),
        b"<!DOCTYPE html><html><body>down for maintenance<br></body></html>",
        b"<html><head><title>quant-ph updates on arXiv.org</title></head></html>",
        b"<OAI-PMH xmlns='http://www.openarchives.org/OAI/2.0/'><item/></OAI-PMH>",
        b"\x89PNG\r\n\x1a\n\x00\x00",
        API,
    ],
)
def test_something_else_is_not_an_empty_day(document: bytes) -> None:
    assert trouble(document) is ArxivReason.NOT_A_FEED


@pytest.mark.parametrize("document", [RSS, ATOM, wire("rss_empty_sunday")])
@pytest.mark.parametrize("kept", [0.01, 0.3, 0.6, 0.95, 0.999])
def test_a_truncated_feed_is_not_a_short_day(document: bytes, kept: float) -> None:
    whole = document.rstrip()
    assert trouble(whole[: int(len(whole) * kept)]) is ArxivReason.TRUNCATED
    assert trouble(whole[:-1]) is ArxivReason.TRUNCATED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<title>Self", "<title>A & B Self"),
        ("</item>", "</itme>"),
        ("<item>", "<item><x:y>"),
        ("</rss>", "</rss><rss/>"),
        ("encoding='UTF-8'", "encoding='nonsense'"),
        ("encoding='UTF-8'", "encoding='utf-7'"),
        ("Radmir", "Radmir\x01"),
    ],
)
def test_a_feed_that_is_not_well_formed_is_not_repaired_by_guessing(old: str, new: str) -> None:
    assert trouble(changed(RSS, old, new, 1)) in (ArxivReason.MALFORMED, ArxivReason.NOT_A_FEED)


def test_bytes_that_are_no_utf_8_are_not_guessed() -> None:
    assert trouble(RSS.replace(b"Radmir", b"Radm\xefr")) is ArxivReason.MALFORMED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('<guid isPermaLink="false">oai:arXiv.org:2504.18264v1</guid>', ""),
        ("oai:arXiv.org:2504.18264v1", "oai:arXiv.org:2504.18264"),
        ("oai:arXiv.org:2504.18264v1", "oai:arXiv.org:2504.18264v0"),
        ("oai:arXiv.org:2504.18264v1", "https://example.org/post/1"),
        ("<arxiv:announce_type>cross</arxiv:announce_type>", ""),
        ("<arxiv:announce_type>cross<", "<arxiv:announce_type>withdrawn<"),
        ("<category>q-bio.QM</category>\n      <category>quant-ph</category>", ""),
        ("<title>Self-Adjoint Time Operator in a Weighted Energy Space</title>", ""),
    ],
)
def test_an_entry_that_cannot_be_read_is_not_left_out_silently(old: str, new: str) -> None:
    assert trouble(changed(RSS, old, new, 1)) is ArxivReason.MALFORMED


# -- hostile documents

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize("space", ["", "\n"])
@pytest.mark.parametrize("root", ["rss", "feed", "html"])
def test_a_billion_laughs_are_not_laughed(root: str, space: str) -> None:
    subset = LAUGHS.replace("<!", f"{space}<!")
    bomb = f'<!DOCTYPE {root} [{space}<!ENTITY l0 "ha">{subset}]>{space}<rss'
    assert trouble(changed(RSS, "Radmir", "&l9;").replace(b"<rss", bomb.encode(), 1)) in (
        ArxivReason.MALFORMED,
        ArxivReason.NOT_A_FEED,
    )


@pytest.mark.parametrize("kind", ["", "% "])
def test_an_external_entity_is_neither_read_nor_fetched(kind: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        for address in (secret.as_uri(), f"http://127.0.0.1:{listener.getsockname()[1]}/x"):
            doctype = (
                f'<!DOCTYPE rss SYSTEM "{address}" [<!ENTITY {kind}x SYSTEM "{address}">]><rss'
            )
            document = changed(RSS, "Radmir", "&x;").replace(b"<rss", doctype.encode(), 1)
            with pytest.raises(Unavailable) as caught:
                parse_feed(document)
            assert "s3cret" not in repr(caught.value)
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<rss", "\n" * 400_000 + "<rss"),
        ("<item>", "<item " + " ".join(f"a{n}='x'" for n in range(200_000)) + ">"),
    ],
)
def test_a_document_made_to_be_slow_is_not_read(old: str, new: str) -> None:
    # What reads it takes longer than a test may.
    assert trouble(changed(RSS, old, new, 1)) is ArxivReason.MALFORMED


def creators(text: str) -> bytes:
    return re.sub(b"<dc:creator>.*?</dc:creator>", f"<dc:creator>{text}</dc:creator>".encode(), RSS)


@pytest.mark.parametrize(
    "piece",
    [
        "\\(",
        "Jane Doe, ",
        ", Jr.",
        "a() ",
        "(",
        "(a",
        "Yun (Eric), Li, ",
        "A. (Bo), ",
        "$",
        "{",
        "(a b) ",
    ],
)
def test_the_work_of_reading_authors_grows_with_their_length(piece: str) -> None:
    def authors(number: int) -> None:
        split_authors("Jane Doe " + piece * number)

    assert_linear_growth(authors, 200)
    parse_feed(creators("Jane Doe " + piece * (60_000 // len(piece))))


def test_every_author_of_the_largest_collaboration_is_kept() -> None:
    names = [f"{chr(65 + n % 26)}. Doe{chr(97 + n % 23)}{chr(97 + n // 150)}" for n in range(3000)]
    assert parse_feed(creators(", ".join(names))).papers[0].paper.authors == tuple(names)
    elements = "".join(f"<author><name>{name}</name></author>" for name in names)
    page = parse_api(changed(API, "<author>", f"{elements}<author>", 1), ["cs.LG"])
    assert page.papers[0].paper.authors[:3000] == tuple(names)


def test_what_is_longer_than_anything_of_arxivs_is_cut_and_says_so() -> None:
    paper = parse_feed(creators("Jane Doe, " * 30_000)).papers[0].paper
    assert (len(paper.authors), paper.authors[-1]) == (5001, "and others")
    long = (
        parse_feed(changed(RSS, "Abstract: ", "Abstract: " + "word " * 30_000, 1)).papers[0].paper
    )
    assert len(long.abstract) <= 10_000
    assert long.abstract.endswith("word…")
    title = parse_feed(changed(RSS, "<title>", "<title>" + r"\( a" * 100_000)).papers[0].paper.title
    assert len(title) <= 1000
    assert title.endswith("…")


def test_an_entry_with_more_categories_than_there_are_is_not_read() -> None:
    many = "".join(f"<category>cs.{n}</category>" for n in range(100_000))
    assert trouble(changed(RSS, "<category>", f"{many}<category>", 1)) is ArxivReason.MALFORMED
    authors = "<author><name>A B</name></author>" * 100_000
    document = changed(API, "<author>", f"{authors}<author>", 1)
    assert isinstance(error_of(lambda: parse_api(document, ["cs"])), Unavailable)


def test_a_body_that_is_a_file_name_does_not_open_the_file(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_bytes(RSS)
    assert trouble(str(tmp_path / "feed.xml").encode()) is ArxivReason.NOT_A_FEED


def error_of(read: Callable[[], object]) -> PaperboyError | None:
    try:
        read()
    except PaperboyError as error:
        return error
    return None


def read_or_typed(document: bytes) -> None:
    for error in (
        error_of(lambda: parse_feed(document)),
        error_of(lambda: parse_api(document, ["cs"])),
    ):
        assert error is None or error.reason is not None
        assert str(error).isprintable()


@settings(max_examples=100)
@given(st.binary() | st.text().map(lambda text: f"<rss>{text}</rss>".encode()))
def test_any_bytes_are_read_or_typed(document: bytes) -> None:
    read_or_typed(document)


@settings(max_examples=150)
@given(st.sampled_from([RSS, ATOM, API, ODD]), st.floats(0, 1), st.integers(0, 40), st.binary())
def test_any_damage_is_read_or_typed(
    document: bytes, place: float, length: int, junk: bytes
) -> None:
    start = int(place * len(document))
    read_or_typed(document[:start] + junk + document[start + length :])


@settings(max_examples=100)
@given(st.sampled_from([RSS, ATOM, wire("rss_error")]), st.floats(0, 1, exclude_max=True))
def test_no_cut_anywhere_passes_for_a_day(document: bytes, place: float) -> None:
    whole = document.rstrip()
    cut = whole[: int(place * len(whole))]
    expected = ArxivReason.TRUNCATED if len(cut) > 4 else ArxivReason.NOT_A_FEED
    assert trouble(cut) is expected


# -- the API


def test_the_apis_papers_are_new_where_their_primary_category_was_asked_for() -> None:
    page = parse_api(API, ["cs"])
    assert page.total == 3
    assert [(a.paper.versioned, str(a.announce_type)) for a in page.papers] == [
        ("2202.12139v1", "new"),
        ("2405.13786v1", "new"),
        ("quant-ph/0201082v1", "cross"),
    ]
    assert page.papers[1].paper.authors == (
        "Aurora Ramírez",
        "Mario Berrios",
        "José Raúl Romero",
        "Robert Feldt",
    )


def test_the_apis_primary_category_comes_first_wherever_it_stands() -> None:
    document = changed(API, '<arxiv:primary_category term="quant-ph"/>', "")
    document = changed(
        document, "<name>Stephen", '<name/></author><arxiv:primary_category term="cs.PL"/><author>'
        "<name>Stephen"
    )  # fmt: skip
    paper = parse_api(document, ["cs.PL"]).papers[2]
    assert paper.paper.categories == ("cs.PL", "quant-ph")
    assert paper.paper.authors == ("Stephen Blaha",)
    assert paper.announce_type is AnnounceType.NEW


def test_the_apis_error_entry_is_not_a_paper() -> None:
    with pytest.raises(Refused, match="incorrect id format for abc") as caught:
        parse_api(wire("api_error"), ["cs"])
    assert caught.value.reason is ArxivReason.BAD_QUERY


def test_the_api_finding_nothing_is_an_empty_page() -> None:
    document = changed(API, "totalResults>3<", "totalResults>0<")
    empty = re.sub(rb"<entry>.*</entry>", b"", document, flags=re.DOTALL)
    assert parse_api(empty, ["cs"]) == ApiPage(papers=(), total=0)


@pytest.mark.parametrize("total", ["", "many", "-1", "9" * 5000])
def test_an_api_answer_that_does_not_say_how_much_there_is_cannot_be_trusted(total: str) -> None:
    with pytest.raises(Unavailable) as caught:
        parse_api(changed(API, "totalResults>3<", f"totalResults>{total}<"), ["cs"])
    assert caught.value.reason is ArxivReason.MALFORMED


# -- several feeds


def test_merged_feeds_hold_each_paper_once_and_new_beats_cross_beats_replaced() -> None:
    first = parse_feed(RSS)
    second = changed(RSS, "announce_type>cross<", "announce_type>new<", 1)
    second = changed(second, "announce_type>replace<", "announce_type>cross<")
    merged = merge_listings([first, parse_feed(second)])
    assert [(a.paper.id, str(a.announce_type)) for a in merged.papers] == [
        ("2504.17830", "new"),
        ("2504.18205", "new"),
        ("2504.18264", "new"),
        ("2504.18392", "new"),
        ("2504.18220", "cross"),
        ("2409.15900", "cross"),
    ]
    assert merged.replaced == (("2401.00867", ("cs.LG", "cs.AI", "quant-ph")),)
    assert merged.items == 14
    assert merge_listings([first]) == first


def test_feeds_of_different_days_are_refused_by_naming_both() -> None:
    with pytest.raises(Refused, match="2025-04-28 and 2025-11-03"):
        merge_listings([parse_feed(ODD), parse_feed(RSS)])


def test_an_empty_feeds_date_counts_only_when_all_are_empty() -> None:
    sunday, friday = parse_feed(wire("rss_empty_sunday")), parse_feed(wire("atom_empty"))
    assert merge_listings([sunday, parse_feed(RSS)]).date == date(2025, 4, 28)
    assert merge_listings([friday, sunday]).date == date(2026, 11, 20)
    assert merge_listings([sunday]).items == 0
