"""arXiv on loopback, by hand: real papers, announced today.

    python -m tests.servers.arxiv

quant-ph has arXiv's own document of 28 April 2025, with today's date; every other category has its
papers of the sample. An unknown category is refused with arXiv's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from bot.arxiv.calendar import (
    NEW_YORK,
    is_weekend,
    new_york_date,
    submission_window,
    weekday_before,
)
from bot.domain.categories import canonical, expand
from bot.domain.papers import Announced
from tests import TESTS
from tests.servers import by_hand
from tests.servers.arxiv_archive import FakeArchive, Kept
from tests.servers.fake_http import HttpReply, arxiv_api, xml_reply
from workers.arxiv import sample
from workers.arxiv.feed import parse_feed

WIRE = TESTS / "wire"
QUANTUM = (WIRE / "arxiv_rss_quant_ph.xml").read_bytes()
PAPERS = {
    announced.paper.id: announced
    for announced in (*sample.listing().papers, *parse_feed(QUANTUM).papers)
}
_api = arxiv_api(announced.paper for announced in PAPERS.values())
_empty = arxiv_api(())


def answer(path: str, body: bytes) -> HttpReply:
    """A list of categories joined by +, papers by id or author, or the archive's records of the
    same day; another search finds nothing."""
    asked = urlsplit(path)
    if asked.path.startswith("/oai"):
        return _archive(latest(datetime.now(UTC))).answer(path, body)
    if "id_list" in asked.query or "search_query=au%3A" in asked.query:
        return _api(path, body)
    if "search_query" in asked.query:
        return _empty("?id_list=0000.00000", body)
    names = unquote(asked.path).rpartition("/")[2].split("+")
    if not all(map(canonical, names)):
        return xml_reply((WIRE / "arxiv_rss_error.xml").read_bytes(), 400)
    day = latest(datetime.now(UTC))
    if names == ["quant-ph"]:
        return xml_reply(
            QUANTUM.replace(b"Mon, 28 Apr 2025 00:00:00 -0400", midnight(day).encode())
        )
    wanted = {name for asked in names for name in expand(asked)}
    return xml_reply(document(day, (a for a in PAPERS.values() if wanted & {*a.paper.categories})))


def _archive(day: date) -> FakeArchive:
    """The archive interface, with all papers submitted in time for a day's list."""
    submitted = submission_window(day)[0] + timedelta(hours=1)
    return FakeArchive(
        [
            Kept(
                id,
                " ".join(announced.paper.categories),
                (submitted,) * announced.paper.version,
                day,
                announced.paper.title,
                announced.paper.abstract,
                ", ".join(announced.paper.authors),
            )
            for id, announced in PAPERS.items()
        ]
    )


def latest(now: datetime) -> date:
    """The weekday whose list arXiv shows now."""
    day = new_york_date(now)
    return weekday_before(day) if is_weekend(day) else day


def midnight(day: date) -> str:
    """A day as a feed writes it."""
    return format_datetime(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK))


def document(day: date, papers: Iterable[Announced]) -> bytes:
    """An RSS feed in arXiv's form."""
    empty = (WIRE / "arxiv_rss_empty_sunday.xml").read_text(encoding="utf-8")
    dated = re.sub(r"(?<=<pubDate>)[^<]*", midnight(day), empty)
    items = "".join(_item(announced, midnight(day)) for announced in papers)
    return dated.replace("</channel>", f"{items}</channel>").encode()


def _item(announced: Announced, dated: str) -> str:
    paper, kind = announced.paper, announced.announce_type
    categories = "".join(f"<category>{name}</category>" for name in paper.categories)
    return (
        f"<item><title>{escape(paper.title)}</title><link>{paper.url}</link>"
        f"<description>arXiv:{paper.versioned} Announce Type: {kind} \n"
        f"Abstract: {escape(paper.abstract)}</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:{paper.versioned}</guid>{categories}'
        f"<pubDate>{dated}</pubDate><arxiv:announce_type>{kind}</arxiv:announce_type>"
        f"<dc:creator>{escape(', '.join(paper.authors))}</dc:creator></item>"
    )


def arxiv() -> AbstractContextManager[by_hand.Http]:
    return by_hand.http(
        "arxiv",
        answer,
        lambda url: {
            "ARXIV_RSS_URL": f"{url}/rss",
            "ARXIV_API_URL": f"{url}/api",
            "ARXIV_OAI_URL": f"{url}/oai",
        },
    )


if __name__ == "__main__":
    by_hand.run({"arxiv": arxiv})
