"""The JSON asked of a model, and the JSON in its reply, wherever it stands; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from workers.judging.spelling import as_meant, respelled

_OPENING = re.compile(r"[\[{]")
# A reply of a few kilobytes has some dozen brackets; reading stops at nonsense made of them, and
# at what is longer than any answer to a question of ours.
_MISSES = 500
_RESPELLINGS = 50
_LONGEST = 1_000_000
# Where a model's thinking ends and its answer begins: DeepSeek's and Qwen's tags, Mistral's, the
# channels of gpt-oss. An opening tag alone is thinking that never came to an answer.
_TAGS = r"think|thinking|thought|reasoning|analysis|scratchpad"
_ENDED = re.compile(rf"(?i)</(?:{_TAGS})>|\[/think\]|<\|channel\|>final(?:<\|message\|>)?")
_BEGUN = re.compile(rf"(?i)<(?:{_TAGS})>|\[think\]|<\|channel\|>analysis")
# An id of either age in a text that may be a link, with a version or a class behind it.
_ID = re.compile(r"(?<![\d.])(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?!\d)")
_ADDED = re.compile(r"(?i)^\s*arxiv:|v\d+\s*$")


def strict(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema of a reply that is a list of rows under one name, in the strict form: every
    field required, nothing else allowed.

    https://platform.openai.com/docs/guides/structured-outputs (supported schemas).
    """

    def closed(fields: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": dict(fields),
            "required": list(fields),
            "additionalProperties": False,
        }

    return closed({name: {"type": "array", "items": closed(row)}})


def values(reply: str) -> list[object]:
    """Every whole object and list in the reply's answer, in order, for any text at all: in a fence,
    one a line, with prose around; of a reply that was cut off, those inside that are whole. Empty
    without any JSON.

    What a model noted while it thought aloud is no answer. JSON spelled loosely is read (raw line
    breaks, TeX's backslashes, single quotes, commas too many); nothing is ever added to it. Numbers
    with a fraction come as they are written, as text. A name that stands twice in an object with
    different values has none (None).
    """
    text = as_meant(reply[:_LONGEST])
    found, at, misses = list[tuple[int, int, object]](), 0, 0
    while (start := _OPENING.search(text, at)) and misses < _MISSES:
        read = _read(text, start.start(), misses < _RESPELLINGS)
        if read is None:
            at, misses = start.end(), misses + 1
        else:
            value, at = read
            found.append((start.start(), at, value))
    begins = _answer(text, [(start, end) for start, end, _ in found])
    return [value for start, _, value in found if start >= begins]


def _read(text: str, start: int, loosely: bool) -> tuple[object, int] | None:
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        pass  # read loosely
    plain = respelled(text, start) if loosely else None
    if plain is None:
        return None
    try:
        return _DECODER.decode(plain[0]), plain[1]
    except (ValueError, RecursionError):
        return None


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read: dict[str, object] = {}
    for name, value in pairs:
        read[name] = value if name not in read or read[name] == value else None
    return read


# strict=False: line breaks within a string. As text a number keeps its zeros: 2503.00010 is an id.
_DECODER = json.JSONDecoder(
    strict=False, parse_float=str, parse_constant=str, object_pairs_hook=_pairs
)


def _answer(text: str, read: list[tuple[int, int]]) -> int:
    """Where the answer begins, behind what the model thought aloud. A tag within a value is a
    word of a comment."""

    def outside(tag: re.Pattern[str]) -> list[re.Match[str]]:
        marks = tag.finditer(text)
        return [m for m in marks if not any(start < m.start() < end for start, end in read)]

    ended, begun = outside(_ENDED), outside(_BEGUN)
    begins = ended[-1].end() if ended else 0
    return len(text) if begun and begun[-1].start() >= begins else begins


def named(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object's fields by the small letters of their names: models write `ARXIV_ID` for `id`."""
    return {re.sub(r"[^a-z]", "", str(key).lower()): item for key, item in value.items()}


def plain_id(given: str) -> str:
    """The id meant: models add the version or an `arXiv:`, or write the paper's address."""
    ids = {match[1] for match in _ID.finditer(given)}
    return ids.pop() if len(ids) == 1 else _ADDED.sub("", given).strip()
