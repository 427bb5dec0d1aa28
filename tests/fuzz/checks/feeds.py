"""arXiv's documents: its list as RSS or Atom, and its API's answers."""

from __future__ import annotations

import re
from datetime import date

from bot.arxiv.text import one_line
from bot.domain.papers import Listing, Paper
from bot.errors import Refused, Unavailable
from bot.store.key_kinds import kind_of
from bot.store.papers import paper_ref
from tests.fuzz.promises import assert_explained, assert_plain, assert_stored, distinct, words
from workers.arxiv.archive import archive_day
from workers.arxiv.feed import merge_listings, parse_api, parse_by_id, parse_feed
from workers.arxiv.freshness import EarlierLists
from workers.arxiv.oai import parse_page
from workers.arxiv.withdrawals import withdrawal

_ID = re.compile(r"\d{4}\.\d{4,5}|[a-z-]+(\.[A-Za-z-]+)?/\d{7}", re.ASCII)


def feed(data: bytes) -> None:
    """A list, or one of our errors; every entry is kept once, and merging loses nothing."""
    try:
        listing = parse_feed(data)
    except (Refused, Unavailable) as error:
        _explained(error)
        return
    new, replaced = [a.paper.id for a in listing.papers], [id for id, _ in listing.replaced]
    assert distinct([*new, *replaced])
    assert len(new) + len(replaced) <= listing.items
    assert (listing.items == 0) == (not new and not replaced)
    for announced in listing.papers:
        _sound(announced.paper)
    for id, categories in listing.replaced:
        assert _ID.fullmatch(id)
        assert_plain(*categories)
    assert_stored(listing)
    both = merge_listings([listing, listing])
    assert both == listing.model_copy(update={"items": 2 * listing.items})
    for part in _halves(listing):
        found = merge_listings([part, listing])
        assert {a.paper.id for a in found.papers} == set(new)
        assert {id for id, _ in found.replaced} == set(replaced)


def api(data: bytes) -> None:
    """A page of papers, or one of our errors; likewise for papers asked for by id."""
    try:
        page = parse_api(data, ("cs.LG", "math"))
    except (Refused, Unavailable) as error:
        _explained(error)
    else:
        assert page.total >= 0
        for announced in page.papers:
            _sound(announced.paper)
            assert not announced.announce_type.is_replacement
    try:
        named, total = parse_by_id(data)
    except (Refused, Unavailable) as error:
        _explained(error)
    else:
        assert total == page.total
        assert [one.paper for one in named] == [a.paper for a in page.papers]
        for one in named:
            assert_plain(one.withdrawn)
            assert len(one.withdrawn) <= 200


def archive(data: bytes) -> None:
    """A page of the archive interface, or one of our errors; a day's list made of it is a list like
    the feed's, and no paper of it is told twice."""
    try:
        records = parse_page(data).records
        days = {record.changed for record in records if date(1991, 1, 9) < record.changed}
        found = [
            archive_day(day, records, ("cs.LG", "math"), EarlierLists((), ()), None)
            for day in sorted(days)[:3]
        ]
    except (Refused, Unavailable) as error:
        _explained(error)
        return
    for listing, unclear in found:
        new, replaced = [a.paper.id for a in listing.papers], [id for id, _ in listing.replaced]
        assert distinct([*new, *replaced, *dict.fromkeys(unclear)])
        for announced in listing.papers:
            _sound(announced.paper)
        assert_stored(listing)


def notice(data: bytes) -> None:
    """A withdrawal notice is a line of the comment or of the abstract, or there is none."""
    comment, abstract = words(data, 2)
    found = withdrawal(comment, abstract)
    assert_plain(found)
    assert len(found) <= 200
    start = found.removesuffix("…")
    assert start in one_line(comment) or start in one_line(abstract)


def _sound(paper: Paper) -> None:
    assert _ID.fullmatch(paper.id)
    assert 1 <= paper.version <= 9999
    assert_plain(paper.title, paper.abstract, *paper.authors, *paper.categories)
    assert 1 <= len(paper.title) <= 1000
    assert len(paper.abstract) <= 10_000
    assert len(paper.authors) <= 5001
    assert all(paper.authors)
    assert all(len(name) <= 200 for name in paper.authors)
    assert paper.categories
    assert all(0 < len(name) <= 60 for name in paper.categories)
    assert distinct(paper.categories)
    assert_stored(paper)
    assert kind_of(f"pb:paper:{paper_ref(paper)}"), "a key that a backup would leave out"


def _halves(listing: Listing) -> list[Listing]:
    middle = len(listing.papers) // 2
    halves = (listing.papers[:middle], listing.papers[middle:])
    return [listing.model_copy(update={"papers": half, "items": len(half)}) for half in halves]


def _explained(error: Refused | Unavailable) -> None:
    assert_explained(error)
    assert error.reason is not None
