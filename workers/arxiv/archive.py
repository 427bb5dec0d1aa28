"""A day's list as arXiv's archive interface (OAI-PMH) tells it; pure.

It has no list and no announcement: only papers as they are now, and the day of their last change.
What the feed of a day says follows from when versions were submitted, from ids, which arXiv gives
in the order of announcing, and from earlier lists. What does not follow is counted and not guessed:
a paper that was cross-listed later, or only corrected, looks the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from bot.arxiv.calendar import submission_window, weekday_before
from bot.domain.categories import ARCHIVES, matches
from bot.domain.papers import Announced, AnnounceType, Change, Listing
from workers.arxiv.freshness import EarlierLists
from workers.arxiv.oai import Record

# The feed leaves out replacements from this version on (github.com/arXiv/arxiv-feed).
_UNLISTED_VERSION: Final = 6
# Greater than any: where no id of an earlier list is known, none tells that a paper is new.
_NO_ID: Final = (10_000, 0)
# Archives that are a group of their own; all others are physics.
_GROUPS: Final = ("cs", "econ", "eess", "math", "q-bio", "q-fin", "stat")


class ArchiveDay(NamedTuple):
    """What the archive tells of a day: its list, and the ids of papers that were changed then and
    may be cross-listed in it, or not."""

    listing: Listing
    unclear: tuple[str, ...]


def asked_together(categories: Sequence[str]) -> tuple[str, ...]:
    """What to ask for, one after the other: a category alone, or its whole archive where several of
    it are wanted."""
    wanted: dict[str, list[str]] = {}
    for category in categories:
        wanted.setdefault(category.partition(".")[0], []).append(category)
    return tuple(mine[0] if len(mine) == 1 else archive for archive, mine in wanted.items())


def sets_of(categories: Sequence[str]) -> tuple[str, ...]:
    """The sets of what is asked together, by the archive's names."""
    sets = []
    for name in asked_together(categories):
        archive = name.partition(".")[0]
        group = archive if archive in _GROUPS or archive not in ARCHIVES else "physics"
        sets.append(f"{group}:{name.replace('.', ':')}")
    return tuple(sets)


def asked_from(day: date) -> date:
    """The first day of changes to ask for, to tell a day's list from the one before."""
    return weekday_before(day)


def archive_day(
    day: date,
    records: Sequence[Record],
    categories: Sequence[str],
    earlier: EarlierLists,
    last_list: date | None,
) -> ArchiveDay:
    """The list of a day in these categories, from records changed since `asked_from`; `last_list`
    is the last day before it whose list is known to us."""
    window = _last_end(day, records, last_list), submission_window(day)[1]
    known = dict[str, tuple[str, ...]]()
    for id, names in earlier.papers:
        known[id] = (*known.get(id, ()), *names)
    newest = _newest_before(day, records, window[0], known)
    papers: dict[str, Announced] = {}
    changes: dict[str, tuple[tuple[str, ...], Change]] = {}
    unclear = []
    for record in records:
        if not any(matches(own, asked) for own in record.categories for asked in categories):
            continue
        found = _sorted(record, window, newest, known.get(record.id), categories)
        version = max((v.number for v in record.versions if v.submitted < window[1]), default=1)
        if isinstance(found, AnnounceType) and found.is_replacement:
            paper = record.paper(version, with_authors=False)
            changes[record.id] = paper.categories, record.change(paper)
        elif isinstance(found, AnnounceType):
            papers[record.id] = Announced(paper=record.paper(version), announce_type=found)
        elif found is None and record.changed >= day:
            unclear.append(record.id)
    listing = Listing(
        date=day,
        papers=tuple(papers.values()),
        replaced=tuple((id, row[0]) for id, row in changes.items()),
        items=len(papers) + len(changes),
        changes=tuple(change for _, change in changes.values()),
    )
    return ArchiveDay(listing, tuple(unclear))


def _last_end(day: date, records: Iterable[Record], last_list: date | None) -> datetime:
    """When the submissions of the last list before a day ended. The weekday before had one unless
    it was a holiday: then nobody has its list, and no paper of its own was announced by then."""
    before = weekday_before(day)
    begin, end = submission_window(before)
    if last_list == before or any(
        record.changed < day and begin <= record.versions[0].submitted < end for record in records
    ):
        return end
    return submission_window(last_list)[1] if last_list else begin


def _newest_before(
    day: date, records: Iterable[Record], begin: datetime, known: Iterable[str]
) -> tuple[int, int]:
    """The last id that was announced before a day, as far as that is known."""
    old = (r.id for r in records if r.changed < day and r.versions[0].submitted < begin)
    return max(filter(any, map(_order, (*known, *old))), default=_NO_ID)


def _sorted(
    record: Record,
    window: tuple[datetime, datetime],
    newest: tuple[int, int],
    known: tuple[str, ...] | None,
    asked: Sequence[str],
) -> AnnounceType | bool | None:
    """How the list has a record; False where it certainly hasn't; None where that can't be known.
    `known` are its categories in an earlier list."""
    begin, end = window
    versions = [version for version in record.versions if version.submitted < end]
    is_primary = any(matches(record.categories[0], one) for one in asked)
    if not versions:
        return False  # of a later list
    # What moderators held back is older than the window, and has an id of this day.
    if known is None and (versions[0].submitted >= begin or _order(record.id) > newest):
        return AnnounceType.NEW if is_primary else AnnounceType.CROSS
    added = [own for own in record.categories if known is not None and own not in known]
    if any(matches(own, one) for own in added for one in asked):
        return AnnounceType.CROSS
    if len(versions) > 1 and versions[-1].submitted >= begin:
        if versions[-1].number >= _UNLISTED_VERSION:
            return False
        return AnnounceType.REPLACE if is_primary else AnnounceType.REPLACE_CROSS
    is_wanted_beside = any(matches(own, one) for own in record.categories[1:] for one in asked)
    return None if known is None and is_wanted_beside else False


def _order(id: str) -> tuple[int, int]:
    """A number that grows with each paper that arXiv announces; ids with a slash come before."""
    month, _, number = id.partition(".")
    return (int(month), int(number)) if month.isdigit() and number.isdigit() else (0, 0)
