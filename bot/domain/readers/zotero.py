"""A person's access to Zotero, and what was sent there of the papers they keep; no I/O."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Final

from bot.domain.papers import Value

# Zotero takes no more items in one request.
BATCH: Final = 50

_KEY: Final = re.compile(r"[A-Za-z0-9]{24}")
_WORD: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{24}(?![A-Za-z0-9])")
# Small and capital letters that a key has, with digits among them and without, and words put
# together have not.
_MIXED: Final = (3, 5)
_GROUP: Final = re.compile(r"(?:\S*groups/)?([1-9][0-9]{0,11})(?:/\S*)?", re.ASCII)
# Zotero's own: without 0, 1 and O.
_ITEM_LETTERS: Final = "23456789ABCDEFGHIJKLMNPQRSTUVWXYZ"
_ITEM_LENGTH: Final = 8


class ZoteroAccess(Value):
    """A person's API key, `sealed`, and the library it is for: `users/1` or `groups/2`, of the
    account `name`. Before Zotero was asked, `library` is what the person asked for: a group's
    number, or nothing for their own."""

    sealed: str
    library: str
    name: str = ""
    at: datetime


class SentPaper(Value):
    """A paper that was sent to a library, as the item of this key there."""

    paper: str
    title: str
    library: str
    item: str
    at: datetime

    @property
    def key(self) -> str:
        return f"{self.library} {self.paper}"


def is_key(text: str) -> bool:
    """Whether it can be an API key of Zotero's."""
    return _KEY.fullmatch(text) is not None


def names_key(text: str) -> bool:
    """Whether a word in it looks like an API key of Zotero's: letters at random, mostly with
    digits among them."""
    return any(map(_is_random, _WORD.findall(text)))


def _is_random(word: str) -> bool:
    small, capital = (sum(map(kind, word)) for kind in (str.islower, str.isupper))
    return min(small, capital) >= _MIXED[small + capital == len(word)]


def group_asked(text: str) -> str | None:
    """The number of a group, given alone or in its web address; "" for nothing, None for anything
    else."""
    found = _GROUP.fullmatch(text.strip())
    if not text.strip():
        return ""
    return found[1] if found else None


def item_key(library: str, paper: str) -> str:
    """The key of a paper's item in a library. It is the same each time, so that Zotero itself
    refuses the second one, however long ago the first was sent."""
    number = int.from_bytes(hashlib.sha256(f"paperboy {library} {paper}".encode()).digest())
    letters = ""
    for _ in range(_ITEM_LENGTH):
        number, at = divmod(number, len(_ITEM_LETTERS))
        letters += _ITEM_LETTERS[at]
    return letters
