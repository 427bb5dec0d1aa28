"""Parses arXiv's announcement feeds and API answers, bytes -> papers; pure.

The formats are those of arXiv's own feed and search code and of saved answers (tests/wire).
feedparser forgives nearly everything and expands a document's declarations, so xml_check.py checks
it first.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from time import struct_time
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import feedparser  # type: ignore[import-untyped]

from bot.arxiv.authors import at_most, split_authors
from bot.arxiv.text import one_line, shortened
from bot.domain.categories import matches
from bot.domain.papers import Announced, AnnounceType, Change, Listing, Paper, Value
from bot.domain.reasons import ArxivReason
from bot.errors import Refused
from workers.arxiv.withdrawals import withdrawal
from workers.arxiv.xml_check import count_entries, unusable_document

_NEW_YORK = ZoneInfo("America/New_York")
_HARMLESS = (feedparser.CharacterEncodingOverride, feedparser.NonXMLContentType)
_ID = r"(?P<id>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Za-z-]+)?/\d{7})"
_IDENTITY = re.compile(
    rf"(?:oai:arXiv\.org:|https?://arxiv\.org/abs/){_ID}v(?P<version>[1-9]\d{{0,3}})", re.ASCII
)
PLAIN_ID = re.compile(_ID, re.ASCII)
# Characters; arXiv takes abstracts of 1,920, and titles are far shorter.
_LONGEST_TITLE, _LONGEST_ABSTRACT, _LONGEST_CATEGORY = 1000, 10_000, 60
_LONGEST_REFERENCE = 300
_PREFIX = re.compile(r"^arXiv:\S+ Announce Type: \S+ Abstract: ?")


class PaperById(Value):
    """A paper in its newest version; `withdrawn` is its withdrawal notice, if any."""

    paper: Paper
    withdrawn: str


class ApiPage(Value):
    """One page of an API answer, and the number of papers in the whole answer."""

    papers: tuple[Announced, ...]
    total: int


def parse_feed(document: bytes) -> Listing:
    """Parse an announcement feed of rss.arxiv.org, RSS or Atom.

    The date is New York's at the feed's own time: RSS's channel `pubDate`; Atom has none, and its
    `updated` may be the time of the request, so there its entries' `published` come first.
    Raises Refused(BAD_QUERY) for arXiv's "Feed error" document, and Unavailable for anything but a
    complete feed (NOT_A_FEED, TRUNCATED, MALFORMED) of readable entries (MALFORMED).
    """
    feed, entries = _read(document)
    if _text(feed, "title").startswith("Feed error for query"):
        _refuse(_text(feed, "subtitle"))
    if "opensearch_totalresults" in feed:
        raise unusable_document(ArxivReason.NOT_A_FEED, "is an answer from arXiv's API, not a list")
    listed = [_announced(entry) for entry in entries]
    papers, replaced = _once(
        (a for a in listed if not a.announce_type.is_replacement),
        ((a.paper.id, a.paper.categories) for a in listed if a.announce_type.is_replacement),
    )
    changes = {
        announced.paper.id: _change(announced.paper, entry)
        for announced, entry in zip(listed, entries, strict=True)
        if announced.announce_type.is_replacement
    }
    return Listing(
        date=_date(feed, entries),
        papers=papers,
        replaced=replaced,
        items=len(entries),
        changes=tuple(changes[id] for id, _ in replaced),
    )


def parse_api(document: bytes, categories: Sequence[str]) -> ApiPage:
    """Parse a page of the export API's Atom answer; `categories` are those of the query.

    The API has no announce type: a paper is `new` when its primary category was queried.
    Raises Refused(BAD_QUERY) for the API's "Error" entry, else Unavailable as `parse_feed` does.
    """
    papers = []
    total, entries = _answer(document)
    for entry in entries:
        paper = _answered(entry)
        new = any(matches(paper.categories[0], asked) for asked in categories)
        kind = AnnounceType.NEW if new else AnnounceType.CROSS
        papers.append(Announced(paper=paper, announce_type=kind))
    return ApiPage(papers=tuple(papers), total=total)


def parse_by_id(document: bytes) -> tuple[tuple[PaperById, ...], int]:
    """Parse the export API's answer to a list of ids: its papers, and the number it states.

    Raises as `parse_api` does.
    """
    total, entries = _answer(document)
    named = []
    for entry in entries:
        paper = _answered(entry)
        words = withdrawal(_text(entry, "arxiv_comment"), paper.abstract)
        named.append(PaperById(paper=paper, withdrawn=words))
    return tuple(named), total


def paper_of(
    id: str, version: int, title: str, abstract: str, authors: tuple[str, ...], terms: Iterable[str]
) -> Paper:
    """A paper of lines (one_line) that arXiv said; `terms` are its categories, the primary one
    first. Raises Unavailable(MALFORMED) without a title or a category."""
    categories = tuple(term[:_LONGEST_CATEGORY] for term in dict.fromkeys(terms) if term)
    if not (title and categories):
        missing = "category" if title else "title"
        raise unusable_document(ArxivReason.MALFORMED, f"lists {id} without a {missing}")
    return Paper(
        id=id,
        version=version,
        title=shortened(title, _LONGEST_TITLE),
        abstract=shortened(abstract, _LONGEST_ABSTRACT),
        authors=authors,
        categories=categories,
    )


def change_of(paper: Paper, reference: str, doi: str) -> Change:
    """What a new version says of itself. Feeds have no comments: a notice is one in front of the
    abstract."""
    said = ", ".join(filter(None, (reference, doi and f"doi:{doi}")))
    return Change(
        paper=paper.id,
        version=paper.version,
        withdrawn=withdrawal("", paper.abstract),
        published=shortened(said, _LONGEST_REFERENCE),
    )


def merge_listings(listings: Iterable[Listing]) -> Listing:
    """Merge several lists (at least one): each paper once, in the first list's order.

    `new` beats `cross` beats a replacement. The date of a list without entries counts only when
    none has any (then the latest). Raises Refused(MIXED_DAYS) when those with any disagree.
    """
    parts = list(listings)
    dated = [part for part in parts if part.items] or [max(parts, key=lambda part: part.date)]
    dates = sorted({part.date for part in dated})
    if len(dates) > 1:
        days = " and ".join(map(str, dates))
        raise Refused(f"These lists are from different days: {days}.", ArxivReason.MIXED_DAYS)
    papers, replaced = _once(
        (announced for part in parts for announced in part.papers),
        (row for part in parts for row in part.replaced),
    )
    changes = {change.paper: change for part in parts for change in part.changes}
    return Listing(
        date=dates[0],
        papers=papers,
        replaced=replaced,
        items=sum(part.items for part in parts),
        changes=tuple(changes[id] for id, _ in replaced if id in changes),
    )


def _once(
    papers: Iterable[Announced], replaced: Iterable[tuple[str, tuple[str, ...]]]
) -> tuple[tuple[Announced, ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    best: dict[str, Announced] = {}
    for announced in papers:
        before = best.setdefault(announced.paper.id, announced).announce_type
        if before is AnnounceType.CROSS and announced.announce_type is AnnounceType.NEW:
            best[announced.paper.id] = announced
    rest = {id: categories for id, categories in replaced if id not in best}
    return tuple(best.values()), tuple(rest.items())


def _read(document: bytes) -> tuple[Any, list[Any]]:
    """feedparser's feed and entries of a document that expat found complete."""
    document = document.lstrip()  # a saved file may begin with a blank line, XML may not
    expected = count_entries(document)
    try:
        # In a BytesIO, because feedparser first tries bytes as a file name.
        parsed = feedparser.parse(
            io.BytesIO(document), sanitize_html=False, resolve_relative_uris=False
        )
    except Exception as error:  # feedparser documents no exceptions, and any bytes may come
        raise unusable_document(ArxivReason.MALFORMED, "cannot be read") from error
    if parsed.bozo and not isinstance(parsed.bozo_exception, _HARMLESS):
        raise unusable_document(ArxivReason.MALFORMED, "is not well-formed XML")
    if len(parsed.entries) != expected:
        raise unusable_document(
            ArxivReason.MALFORMED, f"has {expected} entries and reads as {len(parsed.entries)}"
        )
    return parsed.feed, parsed.entries


