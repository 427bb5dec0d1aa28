"""Words of a text by their stems, so that "pruned" and "pruning" are one word; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

# Lucene's list, the customary one for English.
_STOP = (
    " a an and are as at be but by for if in into is it no not of on or such that the their then "
    "there these they this to was will with "
)
_ENDINGS = ("ation", "ition", "ion", "ity", "ing", "ive", "ed", "al", "ic", "e", "y")
_COMMAND, _ACCENT_OR_BRACE = re.compile(r"\\[a-zA-Z]+"), re.compile(r"\\[^a-zA-Z]|[{}]")
_WORD = re.compile(r"[^\W_]{2,}")
_CLAUSE = re.compile(r"[^;,.:()!?]+")


def stemmed_words(text: str) -> tuple[str, list[tuple[str, int, int]]]:
    """A paper's text without TeX, and the (stem, start, end) of each word that counts."""
    plain = _ACCENT_OR_BRACE.sub("", _COMMAND.sub(" ", text))
    return plain, stems_between(plain, 0, len(plain))


def stems_between(text: str, start: int, end: int) -> list[tuple[str, int, int]]:
    """The (stem, start, end) of each word that counts in a part of a text without TeX."""
    words = _WORD.finditer(text, start, end)
    return [(stem, word.start(), word.end()) for word in words if (stem := _stem(word[0]))]


def stems_by_clause(text: str) -> Iterator[list[tuple[str, int, int]]]:
    """The same of a whole text, clause by clause: no phrase spans a comma."""
    for clause in _CLAUSE.finditer(text):
        yield stems_between(text, clause.start(), clause.end())


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    """A word without accents, plural and ending ("pruned", "pruning"); "" for a stop word."""
    marked = unicodedata.normalize("NFKD", word.lower())
    stem = "".join(char for char in marked if not unicodedata.combining(char))
    if f" {stem} " in _STOP:
        return ""
    if stem.endswith("ies") and len(stem) > 4:
        stem = stem[:-3] + "y"
    elif stem.endswith("s") and not stem.endswith(("ss", "us", "is")) and len(stem) > 3:
        stem = stem[:-1]
    return next(
        (stem.removesuffix(e) for e in _ENDINGS if stem.endswith(e) and len(stem) - len(e) >= 4),
        stem,
    )
