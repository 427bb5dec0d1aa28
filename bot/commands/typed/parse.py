"""Parse the options of `/digest subscribe`, together and one by one; pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import time
from typing import Any, Final, TypeVar

from bot.arxiv.text import quoted
from bot.domain.papers import Value
from bot.domain.places import zones_of
from bot.domain.schedule import (
    DAY_NAMES,
    EVERY_DAY,
    WEEKDAYS,
    WEEKEND,
    find_zone,
    is_clock,
    suggest_zones,
)
from bot.errors import Refused

_T = TypeVar("_T")


def _words(groups: Mapping[_T, str]) -> dict[str, _T]:
    """The meaning of each word, from the words of each meaning."""
    return {word: meaning for meaning, words in groups.items() for word in words.split()}


_FILLERS: Final = ("on", "every")
# A weekly digest comes on Monday, unless a day follows ("weekly fri", "weekly on Friday").
_WEEKLY: Final = "weekly"
_KEYWORDS: Final = _words({"at": "at", "tz": "tz zone timezone", "days": "days", "top": "top"}) | (
    dict.fromkeys((*_FILLERS, _WEEKLY), "days")
)
_CLOCK: Final = re.compile(
    r"(?:([0-9]{1,2})(?:[:.]([0-9]{2}))?|([0-9]{2})([0-9]{2})) ?(?:([ap])\.?m\.?)?"
)
_DAYS: Final = tuple(name.lower() for name in DAY_NAMES)
_DAY_GROUPS: Final = _words(
    {EVERY_DAY: "day daily everyday", WEEKDAYS: "weekday weekdays", WEEKEND: "weekend weekends"}
)
_TO: Final = re.compile(r" ?(?:[-–—]|\b(?:to|through)\b) ?")
_UTC_OFFSET: Final = re.compile(r"(?i)(?:(?:utc|gmt) ?[-+−]|[-+−]) ?[0-9]{1,2}(?:[:.]?[0-9]{2})?")

_LONGEST: Final = 40  # characters that are compared, in quadratic time
_MOST_WORDS: Final = 100  # that are read; a command that uses every option has a quarter of that


class Options(Value):
    """The options that were typed; None or empty for the others. The profile keeps its case."""

    profile: str = ""
    at: time | None = None
    tz: str | None = None
    days: tuple[int, ...] | None = None
    top: int | None = None


def parse_options(words: Sequence[str]) -> Options:
    """`PROFILE [at 09:00] [tz Europe/Berlin] [days mon-fri] [top 10]`, in any order and case.

    Raises Refused with one sentence: what is not understood, and what to type instead.
    """
    typed = _with_a_day(_tidy(words))
    options: dict[str, Any] = {}
    bare: list[str] = []
    position = 0
    while position < len(typed):
        word, position = typed[position], position + 1
        keyword = _KEYWORDS.get(word.lower())
        if keyword is None:
            bare.append(word)
            continue
        if keyword in options:
            raise Refused(f"Say {keyword} only once, as in {_PARSERS[keyword][2]}.")
        ends = _KEYWORDS.keys() - (_FILLERS if keyword == "days" else ())
        stop = next(
            (n for n in range(position, len(typed)) if typed[n].lower() in ends), len(typed)
        )
        if position == stop:
            example = _PARSERS[keyword][2]
            raise Refused(f'"{word.lower()}" needs a value, for example: {example}.')
        options[keyword], used = _value(keyword, typed[position:stop])
        position += used
    return Options(profile=_profile(bare, leads=typed[:1] == bare[:1]), **options)


def parse_time(text: str) -> time:
    """A time of day as people write it: 09:00, 9, 9.30, 0900, 7:30 pm, noon. Raises Refused."""
    folded = _folded(text).lower()
    if folded in ("noon", "midnight"):
        return time(12 if folded == "noon" else 0)
    match = _CLOCK.fullmatch(folded)
    if not match:
        wrong = f"{quoted(text)} is not a time of day" if folded else "The time of day is missing"
        raise Refused(f"{wrong}; write it like 09:00, 9 am or noon.")
    hour, minute, half = int(match[1] or match[3]), int(match[2] or match[4] or 0), match[5]
    if half and not 1 <= hour <= 12:
        raise Refused(f"{quoted(text)} is not a time: before am or pm, the hour is 1 to 12.")
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59:
        raise Refused(f"{quoted(text)} is not a time: a day runs from 00:00 to 23:59.")
    return time(hour, minute)


def parse_weekdays(text: str) -> tuple[int, ...]:
    """Days of the week, Monday 0, in order: mon-fri, fri-mon, mon,wed,fri, daily, weekends.

    A name may be shortened as long as it is unambiguous. Raises Refused.
    """
    parts = re.split(r"[\s,;+&/]+", _TO.sub("-", _folded(text).lower()))
    days: set[int] = set()
    for part in parts:
        if part in _DAY_GROUPS:
            days.update(_DAY_GROUPS[part])
        elif part not in ("", "and", "at", *_FILLERS):
            first, dash, last = part.partition("-")
            start = _day(first, part)
            length = (_day(last, part) - start) % 7 if dash else 0
            days.update((start + n) % 7 for n in range(length + 1))
    if not days:
        raise Refused("The days are missing; write them like mon-fri or mon,wed,fri.")
    return tuple(sorted(days))


def parse_top(text: str) -> int:
    """The most papers a day, from 1 to 100 as in a profile. Raises Refused."""
    match = re.fullmatch(r"(?:top ?)?([0-9]{1,3})(?: papers?)?", _folded(text).lower())
    if match and 1 <= int(match[1]) <= 100:
        return int(match[1])
    wrong = f"{quoted(text)} is not a number" if _folded(text) else "There is no number"
    raise Refused(f"{wrong} of papers from 1 to 100; write it like 10.")


def parse_zone(text: str) -> str:
    """A time zone's IANA name, from that name, a city or a country, in any case, spaces allowed.

    Raises Refused with up to three suggestions.
    """
    if zone := find_zone(text):
        return zone
    if not _folded(text):
        raise Refused("The time zone is missing; write it like Europe/Berlin or UTC.")
    if _UTC_OFFSET.fullmatch(_folded(text)):
        why = "is an offset from UTC, which changes with daylight saving"
        raise Refused(f"{quoted(text)} {why}; write a time zone, as in Europe/Berlin.")
    if near := suggest_zones(text):
        why = "is not a time zone"
        if is_clock(text):
            why = "is an abbreviation, not a place"
        elif len(zones_of(text)) > 1:
            why = "may be in several time zones"
        raise Refused(f"{quoted(text)} {why}; did you mean {_either(near)}?")
    hint = "write the name of a large city in it, as in Europe/Berlin"
    raise Refused(f"{quoted(text)} is not a time zone; {hint}.")


# The parser of each keyword's value, the most words a value may have, and an example.
_PARSERS: Final[Mapping[str, tuple[Callable[[str], object], int, str]]] = {
    "at": (parse_time, 1, "at 09:00"),
    "tz": (parse_zone, 5, "tz Europe/Berlin"),
    "days": (parse_weekdays, 16, "days mon-fri"),
    "top": (parse_top, 2, "top 10"),
}


def split_top(words: Sequence[str]) -> tuple[list[str], int | None]:
    """`PROFILE... [top 8]`: the other words, and the most papers. Raises Refused."""
    tidy = _tidy(words)
    at = next((n for n, word in enumerate(tidy) if word.lower() == "top"), None)
    if at is None:
        return tidy, None
    return [*tidy[:at], *tidy[at + 2 :]], parse_top(" ".join(tidy[at : at + 2]))


def _with_a_day(words: list[str]) -> list[str]:
    """`weekly` with the day it comes on."""
    found: list[str] = []
    for word, after in zip(words, [*words[1:], ""][: len(words)], strict=True):
        found.append(word)
        if word.lower() == _WEEKLY and not (after.lower() in _FILLERS or _parses("days", after)):
            found.append(_DAYS[0])
    return [
        word
        for word, before in zip(found, ["", *found], strict=False)
        if not (before.lower() == _WEEKLY and word.lower() in _FILLERS)
    ]


def _tidy(words: Sequence[str]) -> list[str]:
    """Words split as they are meant: `9 am` is one, `top10` and `at:9` are two."""
    text = " ".join(" ".join(words).split()[:_MOST_WORDS])
    text = re.sub(r"(?i)(?<=[0-9]) (?=[ap]\.?m\b(?!-))", "", text)
    text = re.sub(r"(?i)\b(every|each|per|once (a|per|every)) week\b", _WEEKLY, text)
    text = re.sub(r"(?i)(?<!\S)(at|tz|days|top)[:=]", r"\1 ", text)
    text = re.sub(r"(?i)(?<= )top(?=[0-9])", "top ", text)
    return [word for raw in text.split() if (word := raw.strip(".,;()[]'\"`‘’“”"))]


def _value(keyword: str, words: list[str]) -> tuple[object, int]:
    """The value of the longest beginning that can be parsed, and the number of its words."""
    parser, most, _ = _PARSERS[keyword]
    refused = []
    for used in range(min(most, len(words)), 0, -1):
        try:
            return parser(" ".join(words[:used])), used
        except Refused as why:
            refused.append(why)
    # The words of a zone belong together; for other options the first word is the wrong one.
    raise refused[0 if keyword == "tz" else -1]


def _profile(bare: list[str], leads: bool) -> str:
    """The one word without a keyword; `leads`: the first such word came before every keyword."""
    bare = [word for word in bare if word.lower() != "and"] or bare
    if not bare:
        return ""
    if leads and len(bare) == 1:
        return bare[0]
    suspects = [*bare[1:5], bare[0]]
    means = {
        word: [quoted(f"{key} {word}") for key in _PARSERS if _parses(key, word)]
        for word in suspects
    }
    for word in suspects if len(bare) > 1 else ():
        vocabulary = [*_KEYWORDS, *_DAYS]
        close = difflib.get_close_matches(word.lower()[:_LONGEST], vocabulary, 1)
        if close and not means[word]:
            raise Refused(f'{quoted(word)} is not understood here; did you mean "{close[0]}"?')
    for word in suspects:
        if means[word]:
            raise Refused(f"{quoted(word)} needs a word before it: write {_either(means[word])}.")
    if len(bare) == 1:
        return bare[0]
    examples = _either([example for _, _, example in _PARSERS.values()])
    raise Refused(f"After the profile {quoted(bare[0])} comes {examples}, not {quoted(bare[1])}.")


def _parses(keyword: str, word: str) -> bool:
    try:
        _PARSERS[keyword][0](word)
    except Refused:
        return False
    return True


def _day(word: str, part: str) -> int:
    word = word.strip(".")
    for prefix in (word, word.removesuffix("s")):
        days = [day for day, name in enumerate(_DAYS) if name.startswith(prefix)]
        if len(days) == 1:
            return days[0]
    close = difflib.get_close_matches(word[:_LONGEST], [*_DAYS, *_DAY_GROUPS], 1)
    if word and close:
        raise Refused(f'{quoted(word)} is not a day; did you mean "{close[0]}"?')
    raise Refused(f"{quoted(part)} is not a day; write days like mon-fri or mon,wed,fri.")


def _folded(text: str) -> str:
    return " ".join(text.split())


def _either(choices: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(choices[:-1]), choices[-1])))
