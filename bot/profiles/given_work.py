"""What somebody typed when asked what they work on: file, library, name or sentences; pure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from bot.arxiv import ids
from bot.arxiv.text import one_line
from bot.domain.papers import Profile
from bot.errors import Refused
from bot.profiles.description import is_plain
from bot.profiles.validate import parse_profile

# What a Slack input takes, and Discord's has room for.
LONGEST: Final = 3_000

_TOML: Final = re.compile(r"(?m)^\s*(\[\[topics\]\]|categories\s*=\s*\[)")
# As workers/drafting/references.py reads them.
_ENTRY: Final = re.compile(r"(?m)^(?:[ \t]*@[A-Za-z]{3,30}\s*[{(]|\ufeff?TY  -)")
_SAID_AUTHOR: Final = re.compile(r"(?i)\s*(?:by|author|authors?:|au:)[:\s]+(.{2,80})", re.DOTALL)
_PART: Final = re.compile(r"(?:[A-Z]\.|[^\W\d_][\w'’-]*)", re.UNICODE)
_PARTICLES: Final = frozenset(
    ("de", "der", "den", "di", "du", "la", "le", "van", "von", "bin", "al")
)
_MOST_PARTS: Final = 5
_MISTAKES: Final = 3


class GivenWork(NamedTuple):
    """What was typed, taken apart: sentences with ids and links among them, a library (BibTeX or
    RIS), and what may be an author's name."""

    text: str = ""
    library: str = ""
    author: str = ""


def parse_given(typed: str) -> GivenWork | Profile | None:
    """None for nothing at all; the profile where it is the text of one's file. Raises Refused for
    one with mistakes, and for too long a text."""
    text = typed.strip()
    if len(text) > LONGEST:
        raise Refused(f"That has {len(text):,} characters; at most {LONGEST:,} are read.")
    if not text:
        return None
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
