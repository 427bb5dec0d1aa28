"""Cuts a text in TeX into tokens, and tells maths from prices; pure.

Linear: every character is read a fixed number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from bot.arxiv.tex_commands import UNPRINTED_COMMANDS, commands, is_known

MAX_DEPTH: Final = 20  # nesting of arguments; deeper ones are shown as typed
_LOOK_AHEAD: Final = 40  # tokens searched for the end of an option

_POWER: Final = r"| (?P<power> \^(?:[-+]?\d{1,30}|[A-Za-z](?![A-Za-z])) )"
_TOKEN: Final = r"""
    (?P<link> https?://(?:[^\s{}\\$~]|\\[_%&\#~]|~(?=[\w/]))+ )
  | (?P<accented> \\['`"^~=.][^\W\d_] | (?<=[^\W\d_])\\[cHkbdruv]\ [^\W\d_] )
  | (?P<command> \\(?:[a-zA-Z]+|.) )
  | (?P<backslash> \\ )
  | (?P<open> \{ ) | (?P<close> \} )
  POWER
  | (?P<script> [_^] )
  | (?P<tie> ~ ) | (?P<dash> -{2,} ) | (?P<quote> ``|'' ) | (?P<amp> & )
  | (?P<space> \ + )
"""
# Outside maths O(n^2), 10^-12 and x_{1} are scripts too, file_name is not.
_TEXT: Final = re.compile(
    _TOKEN.replace("POWER", _POWER) + r" | (?P<plain> [^\\{}^_~&`'\-\ h]+ | . )",
    re.VERBOSE | re.DOTALL,
)
_MATHS: Final = re.compile(
    _TOKEN.replace("POWER", "") + r" | (?P<plain> . )", re.VERBOSE | re.DOTALL
)


class Token(NamedTuple):
    kind: str
    text: str
    start: int  # its place in the text


class TexSource:
    """A text with its tokens, and the places of arguments in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(tokenise(text))
        self.brace_partners = match_braces(self.tokens, len(text))

    def around(self, token: Token) -> tuple[str, str]:
        """The characters on either side of a token."""
        end = token.start + len(token.text)
        return self.text[max(0, token.start - 1) : token.start], self.text[end : end + 1]

    def before(self, token: Token) -> str:
        return self.text[max(0, token.start - 25) : token.start]

    def slice(self, begin: int, end: int, most: int | None = None) -> str | None:
        """The source of tokens `begin` to `end`; None where it is longer than `most` characters."""
        ends = [
            self.tokens[n].start if n < len(self.tokens) else len(self.text) for n in (begin, end)
        ]
        return (
            None if most is not None and ends[1] - ends[0] > most else self.text[ends[0] : ends[1]]
        )

    def argument_spans(
        self, takes: str, at: int, stop: int, maths: bool
    ) -> list[tuple[str, int, int]] | None:
        """The spans of a command's arguments, as tokens before `stop`; None where one is missing.
        Outside maths they have to be in braces."""
        found: list[tuple[str, int, int]] = []
        for kind in takes:
            at = self._past_space(at, stop)
            if kind == "*":
                at += at < stop and self.tokens[at].text == "*"
                continue
            end: int | None = self._option_end(at, stop)
            if kind not in "op":
                braces = not maths or kind == "r"
                end = self._group_end(at, stop) if braces else self.atom_end(at, stop)
            if end is None:
                return None
            found.append((kind, at, end))
            at = end
        return found

    def atom_end(self, at: int, stop: int, depth: int = 0) -> int | None:
        """The end of one argument in TeX's sense: a group, a sign, a command with its own."""
        at = self._past_space(at, stop)
        if at >= stop or depth > MAX_DEPTH:
            return None
        token = self.tokens[at]
        if token.kind == "open":
            return self._group_end(at, stop)
        if token.kind == "command" and token.text[1:] in UNPRINTED_COMMANDS:
            return self.atom_end(at + 1, stop, depth + 1)
        if token.kind == "command":
            command = commands().get(token.text[1:])
            end: int | None = at + 1
            for kind in command.argument_kinds if command else ():
                if end is not None and kind in "op":
                    end = self._option_end(end, stop)
                elif end is not None and kind != "*":
                    end = self.atom_end(end, stop, depth + 1)
            return end
        single = len(token.text) == 1 and token.kind in ("plain", "tie", "amp")
        return at + 1 if single or token.kind == "accented" else None

    def _past_space(self, at: int, stop: int) -> int:
        return at + 1 if at < stop and self.tokens[at].kind == "space" else at

    def _option_end(self, at: int, stop: int) -> int:
        """The end of [...], or the same place where there is none."""
        if at < stop and self.tokens[at].text.startswith("["):
            for end in range(at, min(at + _LOOK_AHEAD, stop)):
                if self.tokens[end].text.endswith("]"):
                    return end + 1
        return at

    def _group_end(self, at: int, stop: int) -> int | None:
        partner = self.brace_partners.get(at, -1)
        return partner + 1 if at < partner < stop else None


def match_braces(tokens: list[Token], end: int) -> dict[int, int]:
    """Each brace's partner. Groups left open are closed at the end, where tokens are added; a
    closing brace without an opening one has none."""
    found: dict[int, int] = {}
    waiting: list[int] = []
    for here, token in enumerate(tokens):
        if token.kind == "open":
            waiting.append(here)
        elif token.kind == "close" and waiting:
            start = waiting.pop()
            found[start], found[here] = here, start
    while waiting:
        start = waiting.pop()
        found[start], found[len(tokens)] = len(tokens), start
        tokens.append(Token("close", "", end))
    return found


def tokenise(text: str) -> Iterator[Token]:
    """The text's tokens, with maths between "enter" and "leave"."""
    done = 0
    for begin, end, edge in _maths(text):
        yield from _cut(_TEXT, text, done, begin)
        yield Token("enter", "", begin)
        yield from _cut(_MATHS, text, begin + edge, end - edge)
        yield Token("leave", "", end - edge)
        done = end
    yield from _cut(_TEXT, text, done, len(text))


def _cut(pattern: re.Pattern[str], text: str, begin: int, end: int) -> Iterator[Token]:
    for match in pattern.finditer(text, begin, end):
        yield Token(match.lastgroup or "plain", match[0], match.start())


def _maths(text: str) -> Iterator[tuple[int, int, int]]:
    r"""The places of maths between dollars, \( \) or \[ \]: begin and end with the marks, and the
    length of a mark. Each mark is read once, and paired only with the next of its kind."""
    marks = [m for m in re.finditer(r"\\.|\$", text) if m[0] in _MARKS]
    where = {mark: [n for n, m in enumerate(marks) if m[0] == mark][::-1] for mark in _MARKS}

    def following(mark: str, here: int) -> int | None:
        """The next mark of a kind. Calls come in order, so each mark is passed once."""
        while where[mark] and where[mark][-1] <= here:
            where[mark].pop()
        return where[mark][-1] if where[mark] else None

    here = 0
    while here < len(marks):
        mark = marks[here]
        end = following(_MARKS[mark[0]], here)
        length = len(mark[0])
        if end is None or mark[0] in (r"\)", r"\]"):
            here += 1
            continue
        if mark[0] == "$" and marks[end].start() == mark.end():  # $$...$$
            third = following("$", end)
            fourth = third + 1 if third is not None and third + 1 < len(marks) else end
            if third is None or marks[fourth].span() != (
                marks[third].end(),
                marks[third].end() + 1,
            ):
                here += 2
                continue
            end, length = fourth, 2
        elif mark[0] == "$" and not _is_maths(text, mark.end(), marks[end].start()):
            here += 1
            continue
        yield mark.start(), marks[end].end(), length
        here = end + 1


_MARKS: Final = {"$": "$", r"\(": r"\)", r"\[": r"\]", r"\)": r"\)", r"\]": r"\]"}


def _is_maths(text: str, begin: int, end: int) -> bool:
    """Whether two dollars enclose maths rather than being two prices, as in `$5 and $10` or
    `$5-$10`. A command or a script inside, or no amount (`$>$3`), means maths."""
    inside, after = text[begin:end], text[end + 1 : end + 2]
    if not inside.strip():
        return False
    a_price = inside[0].isdigit()
    prose = re.search(r"[A-Za-z]{3,}|[A-Za-z]{2} ", re.sub(r"\\[A-Za-z]+", " ", inside))
    if re.search(r"\\[a-zA-Z]|[\^_]|[a-zA-Z]\{", inside):
        return not (a_price and prose and (after.isdigit() or inside[-1] == " "))
    if not re.search(r"[\w\\]", inside):
        return " " not in inside or bool(inside.strip("., ;") and len(inside) < 6)
    if inside[0] == " " and inside[-1] == " ":
        return bool(re.search("[A-Za-z]", inside)) and not prose
    if inside[0] == " " or inside[-1] == " " or after.isdigit():
        return False
    return not (a_price and re.search("[a-z]{3,}|[A-Za-z] [A-Za-z]", inside))


_DOUBLED: Final = re.compile(r"(?<!\\)\\{2,3}(?!\\)")
_ENGLISH: Final = frozenset("in to or and not it mid sum max text big left right top".split())  # noqa: SIM905


def without_double_escapes(text: str) -> str:
    r"""A text with single backslashes where it was escaped twice, as in arXiv's OAI samples.

    `\\` also ends a line of TeX: where a word that is no command follows one, all of them do.
    """
    if "\\\\" not in text:
        return text
    names = re.findall(r"(?<!\\)\\{2,3}([a-zA-Z]+|['`\"^~][a-zA-Z])", text)
    known = all(is_known(name) or not name[0].isalpha() for name in names)
    if set(names) <= _ENGLISH or not known:
        return text
    return _DOUBLED.sub(r"\\", text)


def tie(before: str, after: str, last: str) -> str:
    """A `~` as a space between words, or as "about" before a number, as in z~2.5.

    `before` is the text before it, `after` the next character, `last` the last character written.
    After a word that is followed by a number (Fig.~3, Table~1) it is a space.
    """
    if not before[-1:].strip("([ ") or not after.strip():
        return "~"
    word = re.search(r"[^\s~]{1,24}$", before)
    names = word and re.search(r"\.$|^[(\[]?[A-Z]\w*[a-z]\w+$", word[0])
    about = after.isdigit() and (last.isalnum() or last in tuple(")%]’"))
    return "~" if about and not names else " "


def dash(text: str, before: str, after: str) -> str:
    """Two or three hyphens as TeX's dashes, but `--help`, `-->` and longer runs unchanged."""
    ends = after.isspace() or not after
    set_off = not before.strip() and (ends or after in '$“"‘')
    joins = re.match(r"[\w)\]”’\"'.,;:%}$]", before) and (
        ends or re.match(r"[\w(\[“‘\"'\\${`]", after)
    )
    if len(text) > 3 or not (set_off or joins):
        return text
    return "—" if len(text) == 3 else "–"


def is_set_notation(before: str, inside: str, maths: bool) -> bool:
    """Whether braces enclose a set or a record, as in "labels {-1, 1}", and not a TeX group."""
    few = re.fullmatch(r"[-+\w. ]{1,3}(?:,[-+\w. ]{1,4})+", inside)
    if few and not re.match(r"[\\\w}\]^_]", before):
        return True
    prose = not maths and not re.search(r"[\\{}$^_]|://", inside)
    return prose and not before.strip("([ ") and bool(re.search(r"[,:;|=]", inside))
