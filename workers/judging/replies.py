"""The JSON asked of a model, and the JSON in its reply, wherever it stands, however spelt; pure.

Not json-repair, which guesses: of an answer cut off in `"relevance": 1` it makes a score of 1, a
comment that quotes `"relevance": 9` becomes the score, two rows run together become one (0.64,
`strict` or not).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from bot.arxiv.tex_commands import is_known

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


def json_values(reply: str) -> list[object]:
    """Every whole object and list in the reply's answer, in order, for any text at all: in a fence,
    one a line, with prose around; of a reply that was cut off, those inside that are whole. Empty
    without any JSON.

    What a model noted while it thought aloud is no answer. JSON spelled loosely is read (raw line
    breaks, TeX's backslashes, single quotes, commas too many); nothing is ever added to it. Numbers
    with a fraction come as they are written, as text. A name that stands twice in an object with
    different values has none (None).
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
        pass  # read loosely
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


def normalised_fields(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object's fields by the small letters of their names: models write `ARXIV_ID` for `id`."""
    return {re.sub(r"[^a-z]", "", str(key).lower()): item for key, item in value.items()}


def plain_id(given: str) -> str:
    """The id meant: models add the version or an `arXiv:`, or write the paper's address."""
    ids = {match[1] for match in _ID.finditer(given)}
    return ids.pop() if len(ids) == 1 else _ADDED.sub("", given).strip()


# A backslash and what it stands before: an escape of JSON's, a TeX command, or one of TeX's signs.
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|[A-Za-z]+|.)", re.DOTALL)
_UNICODE = re.compile(r"u[0-9a-fA-F]{4}")
# The letters that JSON reads as control characters.
_CONTROL = frozenset("nrtbf")
# Commands that authors define or that print nothing, which no table of symbols has.
_MORE = frozenset(("begin", "norm", "rank", "tag"))
# What a line break or a tab and a word would look the same as, by the words of 6,883 abstracts:
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
# A name with anything else in it has swallowed a quotation mark's fellow, and a row with it.
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
# No answer to a question of ours is longer, or nested deeper.
_LONGEST_RESPELLED, _DEEPEST = 50_000, 20


def escape_tex(text: str) -> str:
    """A reply whose TeX survives its reading as JSON: a backslash before letters that spell a
    command of TeX's is TeX, though JSON reads `\\times` as a tab and "imes"; so is one that stands
    before what JSON knows no escape for. Escapes that JSON knows are left as they are."""
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
    """The object or list that begins at `start`, as JSON, and where it ends. None where it is not
    whole, or where something stands in it that is no sign of JSON's in any spelling."""
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
    """A string between double quotes; what is escaped in it stays so."""
    return '"' + re.sub(r"\\.|[\"]", lambda match: _inner(match[0], kind), inside, flags=re.S) + '"'


def _inner(found: str, kind: str) -> str:
    if found == '"':
        return '\\"'
    if found == "\\'":  # Poincar\'e, or a quote that needed no escape
        return "'" if kind == "single" else "\\\\'"
    return found
