"""Whether a list is new, by its papers: dates have been seen to lie; pure.

Each category turns over at its own moment, and one has been seen to serve yesterday's papers under
today's date. A paper that stood in an earlier list in the same categories is that earlier list's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from bot.domain.categories import matches
from bot.domain.papers import Announced, Listing

# A category is old when this much of it is: some papers are listed twice for other reasons.
_MOSTLY = 0.5


# A paper as a list names it: its id and its categories.
ListedRow = tuple[str, tuple[str, ...]]


class EarlierLists(NamedTuple):
    """What the lists before this one had: papers, and replacements."""

    papers: Collection[ListedRow]
    replaced: Collection[ListedRow]


class FreshPart(NamedTuple):
    """The papers that are new, the replacements that are, and the categories that still show an
    earlier list."""

    papers: tuple[Announced, ...]
    replaced: tuple[ListedRow, ...]
    stale_categories: tuple[str, ...]


def fresh_part(listing: Listing, asked: Sequence[str], earlier: EarlierLists) -> FreshPart:
    """What of a list is new.

    A cross-list that comes a day later is new: the paper has a category more. So is a second
    replacement, which looks like the first one, unless its category has not turned over.
    """
    rows = [(a.paper.id, a.paper.categories) for a in listing.papers]
    fresh = tuple(
        a for a, row in zip(listing.papers, rows, strict=True) if row not in earlier.papers
    )
    old = []
    for category in asked:
        papers = [row in earlier.papers for row in rows if _in(category, row)]
        replaced = [row in earlier.replaced for row in listing.replaced if _in(category, row)]
        stood = papers or replaced
        if stood and sum(stood) >= _MOSTLY * len(stood):
            old.append(category)
    gone = {row for row in earlier.replaced if any(_in(category, row) for category in old)}
    return FreshPart(fresh, tuple(row for row in listing.replaced if row not in gone), tuple(old))


def _in(category: str, row: ListedRow) -> bool:
    return any(matches(own, category) for own in row[1])
