"""Recent days of which there is no list, as arXiv's API tells them, to try a profile on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Final

import structlog

from bot.arxiv import calendar
from bot.domain.papers import Listing, fingerprint
from bot.errors import PaperboyError
from bot.store.store import Store
from workers.arxiv.client import ArxivClient

log = structlog.get_logger()

# Days in a row that may be holidays, over and above those that are wanted.
_HOLIDAYS: Final = 3


def fill(
    categories: Sequence[str],
    days: int,
    known: Collection[date],
    store: Store,
    arxiv: ArxivClient,
    now: datetime,
) -> dict[date, str]:
    """The batches (names) of so many of the newest announced days (New York dates) that are not
    `known`. What the API says is stored, so that it is asked once. Fewer where arXiv is away."""
    found, day = dict[date, str](), _newest(now)
    for _ in range(days + len(known) + _HOLIDAYS):
        if len(found) == days:
            break
        if day not in known:
            try:
                batch = _window(day, categories, store, arxiv, now)
            except PaperboyError as error:
                log.warning("days not filled", why=str(error))
                break
            if batch:
                found[day] = batch
        day = calendar.weekday_before(day)
    return found


def _newest(now: datetime) -> date:
    """The last weekday whose list is out."""
    today = calendar.new_york_date(now)
    if calendar.is_weekend(today) or now < calendar.first_fetch(today):
        return calendar.weekday_before(today)
    return today


def _window(
    day: date, categories: Sequence[str], store: Store, arxiv: ArxivClient, now: datetime
) -> str:
    """The batch with the papers of a day's submission window; empty where there are none."""
    batch = f"{day}-window-{fingerprint(*sorted(categories))}"
    if store.lists.changed_at(batch) is None:
        papers = arxiv.window(categories, *calendar.submission_window(day))
        if not papers:
            return ""
        store.lists.add(
            batch, Listing(date=day, papers=papers, replaced=(), items=len(papers)), now
        )
    return batch
