"""Fetch: find the wanted list, merge it into its batch, and say what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from bot.arxiv import calendar
from bot.domain.digest import Listed, Source, Wanted
from bot.domain.papers import Listing, Problem, Trouble, fingerprint
from bot.errors import PaperboyError
from bot.store.days import Store
from workers.arxiv import feed, sample
from workers.arxiv.client import Answer, Arxiv
from workers.arxiv.freshness import Before, Row, Turned, turned

# After a day without announcements: over the longest row of them (Christmas and a weekend).
_DAYS_BACK = 5
# A stale list is the last one, or over a holiday one before it.
_LISTS_BACK = 3
# A list has been seen to fill up within the hour: it is whole when it has not grown for so long.
_GROWS = timedelta(minutes=9)


def fetch(wanted: Wanted, store: Store, arxiv: Arxiv, clock: Callable[[], datetime]) -> None:
    """Leave behind what came of a wanted list: a batch, a typed problem, or both.

    A problem never takes away what an earlier answer left in the batch.
    """
    now = clock()
    try:
        listed = _found(wanted, store, arxiv, now)
    except PaperboyError as error:
        problem = Problem(trouble=error.trouble or Trouble.UNREACHABLE, detail=str(error))
        listed = _failed(wanted, store, problem, now)
    before = store.listed(wanted)
    if before and before.batch == listed.batch and store.changed_at(listed.batch) is None:
        # Still without a paper: there is nothing new to judge.
        listed = listed.model_copy(update={"changed_at": before.changed_at})
    store.put_listed(wanted, listed)


def _found(wanted: Wanted, store: Store, arxiv: Arxiv, now: datetime) -> Listed:
    match wanted.source:
        case Source.SAMPLE:
            return _stored(sample.BATCH, sample.listing(), Source.SAMPLE, store, now)
        case Source.FILES:
            listing = feed.merge([feed.parse(store.document(name)) for name in wanted.files])
            if wanted.date is not None:  # whoever saved the file knows better
                listing = listing.model_copy(update={"date": wanted.date})
            batch = f"{listing.date}-{fingerprint(*wanted.files)}"
            listed = _stored(batch, listing, Source.FILES, store, now)
            return _or_unknown(listed, listing)
        case Source.ARXIV | Source.WINDOW:
            day = wanted.date
            if (
                day
                and day < calendar.new_york_date(now)
                and _is_stored(day, wanted.categories, store)
            ):
                return _kept(str(day), day, now, store)
            return _current(wanted, store, arxiv, now)


def _current(wanted: Wanted, store: Store, arxiv: Arxiv, now: datetime) -> Listed:
    """The list the feed carries now, whatever date it states."""
    answer = arxiv.listing(wanted.categories)
    listing, batch = answer.listing, str(answer.listing.date)
    if wanted.date is not None and listing.date > wanted.date:
        return _past(wanted.date, wanted.categories, store, arxiv, now)
    if wanted.date is not None and listing.date < wanted.date:
        problem = Problem(trouble=Trouble.NO_LIST, detail=f"the feed is of {listing.date}")
        return _failed(wanted, store, problem, now)
    fresh = turned(listing, wanted.categories, _before(listing.date, store))
    listing = listing.model_copy(update={"papers": fresh.papers, "replaced": fresh.replaced})
    listed = _stored(batch, listing, Source.ARXIV, store, now)
    if listing.papers or (listing.replaced and not fresh.old):
        if answer.problem is None:  # a list that was cut is not remembered as a whole one
            store.put_asked(
                batch, set(wanted.categories) - set(answer.refused) - set(fresh.old), now
            )
        missing = _missing(answer) or _old(fresh)
        settled = missing is None and now - listed.changed_at >= _GROWS
        return listed.model_copy(update={"problem": missing, "settled": settled})
    if fresh.old and not wanted.latest:
        return listed.model_copy(update={"problem": _old(fresh), "settled": False})
    if wanted.latest:
        return _last_announced(listing.date, wanted.categories, store, arxiv, now)
    return _or_unknown(listed, listing)


def _before(day: date, store: Store) -> Before:
    """The papers and replacements of the last few lists before a day, with their categories."""
    papers, replaced = set[Row](), set[Row]()
    for _ in range(_LISTS_BACK):
        day = calendar.weekday_before(day)
        batch = store.batch(str(day))
        papers |= {(a.paper.id, a.paper.categories) for a in batch.papers}
        replaced |= set(batch.replaced)
    return Before(papers, replaced)


def _old(fresh: Turned) -> Problem | None:
    """The categories that have not turned over yet."""
    return Problem(trouble=Trouble.STALE, detail=", ".join(fresh.old)) if fresh.old else None


def _missing(answer: Answer) -> Problem | None:
    """What the answer says of papers it does not hold."""
    if answer.refused:
        detail = "; ".join(answer.refused.values())
        return Problem(trouble=Trouble.BAD_QUERY, detail=detail)
    return answer.problem


def _past(
    day: date, categories: Sequence[str], store: Store, arxiv: Arxiv, now: datetime
) -> Listed:
    """A day gone by: as it was stored, or else by the API from its submission window."""
    if _is_stored(day, categories, store):
        return _kept(str(day), day, now, store)
    if calendar.is_weekend(day):
        return Listed(batch=str(day), date=day, asked_at=now, changed_at=now)
    papers = arxiv.window(categories, *calendar.submission_window(day))
    if not papers:
        problem = Problem(trouble=Trouble.NO_LIST)
        return Listed(
            batch="", date=day, asked_at=now, changed_at=now, problem=problem, settled=False
        )
    listing = Listing(date=day, papers=papers, replaced=(), items=len(papers))
    batch = f"{day}-window-{fingerprint(*categories)}"
    return _stored(batch, listing, Source.WINDOW, store, now)


def _last_announced(
    empty: date, categories: Sequence[str], store: Store, arxiv: Arxiv, now: datetime
) -> Listed:
    """The newest day before an empty one that had papers; holidays are found out by looking."""
    day = empty
    for _ in range(_DAYS_BACK):
        day = calendar.weekday_before(day)
        listed = _past(day, categories, store, arxiv, now)
        if listed.problem is None:
            return listed.model_copy(update={"instead_of": empty})
    problem = Problem(trouble=Trouble.NO_LIST)
    return Listed(batch="", date=empty, asked_at=now, changed_at=now, problem=problem)


def _stored(batch: str, listing: Listing, source: Source, store: Store, now: datetime) -> Listed:
    changed = store.add_listing(batch, listing, now)
    return Listed(batch=batch, date=listing.date, source=source, asked_at=now, changed_at=changed)


def _is_stored(day: date, categories: Sequence[str], store: Store) -> bool:
    return set(categories) <= store.asked(str(day))


def _kept(batch: str, day: date, now: datetime, store: Store) -> Listed:
    return Listed(batch=batch, date=day, asked_at=now, changed_at=store.changed_at(batch) or now)


def _or_unknown(listed: Listed, listing: Listing) -> Listed:
    """An empty list is a quiet day on a weekend; on a weekday it may as well be a holiday, or a
    throttled arXiv, which has been seen to answer so."""
    if listing.papers or listing.replaced or calendar.is_weekend(listing.date):
        return listed
    problem = Problem(trouble=Trouble.EMPTY_WEEKDAY)
    return listed.model_copy(update={"problem": problem, "settled": False})


def _failed(wanted: Wanted, store: Store, problem: Problem, now: datetime) -> Listed:
    """No answer this time; today's list stands if an earlier answer brought it."""
    day = wanted.date or calendar.new_york_date(now)
    if wanted.source is Source.ARXIV and _is_stored(day, wanted.categories, store):
        return _kept(str(day), day, now, store)
    return Listed(
        batch="",
        date=day,
        source=wanted.source,
        asked_at=now,
        changed_at=now,
        problem=problem,
        settled=False,
    )
