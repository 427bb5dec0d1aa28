"""Asks arXiv for the current list, for the papers of a submission window, and for papers by id."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import TypeVar
from urllib.parse import quote

import httpx2
from pydantic import Field
from redis import Redis

from bot.arxiv.calendar import is_weekend
from bot.arxiv.text import quoted
from bot.domain.categories import expand
from bot.domain.papers import Announced, Listing, Problem, Value
from bot.domain.reasons import ArxivReason
from bot.errors import Refused, Unavailable
from workers.arxiv.archive import sets_of
from workers.arxiv.feed import (
    ApiPage,
    PaperById,
    merge_listings,
    parse_api,
    parse_by_id,
    parse_feed,
)
from workers.arxiv.http import ArxivHttp
from workers.arxiv.oai import Record, parse_page

T = TypeVar("T")

FEED_LIMIT = 2000  # entries in a feed; on a longer day the new papers fall off
_PAGE = 500
_LONGEST_NAME = 100  # characters of an author's
_MOST_PAGES = 40  # of an answer of the archive; a day's has one or two
_ARCHIVE_IS_SLOWER = 3  # a page has up to 3,500 papers with all their versions
MAX_IDS = 50  # keeps a URL well under any server's or proxy's limit


class FeedResult(Value):
    """arXiv's list for some categories.

    `cut` are single categories that reached arXiv's limit: new papers are missing. `refused` maps
    categories that arXiv does not know to its message.
    """

    listing: Listing
    cut: tuple[str, ...] = ()
    refused: Mapping[str, str] = Field(default_factory=dict)

    @property
    def problem(self) -> Problem | None:
        """LIST_CUT, naming the categories, when some are cut."""
        if not self.cut:
            return None
        return Problem(trouble=ArxivReason.LIST_CUT, detail=", ".join(self.cut))


class ArxivClient:
    """arXiv's feed, API and archive interface (OAI-PMH).

    Every method raises Unavailable, typed, when arXiv does not serve us after three tries; its
    `retry_after` is arXiv's.
    """

    def __init__(
        self,
        rss_url: str,
        api_url: str,
        redis: Redis,
        pause: float = 3.0,
        timeout: float = 30.0,
        oai_url: str = "",
    ) -> None:
        """The URLs of the feeds, the API and the archive; `pause` and `timeout` (seconds) as in
        ArxivHttp."""
        self._rss_url, self._api_url, self._oai_url = rss_url.rstrip("/"), api_url, oai_url
        self._http = ArxivHttp(redis, pause, timeout)
        self._archive = ArxivHttp(redis, pause, timeout * _ARCHIVE_IS_SLOWER)

    def fetch_listing(self, categories: Sequence[str]) -> FeedResult:
        """The list arXiv shows now for all the categories (classes or archives) together.

        Makes one request, and halves it when the answer is at arXiv's limit or refused, so that no
        paper falls off and one unknown category does not cost the others their day. An empty list
        on a weekday is requested once more, because a throttled arXiv has answered so.
        Raises Refused(BAD_QUERY) when every category is refused; Unavailable(NO_LIST) when the
        parts are of different days, as they may be for an hour after New York's midnight.
        """
        leaves = list(self._answers(tuple(dict.fromkeys(categories))))
        refused = {parts[0]: str(answer) for parts, answer in leaves if isinstance(answer, Refused)}
        lists = [(parts, answer) for parts, answer in leaves if isinstance(answer, Listing)]
        if not lists:
            raise Refused(next(iter(refused.values())), ArxivReason.BAD_QUERY)
        try:
            listing = merge_listings(answer for _, answer in lists)
        except Refused as error:
            raise Unavailable(f"arXiv is changing days. {error}", ArxivReason.NO_LIST) from error
        cut = tuple(parts[0] for parts, answer in lists if answer.items >= FEED_LIMIT)
        return FeedResult(listing=listing, cut=cut, refused=refused)

    def changed_since(self, day: date, categories: Sequence[str]) -> tuple[Record, ...]:
        """The papers of these categories' sets (archive.sets_of) that were changed on a UTC date or
        since, in any way, by arXiv's archive interface; once each.

        Raises Refused(BAD_QUERY), and Unavailable where the answer is not whole: a token that has
        expired midway gives nothing.
        """
        found: dict[str, Record] = {}
        for name in sets_of(categories):
            asked = {"verb": "ListRecords", "metadataPrefix": "arXivRaw", "set": name}
            query = {**asked, "from": str(day)}
            tokens = set[str]()
            for _ in range(_MOST_PAGES):
                page = self._archive.get(_with(self._oai_url, query), parse_page)
                found |= {record.id: record for record in page.records}
                if not page.token:
                    break
                if page.token in tokens:
                    raise Unavailable("arXiv's archive goes in a circle.", ArxivReason.TRUNCATED)
                tokens.add(page.token)
                query = {"verb": "ListRecords", "resumptionToken": page.token}
            else:
                raise Unavailable("arXiv's archive doesn't come to an end.", ArxivReason.TRUNCATED)
        return tuple(found.values())

    def window(
        self, categories: Sequence[str], start: datetime, end: datetime
    ) -> tuple[Announced, ...]:
        """The papers submitted from `start` to `end` (aware, to the minute), oldest first.

        From the API: nearly a day's list, without papers that moderators held back.
        Raises Refused(BAD_QUERY), and Unavailable(TRUNCATED) when some of the total are missing.
        """
        asked = dict.fromkeys(name for category in categories for name in expand(category))
        first, last = (moment.astimezone(UTC).strftime("%Y%m%d%H%M") for moment in (start, end))
        query = {
            "search_query": f"({' OR '.join(f'cat:{name}' for name in asked)})"
            f" AND submittedDate:[{first} TO {last}]",
            "max_results": str(_PAGE),
            "sortBy": "submittedDate",
            "sortOrder": "ascending",
        }
        papers: dict[str, Announced] = {}
        seen, total = 0, 1
        while seen < total:
            url = _with(self._api_url, {**query, "start": str(seen)})
            page = self._http.get(url, partial(_page, categories=tuple(categories), start=seen))
            for announced in page.papers:
                papers.setdefault(announced.paper.id, announced)
            seen, total = seen + len(page.papers), page.total
        if len(papers) < total:  # a page came twice, or the pages shifted between requests
            raise _missing(len(papers), total)
        return tuple(papers.values())

    def fetch_by_id(self, ids: Sequence[str]) -> dict[str, PaperById]:
        """The papers with these ids (50 at most, without versions), by id, as arXiv shows them now.

        An id that arXiv does not show, or refuses, is absent. Makes one request, and halves it when
        it is refused, so that one bad id does not cost the others. An old id may have its subject
        class (math.GT/0309136): key and paper keep it as given.
        Raises Unavailable(TRUNCATED) when papers are missing that arXiv says it has.
        """
        if len(ids) > MAX_IDS:
            raise ValueError(f"at most {MAX_IDS} ids in one question")
        shown = self._shown(tuple(dict.fromkeys(_without_class(id) for id in ids)))
        by_id = {id: shown[_without_class(id)] for id in ids if _without_class(id) in shown}
        return {
            id: one.model_copy(update={"paper": one.paper.model_copy(update={"id": id})})
            for id, one in by_id.items()
        }

    def by_author(self, name: str) -> tuple[PaperById, ...]:
        """The newest papers (MAX_IDS at most) by authors of this name, newest first, as arXiv's
        search takes it; empty where it finds none. Raises Refused for what is no name."""
        if not (searched := _searched(name)):
            raise Refused(f"{quoted(name)} is no name.", ArxivReason.BAD_QUERY)
        query = {
            "search_query": f'au:"{searched}"',
            "max_results": str(MAX_IDS),
            "sortBy": "submittedDate",
            "sortOrder": "descending",
        }
        url = _with(self._api_url, query)
        return self._http.get(url, lambda document: parse_by_id(document)[0])

    def _shown(self, ids: tuple[str, ...]) -> dict[str, PaperById]:
        if not ids:
            return {}
        query = {"id_list": ",".join(ids), "max_results": str(len(ids))}
        url = _with(self._api_url, query)
        try:
            return self._http.get(url, partial(_papers_by_id, ids=ids))
        except Refused:
            middle = len(ids) // 2
            return self._shown(ids[:middle]) | self._shown(ids[middle:]) if middle else {}

    def _answers(
        self, categories: tuple[str, ...]
    ) -> Iterator[tuple[tuple[str, ...], Listing | Refused]]:
        """The categories with their answers, split until each answer is complete."""
        answer: Listing | Refused
        try:
            answer = self._list(categories)
        except Refused as refused:
            answer, smaller = refused, categories
        else:
            smaller = categories if len(categories) > 1 else expand(categories[0])
            smaller = smaller if answer.items >= FEED_LIMIT else ()
        if len(smaller) < 2:
            yield categories, answer
        else:
            middle = len(smaller) // 2
            yield from self._answers(smaller[:middle])
            yield from self._answers(smaller[middle:])

    def _list(self, categories: tuple[str, ...]) -> Listing:
        url = f"{self._rss_url}/{'+'.join(quote(name, safe='') for name in categories)}"
        listing = self._http.get(url, parse_feed)
        if not listing.items and not is_weekend(listing.date):
            listing = self._http.get(url, parse_feed)
        return listing


def _with(url: str, query: Mapping[str, str]) -> str:
    return str(httpx2.URL(url).copy_merge_params(query))


def _page(document: bytes, categories: Sequence[str], start: int) -> ApiPage:
    page = parse_api(document, categories)
    if not page.papers and start < page.total:  # the API does this now and then
        raise _missing(start, page.total)
    return page


def _papers_by_id(document: bytes, ids: Sequence[str]) -> dict[str, PaperById]:
    answered, total = parse_by_id(document)
    by_id: dict[str, PaperById] = {}
    for one in answered:
        id = _without_class(one.paper.id)
        if id in ids and (id not in by_id or by_id[id].paper.version < one.paper.version):
            by_id[id] = one
    # arXiv does not count an id that does not exist.
    if len(by_id) < len(ids) and len(answered) < total:
        raise _missing(len(answered), total)
    return by_id


def _without_class(id: str) -> str:
    """An old id without its subject class, as the API knows it."""
    return re.sub(r"\.[A-Za-z-]+/", "/", id)


def _searched(name: str) -> str:
    """A name without what arXiv's queries give another meaning; empty without a letter."""
    plain = " ".join(re.sub(r"[^\w.'’-]", " ", name[:_LONGEST_NAME]).split())
    return plain if re.search(r"[^\W\d_]", plain) else ""


def _missing(found: int, total: int) -> Unavailable:
    return Unavailable(f"Only {found} of {total} papers arrived.", ArxivReason.TRUNCATED)
