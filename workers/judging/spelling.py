"""JSON as models spell it, in JSON's own spelling: each sign is respelled, none is added; pure.

Not json-repair, which guesses: of an answer cut off in `"relevance": 1` it makes a score of 1, a
comment that quotes `"relevance": 9` becomes the score, two rows run together become one (0.64,
`strict` or not).
"""

from __future__ import annotations

import json
import re

from bot.arxiv.tex import is_known

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
_LONGEST, _DEEPEST = 50_000, 20


def as_meant(text: str) -> str:
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


def respelled(text: str, start: int) -> tuple[str, int] | None:
    """The object or list that begins at `start`, as JSON, and where it ends. None where it is not
    whole, or where something stands in it that is no sign of JSON's in any spelling."""
    signs, depth, at = list[str](), 0, start
    while token := _TOKEN.match(text, at, start + _LONGEST):
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
