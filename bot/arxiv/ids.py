"""Finds arXiv ids in what people write, or says what is wrong with one; pure.

Source of both forms and their limits: https://info.arxiv.org/help/arxiv_identifier.html
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Final
from urllib.parse import unquote

from pydantic import Field

from bot.arxiv.text import quoted
from bot.domain.papers import Value
from bot.errors import Refused

_LOOK: Final = "2503.15294 or hep-th/9901001"
_GUESSES: Final = 5  # misspelt old ids that are compared with every archive
_LOOKED_AT: Final = 2000  # characters searched for a typing mistake; a URL is shorter

# Months (YYMM) of the first ids, the first without an archive, the first with five digits.
_OLD_FROM, _NEW_FROM, _LONG_FROM = 9107, 704, 1501

# The archives of the time when ids had them; the second row is closed.
# Source: arxiv/taxonomy/definitions.py in arXiv/arxiv-base.
_ARCHIVES: Final = """
astro-ph cond-mat cs gr-qc hep-ex hep-lat hep-ph hep-th math math-ph nlin nucl-ex nucl-th physics
q-bio quant-ph
acc-phys adap-org alg-geom ao-sci atom-ph bayes-an chao-dyn chem-ph cmp-lg comp-gas dg-ga funct-an
mtrl-th patt-sol plasm-ph q-alg solv-int supr-con
""".split()  # noqa: SIM905
_JOINED: Final = {archive.replace("-", ""): archive for archive in _ARCHIVES}

# Wider than a correct id, so that one pass finds ids and near misses. Every repetition is limited:
# the text may come from anyone.
_NEAR: Final = re.compile(
    r"""(?: (?<=arxiv) | (?<![0-9A-Z+]) (?<![0-9]\.) )
    (?: (?P<month>[0-9]{3,6}) \. (?P<number>[0-9]{3,7})
      | (?<!-) (?!arxiv) (?P<archive>[A-Z]{1,12} (?:-[A-Z]{1,8})?)
        (?: \. [A-Z]{2,8} (?:-[A-Z]{1,8})? )? / (?P<digits>[0-9]{5,9}) )
    (?: v (?P<version>[0-9]{1,3}) )?
    (?![0-9A-Z]) (?!\.[0-9])""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

# Typing mistakes and their corrections: a letter for a digit, another sign than the point or
# letters at the ends, an extra zero, a version 0.
_SLIPS: Final = tuple(
    (re.compile(wrong, re.IGNORECASE | re.ASCII), right)
    for wrong, right in (
        (r"(?<=[0-9.])o|o(?=[0-9.])", "0"),
        (r"(?<=[0-9.])[li]|[li](?=[0-9.])", "1"),
        (r"(?<![0-9])(?:20)?([0-9]{4})[ ,;:_/.·-]{0,3}([0-9]{4,5})(?![0-9])", r" \1.\2 "),
        (r"(?<![0-9])([0-9]{4}\.)0([0-9]{4,5})(?![0-9])", r" \1\2 "),
        (r"(?<=[0-9])v0{1,3}(?![0-9])", " "),
    )
)
_OLD_SLIP: Final = re.compile(
    r"(?<![A-Z])([A-Z]{1,12})[ _-]?([A-Z]{0,8})[ :_./-]{0,3}([0-9]{7})(?![0-9])",
    re.IGNORECASE | re.ASCII,
)
_DASHES: Final = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
_COUNTS: Final = "no one two three four five six seven eight nine".split()  # noqa: SIM905


class PaperId(Value):
    """A named paper: its id as in Paper, and the version where one was given."""

    id: str
    version: int | None = Field(default=None, ge=1)


def find(text: str) -> tuple[PaperId, ...]:
    """Every arXiv id in a text, bare or in a link or DOI, in order; each once, as first named."""
    found: dict[str, PaperId] = {}
    for read in _read(_plain(text)):
        if isinstance(read, PaperId):
            found.setdefault(read.id, read)
    return tuple(found.values())


