"""Papers that somebody looks for, among those that their channels were shown or refused; no I/O."""

from __future__ import annotations

from datetime import date
from typing import Final

from pydantic import Field

from bot.domain.papers import Value
from bot.domain.request import Address

LONGEST: Final = 200  # characters of the words that are looked for
MOST: Final = 6  # papers that are found
# How far back papers like another one are looked for.
LIKE_DAYS: Final = 90


class Search(Value):
    """A question to the workers: which papers are about this, of those that digests in `places`
    decided on, `since` a date or as far back as they are kept. `title` is words that somebody
    typed; or a paper's title, `text` its abstract, and `like` its id, which is not found itself."""

    title: str = Field(min_length=1)
    text: str = ""
    like: str = ""
    places: tuple[Address, ...]
    since: date | None = None


class Hit(Value):
    """A paper (an id) that was found, in the digest that a channel got of a day (a name)."""

    place: Address
    day: str
    paper: str


class SearchResult(Value):
    """The hits, the best first, of so many `papers` in digests from a date on. `words_only`: their
    meaning could not be compared."""

    hits: tuple[Hit, ...] = ()
    papers: int = 0
    since: date | None = None
    words_only: bool = False
