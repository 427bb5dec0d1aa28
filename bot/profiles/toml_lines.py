"""The line numbers of a TOML text's fields, which tomllib does not report; pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

DEEPEST: Final = 8  # a profile needs 3; below, tomllib takes quadratic time or the whole stack

FieldPath = tuple[str | int, ...]  # ("topics", 1, "relevant") is a field of the second topic

_GAP: Final = r"(?:\s|#[^\n]*)*"
_REST: Final = r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)"
_KEY: Final = r"""("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s=.,\[\]{}"'#]+)[ \t]*"""
_TEXT: Final = r'''"""(?:[^\\]|\\.)*?"{3,5}|"(?:[^"\\\n]|\\.)*"''' r"""|'''.*?'{3,5}|'[^'\n]*'"""
_PLAIN: Final = r"[^,\]}#\n]+"
_NOT_AN_ENTRY: Final = (
    r"""[\w.'"-]+[ \t]*=|\[\[?[\w.-]+\]\]?[ \t]*\n|\Z"""  # the list was left open
)


class TomlLines:
    """The lines on which the fields, tables and entries of a TOML text begin.

    The text is read once, in linear time, with a grammar slightly wider than TOML's: validity is
    for tomllib to decide, and a text that this cannot read, tomllib cannot read either.
    """

    def __init__(self, text: str) -> None:
        self.starts: list[tuple[int, FieldPath]] = [(1, ())]
        # Fields and [tables], which may be written only once, and the first that is written again.
        self.defined_at: dict[FieldPath, int] = {}
        self.first_duplicate: tuple[int, FieldPath] | None = None
        self.after_open_list: dict[int, tuple[int, FieldPath]] = {}  # line -> the list's last entry
        self.too_deep = False
        self._text, self._at, self._line = text, 0, 1
        self._first: dict[FieldPath, int] = {(): 1}
        self._count: dict[FieldPath, int] = {}  # entries so far of each [[list of tables]]
        with suppress(ValueError):  # ours or, for a key, tomllib's
            self._document()

    def line_of(self, where: FieldPath) -> int:
        """The line of a field or entry, or of the table that should have it."""
        while where not in self._first:
            where = where[:-1]
        return self._first[where]

    def error_line(self, message: str) -> int:
        """The line at which tomllib gave up; int(), which it calls, does not say where it did."""
        if at := re.search(r"at line (\d+)", message):
            return int(at[1])
        digits = re.search(r"[0-9_]{4300}", self._text)
        return self._text.count("\n", 0, digits.start() if digits else None) + 1

    def _document(self) -> None:
        table: FieldPath = ()
        self._take(_GAP)
        while self._at < len(self._text):
            if self._next() == "[":
                table = self._heading()
            else:
                self._pair(table)
            self._take(_REST)
            self._take(_GAP)

    def _heading(self) -> FieldPath:
        many = self._take(r"\[\[?[ \t]*").startswith("[[")
        table: FieldPath = ()
        for key in self._keys():
            if table in self._count:
                table = (*table, self._count[table] - 1)
            table = (*table, key)
            self._begin(table)
        if many:
            index = self._count.get(table, 0)
            self._count[table] = index + 1
            table = (*table, index)
            self._begin(table)
        else:
            self._only(table)
        self._take(r"\]\]" if many else r"\]")
        return table

    def _pair(self, table: FieldPath) -> None:
        for key in self._keys():
            table = (*table, key)
            self._begin(table)
        self._only(table)
        self._take(r"=[ \t]*")
        self._value(table)

    def _value(self, where: FieldPath) -> None:
        opening = self._next()
        if opening not in ("[", "{"):
            self._take(_TEXT if opening in ('"', "'") else _PLAIN)
            return
        self._take(r"[\[{]" + _GAP)
        index = 0
        while self._next() not in ("]", "}"):
            if opening == "{":
                self._pair(where)
            else:
                if re.compile(_NOT_AN_ENTRY).match(self._text, self._at):
                    self.after_open_list.setdefault(self._line, self.starts[-1])
                self._begin((*where, index))
                self._value((*where, index))
            self._take(_GAP)
            if self._next() not in ("]", "}"):
                self._take("," + _GAP)
            index += 1
        self._take(r"[\]}]")

    def _keys(self) -> Iterator[str]:
        yield self._key()
        while self._next() == ".":
            self._take(r"\.[ \t]*")
            yield self._key()

    def _key(self) -> str:
        raw = self._take(_KEY).strip(" \t")
        return str(*tomllib.loads(f"{raw} = 0")) if raw[0] == '"' else raw.strip("'")

    def _begin(self, where: FieldPath) -> None:
        self.starts.append((self._line, where))
        self._first.setdefault(where, self._line)
        if len(where) > DEEPEST:
            self.too_deep = True
            raise ValueError(where)

    def _only(self, where: FieldPath) -> None:
        if where in self.defined_at and self.first_duplicate is None:
            self.first_duplicate = (self._line, where)
        self.defined_at.setdefault(where, self._line)

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, pattern: str) -> str:
        match = re.compile(pattern, re.DOTALL).match(self._text, self._at)
        if match is None:
            raise ValueError(pattern)
        self._at = match.end()
        self._line += match[0].count("\n")
        return match[0]