def parse_one(text: str) -> PaperId:
    """The one arXiv id in a text. Raises Refused, saying what is wrong, what an id looks like, and
    what may have been meant."""
    found = find(text)
    if len(found) == 1:
        return found[0]
    if found:
        names = [named.id for named in found[:5]]
        last = f"{len(found) - 4} more" if len(found) > 5 else names[-1]
        first = ", ".join(names[:4] if len(found) > 5 else names[:-1])
        raise Refused(f"Name one paper at a time, not {first} and {last}.")
    if not text.strip():
        raise Refused(f"Say which paper, by an arXiv id like {_LOOK}.")
    short = _plain(text[:_LOOKED_AT])
    wrong = next((read for read in _read(short) if isinstance(read, str)), None)
    problem = wrong or f"There is no arXiv id in {quoted(text)}"
    if guess := _guess(short):
        raise Refused(f"{problem}; did you mean {guess.id}?")
    raise Refused(f"{problem}." if wrong else f"{problem}; ids look like {_LOOK}.")


def month(id: str) -> date | None:
    """The first day of the month in an arXiv id, when the paper was submitted, or None."""
    digits = id.rpartition("/")[2][:4]
    if not digits.isdecimal() or not 1 <= int(digits[2:] or 0) <= 12:
        return None
    year = int(digits[:2])
    return date(1900 + year if year > 90 else 2000 + year, int(digits[2:]), 1)


def _plain(text: str) -> str:
    """Text with URL escapes decoded and an editor's dashes replaced."""
    return unquote(text).translate(_DASHES)


def _read(text: str) -> Iterator[PaperId | str]:
    """For everything close to an id: the id, or the beginning of a sentence that says what is
    wrong."""
    for match in _NEAR.finditer(text):
        version = int(match["version"]) if match["version"] else None
        wrong = _wrong_new(match) if match["month"] else _wrong_old(match)
        if wrong:
            yield f"{quoted(match[0])} {wrong}"
        elif version == 0:
            yield f"{quoted(match[0])} has version 0; versions start at v1"
        elif match["month"]:
            yield PaperId(id=f"{match['month']}.{match['number']}", version=version)
        else:
            yield PaperId(id=f"{match['archive'].lower()}/{match['digits']}", version=version)


def _wrong_new(match: re.Match[str]) -> str | None:
    month, number = match["month"], match["number"]
    if len(month) != 4:
        return f"has {_COUNTS[len(month)]} digits before the point; year and month take four"
    if not 1 <= int(month[2:]) <= 12:
        return f"is no arXiv id: there is no month {month[2:]}"
    # From 2091 on, arXiv has to tell these apart.
    if not _NEW_FROM <= int(month) < _OLD_FROM:
        return "would be from before April 2007, when ids looked like hep-th/9901001"
    length = 4 if int(month) < _LONG_FROM else 5
    if len(number) != length:
        counted, needed = _COUNTS[len(number)], _COUNTS[length]
        return f"has {counted} digits after the point; it takes {needed}"
    return None if int(number) else "has number 0; numbers start at 1"


def _wrong_old(match: re.Match[str]) -> str | None:
    digits = match["digits"]
    if match["archive"].lower() not in _ARCHIVES:
        return "is of no archive that arXiv had when ids looked like hep-th/9901001"
    if len(digits) != 7:
        return f"has {_COUNTS[len(digits)]} digits after the slash; it takes seven"
    if not 1 <= int(digits[2:4]) <= 12:
        return f"is no arXiv id: there is no month {digits[2:4]}"
    if _NEW_FROM <= int(digits[:4]) < _OLD_FROM:
        return "would be from after March 2007; ids look like 0704.0001 since then"
    return None if int(digits[4:]) else "has number 0; numbers start at 1"


def _guess(text: str) -> PaperId | None:
    """The id that correcting one typing mistake gives."""
    for wrong, right in _SLIPS:
        if found := find(wrong.sub(right, text)):
            return found[0]
    for match in islice(_OLD_SLIP.finditer(text), _GUESSES):
        for name in (match[1] + match[2], match[2] or match[1]):
            for near in difflib.get_close_matches(name.lower(), _JOINED, 1, cutoff=0.7):
                if found := find(f"{_JOINED[near]}/{match[3]}"):
                    return found[0]
    return None
