"""Cities and countries, and their time zones; pure.

Countries and their zones are tzdata's own tables. `cities.txt` has the cities that no zone is
named after.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

# Names of countries and cities that the tables do not have.
_COUNTRY_CALLED: Final = {
    "US": "usa; us; america; united states of america",
    "GB": "uk; united kingdom; great britain; england; scotland; wales",
    "NL": "holland; the netherlands",
    "CZ": "czechia",
    "KR": "south korea; korea",
    "AE": "uae; emirates",
    "CI": "ivory coast",
    "TR": "turkiye",
    "MM": "burma",
    "SZ": "swaziland",
}
_CITY_CALLED: Final = {
    "America/New_York": "nyc; washington dc",
    "America/Los_Angeles": "la; sf",
    "Asia/Kolkata": "bangalore; bombay",
    "Asia/Shanghai": "peking; canton",
    "Asia/Ho_Chi_Minh": "saigon",
    "Europe/Berlin": "cologne",
    "Europe/Madrid": "seville",
    "Europe/Moscow": "st petersburg",
}
_LONGEST: Final = 200  # characters; the text may come from anyone


def normalised_name(text: str) -> str:
    """Text without the differences between spellings of a place: case, accents, separators."""
    plain = unicodedata.normalize("NFKD", " ".join(text[: 5 * _LONGEST].split())[:_LONGEST])
    plain = "".join(char for char in plain.casefold() if not unicodedata.combining(char))
    return " ".join(re.sub(r"[_/]|-(?![0-9])", " ", plain).split())


def is_country(text: str) -> bool:
    return normalised_name(text) in countries()


def zones_of(place: str) -> tuple[str, ...]:
    """The zones of a country or city of that name, those with most large cities first, one for
    each clock. Empty where no such place is known."""
    name = normalised_name(place)
    return _different(countries().get(name, ()) or cities().get(name, ()))


@cache
def countries() -> Mapping[str, tuple[str, ...]]:
    """The normalised name of each country -> its zones."""
    zones: dict[str, list[str]] = {}
    for row in table("zone.tab"):
        zones.setdefault(row[0], []).append(row[2])
    named: dict[str, tuple[str, ...]] = {}
    for code, name in table("iso3166.tab"):
        bare = re.sub(r" ?\([^()]+\)", "", name)
        called = _COUNTRY_CALLED.get(code, "").split(";")
        for each in (name, bare, *called):
            # A name of two countries (Congo, Korea, Samoa) has the zones of both.
            named[normalised_name(each)] = (
                *named.get(normalised_name(each), ()),
                *_largest_first(zones.get(code, [])),
            )
    named.pop("", None)
    named[normalised_name("korea")] = named[normalised_name("south korea")]
    return {name: tuple(dict.fromkeys(each)) for name, each in named.items()}


def _largest_first(zones: list[str]) -> list[str]:
    """By the number of large cities in them."""
    return sorted(zones, key=lambda zone: -_cities_in().get(zone, 0))


@cache
def _cities_in() -> Mapping[str, int]:
    return Counter(zone for zones in cities().values() for zone in zones)


@cache
def cities() -> Mapping[str, tuple[str, ...]]:
    """The normalised names of large cities -> their zones."""
    text = (files("bot.domain") / "cities.txt").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    named: dict[str, list[str]] = {}
    for zone, names in [*rows, *_CITY_CALLED.items()]:
        for name in names.split(";"):
            named.setdefault(name.strip(), []).append(zone)
    # "San" and "Ube" are cities, and the beginnings of many other names.
    short = [name for name in named if len(name) < 4 and name not in ("nyc", "la", "sf")]
    for name in short:
        del named[name]
    return {name: tuple(dict.fromkeys(zones)) for name, zones in named.items()}


def table(name: str) -> list[list[str]]:
    """The rows of one of tzdata's tables."""
    text = (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")
    return [row.split("\t") for row in text.splitlines() if not row.startswith("#")]


@cache
def _clock(zone: str) -> tuple[timedelta | None, ...]:
    """What distinguishes the clocks of zones: the offset from UTC in each month of a year."""
    return tuple(ZoneInfo(zone).utcoffset(datetime(2026, n, 15, tzinfo=UTC)) for n in range(1, 13))


def _different(zones: tuple[str, ...]) -> tuple[str, ...]:
    """The first zone of each clock."""
    first: dict[tuple[timedelta | None, ...], str] = {}
    for zone in zones:
        first.setdefault(_clock(zone), zone)
    return tuple(first.values())