def _announced(entry: Any) -> Announced:
    try:
        kind = AnnounceType(_text(entry, "arxiv_announce_type"))
    except ValueError as error:
        raise unusable_document(
            ArxivReason.MALFORMED, "has an entry of an unknown announcement type"
        ) from error
    # A replacement's authors are not used, and splitting long lists is slow.
    authors = () if kind.is_replacement else split_authors(_text(entry, "author"))
    return Announced(paper=_paper(entry, authors, ""), announce_type=kind)


def _change(paper: Paper, entry: Any) -> Change:
    reference, doi = _text(entry, "arxiv_journal_reference"), _text(entry, "arxiv_doi")
    return change_of(paper, reference, doi)


def _answer(document: bytes) -> tuple[int, list[Any]]:
    """The number of papers an API answer states, and its entries."""
    feed, entries = _read(document)
    if entries and "/api/errors" in _text(entries[0], "id"):
        _refuse(_text(entries[0], "summary"))
    total = _text(feed, "opensearch_totalresults")
    if not re.fullmatch(r"\d{1,9}", total, re.ASCII):
        raise unusable_document(ArxivReason.MALFORMED, "does not say how many papers there are")
    return int(total), entries


def _answered(entry: Any) -> Paper:
    primary = _text(entry.get("arxiv_primary_category"), "term")
    authors = (_text(author, "name") for author in entry.get("authors", ()))
    return _paper(entry, at_most(list(filter(None, authors))), primary)


