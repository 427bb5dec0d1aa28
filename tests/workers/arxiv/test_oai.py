"""A page of arXiv's archive interface, and the way from page to page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.reasons import ArxivReason
from bot.errors import PaperboyError, Refused, Unavailable
from bot.store.store import Store
from tests.servers.arxiv_archive import FakeArchive, Kept, records_document
from tests.servers.fake_http import HttpReply, run_fake_server, xml_reply
from workers.arxiv.archive import sets_of
from workers.arxiv.client import ArxivClient
from workers.arxiv.oai import Page, Record, Version, parse_page

TUESDAY, DAY = datetime(2025, 3, 18, 20, tzinfo=UTC), date(2025, 3, 20)


def kept(number: int, categories: str = "cs.LG", changed: date = DAY) -> Kept:
    return Kept(f"2503.{number:05}", categories, (TUESDAY,), changed)


def one(**said: str) -> Record:
    (record,) = parse_page(
        records_document([kept(1, "cs.LG stat.ML")._replace(**said)])  # type: ignore[arg-type]
    ).records
    return record


def test_a_record_becomes_the_paper_that_the_feed_has() -> None:
    more = "<comments>9 pages</comments><journal-ref>J. 1</journal-ref><doi>10.1/2</doi>"
    record = one(
        title="On\n  <b> &\u202e $x$",
        abstract=" About\n it. ",
        authors="A. Bee (X, Y), C Dee",
        more=more,
    )
    paper = record.paper(2)
    assert (paper.id, paper.version, paper.categories) == ("2503.00001", 2, ("cs.LG", "stat.ML"))
    assert (paper.title, paper.abstract) == ("On <b> & $x$", "About it.")
    assert paper.authors == ("A. Bee", "C Dee")
    assert record.changed == DAY
    assert record.versions == (Version(1, TUESDAY),)
    assert record.change(paper).published == "J. 1, doi:10.1/2"


def test_versions_are_in_their_order_whatever_the_order_they_come_in() -> None:
    later = datetime(2025, 3, 19, 9, tzinfo=UTC)
    document = records_document([kept(1)._replace(versions=(TUESDAY, later))])
    first, second = document.find(b"<version"), document.find(b'<version version="v2"')
    end = document.find(b"<title>")
    turned = document[:first] + document[second:end] + document[first:second] + document[end:]
    (record,) = parse_page(turned).records
    assert record.versions == (Version(1, TUESDAY), Version(2, later))


def test_a_withdrawn_record_is_left_out_and_none_is_an_empty_page() -> None:
    deleted = records_document([kept(1)]).replace(b"<header>", b'<header status="deleted">')
    assert parse_page(deleted) == Page((), "")
    status, _, empty = FakeArchive([]).answer("/oai?verb=ListRecords&metadataPrefix=arXivRaw")
    assert (status, parse_page(empty)) == (200, Page((), ""))


GOOD = records_document([kept(1)])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"<html><body>Down</body></html>", ArxivReason.NOT_A_FEED),
        (b"", ArxivReason.NOT_A_FEED),
        (b"<!DOCTYPE OAI-PMH [<!ENTITY a 'b'>]>" + GOOD[38:], ArxivReason.NOT_A_FEED),
        (GOOD[: len(GOOD) // 2], ArxivReason.TRUNCATED),
        (GOOD.replace(b"<title>", b"<title>&"), ArxivReason.MALFORMED),
        (GOOD.replace(b"2503.00001</id>", b"../../etc</id>"), ArxivReason.MALFORMED),
        (GOOD.replace(b'"v1"', b'"1"'), ArxivReason.MALFORMED),
        (GOOD.replace(b"18 Mar 2025", b"48 Mar 2025"), ArxivReason.MALFORMED),
        (GOOD.replace(b">2025-03-20<", b">2025-13-20<"), ArxivReason.MALFORMED),
        (GOOD.replace(b"ListRecords>", b"Identify>"), ArxivReason.MALFORMED),
        (GOOD.replace(b"<title>", b"<a>" * 99 + b"</a>" * 99 + b"<title>"), ArxivReason.MALFORMED),
    ],
)
def test_nothing_but_a_whole_page_is_read(document: bytes, reason: ArxivReason) -> None:
    with pytest.raises(Unavailable) as caught:
        parse_page(document)
    assert caught.value.reason is reason


def test_a_paper_without_a_title_is_no_paper() -> None:
    (record,) = parse_page(GOOD.replace(b"On 2503.00001", b" ")).records
    with pytest.raises(Unavailable, match="without a title"):
        record.paper(1)


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=6), st.integers(0, 20))
def test_a_damaged_page_is_refused_or_read_and_nothing_else(at: int, put: bytes, cut: int) -> None:
    try:
        page = parse_page(GOOD[:at] + put + GOOD[at + cut :])
    except PaperboyError:
        return
    assert len(page.records) <= 1


# -- from page to page


def page_that_names(token: str) -> bytes:
    return records_document([kept(1)], f"<resumptionToken>{token}</resumptionToken>")


@contextmanager
def asked(store: Store, archive: FakeArchive) -> Iterator[tuple[list[str], ArxivClient]]:
    with run_fake_server(archive.answer) as server:
        paths: list[str] = []

        def answer(path: str, body: bytes) -> HttpReply:
            paths.append(path)
            return archive.answer(path, body)

        server.answer = answer
        yield paths, ArxivClient("", "", store.redis, pause=0.001, oai_url=f"{server.url}/oai")


def test_all_pages_are_asked_for(store: Store) -> None:
    archive = FakeArchive([kept(number) for number in range(1, 8)], limit=3)
    with asked(store, archive) as (paths, arxiv):
        records = arxiv.changed_since(DAY, ["cs.LG"])
    assert [record.id[-1] for record in records] == list("1234567")
    assert len(paths) == 3
    assert "set=cs%3Acs%3ALG&from=2025-03-20" in paths[0]


def test_an_answer_whose_token_expires_midway_gives_nothing(store: Store) -> None:
    archive = FakeArchive([kept(number) for number in range(1, 8)], limit=3, expired=True)
    with asked(store, archive) as (_, arxiv), pytest.raises(Unavailable) as caught:
        arxiv.changed_since(DAY, ["cs.LG"])
    assert caught.value.reason is ArxivReason.TRUNCATED


def test_an_answer_without_an_end_gives_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.arxiv.client._MOST_PAGES", 3)
    pages = [xml_reply(page_that_names(f"x{n}")) for n in range(9)]
    with (
        asked(store, FakeArchive([], scripted=pages)) as (paths, arxiv),
        pytest.raises(Unavailable, match="to an end"),
    ):
        arxiv.changed_since(DAY, ["cs.LG"])
    assert len(paths) == 3


def test_an_answer_that_goes_in_a_circle_is_left_where_it_is_noticed(store: Store) -> None:
    pages = [xml_reply(page_that_names(token)) for token in "abab"]
    with (
        asked(store, FakeArchive([], scripted=pages)) as (paths, arxiv),
        pytest.raises(Unavailable, match="in a circle"),
    ):
        arxiv.changed_since(DAY, ["cs.LG"])
    assert len(paths) == 3


def test_it_waits_as_long_as_it_is_told_to(store: Store) -> None:
    busy = (503, {"Retry-After": "1"}, b"")
    with asked(store, FakeArchive([kept(1)], scripted=[busy])) as (paths, arxiv):
        assert len(arxiv.changed_since(DAY, ["cs.LG"])) == 1
        assert len(paths) == 2
    much = (503, {"Retry-After": "900"}, b"")
    with (
        asked(store, FakeArchive([kept(1)], scripted=[much])) as (paths, arxiv),
        pytest.raises(Unavailable) as caught,
    ):
        arxiv.changed_since(DAY, ["cs.LG"])
    assert (caught.value.reason, caught.value.retry_after) == (ArxivReason.THROTTLED, 900)


def test_a_set_that_arxiv_does_not_know_is_refused_in_its_words(store: Store) -> None:
    with asked(store, FakeArchive([])) as (_, arxiv), pytest.raises(Refused, match="Set does not"):
        arxiv.changed_since(DAY, ["cs.NOPE"])


def test_its_requests_wait_for_those_to_the_feed(store: Store) -> None:
    """One lock for every request to arXiv, whichever door."""
    store.redis.set("pb:pace:arxiv", "another process", px=400)
    with asked(store, FakeArchive([kept(1)])) as (_, arxiv):
        before = store.redis.pttl("pb:pace:arxiv")
        assert isinstance(before, int)
        assert before > 0
        arxiv.changed_since(DAY, ["cs.LG"])
        assert store.redis.get("pb:pace:arxiv") != "another process"


@pytest.mark.parametrize(
    ("categories", "sets"),
    [
        (["cs.LG"], ["cs:cs:LG"]),
        (["cs.LG", "stat.ML", "cs.CL"], ["cs:cs", "stat:stat:ML"]),
        (["hep-th", "math.AG"], ["physics:hep-th", "math:math:AG"]),
        (["cond-mat.str-el"], ["physics:cond-mat:str-el"]),
        (["physics.optics", "physics"], ["physics:physics"]),
        (["cs"], ["cs:cs"]),
    ],
)
def test_a_category_is_a_set_and_several_of_an_archive_are_one(
    categories: list[str], sets: list[str]
) -> None:
    assert sets_of(categories) == tuple(sets)
    assert (
        FakeArchive([])
        .answer(f"/oai?verb=ListRecords&metadataPrefix=arXivRaw&set={sets[0]}")[2]
        .count(b"noRecordsMatch")
    )
