"""The form of what is stored: its version, the way up from older ones, and what cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from bot.domain.papers import AnnounceType, Value

# The version of everything we write. It grows when a value of the version before could not be read
# by its noun any more; OLDER then has the way up. 1 is what was written before versions were.
FORMAT_VERSION: Final = 2

# Long enough for a year's catch-up and for "never the same paper twice".
RETENTION: Final = timedelta(days=400)
# What only one command waits for.
SHORT_RETENTION: Final = timedelta(hours=6)

T = TypeVar("T")
N = TypeVar("N", bound=Value)
# Text as it is stored -> what it says. Raises ValueError where it says nothing.
Reader = Callable[[str], T]


class Unreadable(ValueError):
    """A stored value is not what should stand there; why, without a word of it."""


class ListedPaper(Value):
    """A paper on a batch's list: what names its text (store.ref), and how it was announced."""

    paper: str
    type: AnnounceType


class Replaced(Value):
    """A replacement on a batch's list."""

    categories: tuple[str, ...]


# By noun and version, what makes of a value the next version's.
UPGRADES: Final[dict[str, dict[int, Callable[[Any], Any]]]] = {
    "Replaced": {1: lambda categories: {"categories": categories}},
}

_MARK: Final = f'{{"v":{FORMAT_VERSION},'


class Quarantined(Value):
    """A value that could not be read, where it stood (a hash's `field`), why, and when. Without a
    `value` it is a whole key of another type, which was renamed (aside_name)."""

    key: str
    field: str | None = None
    why: str
    at: datetime
    value: str | None = None


def serialise(value: Value) -> str:
    """A value as it is stored: JSON, with the version of its form in front."""
    return with_version(value.model_dump_json())


def with_version(text: str) -> str:
    """A JSON object (not an empty one) with the version of its form in front."""
    return _MARK + text[1:]


def deserialise(value: type[N], text: str) -> N:
    """What `written` made of it, in this version or an older one. Raises ValueError."""
    if text.startswith(_MARK):
        return value.model_validate_json("{" + text[len(_MARK) :])
    return value.model_validate(upgraded_json(value.__name__, text))


def upgraded_json(name: str, text: str) -> Any:
    """A stored value as JSON has it, brought up to this version; `name` is its noun's. Raises
    ValueError."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    version = found.pop("v", 1) if isinstance(found, dict) else 1
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise Unreadable(
            f"its form is {str(version)[:20]!r}, and this program reads 1 to {FORMAT_VERSION}"
        )
    for older in range(version, FORMAT_VERSION):
        found = UPGRADES.get(name, {}).get(older, lambda same: same)(found)
    return found


def parse_aware_time(text: str) -> datetime:
    """A time with its zone. Raises ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise Unreadable("it is a time without a zone")
    return found


def split_words(text: str, count: int) -> list[str]:
    """So many words with a space between. Raises ValueError."""
    found = text.split(" ")
    if len(found) != count or not all(found):
        raise Unreadable(f"it is not {count} words")
    return found


def parse_int_pair(text: str) -> tuple[int, int]:
    """Two whole numbers, as in `450 12`. Raises ValueError."""
    first, second = split_words(text, 2)
    return int(first), int(second)


def reader_for(value: type[N]) -> Reader[N]:
    """Reads this noun."""
    return partial(deserialise, value)


def union_reader(nouns: TypeAdapter[T], name: str) -> Reader[T]:
    """Reads one of several nouns, which are known by this name together."""
    return lambda text: nouns.validate_python(upgraded_json(name, text))


def unreadable_reason(error: ValueError) -> str:
    """Why a value cannot be read, without what it says: it may be anybody's."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")[:200]
    if isinstance(error, Unreadable | json.JSONDecodeError):
        return str(error)[:200]
    return "it is not what stands there"
