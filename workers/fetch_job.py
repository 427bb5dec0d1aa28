"""FETCH: gets the requested list, merges it into its batch, and stores the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta

from bot.arxiv import calendar
from bot.domain.digest import ListQuery, ListResult, Source
from bot.domain.papers import Listing, Problem, fingerprint
from bot.domain.reasons import ArxivReason
from bot.domain.watching.trouble import TroubleKind
from bot.errors import PaperboyError
from bot.store.store import Store
from workers.arxiv import feed, sample
from workers.arxiv.client import ArxivClient, FeedResult
from workers.arxiv.freshness import EarlierLists, FreshPart, ListedRow, fresh_part, listed_row

# Reasons that say something of arXiv, and not of a day or of a profile.
_AWAY = (
    *(ArxivReason.NOT_A_FEED, ArxivReason.TRUNCATED, ArxivReason.MALFORMED, ArxivReason.FORBIDDEN),
    *(ArxivReason.THROTTLED, ArxivReason.SERVER_ERROR, ArxivReason.TIMEOUT),
    ArxivReason.UNREACHABLE,
)
# How far back to look for the last announced day: past Christmas and a weekend.
_DAYS_BACK = 5
# A stale list is the previous one, or over a holiday one before that.
_LISTS_BACK = 3
# Lists have been seen to fill up within the hour: one that has not grown for this long is complete.
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
        problem = list_result.problem
    except PaperboyError as error:
        problem = Problem(trouble=error.reason_or(ArxivReason.UNREACHABLE), detail=str(error))
        list_result = _failed(query, store, problem, now)
    if query.source is Source.ARXIV:
        why = problem.trouble if problem and problem.trouble in _AWAY else None
        store.sightings.put(TroubleKind.ARXIV, why, now)
    before = store.lists.result(query)
    if (
        before
        and before.batch == list_result.batch
        and store.lists.changed_at(list_result.batch) is None
    ):
        # Still no paper: there is nothing new to judge.
        list_result = list_result.model_copy(update={"changed_at": before.changed_at})
    store.lists.put_result(query, list_result)


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
    """The list in the feed now, whatever date it states."""
    answer = arxiv.fetch_listing(query.categories)
    listing, batch = answer.listing, str(answer.listing.date)
    if query.date is not None and listing.date > query.date:
        return _fetch_past(query.date, query.categories, store, arxiv, now)
    if query.date is not None and listing.date < query.date:
        problem = Problem(trouble=ArxivReason.NO_LIST, detail=f"the feed is of {listing.date}")
        return _failed(query, store, problem, now)
    compared = query.categories if listing.papers else ()
    earlier, is_known = _earlier_lists(listing.date, compared, store, arxiv)
    fresh = fresh_part(listing, query.categories, earlier)
    listing = listing.model_copy(update={"papers": fresh.papers, "replaced": fresh.replaced})
    list_result = _stored(batch, listing, Source.ARXIV, store, now)
    if listing.papers or (listing.replaced and not fresh.stale_categories):
        if answer.problem is None:  # a truncated list does not count as an answer
            store.lists.put_answered_categories(
                batch,
                set(query.categories) - set(answer.refused) - set(fresh.stale_categories),
                now,
            )
        missing = _missing(answer) or _stale_problem(fresh)
        grown = now - list_result.changed_at >= _GROWING
        settled = missing is None and grown and is_known
        return list_result.model_copy(update={"problem": missing, "settled": settled})
    if fresh.stale_categories and not query.latest:
        return list_result.model_copy(update={"problem": _stale_problem(fresh), "settled": False})
    if query.latest:
        return _last_announced(listing.date, query.categories, store, arxiv, now)
    return _unknown_if_empty(list_result, listing)


def _earlier_lists(
    day: date, categories: Sequence[str], store: Store, arxiv: ArxivClient
) -> tuple[EarlierLists, bool]:
    """The papers and replacements of the last few lists before `day`, with their categories; and
    whether those of every category are known. Of a category that is asked for the first time, the
    API says which papers came before."""
    papers, replaced, answered = set[ListedRow](), set[ListedRow](), set[str]()
    days = list(_weekdays_before(day, _LISTS_BACK))
    for before in days:
        batch = store.lists.batch(str(before))
        papers |= {listed_row(a.paper.id, a.paper.categories) for a in batch.papers}
        replaced |= {listed_row(*row) for row in batch.replaced}
        answered |= store.lists.answered_categories(str(before))
    unknown = [category for category in categories if category not in answered]
    try:
        papers |= _announced_last(unknown, days, arxiv) if unknown else set()
    except PaperboyError:  # a list that may be old is better than none, while it is asked for again
        return EarlierLists(papers, replaced), False
    return EarlierLists(papers, replaced), True


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


def _stale_problem(fresh: FreshPart) -> Problem | None:
    """The problem that some categories still show an earlier list."""
    return (
        Problem(trouble=ArxivReason.STALE, detail=", ".join(fresh.stale_categories))
        if fresh.stale_categories
        else None
    )


def _missing(answer: FeedResult) -> Problem | None:
    """The problem with an answer that lacks papers."""
    if answer.refused:
        detail = "; ".join(answer.refused.values())
        return Problem(trouble=ArxivReason.BAD_QUERY, detail=detail)
    return answer.problem


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
