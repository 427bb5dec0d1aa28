"""The lists before a day's: what is stored of them, and for a new category what the API says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from bot.arxiv import calendar
from bot.errors import PaperboyError
from bot.store.store import Store
from workers.arxiv.client import ArxivClient
from workers.arxiv.freshness import EarlierLists, ListedRow, listed_row

# A stale list is the previous one, or over a holiday one before that.
_LISTS_BACK = 3


class Before(NamedTuple):
    """The papers and replacements of the last few lists before a day, with their categories;
    whether those of every category are known; and the last day that has a list here."""

    lists: EarlierLists
    is_known: bool
    last: date | None


def lists_before(day: date, categories: Sequence[str], store: Store, arxiv: ArxivClient) -> Before:
    """Of a category that is asked for the first time, the API says which papers came before."""
    papers, replaced, answered = set[ListedRow](), set[ListedRow](), set[str]()
    days, last = list(_weekdays_before(day, _LISTS_BACK)), None
    for before in days:
        batch = store.lists.batch(str(before))
        papers |= {listed_row(a.paper.id, a.paper.categories) for a in batch.papers}
        replaced |= {listed_row(*row) for row in batch.replaced}
        answered |= store.lists.answered_categories(str(before))
        last = last or (before if batch.papers else None)
    unknown = [category for category in categories if category not in answered]
    try:
        papers |= _announced_last(unknown, days, arxiv) if unknown else set()
    except PaperboyError:  # a list that may be old is better than none, while it is asked for again
        return Before(EarlierLists(papers, replaced), False, last)
    return Before(EarlierLists(papers, replaced), True, last)


def _weekdays_before(day: date, days: int) -> Iterator[date]:
    for _ in range(days):
        day = calendar.weekday_before(day)
        yield day


def _announced_last(
    categories: Sequence[str], days: Sequence[date], arxiv: ArxivClient
) -> set[ListedRow]:
    """By the API, the papers of the newest of these days that has some."""
    for day in days:
        if papers := arxiv.window(categories, *calendar.submission_window(day)):
            return {listed_row(a.paper.id, a.paper.categories) for a in papers}
    return set()
