"""FETCH: gets the requested list, merges it into its batch, and stores the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from bot.arxiv import calendar
from bot.domain.digest import ListQuery, ListResult, Source
from bot.domain.papers import ArchiveNote, Listing, Problem, fingerprint
from bot.domain.reasons import ArxivReason
from bot.domain.watching.trouble import TroubleKind
from bot.errors import PaperboyError, Unavailable
from bot.store.store import Store
from workers.arxiv import feed, sample
from workers.arxiv.client import ArxivClient, FeedResult
from workers.arxiv.earlier import lists_before
from workers.arxiv.freshness import FreshPart, fresh_part
from workers.second_source import ask_archive, compared

# Reasons that say something of arXiv, and not of a day or of a profile.
_AWAY = (
    *(ArxivReason.NOT_A_FEED, ArxivReason.TRUNCATED, ArxivReason.MALFORMED, ArxivReason.FORBIDDEN),
    *(ArxivReason.THROTTLED, ArxivReason.SERVER_ERROR, ArxivReason.TIMEOUT),
    ArxivReason.UNREACHABLE,
)
# How far back to look for the last announced day: past Christmas and a weekend.
_DAYS_BACK = 5
# Lists have been seen to fill up within the hour: one that has not grown for this long is complete,
# counted from when it may be asked for at the earliest: somebody may ask right after midnight.
_GROWING = timedelta(minutes=9)


def fetch(
    query: ListQuery, store: Store, arxiv: ArxivClient, clock: Callable[[], datetime]
) -> None:
    """Store the result of a list query: a batch, a typed problem, or both.

    A problem never removes papers that an earlier answer left in the batch.
    """
    now = clock()
    try:
        list_result = _find_list(query, store, arxiv, now)
    except PaperboyError as error:
        problem = Problem(trouble=error.reason_or(ArxivReason.UNREACHABLE), detail=str(error))
        list_result = _failed(query, store, problem, now)
    if query.source is Source.ARXIV:
        store.sightings.put(TroubleKind.ARXIV, _away(list_result), now)
    before = store.lists.result(query)
    if (
        before
        and before.batch == list_result.batch
        and store.lists.changed_at(list_result.batch) is None
    ):
        # Still no paper: there is nothing new to judge.
        list_result = list_result.model_copy(update={"changed_at": before.changed_at})
    store.lists.put_result(query, list_result)


def _away(list_result: ListResult) -> ArxivReason | None:
    """Why arXiv's feed can't be had, also where its archive stands in for it."""
    problem, note = list_result.problem, list_result.archive
    why = problem.trouble if problem else note.why if note and not note.compared else None
    return why if why in _AWAY else None


def _find_list(query: ListQuery, store: Store, arxiv: ArxivClient, now: datetime) -> ListResult:
    match query.source:
        case Source.SAMPLE:
            return _stored(sample.BATCH, sample.listing(), Source.SAMPLE, store, now)
        case Source.FILES:
            listing = feed.merge_listings(
                [feed.parse_feed(store.lists.document(name)) for name in query.files]
            )
            if query.date is not None:  # the date given by hand wins
                listing = listing.model_copy(update={"date": query.date})
            batch = f"{listing.date}-{fingerprint(*query.files)}"
            list_result = _stored(batch, listing, Source.FILES, store, now)
            return _unknown_if_empty(list_result, listing)
        case Source.ARXIV | Source.WINDOW:
            day = query.date
            if (
                day
                and day < calendar.new_york_date(now)
                and _is_stored(day, query.categories, store)
            ):
                return _stored_day(str(day), day, now, store)
            return _fetch_current(query, store, arxiv, now)


def _fetch_current(query: ListQuery, store: Store, arxiv: ArxivClient, now: datetime) -> ListResult:
    """The list in the feed now, whatever date it states, with what arXiv's archive has of today
    where the feed lacks it."""
    day = query.date or calendar.new_york_date(now)
    try:
        answer = arxiv.fetch_listing(query.categories)
    except Unavailable as error:
        why = error.reason_or(ArxivReason.UNREACHABLE)
        if found := _by_archive(query, day, why, store, arxiv, now):
            return found
        raise
    listing = answer.listing
    if query.date is not None and listing.date > query.date:
        return _fetch_past(query.date, query.categories, store, arxiv, now)
    if listing.date < day and (
        found := _by_archive(query, day, ArxivReason.NO_LIST, store, arxiv, now)
    ):
        return found
    if query.date is not None and listing.date < query.date:
        problem = Problem(trouble=ArxivReason.NO_LIST, detail=f"the feed is of {listing.date}")
        return _failed(query, store, problem, now)
    return _merged(query, answer, store, arxiv, now)


def _by_archive(
    query: ListQuery,
    day: date,
    why: ArxivReason,
    store: Store,
    arxiv: ArxivClient,
    now: datetime,
) -> ListResult | None:
    """A day that the feed has nothing of; None where the archive has nothing of it either."""
    note = ask_archive(query, day, query.categories, why, store, arxiv, now)
    if note is None:
        return None
    stored = _stored_day(str(day), day, now, store)
    return stored.model_copy(update={"archive": note, "settled": False})


def _merged(
    query: ListQuery, answer: FeedResult, store: Store, arxiv: ArxivClient, now: datetime
) -> ListResult:
    """The feed's list, without an earlier one's papers, in its batch."""
    listing, batch = answer.listing, str(answer.listing.date)
    compared_for = query.categories if listing.papers else ()
    before = lists_before(listing.date, compared_for, store, arxiv)
    fresh = fresh_part(listing, query.categories, before.lists)
    listing = listing.model_copy(update={"papers": fresh.papers, "replaced": fresh.replaced})
    list_result = _stored(batch, listing, Source.ARXIV, store, now)
    note = _note(query, answer, fresh, store, arxiv, now)
    if listing.papers or (listing.replaced and not fresh.stale_categories) or note:
        if answer.problem is None:  # a truncated list does not count as an answer
            store.lists.put_answered_categories(
                batch,
                set(query.categories) - set(answer.refused) - set(fresh.stale_categories),
                now,
            )
        changed = store.lists.changed_at(batch) or list_result.changed_at
        missing = _missing(answer, fresh, note)
        is_whole = missing is None and not (note and note.is_waiting)
        since = max(changed, calendar.first_fetch(listing.date))
        settled = is_whole and now - since >= _GROWING and before.is_known
        return list_result.model_copy(
            update={
                "problem": missing,
                "settled": settled,
                "archive": note,
                "changed_at": changed,
            }
        )
    if fresh.stale_categories and not query.latest:
        return list_result.model_copy(update={"problem": _stale_problem(fresh), "settled": False})
    if query.latest:
        return _last_announced(listing.date, query.categories, store, arxiv, now)
    return _unknown_if_empty(list_result, listing)


def _note(
    query: ListQuery,
    answer: FeedResult,
    fresh: FreshPart,
    store: Store,
    arxiv: ArxivClient,
    now: datetime,
) -> ArchiveNote | None:
    """What the archive has of the categories that the feed lacks; or, where the feed has all, how
    the two compare."""
    day, is_empty = answer.listing.date, not (fresh.papers or fresh.replaced)
    why, lacking = ArxivReason.LIST_CUT, answer.cut
    if fresh.stale_categories:
        why, lacking = ArxivReason.STALE, (*fresh.stale_categories, *answer.cut)
    elif is_empty:
        why, lacking = ArxivReason.EMPTY_WEEKDAY, query.categories
    if not lacking:
        return compared(query, day, fresh.papers, store)
    note = ask_archive(query, day, tuple(dict.fromkeys(lacking)), why, store, arxiv, now)
    is_cut = note and why is ArxivReason.LIST_CUT
    return compared(query, day, fresh.papers, store) if is_cut else note


def _stale_problem(fresh: FreshPart) -> Problem | None:
    """The problem that some categories still show an earlier list."""
    return (
        Problem(trouble=ArxivReason.STALE, detail=", ".join(fresh.stale_categories))
        if fresh.stale_categories
        else None
    )


def _missing(answer: FeedResult, fresh: FreshPart, note: ArchiveNote | None) -> Problem | None:
    """The problem with an answer that lacks papers, unless the archive has them."""
    if answer.refused:
        detail = "; ".join(answer.refused.values())
        return Problem(trouble=ArxivReason.BAD_QUERY, detail=detail)
    if note and {*answer.cut, *fresh.stale_categories} <= set(note.categories):
        return None
    return answer.problem or _stale_problem(fresh)


def _fetch_past(
    day: date, categories: Sequence[str], store: Store, arxiv: ArxivClient, now: datetime
) -> ListResult:
    """A past day: as stored, or else the API's papers of its submission window."""
    if _is_stored(day, categories, store):
        return _stored_day(str(day), day, now, store)
    if calendar.is_weekend(day):
        return ListResult(batch=str(day), date=day, asked_at=now, changed_at=now)
    papers = arxiv.window(categories, *calendar.submission_window(day))
    if not papers:
        problem = Problem(trouble=ArxivReason.NO_LIST)
        return ListResult(
            batch="", date=day, asked_at=now, changed_at=now, problem=problem, settled=False
        )
    listing = Listing(date=day, papers=papers, replaced=(), items=len(papers))
    batch = f"{day}-window-{fingerprint(*categories)}"
    return _stored(batch, listing, Source.WINDOW, store, now)


