"""Schedules: a time of day on some weekdays in a time zone; and finding zones by name; pure."""

from __future__ import annotations

import difflib
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Annotated, Final
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

from bot.domain import places
from bot.domain.papers import Value

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

# A week, and one day more because a whole date may be skipped (Samoa, 30 December 2011).
_REACH: Final = 8

# Offered first: one zone for each clock that many research groups use.
_COMMON: Final = """UTC
Europe/London Europe/Berlin Europe/Paris Europe/Helsinki America/New_York America/Chicago
America/Denver America/Los_Angeles America/Toronto America/Sao_Paulo Africa/Johannesburg
Asia/Jerusalem Asia/Kolkata Asia/Singapore Asia/Shanghai Asia/Seoul Asia/Tokyo Australia/Sydney
Pacific/Auckland"""
# EST, MST and HST have no summer time, contrary to what people expect; nor has GMT.
_CLUTTER: Final = re.compile(
    r"Etc/|GMT[-+0]|Factory|localtime|(?:[EMH]ST|EST5EDT|CST6CDT|MST7MDT|PST8PDT|GMT)$"
)
# Not found by their last part alone: it is too vague, or most people mean another place.
_WHOLE: Final = re.compile(
    "(US|Canada|Brazil|Mexico|Chile|Antarctica)/|"
    ".*/(North|South|West|Samoa|Center|Petersburg|San_Juan)$"
)
# Names of clocks that IANA does not have, or in another sense. Only suggested: CST is China's as
# well, and of the two clocks called MST one has a summer time.
_CALLED: Final = {
    "et edt eastern est5edt": "America/New_York",
    "est": "America/New_York America/Panama",
    "ct cdt central cst6cdt": "America/Chicago",
    "cst": "America/Chicago Asia/Shanghai",
    "mt mdt mountain mst7mdt": "America/Denver",
    "mst": "America/Denver America/Phoenix",
    "pt pst pdt pacific pst8pdt": "America/Los_Angeles",
    "hst": "Pacific/Honolulu",
    "bst": "Europe/London",
    "gmt": "Europe/London UTC",
    "cest": "CET",
    "eest": "EET",
    "ist": "Asia/Kolkata Europe/Dublin Asia/Jerusalem",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "aest aedt": "Australia/Sydney",
}
# zoneinfo imports a package for each part of a name, however many there are: with some hundred,
# Python's stack ends, and the process may.
_NAME: Final = re.compile(r"[A-Za-z0-9+_-]{1,40}(?:/[A-Za-z0-9+_-]{1,40}){0,2}", re.ASCII)
_LONGEST: Final = 40  # characters: comparing is quadratic; the longest name has 32


def _to_the_minute(at: time) -> time:
    if at.tzinfo or at.second or at.microsecond:
        raise ValueError("must be hours and minutes of a local clock")
    return at.replace(fold=0)


# All of them: ZoneInfo itself keeps the last eight, and a tick asks for those of all subscriptions.
_zone = cache(ZoneInfo)


def _known(tz: str) -> str:
    try:
        if not _NAME.fullmatch(tz):
            raise ValueError("not a zone's name")
        _zone(tz)
    except (KeyError, ValueError, OSError) as error:  # unknown; not a name; a folder of zones
        raise ValueError("must be the name of a time zone, as in Europe/Berlin") from error
    return tz


def _in_order(days: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(days)))


_Day = Annotated[int, Field(ge=0, le=6)]


class Schedule(Value):
    """A time of day in a zone (an IANA name), on some weekdays (Monday is 0; sorted).

    Each of those dates has exactly one moment, also when the clocks change: a skipped time moves by
    the length of the gap, possibly into the next date; a repeated time counts once, the first time.
    """

    at: Annotated[time, AfterValidator(_to_the_minute)]
    tz: Annotated[str, AfterValidator(_known)]
    days: Annotated[tuple[_Day, ...], Field(min_length=1), AfterValidator(_in_order)] = WEEKDAYS

    def next(self, after: datetime) -> datetime:
        """The first scheduled moment later than `after` (aware), in UTC."""
        moments = self._moments(after)
        return moments[bisect_right(moments, after)]

    def last(self, until: datetime) -> datetime:
        """The latest scheduled moment not later than `until` (aware), in UTC."""
        moments = self._moments(until)
        return moments[bisect_right(moments, until) - 1]

    def _moments(self, around: datetime) -> tuple[datetime, ...]:
        """The scheduled moments (UTC) of the dates around a moment's, in order."""
        return _moments(self.at, self.tz, self.days, around.astimezone(_zone(self.tz)).date())


