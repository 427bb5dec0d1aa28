"""Countries as tzdata names them, and the zones of each; pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


def is_country(text: str) -> bool:
    """Whether a text is the name of a country or its two-letter code's, in any case."""
    return folded(text) in countries()


@cache
def countries() -> Mapping[str, str]:
    """The name of each country, folded -> its code in ISO 3166."""
    return {folded(name): code for code, name in _rows("iso3166.tab")}


def folded(text: str) -> str:
    """Text in small letters without accents or double spaces."""
    apart = unicodedata.normalize("NFKD", " ".join(text.split())).casefold()
    return "".join(char for char in apart if not unicodedata.combining(char))


def _rows(name: str) -> list[list[str]]:
    """The rows of one of tzdata's tables."""
    table = (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")
    return [row.split("\t") for row in table.splitlines() if not row.startswith("#")]
