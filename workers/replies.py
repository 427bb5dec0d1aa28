"""The JSON asked of a model, and the JSON in its reply, wherever it stands; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_ADDED = re.compile(r"(?i)^\s*arxiv:|v\d+\s*$")
_OPENING = re.compile(r"[\[{]")
# A reply of a few kilobytes has some dozen brackets; reading stops at nonsense made of them.
_MISSES = 500


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
    """Every whole object and list in the reply, in order, for any text at all: in a fence, one a
    line, with prose around; of a reply that was cut off, those inside that are whole. Empty
    without any JSON."""
    decoder, at, misses = json.JSONDecoder(), 0, 0
    found: list[object] = []
    while (start := _OPENING.search(reply, at)) and misses < _MISSES:
        try:
            value, at = decoder.raw_decode(reply, start.start())
        except (ValueError, RecursionError):
            at, misses = start.end(), misses + 1
        else:
            found.append(value)
    return found


def named(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object's fields by the small letters of their names: models write `ARXIV_ID` for `id`."""
    return {re.sub(r"[^a-z]", "", str(key).lower()): item for key, item in value.items()}


def plain_id(given: str) -> str:
    """The id meant: models like to add the version or an `arXiv:`."""
    return _ADDED.sub("", given).strip()
