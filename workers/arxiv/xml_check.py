"""Checks that a document is one complete, plain RSS or Atom feed, as expat sees it; pure.

Plain: well-formed, not built to be slow to parse, and without a document type.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NoReturn
from xml.parsers import expat

from bot.domain.reasons import ArxivReason
from bot.errors import Unavailable

_ATOM = "http://www.w3.org/2005/Atom"
_ROOTS = ("rss", f"{_ATOM} feed")
_ENTRIES = ("item", f"{_ATOM} entry")
# In one entry. arXiv's longest author lists have some 3,000 names, of three elements each.
_MOST_ELEMENTS = 20_000
_MOST_CATEGORIES = 200  # feedparser compares each with all before it
_CATEGORIES = ("category", f"{_ATOM} category")
STOPPED_SHORT = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)


def count_entries(document: bytes) -> int:
    """The number of entries of a complete, plain feed. Raises Unavailable (NOT_A_FEED, TRUNCATED,
    MALFORMED) for anything else."""
    seen: Counter[str] = Counter()  # keeps the order: the root is the first
    entry: Counter[str] = Counter()  # elements of the entry being read

    def start(name: str, attributes: Mapping[str, str]) -> None:
        # feedparser's time grows with the square of either.
        if len(attributes) > 50 or (not seen and reader.CurrentByteIndex > 4000):
            raise unusable_document(ArxivReason.MALFORMED, "is not built like arXiv's feeds")
        seen[name] += 1
        if name in _ENTRIES:
            entry.clear()
        entry["elements"] += 1
        entry["categories"] += name in _CATEGORIES
        if entry["elements"] > _MOST_ELEMENTS or entry["categories"] > _MOST_CATEGORIES:
            raise unusable_document(
                ArxivReason.MALFORMED, "has an entry longer than any of arXiv's"
            )

    def doctype(name: str, *_ids: object) -> NoReturn:
        # Refused before its declarations are read: entities may grow, or name a file or a host.
        if name in ("rss", "feed"):
            raise unusable_document(
                ArxivReason.MALFORMED, "declares a document type, which arXiv's feeds never do"
            )
        raise unusable_document(ArxivReason.NOT_A_FEED, "is not an RSS or Atom feed")

    reader = expat.ParserCreate(namespace_separator=" ")
    reader.StartElementHandler = start
    reader.StartDoctypeDeclHandler = doctype
    try:
        reader.Parse(document, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the last two: odd encodings
        raise _unparsable(document, next(iter(seen), None), error) from error
    if next(iter(seen)) not in _ROOTS:
        raise unusable_document(ArxivReason.NOT_A_FEED, "is not an RSS or Atom feed")
    return sum(seen[name] for name in _ENTRIES)


def _unparsable(document: bytes, root: str | None, error: Exception) -> Unavailable:
    """A document that expat gave up on: cut off, damaged, or never a feed. `root` is its first
    element, None where none was read."""
    cut_off = getattr(error, "code", None) in STOPPED_SHORT
    if cut_off and (root in _ROOTS or (root is None and document.startswith(b"<?xml"))):
        return unusable_document(ArxivReason.TRUNCATED, "breaks off before its end")
    if root in _ROOTS:
        return unusable_document(ArxivReason.MALFORMED, "is not well-formed XML")
    return unusable_document(ArxivReason.NOT_A_FEED, "is not an RSS or Atom feed")


def unusable_document(reason: ArxivReason, why: str) -> Unavailable:
    """The error for a document; `why` continues "This document"."""
    return Unavailable(f"This document {why}.", reason)
