"""Whether a list is new, by its papers: dates have been seen to lie; pure.

Each category turns over at its own moment, and one has been seen to serve yesterday's papers under
today's date. A paper that stood in an earlier list in the same categories is that earlier list's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from bot.categories import matches
from bot.domain import Announced, Listing

# A category is old when this much of it is: some papers are listed twice for other reasons.
_MOSTLY = 0.5


class Turned(NamedTuple):
    """The papers that are new, and the categories that still show an earlier list."""

    papers: tuple[Announced, ...]
    old: tuple[str, ...]


def turned(
    listing: Listing, asked: Sequence[str], before: Collection[tuple[str, tuple[str, ...]]]
) -> Turned:
    """What of a list is new, given the papers of the lists before it (id, categories).

    A cross-list that comes a day later is new: the paper has a category more.
    """
    fresh = [a for a in listing.papers if (a.paper.id, a.paper.categories) not in before]
    new = {announced.paper.id for announced in fresh}
    old = []
    for category in asked:
        ids = [
            announced.paper.id
            for announced in listing.papers
            if any(matches(own, category) for own in announced.paper.categories)
        ]
        if ids and sum(id not in new for id in ids) >= _MOSTLY * len(ids):
            old.append(category)
    return Turned(tuple(fresh), tuple(old))