@lru_cache(maxsize=1 << 14)
def _moments(at: time, tz: str, days: tuple[int, ...], date: date) -> tuple[datetime, ...]:
    """What Schedule._moments says. Kept, because every tick asks for every subscription's."""
    dates = (date + timedelta(days=n) for n in range(-_REACH, _REACH + 1))
    # With fold=0 Python takes the offset before the change: exactly Schedule's rule (PEP 495).
    return tuple(
        datetime.combine(day, at, _zone(tz)).astimezone(UTC)
        for day in dates
        if day.weekday() in days
    )


def weekdays_text(days: Iterable[int]) -> str:
    """One or more days of the week in words: "every weekday", "Mon, Wed and Fri"."""
    weekdays = tuple(sorted(set(days)))
    phrases = {EVERY_DAY: "every day", WEEKDAYS: "every weekday", WEEKEND: "at weekends"}
    if weekdays in phrases:
        return phrases[weekdays]
    if len(weekdays) == 1:
        return f"every {DAY_NAMES[weekdays[0]]}"
    names = [DAY_NAMES[day][:3] for day in weekdays]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def zone_label(schedule: Schedule, at: datetime) -> str:
    """The abbreviation of the schedule's zone at a moment (aware): "CET", in summer "CEST".

    Zones without letters (Kathmandu's is "+0545") are called by their name.
    """
    short = at.astimezone(ZoneInfo(schedule.tz)).tzname() or ""
    return short if short.isalpha() else schedule.tz


def find_zone(text: str) -> str | None:
    """The zone of that IANA name, city or country, in any case and with spaces; None where there
    is none, or several."""
    if zone := _places().get(places.normalised_name(text)):
        return zone
    zones = places.zones_of(text)
    return zones[0] if len(zones) == 1 else None


def search_zones(text: str, most: int = 100) -> list[str]:
    """The zones whose name contains the text, first those where a word begins with it, and those
    of cities and countries that begin with it; never raises.

    In each part common zones come first, then places, then other names. An empty text gives all.
    """
    key = places.normalised_name(text)
    if len(key) > _LONGEST:
        return []
    begins = [name for name, words in _zones() if f" {key}" in f" {words}"]
    named = _zones_of_places(key) if len(key) >= 3 else []
    inside = [name for name, words in _zones() if key in words and f" {key}" not in f" {words}"]
    return list(dict.fromkeys([*places.zones_of(text), *begins, *named, *inside]))[: max(most, 0)]


def is_clock(text: str) -> bool:
    """Whether a text names a clock (EST) and no place."""
    return any(places.normalised_name(text) in words.split() for words in _CALLED)


def suggest_zones(text: str) -> list[str]:
    """Up to three zones that may be meant by a text that names none."""
    key = places.normalised_name(text)
    for words, names in _CALLED.items():
        if key in words.split():
            return names.split()
    if zones := places.zones_of(text):
        return list(zones[:3])
    like = [name for name, words in _zones() if key in words and len(key) <= _LONGEST]
    like.sort(key=lambda name: f" {key}" not in f" {places.normalised_name(name)}")
    known = [*_places(), *places.countries()]
    close = difflib.get_close_matches(key[:_LONGEST], known, 3, cutoff=0.8)
    meant = [zone for place in close for zone in (find_zone(place), *places.zones_of(place))]
    begun = _zones_of_places(key) if 5 <= len(key) <= _LONGEST else []
    return list(dict.fromkeys(filter(None, [*like, *meant, *begun])))[:3]


def _zones_of_places(key: str) -> list[str]:
    """The zones of countries and cities whose name begins with `key`, short names first."""
    names = [n for n in (*places.countries(), *places.cities()) if n.startswith(key)]
    return [zone for name in sorted(names, key=len) for zone in places.zones_of(name)]


@cache
def _zones() -> tuple[tuple[str, str], ...]:
    """The zones worth showing, in that order, each with its normalised name."""
    names = sorted(name for name in available_timezones() if not _CLUTTER.match(name))
    # zone.tab has one name for each place; others are older names, or no places.
    common = _COMMON.split()
    placed = {row[2] for row in places.table("zone.tab")}
    names.sort(key=lambda name: (name not in common, name not in placed))
    return tuple((name, places.normalised_name(name)) for name in names)


@cache
def _places() -> Mapping[str, str]:
    """What may be typed for a zone -> its name: the full name, or what follows one of its slashes.

    The first zone with an ending has it: places before older names, Asia/Singapore before
    Singapore.
    """
    ends: dict[str, str] = {}
    for name, _ in _zones():
        parts = name.split("/")
        for start in range(1 if _WHOLE.match(name) else len(parts)):
            ends.setdefault(places.normalised_name("/".join(parts[start:])), name)
    etc = {
        places.normalised_name(name): name
        for name in available_timezones()
        if name.startswith("Etc/")
    }
    return etc | ends
