"""arXiv's archive interface, asked where the feed of a day is late, old, empty, cut or away.

What it tells of a day is merged into the day's batch, which the feed then finds; both are compared.
An answer is a whole set's of the archive, and counts for every profile with a category in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import structlog

from bot.arxiv import calendar
from bot.domain.categories import matches
from bot.domain.digest import ListQuery
from bot.domain.papers import Announced, ArchiveList, ArchiveNote, Comparison
from bot.domain.reasons import ArxivReason
from bot.errors import PaperboyError
from bot.store.store import Store
from workers.arxiv.archive import ArchiveDay, archive_day, asked_from, asked_together
from workers.arxiv.client import ArxivClient
from workers.arxiv.earlier import lists_before
from workers.arxiv.oai import Record, records_from_text, records_to_text

log = structlog.get_logger()

# What it has of a day, it has before the feed turns over; an answer is used again for so long, and
# one without a paper, as on a holiday, for longer: each is up to some megabytes.
_AGAIN, _AGAIN_WHEN_EMPTY = timedelta(hours=1), timedelta(hours=4)
# Other profiles use an answer for a little less, so that the first to ask again gets a new one.
_SHARED = timedelta(minutes=50)


def ask_archive(
    query: ListQuery,
    day: date,
    categories: Sequence[str],
    why: ArxivReason,
    store: Store,
    arxiv: ArxivClient,
    now: datetime,
) -> ArchiveNote | None:
    """Add to the day's batch what the archive has of these categories; None where it has nothing,
    or isn't asked: a day that is over, or has not begun, has no list to complete. Only a whole
    answer counts."""
    if not _is_under_way(day, now):
        return None
    stored = store.lists.archive_list(query, day)
    is_enough = stored is not None and set(categories) <= set(stored.note.categories)
    again = _AGAIN if stored and stored.note.papers else _AGAIN_WHEN_EMPTY
    if stored is None or not is_enough or now - stored.note.at >= again:
        try:
            stored = _ask(query, day, categories, why, store, arxiv, now)
        except PaperboyError as error:
            log.warning("archive has no answer", day=str(day), feed=why.value, why=str(error))
            stored = stored if is_enough else None
    return stored.note if stored and stored.note.papers else None


def compared(
    query: ListQuery, day: date, feed: Sequence[Announced], store: Store
) -> ArchiveNote | None:
    """What the archive told of the day, compared with the feed's papers; None where it told
    nothing."""
    stored = store.lists.archive_list(query, day)
    if stored is None or not stored.note.papers:
        return None
    mine = {
        each.paper.id
        for each in feed
        if any(matches(own, c) for own in each.paper.categories for c in stored.note.categories)
    }
    theirs = set(stored.ids)
    comparison = Comparison(
        feed=len(mine),
        archive=len(theirs),
        only_feed=len(mine - theirs),
        only_archive=len(theirs - mine),
    )
    note = stored.note.model_copy(update={"compared": comparison})
    if note != stored.note:
        store.lists.put_archive_list(query, day, stored.model_copy(update={"note": note}))
        log.info("feed and archive compared", day=str(day), **comparison.model_dump())
    return note


def _is_under_way(day: date, now: datetime) -> bool:
    is_today = calendar.new_york_date(now) == day and now >= calendar.first_fetch(day)
    return is_today and not calendar.is_weekend(day)


def _ask(
    query: ListQuery,
    day: date,
    categories: Sequence[str],
    why: ArxivReason,
    store: Store,
    arxiv: ArxivClient,
    now: datetime,
) -> ArchiveList:
    found = _archive_day(day, categories, store, arxiv, now)
    listing = found.listing
    if listing.papers:  # new versions alone may be those of any day
        store.lists.add(str(day), listing, now)
        store.lists.put_answered_categories(str(day), categories, now)
    note = ArchiveNote(
        at=now,
        why=why,
        categories=tuple(categories),
        papers=len(listing.papers),
        unclear=len(found.unclear),
    )
    stored = ArchiveList(note=note, ids=tuple(a.paper.id for a in listing.papers))
    store.lists.put_archive_list(query, day, stored)
    log.info(
        "list from archive",
        day=str(day),
        feed=why.value,
        categories=" ".join(categories),
        papers=len(listing.papers),
        replaced=len(listing.replaced),
        unclear=len(found.unclear),
    )
    return stored


def _archive_day(
    day: date, categories: Sequence[str], store: Store, arxiv: ArxivClient, now: datetime
) -> ArchiveDay:
    first = asked_from(day)
    records = dict[str, Record]()
    for name in asked_together(categories):
        records |= {each.id: each for each in _changed(name, first, store, arxiv, now)}
    before = lists_before(day, categories, store, arxiv)
    return archive_day(day, tuple(records.values()), categories, before.lists, before.last)


def _changed(
    name: str, first: date, store: Store, arxiv: ArxivClient, now: datetime
) -> Sequence[Record]:
    """The records of a category, or of an archive, that were changed since a date: as they were
    told a moment ago, or asked for now. Raises PaperboyError."""
    text = store.lists.archive_answer(name, first)
    if text and (known := records_from_text(text)) and abs(now - known.at) < _SHARED:
        return known.records
    records = arxiv.changed_since(first, (name,))
    store.lists.put_archive_answer(name, first, records_to_text(records, now))
    return records
