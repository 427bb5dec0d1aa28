"""Finds the JSON in a model's reply, wherever it stands and however it is spelt; pure.

Not json-repair, which guesses (0.64, `strict` or not): it reads an answer cut off in
`"relevance": 1` as a score of 1, takes the score from a comment that quotes `"relevance": 9`, and
merges two rows run together into one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from bot.arxiv.tex_commands import is_known

_OPENING = re.compile(r"[\[{]")
# A reply of a few kilobytes has some dozen brackets; reading stops at nonsense made of them, and
# beyond the length of any answer to a question of ours.
_MISSES = 500
_RESPELLINGS = 50
_LONGEST = 1_000_000
# Tags that separate a model's thinking from its answer: DeepSeek's and Qwen's, Mistral's, the
# channels of gpt-oss. Thinking that is opened and never closed has no answer after it.
_TAGS = r"think|thinking|thought|reasoning|analysis|scratchpad"
_ENDED = re.compile(rf"(?i)</(?:{_TAGS})>|\[/think\]|<\|channel\|>final(?:<\|message\|>)?")
_BEGUN = re.compile(rf"(?i)<(?:{_TAGS})>|\[think\]|<\|channel\|>analysis")
# An old or new id in a text that may be a link, with a version or a class after it.
_ID = re.compile(r"(?<![\d.])(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?!\d)")
_ADDED = re.compile(r"(?i)^\s*arxiv:|v\d+\s*$")


def strict(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The strict JSON schema of a reply with a list of rows under one name."""
    return closed({name: {"type": "array", "items": closed(row)}})


def closed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The strict JSON schema of an object: every field required, nothing else allowed.

    https://platform.openai.com/docs/guides/structured-outputs (supported schemas).
    """
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


def json_values(reply: str) -> list[object]:
    """Every complete object and list in the reply's answer, in order, for any text at all: fenced,
    one per line, or in prose; in a reply that was cut off, the complete ones inside. Empty
    without any JSON.

    JSON in a model's thinking is not part of the answer. Loosely spelt JSON is read (raw line
    breaks, TeX's backslashes, single quotes, trailing commas), but nothing is added to it. Numbers
    with a fraction are returned as text, as written. A name given twice in an object with
    different values has the value None.
    """
    text = escape_tex(reply[:_LONGEST])
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
        pass  # tried as loosely spelt JSON below
    plain = repair_json(text, start) if loosely else None
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


# strict=False allows line breaks in strings. As text a number keeps its zeros: 2503.00010 is an id.
_DECODER = json.JSONDecoder(
    strict=False, parse_float=str, parse_constant=str, object_pairs_hook=_pairs
)


def _answer(text: str, read: list[tuple[int, int]]) -> int:
    """Where the answer begins, after the model's thinking. A tag inside a value is part of a
    comment."""

    def outside(tag: re.Pattern[str]) -> list[re.Match[str]]:
        marks = tag.finditer(text)
        return [m for m in marks if not any(start < m.start() < end for start, end in read)]

    ended, begun = outside(_ENDED), outside(_BEGUN)
    begins = ended[-1].end() if ended else 0
    return len(text) if begun and begun[-1].start() >= begins else begins


def normalised_fields(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object's fields by the lower-case letters of their names: models write `ARXIV_ID`."""
    return {re.sub(r"[^a-z]", "", str(key).lower()): item for key, item in value.items()}


def plain_id(given: str) -> str:
    """The id meant: models add the version or `arXiv:`, or write the paper's address."""
    ids = {match[1] for match in _ID.finditer(given)}
    return ids.pop() if len(ids) == 1 else _ADDED.sub("", given).strip()


# A backslash and what follows: a JSON escape, a TeX command, or one of TeX's signs.
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|[A-Za-z]+|.)", re.DOTALL)
_UNICODE = re.compile(r"u[0-9a-fA-F]{4}")
# Letters that JSON reads as control characters after a backslash.
_CONTROL = frozenset("nrtbf")
# Commands that are in no table of symbols: authors define them, or they print nothing.
_MORE = frozenset(("begin", "norm", "rank", "tag"))
# Commands that look like a line break or tab before a word, by the words of 6,883 abstracts;
# outside of dollars the word is meant.
_AS_WELL = frozenset(
    (
        *("ni", "ng", "ne", "nis", "nin", "nni", "neg", "nless", "nmid", "nparallel", "nsubset"),
        *("nexists", "nsim", "null", "tan"),
    )
)

