"""What somebody reads who is not in the chat: pages and feeds, and what they can never become."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import PurePosixPath
from urllib.parse import urljoin
from xml.etree import ElementTree as Xml

import feedparser
import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest import Digest, Outcome
from bot.domain.papers import Problem
from bot.domain.reasons import ArxivReason
from bot.pages.feeds import MOST
from bot.pages.site import ROWS, Section, files
from tests.conftest import check_golden
from tests.factories import DAY, NOW, announced, decision, digest, list_result, model_day, profile

ATOM = "{http://www.w3.org/2005/Atom}"
SITE = "https://papers.example.org/"
HOSTILE = (
    "<script>alert(1)</script> & \"quotes\" ]]> <img src=x onerror='y'> $x<y$ \u202e\x00\ufffe"
)


def one_day(title: str = "On the matter", days_ago: int = 0) -> Digest:
    day = DAY - timedelta(days=days_ago)
    picked = decision("2503.10000", Outcome.PICKED)
    text = announced("2503.10000", title=title, abstract=title, authors=(title,))
    listed = list_result(NOW).model_copy(update={"date": day, "batch": str(day)})
    found = picked.model_copy(update={"announced": text})
    return digest(found, decision("2503.10001", Outcome.BELOW_CUTOFF, 3), listed=listed)


def section(*digests: Digest, folder: str = "matters", title: str = "Matters") -> Section:
    return Section(folder, title, {each.date: each for each in digests}, ())


def parsed(text: str) -> html5lib.HTMLParser:
    """Raises what a strict reader raises."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)


def test_pages_and_feeds_read_well() -> None:
    unread = digest(
        listed=list_result(NOW).model_copy(
            update={"date": DAY - timedelta(days=1), "problem": Problem(trouble=ArxivReason.STALE)}
        )
    )
    site = files([section(model_day(), unread, title="Matters of importance")], SITE)
    check_golden("site.txt", "\n".join(f"== {path}\n{site[path]}" for path in sorted(site)))


@pytest.mark.parametrize("title", ["On the matter", HOSTILE])
def test_every_page_is_valid_html_that_loads_and_runs_nothing(title: str) -> None:
    site = files([section(one_day(title), title=title, folder="matters")], SITE)
    for path, text in site.items():
        if path.endswith(".html"):
            tree = parsed(text)
            names = {element.tag for element in tree.iter() if isinstance(element.tag, str)}
            assert not names & {"script", "img", "iframe", "object", "form"}
            assert not [e.attrib for e in tree.iter() if any(n.startswith("on") for n in e.attrib)]
            assert "default-src 'none'" in text


def test_every_link_leads_to_a_page_or_to_arxiv() -> None:
    days = [one_day(days_ago=n) for n in range(3)]
    site = files([section(*days), section(folder="empty", title="Empty")], SITE)
    for path, text in site.items():
        if path.endswith(".html"):
            for element in parsed(text).iter():
                for link in filter(None, (element.get("href"),)):
                    if not link.startswith("https://arxiv.org/"):
                        there = urljoin(f"https://here/{path}", link).removeprefix("https://here/")
                        assert str(PurePosixPath(there)) in site, (path, link)
    middle = site[f"matters/{DAY - timedelta(days=1)}.html"]
    assert 'rel="prev">2025-03-18' in middle
    assert 'rel="next">2025-03-20' in middle


@pytest.mark.parametrize("address", ["", SITE])
def test_a_feed_reader_reads_the_newest_digests(address: str) -> None:
    days = [one_day(HOSTILE, days_ago=n) for n in range(MOST + 2)]
    site = files([section(*days)], address)
    read = feedparser.parse(BytesIO(site["matters/atom.xml"].encode()))
    assert not read.bozo
    assert len(read.entries) == MOST
    assert read.entries[0].title.startswith("Matters of importance · Thu 20 Mar: 1 of 2")
    assert read.entries[0].link == f"{address and address + 'matters/'}2025-03-20.html"
    assert read.feed.id.startswith("urn:uuid:")
    assert len({entry.id for entry in read.entries}) == MOST
    assert "script>" not in read.entries[0].content[0].value.replace("&lt;script&gt;", "")
    items = json.loads(site["matters/feed.json"])["items"]
    assert [item["id"] for item in items] == [entry.id for entry in read.entries]
    assert all(("url" in item) == bool(address) for item in items)


@pytest.mark.parametrize("address", ["", SITE])
@pytest.mark.parametrize("days", [0, 2])
def test_feeds_have_what_rfc_4287_and_json_feed_ask_for(days: int, address: str) -> None:
    site = files([section(*(one_day(HOSTILE, n) for n in range(days)))], address)
    feed = Xml.fromstring(site["matters/atom.xml"])
    entries = feed.findall(f"{ATOM}entry")
    assert feed.tag == f"{ATOM}feed"
    assert feed.findtext(f"{ATOM}author/{ATOM}name")  # of all its entries
    assert len(entries) == days
    for each in (feed, *entries):
        for name in ("id", "title", "updated"):
            (one,) = each.findall(f"{ATOM}{name}")
            assert one.text
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", each.findtext(f"{ATOM}id", ""))
        moment = datetime.fromisoformat(each.findtext(f"{ATOM}updated", ""))
        assert moment.utcoffset() == timedelta(0)
        links = [(link.get("rel"), link.get("href")) for link in each.findall(f"{ATOM}link")]
        assert [rel for rel, _ in links].count("alternate") == 1
        assert all(href for _, href in links)
    assert all(each.find(f"{ATOM}content") is not None for each in entries)
    own = [link.get("href") for link in feed.findall(f"{ATOM}link") if link.get("rel") == "self"]
    assert own == ([f"{SITE}matters/atom.xml"] if address else [])
    said = json.loads(site["matters/feed.json"])
    assert (said["version"], len(said["items"])) == ("https://jsonfeed.org/version/1.1", days)
    assert said["title"]
    assert all(author["name"] for author in said["authors"])
    assert all(item["id"] and item["content_html"] for item in said["items"])
    assert len({item["id"] for item in said["items"]}) == days


def test_days_that_are_no_longer_stored_stay_in_the_index() -> None:
    before = files([section(one_day(days_ago=400), one_day(days_ago=1))])
    known = ROWS.validate_json(before["matters/digests.json"])
    now = files([Section("matters", "Matters", {DAY: one_day()}, known)])
    rows = ROWS.validate_json(now["matters/digests.json"])
    assert [row.date for row in rows] == [DAY, DAY - timedelta(days=1), date(2024, 2, 14)]
    assert "<h2>February 2024</h2>" in now["matters/index.html"]
    assert "matters/2024-02-14.html" not in now  # it is there, and stays as it was


@given(st.text(max_size=60))
def test_no_title_breaks_a_page_or_a_feed(title: str) -> None:
    site = files([section(one_day(title or "-"), title=title or "-")], SITE)
    for path, text in site.items():
        text.encode()
        if path.endswith(".html"):
            parsed(text)
    assert not feedparser.parse(BytesIO(site["matters/atom.xml"].encode())).bozo


def test_what_was_paid_is_nobodys_business() -> None:
    for path, text in files([section(one_day())], SITE).items():
        assert "$" not in text, path
        assert "tokens" not in text, path


def test_the_same_digests_give_the_same_bytes() -> None:
    days = [one_day(days_ago=n) for n in range(3)]
    backwards = section(*reversed(days))
    assert files([section(*days)], SITE) == files([backwards], SITE)
    assert profile().name == "matters"
