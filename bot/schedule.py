"""When a digest is due: a time of day on some weekdays in a time zone, and the zones; pure."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Annotated, Final
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

from bot.domain import Noun

DAY_NAMES: Final = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)
EVERY_DAY: Final = tuple(range(7))
WEEKDAYS: Final = EVERY_DAY[:5]
WEEKEND: Final = EVERY_DAY[5:]

# A week, and a day more because a whole date may be skipped (Samoa, 30 December 2011).
_REACH: Final = 8

# Offered first: a zone for each clock that many research groups live by.
_COMMON: Final = """UTC
Europe/London Europe/Berlin Europe/Paris Europe/Helsinki America/New_York America/Chicago
America/Denver America/Los_Angeles America/Toronto America/Sao_Paulo Africa/Johannesburg
Asia/Jerusalem Asia/Kolkata Asia/Singapore Asia/Shanghai Asia/Seoul Asia/Tokyo Australia/Sydney
Pacific/Auckland"""
_CLUTTER: Final = re.compile(r"Etc/|GMT[-+0]|Factory|localtime")
# Not known by their last part alone: it says too little, or to most people another place.
_WHOLE: Final = re.compile(
    "(US|Canada|Brazil|Mexico|Chile|Antarctica)/|"
    ".*/(North|South|West|Samoa|Center|Petersburg|San_Juan)$"
)
# What people call their clocks and IANA does not. Only suggested: CST is China's as well.
_CALLED: Final = {
    "America/New_York": "et edt eastern",
    "America/Chicago": "ct cst cdt central",
    "America/Denver": "mt mdt mountain",
    "America/Los_Angeles": "pt pst pdt pacific",
    "Europe/London": "bst",
    "CET": "cest",
    "EET": "eest",
    "Asia/Kolkata": "ist",
    "Asia/Tokyo": "jst",
    "Asia/Seoul": "kst",
    "Australia/Sydney": "aest aedt",
}
_LONGEST: Final = 40  # characters compared, which is quadratic; the longest name has 32
_LOOKED_AT: Final = 200  # characters of what may be anything


def _to_the_minute(at: time) -> time:
    if at.tzinfo or at.second or at.microsecond:
        raise ValueError("must be hours and minutes of a local clock")
    return at.replace(fold=0)


def _known(tz: str) -> str:
    try:
        ZoneInfo(tz)
    except (KeyError, ValueError, OSError) as error:  # unknown; not a name; a folder of zones
        raise ValueError("must be the name of a time zone, as in Europe/Berlin") from error
    return tz


def _in_order(days: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(days)))


_Day = Annotated[int, Field(ge=0, le=6)]


class Schedule(Noun):
    """A time of day in a zone (an IANA name), on some weekdays (Monday is 0; put in order).

    Each of those dates has exactly one moment, also when the clocks change: a time that is skipped
    moves on by what was skipped, which may lead into the next date; one that comes twice counts the
    first time.
    """

    at: Annotated[time, AfterValidator(_to_the_minute)]
    tz: Annotated[str, AfterValidator(_known)]
    days: Annotated[tuple[_Day, ...], Field(min_length=1), AfterValidator(_in_order)] = WEEKDAYS

    def next(self, after: datetime) -> datetime:
        """The first scheduled moment later than `after` (aware), in UTC."""
        after = after.astimezone(UTC)
        return min(moment for moment in self._moments(after) if moment > after)

    def last(self, until: datetime) -> datetime:
        """The latest scheduled moment not later than `until` (aware), in UTC."""
        until = until.astimezone(UTC)
        return max(moment for moment in self._moments(until) if moment <= until)

    def _moments(self, around: datetime) -> list[datetime]:
        """The scheduled moments of the days around one: at least one on either side of it."""
        zone = ZoneInfo(self.tz)
        today = around.astimezone(zone).date()
        dates = (today + timedelta(days=n) for n in range(-_REACH, _REACH + 1))
        # With fold=0 Python takes the offset before the change: exactly the rule above (PEP 495).
        return [
            datetime.combine(date, self.at, zone).astimezone(UTC)
            for date in dates
            if date.weekday() in self.days
        ]


def days_words(days: Iterable[int]) -> str:
    """Some days of the week (not none) in words: "every weekday", "Mon, Wed and Fri"."""
    found = tuple(sorted(set(days)))
    whole = {EVERY_DAY: "every day", WEEKDAYS: "every weekday", WEEKEND: "at weekends"}
    if found in whole:
        return whole[found]
    if len(found) == 1:
        return f"every {DAY_NAMES[found[0]]}"
    names = [DAY_NAMES[day][:3] for day in found]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def zone_words(schedule: Schedule, at: datetime) -> str:
    """The schedule's zone as clocks there call it at a moment (aware): "CET", in summer "CEST".

    Zones without letters of their own (Kathmandu's is "+0545") are called by their name.
    """
    short = at.astimezone(ZoneInfo(schedule.tz)).tzname() or ""
    return short if short.isalpha() else schedule.tz


def zone_named(text: str) -> str | None:
    """The zone of that IANA name, or of that city, in any case and with spaces; None: no such."""
    return _places().get(_key(text))


def zones_like(text: str, most: int = 100) -> list[str]:
    """The zones whose name has this text in it, where a word begins first; never raises.

    In each half come the common zones, then the places, then other names. No text gives them all.
    """
    key = _key(text)
    if len(key) > _LONGEST:
        return []
    begins = [name for name, words in _zones() if f" {key}" in f" {words}"]
    inside = [name for name, words in _zones() if key in words and f" {key}" not in f" {words}"]
    return [*begins, *inside][: max(most, 0)]


def zones_near(text: str) -> list[str]:
    """Up to three zones that a text may have meant which names none; perhaps not one."""
    key = _key(text)
    for name, words in _CALLED.items():
        if key in words.split():
            return [name]
    close = difflib.get_close_matches(key[:_LONGEST], _places(), 3)
    return zones_like(text, 3) or list(dict.fromkeys(_places()[end] for end in close))


@cache
def _zones() -> tuple[tuple[str, str], ...]:
    """The zones worth showing, in that order, each with its words."""
    names = sorted(name for name in available_timezones() if not _CLUTTER.match(name))
    # zone.tab has one name for each place; what it lacks is an older name or no place.
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    common = _COMMON.split()
    places = {row.split("\t")[2] for row in table.splitlines() if not row.startswith("#")}
    names.sort(key=lambda name: (name not in common, name not in places))
    return tuple((name, _key(name)) for name in names)


@cache
def _places() -> Mapping[str, str]:
    """What may be typed for a zone -> its name: the name whole, or what follows one of its slashes.

    The first to claim an end has it: places before older names, Asia/Singapore before Singapore.
    """
    ends: dict[str, str] = {}
    for name, _ in _zones():
        parts = name.split("/")
        for start in range(1 if _WHOLE.match(name) else len(parts)):
            ends.setdefault(_key("/".join(parts[start:])), name)
    etc = {_key(name): name for name in available_timezones() if name.startswith("Etc/")}
    return etc | ends


def _key(text: str) -> str:
    """Text with everything folded in which the ways to write a zone differ."""
    plain = unicodedata.normalize("NFKD", " ".join(text.split())[:_LOOKED_AT]).casefold()
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return " ".join(re.sub(r"[_/]|-(?![0-9])", " ", plain).split())