def _last_announced(
    empty: date, categories: Sequence[str], store: Store, arxiv: ArxivClient, now: datetime
) -> ListResult:
    """The newest day with papers before an empty one; holidays are found by trying."""
    day = empty
    for _ in range(_DAYS_BACK):
        day = calendar.weekday_before(day)
        list_result = _fetch_past(day, categories, store, arxiv, now)
        if list_result.problem is None:
            return list_result.model_copy(update={"instead_of": empty})
    problem = Problem(trouble=ArxivReason.NO_LIST)
    return ListResult(batch="", date=empty, asked_at=now, changed_at=now, problem=problem)


def _stored(
    batch: str, listing: Listing, source: Source, store: Store, now: datetime
) -> ListResult:
    changed = store.lists.add(batch, listing, now)
    return ListResult(
        batch=batch, date=listing.date, source=source, asked_at=now, changed_at=changed
    )


def _is_stored(day: date, categories: Sequence[str], store: Store) -> bool:
    return set(categories) <= store.lists.answered_categories(str(day))


def _stored_day(batch: str, day: date, now: datetime, store: Store) -> ListResult:
    return ListResult(
        batch=batch, date=day, asked_at=now, changed_at=store.lists.changed_at(batch) or now
    )


def _unknown_if_empty(list_result: ListResult, listing: Listing) -> ListResult:
    """An empty list means a quiet day on a weekend; on a weekday it is unknown, because it may be a
    holiday or a throttled arXiv, which has been seen to answer so."""
    if listing.papers or listing.replaced or calendar.is_weekend(listing.date):
        return list_result
    problem = Problem(trouble=ArxivReason.EMPTY_WEEKDAY)
    return list_result.model_copy(update={"problem": problem, "settled": False})


def _failed(query: ListQuery, store: Store, problem: Problem, now: datetime) -> ListResult:
    """The result without an answer: today's list if an earlier answer stored it, or the problem."""
    day = query.date or calendar.new_york_date(now)
    if query.source is Source.ARXIV and _is_stored(day, query.categories, store):
        return _stored_day(str(day), day, now, store)
    return ListResult(
        batch="",
        date=day,
        source=query.source,
        asked_at=now,
        changed_at=now,
        problem=problem,
        settled=False,
    )
