"""What somebody gave when asked what they work on: file, library, name or sentences; pure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from bot.arxiv import ids
from bot.arxiv.text import one_line
from bot.domain.papers import Profile
from bot.errors import Refused
from bot.profiles.description import is_plain
from bot.profiles.form import LONGEST
from bot.profiles.validate import parse_profile

# Bytes of a file that is read.
LARGEST: Final = 1_000_000

# Blanks of one line alone: who looks past its end at each line looks at all others.
_TOML: Final = re.compile(r"(?m)^[ \t]*(\[\[topics\]\]|categories[ \t]*=[ \t]*\[)")
# As workers/drafting/references.py reads them.
_ENTRY: Final = re.compile(r"(?m)^(?:[ \t]*@[A-Za-z]{3,30}\s*[{(]|\ufeff?TY  -)")
_SAID_AUTHOR: Final = re.compile(r"(?i)\s*(?:by|author|authors?:|au:)[:\s]+(.{2,80})", re.DOTALL)
_PART: Final = re.compile(r"(?:[A-Z]\.|[^\W\d_][\w'’-]*)", re.UNICODE)
_PARTICLES: Final = frozenset(
    ("de", "der", "den", "di", "du", "la", "le", "van", "von", "bin", "al")
)
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
# What no text file has: control characters but tabs and ends of lines and pages.
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0e-\x1f]")
_MOST_PARTS: Final = 5
_MISTAKES: Final = 3


class GivenWork(NamedTuple):
    """What was typed, taken apart: sentences with ids and links among them, a library (BibTeX or
    RIS), and what may be an author's name."""

    text: str = ""
    library: str = ""
    author: str = ""


def parse_given(typed: str, file: str = "") -> GivenWork | Profile | None:
    """What was typed, and the text of a library's file beside it. None for nothing at all; the
    profile where its TOML was typed, or is in the file. Raises Refused for one with mistakes, for
    too long a text, for a file that is no library, and for two libraries."""
    text = typed.strip()
    if len(text) > LONGEST:
        raise Refused(f"That has {len(text):,} characters; at most {LONGEST:,} are read.")
    if not file:
        return _parse_typed(text) if text else None
    if _TOML.search(file) and not _ENTRY.search(file):
        if text:
            raise Refused("A profile's file says all: give it alone, with nothing typed.")
        return _profile(file)
    if not _ENTRY.search(file):
        raise Refused("This file is neither BibTeX nor RIS: export your library as one of these.")
    given = _parse_typed(text) if text else GivenWork()
    if isinstance(given, Profile) or given.library:
        raise Refused("That is a file and a pasted one: give one of them.")
    return given._replace(library=file)


def decoded(content: bytes) -> str:
    """The text of a file, with its lines ended alike. Older programs write Windows' characters.
    Raises Refused for an empty file, and for one that is no text."""
    try:
        text = content.decode("utf-16" if content[:2] in _UTF16 else "utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    if not text.strip():
        raise Refused("This file is empty: export your library again.")
    if _NO_TEXT.search(text):
        raise Refused("This file is no text: export your library as BibTeX or RIS.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parse_typed(text: str) -> GivenWork | Profile:
    if _TOML.search(text):
        return _profile(text)
    if entry := _ENTRY.search(text):
        return GivenWork(text[: entry.start()].strip(), text[entry.start() :])
    if (said := _SAID_AUTHOR.fullmatch(text)) and (author := one_line(said[1]).rstrip(" .")):
        return GivenWork(author=author)
    if _is_like_a_name(text):
        name = one_line(text)
        return GivenWork(name, author=name)
    return GivenWork(text)


def _profile(text: str) -> Profile:
    result = parse_profile(text.encode())
    if isinstance(result, Profile):
        return result
    more = f" And {len(result) - _MISTAKES} more." if len(result) > _MISTAKES else ""
    raise Refused(f"{'; '.join(map(str, result[:_MISTAKES]))}.{more}".replace("?.", "?"))


def _is_like_a_name(text: str) -> bool:
    """`Emmy Noether`, `J. von Neumann`: whether it is one, arXiv has to say."""
    words = text.split()
    if not 2 <= len(words) <= _MOST_PARTS or ids.find(text):
        return False
    own = [word for word in words if word.lower() not in _PARTICLES]
    return all(
        _PART.fullmatch(word) and word[0].isupper() and not is_plain(word.casefold())
        for word in own
    )