def _paper(entry: Any, authors: tuple[str, ...], primary: str) -> Paper:
    identity = _IDENTITY.fullmatch(_text(entry, "id"))
    if identity is None:
        raise unusable_document(
            ArxivReason.MALFORMED, "has an entry without an arXiv id and version"
        )
    return paper_of(
        identity["id"],
        int(identity["version"]),
        title=_text(entry, "title"),
        abstract=_PREFIX.sub("", _text(entry, "summary")),
        authors=authors,
        terms=(primary, *(_text(tag, "term") for tag in entry.get("tags", ()))),
    )


def _text(found: Any, key: str) -> str:
    """A field in one line; "" where feedparser has none, or another kind of value."""
    value = found.get(key) if isinstance(found, dict) else None
    # Folded first: one_line is slow on text with line breaks.
    return one_line(" ".join(value.split())) if isinstance(value, str) else ""


def _date(feed: Any, entries: Iterable[Any]) -> date:
    moments: list[struct_time | None] = [feed.get("published_parsed")]
    stated = Counter(entry.get("published_parsed") for entry in entries)
    moments += [moment for moment, _ in stated.most_common()]
    if "updated_parsed" in feed:  # checked first: without it feedparser returns another field
        moments.append(feed["updated_parsed"])
    moment = next(filter(None, moments), None)
    if moment is None:
        raise unusable_document(ArxivReason.MALFORMED, "has no date")
    try:
        return datetime(*moment[:6], tzinfo=UTC).astimezone(_NEW_YORK).date()
    except (ValueError, OverflowError) as error:
        raise unusable_document(ArxivReason.MALFORMED, "has a date that does not exist") from error


def _refuse(words: str) -> NoReturn:
    reason = shortened(words, 200) or "it gives no reason."
    raise Refused(f"arXiv refused the query: {reason}", ArxivReason.BAD_QUERY)