_STRING = r'"(?:\\.|[^\\])*?"(?=\s*[,:}\]])'
_SINGLE = r"'(?:\\.|[^\\])*?'(?=\s*[,:}\]])"
_CURLY = r"“[^”]*”(?=\s*[,:}\]])"
_ENDS = r"(?=\s*[,:}\]])"
_TOKEN = re.compile(
    rf"(?P<skip>\s+|//[^\n]*|\#[^\n]*|/\*.*?\*/)|(?P<mark>[{{}}\[\],:])|(?P<double>{_STRING})"
    rf"|(?P<single>{_SINGLE})|(?P<curly>{_CURLY})|(?P<of>\d+(?:\.\d+)?\s*/\s*10){_ENDS}"
    rf"|(?P<number>[-+]?\d+(?:\.\d+)?){_ENDS}|(?P<word>[A-Za-z_][\w.-]*){_ENDS}",
    re.DOTALL,
)
# A name with other characters has swallowed a closing quotation mark, and a row with it.
_NAME = re.compile(r"[\w ./:-]{0,200}")
_COLON = re.compile(r"\s*:")
_LITERALS = {
    "true": "true",
    "false": "false",
    "null": "null",
    "True": "true",
    "False": "false",
    "None": "null",
}
# No answer to a question of ours is longer or nested deeper.
_LONGEST_RESPELLED, _DEEPEST = 50_000, 20


def escape_tex(text: str) -> str:
    """Escape a reply's TeX so that it survives parsing as JSON. A backslash is TeX's before the
    letters of a TeX command, although JSON reads `\\times` as a tab and "imes", and before anything
    JSON has no escape for. JSON's own escapes stay."""
    return _ESCAPE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    found = match[0]
    after = found[1:]
    if after in ("\\", '"', "/", "'") or _UNICODE.fullmatch(after):
        return found
    if after[0] in _CONTROL and not _is_command(after, match):
        return found
    return "\\" + found


def _is_command(after: str, match: re.Match[str]) -> bool:
    if len(after) == 1 or not (after in _MORE or is_known(after)):
        return False
    next_ = match.string[match.end() : match.end() + 1]
    if after not in _AS_WELL or (after == "ne" and next_ in (" ", "\\", "{")):
        return True
    begins = match.string.rfind('"', 0, match.start())
    return match.string.count("$", begins + 1, match.start()) % 2 == 1


def repair_json(text: str, start: int) -> tuple[str, int] | None:
    """The object or list that begins at `start`, as valid JSON, and where it ends; None where it is
    incomplete, or has a token that is not JSON in any spelling."""
    signs, depth, at = list[str](), 0, start
    while token := _TOKEN.match(text, at, start + _LONGEST_RESPELLED):
        at = token.end()
        kind, found = token.lastgroup, token[0]
        if kind == "skip":
            continue
        if found in ("]", "}") and kind == "mark":
            if signs[-1:] == [","]:
                signs.pop()
            depth -= 1
        depth += kind == "mark" and found in ("[", "{")
        if depth > _DEEPEST:
            return None
        sign = _sign(kind or "", found, _COLON.match(text, at) is not None)
        if sign is None:
            return None
        signs.append(sign)
        if not depth:
            return "".join(signs), at
    return None


def _sign(kind: str, found: str, name: bool) -> str | None:
    match kind:
        case "double" | "single" | "curly":
            inside = found[1:-1]
            return None if name and not _NAME.fullmatch(inside) else _quoted(inside, kind)
        case "of" | "number" if name or kind == "of":
            return json.dumps(found)
        case "number":
            return found.lstrip("+")
        case "word":
            return json.dumps(found) if name else _LITERALS.get(found)
        case _:
            return found


def _quoted(inside: str, kind: str) -> str:
    """A string in double quotes, its escapes kept."""
    return '"' + re.sub(r"\\.|[\"]", lambda match: _inner(match[0], kind), inside, flags=re.S) + '"'


def _inner(found: str, kind: str) -> str:
    if found == '"':
        return '\\"'
    if found == "\\'":  # Poincar\'e, or a quote that needed no escape
        return "'" if kind == "single" else "\\\\'"
    return found
