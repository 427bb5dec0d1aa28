"""How values are stored: their version, upgrades from older ones, and what cannot be read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Final, TypeVar

from pydantic import Field, ValidationError

from bot.domain.papers import AnnounceType, Change, Value
from bot.domain.request import RECENT
from bot.store.values.packing import packed, unpacked

# The version of everything we write. It grows when a value of the version before could no longer be
# read by its type; UPGRADES then converts it. 1 is what was written before there were versions.
FORMAT_VERSION: Final = 4

# What people made and left behind, what was spent and owed, and which papers a channel had: long
# enough never to show the same paper twice.
RETENTION: Final = timedelta(days=400)
# Lists, scores, decided days, how a channel got them, and the texts of all these: half a year of
# weekdays can be searched (store/days), and two months are learned from.
LOOKING_BACK: Final = timedelta(days=190)
# The ids of posted messages, and what only matters while a digest may still come or change.
MESSAGES: Final = RECENT
# For how long an Undo button works.
UNDO_FOR: Final = timedelta(days=1)
# What only one command waits for.
SHORT_RETENTION: Final = timedelta(hours=6)

T = TypeVar("T")
N = TypeVar("N", bound=Value)
# Stored text -> value. Raises ValueError where the text is none.
Reader = Callable[[str], T]


class Unreadable(ValueError):
    """A stored value is not what it should be; the message says why without quoting it."""


class ListedPaper(Value):
    """A paper of a batch: the reference to its text (papers.paper_ref), how it was announced."""

    paper: str
    type: AnnounceType


class Replaced(Value):
    """A replacement of a batch; `change` says more of it, in what was stored since there is such a
    field."""

    categories: tuple[str, ...]
    change: Change | None = Field(default=None, exclude_if=lambda change: change is None)


def _gate_of_form_2(gate: Any) -> Any:
    """What a closed gate had learned; its threshold was set by another rule. An open gate had
    learned nothing."""
    closed = gate.get("closed") if isinstance(gate, dict) else gate
    if closed is None:
        return {}
    since = closed["since"]
    return {"learned": closed["learned"], "since": since, "counted": since}


def _gate_report_of_form_2(report: Any) -> Any:
    return {"stage": "counting" if report["closed"] else "learning"}


# By type and version, the conversion to the next version. What they raise for
# nonsense (TypeError, LookupError, AttributeError) makes the value unreadable.
UPGRADES: Final[dict[str, dict[int, Callable[[Any], Any]]]] = {
    "Replaced": {1: lambda categories: {"categories": categories}},
    "GateState": {2: _gate_of_form_2},
    "GateReport": {2: _gate_report_of_form_2},
}

# A field of ours or a place in a list; the name of an unknown field is part of what was stored.
_OWN_NAME: Final = re.compile("[a-z_0-9]{1,40}")

_MARK: Final = f'{{"v":{FORMAT_VERSION},'


class Quarantined(Value):
    """A value that could not be read, where it was (a hash's `field`), why, and when. Without a
    `value` it is a whole key of another type, which was renamed
    (quarantine.quarantined_key_name)."""

    key: str
    field: str | None = None
    why: str
    at: datetime
    value: str | None = None


def serialise(value: Value) -> str:
    """A value as it is stored: JSON that begins with its version."""
    return with_version(value.model_dump_json())


def serialise_packed(value: Value) -> str:
    """The same for a long value of many: `deserialise` reads either."""
    return packed(serialise(value))


def with_version(text: str) -> str:
    """A JSON object (not an empty one) with the version added at its beginning."""
    return _MARK + text[1:]


def deserialise(value: type[N], text: str) -> N:
    """The inverse of `serialise`, for this version and older ones. Raises ValueError."""
    text = unpacked(text)
    if text.startswith(_MARK):
        return value.model_validate_json("{" + text[len(_MARK) :])
    return value.model_validate(upgraded_json(value.__name__, text))


def upgraded_json(name: str, text: str) -> Any:
    """A stored value as JSON, converted to this version; `name` is its type's. Raises
    ValueError."""
    body = parse_json(unpacked(text))
    version = body.pop("v", 1) if isinstance(body, dict) else 1
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise Unreadable(
            f"its form is {str(version)[:20]!r}, and this program reads 1 to {FORMAT_VERSION}"
        )
    try:
        for older in range(version, FORMAT_VERSION):
            body = UPGRADES.get(name, {}).get(older, lambda same: same)(body)
    except (TypeError, LookupError, AttributeError):
        raise Unreadable(f"it is no value of form {version}") from None
    return body


def parse_json(text: str | bytes) -> Any:
    """JSON from outside. Raises ValueError, for a text nested too deeply as well."""
    try:
        return json.loads(text)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None


def parse_aware_time(text: str) -> datetime:
    """A time with its zone. Raises ValueError."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise Unreadable("it is a time without a zone")
    return time


def split_words(text: str, count: int) -> list[str]:
    """Exactly `count` words separated by single spaces. Raises ValueError."""
    words = text.split(" ")
    if len(words) != count or not all(words):
        raise Unreadable(f"it is not {count} words")
    return words


def parse_int_pair(text: str) -> tuple[int, int]:
    """Two whole numbers, as in `450 12`. Raises ValueError."""
    first, second = split_words(text, 2)
    return int(first), int(second)


def reader_for(value: type[N]) -> Reader[N]:
    """Reads values of this type."""
    return partial(deserialise, value)


def reader_of_often_read(value: type[N]) -> Reader[N]:
    """The same for what every tick reads again: a text is read once. The values are frozen."""
    return partial(_read_before, value)


@lru_cache(maxsize=1 << 13)
def _read_before(value: type[N], text: str) -> N:
    return deserialise(value, text)


def unreadable_reason(error: ValueError) -> str:
    """Why a value cannot be read, without quoting it: it may be personal."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        names = (name if _OWN_NAME.fullmatch(name) else "…" for name in map(str, first["loc"]))
        return f"{'.'.join(names)}: {first['msg']}".removeprefix(": ")[:200]
    if isinstance(error, Unreadable | json.JSONDecodeError):
        return str(error)[:200]
    return "it is not what stands there"
