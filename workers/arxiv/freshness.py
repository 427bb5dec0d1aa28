"""Tells a list's new papers from an earlier list's, because its date may be wrong; pure.

Each category changes to the new day at its own time, and some have been seen to serve yesterday's
papers under today's date. A paper that an earlier list had in the same categories belongs to that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from bot.domain.categories import matches
from bot.domain.papers import Announced, Listing

# A category is stale when this share of it is: some papers are listed twice for other reasons.
_MOSTLY = 0.5

# A paper's id and its categories, in one order: the feed and the API need not have the same.
ListedRow = tuple[str, tuple[str, ...]]


def listed_row(id: str, categories: Iterable[str]) -> ListedRow:
    """A paper or replacement as it is compared."""
    return id, tuple(sorted(categories))


class EarlierLists(NamedTuple):
    """The papers and replacements of the lists before this one."""

    papers: Collection[ListedRow]
    replaced: Collection[ListedRow]


class FreshPart(NamedTuple):
    """The new papers, the new replacements, and the categories that still show an earlier list."""

    papers: tuple[Announced, ...]
    replaced: tuple[ListedRow, ...]
    stale_categories: tuple[str, ...]


def fresh_part(listing: Listing, asked: Sequence[str], earlier: EarlierLists) -> FreshPart:
    """The part of a list that no earlier list had; `asked` are the requested categories.

    A cross-list on a later day is new: the paper has one more category. A second replacement looks
    like the first one, and counts as new unless its category is stale.
    """
    rows = [listed_row(a.paper.id, a.paper.categories) for a in listing.papers]
    fresh = tuple(
        a for a, row in zip(listing.papers, rows, strict=True) if row not in earlier.papers
    )
    stale = []
    for category in asked:
        papers = [row in earlier.papers for row in rows if _in(category, row)]
        replaced = [
            listed_row(*row) in earlier.replaced for row in listing.replaced if _in(category, row)
        ]
        seen_before = papers or replaced
        if seen_before and sum(seen_before) >= _MOSTLY * len(seen_before):
            stale.append(category)
    stale_replacements = {
        row for row in earlier.replaced if any(_in(category, row) for category in stale)
    }
    return FreshPart(
        fresh,
        tuple(row for row in listing.replaced if listed_row(*row) not in stale_replacements),
        tuple(stale),
    )


def _in(category: str, row: ListedRow) -> bool:
    return any(matches(own, category) for own in row[1])
