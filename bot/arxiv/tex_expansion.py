"""Expands the commands of a text in TeX, with their arguments, to Unicode; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from bot.arxiv.tex_commands import (
    CLOSING,
    LETTERS,
    OPENING,
    TEXT_ACCENTS,
    UNPRINTED_COMMANDS,
    Command,
    commands,
    is_known,
    symbols,
    words,
)
from bot.arxiv.tex_reading import Reading
from bot.arxiv.tex_tokens import MAX_DEPTH

_DISPLAYED: Final = frozenset(
    "equation align aligned gather gathered multline eqnarray displaymath math split".split()  # noqa: SIM905
)  # fmt: skip
_MATRICES: Final = {
    "matrix": ("", ""), "smallmatrix": ("", ""), "array": ("", ""), "pmatrix": ("(", ")"),
    "bmatrix": ("[", "]"), "vmatrix": ("|", "|"), "Bmatrix": ("{", "}"), "cases": ("{", ""),
}  # fmt: skip
_TEXTS: Final = frozenset("itemize enumerate description center quote abstract document".split())  # noqa: SIM905


def accented(mark: str, letter: str) -> str:
    """A letter with TeX's accent `mark`, as one character where Unicode has it."""
    letter = {"ı": "i", "ȷ": "j"}.get(letter, letter)
    return unicodedata.normalize("NFC", letter + TEXT_ACCENTS[mark])


class Expander:
    """Writes commands. `render` gives the output of some tokens alone: (begin, end, maths)."""

    def __init__(self, reading: Reading, render: Callable[[int, int, bool], str]) -> None:
        self.reading, self.render = reading, render

    def expand(self, name: str) -> None:
        """Write the command `name`, which was just read, with what belongs to it."""
        reading = self.reading
        if name == "\\":
            self.end_line()
        elif name in ("begin", "end"):
            self.environment(name)
        elif name in UNPRINTED_COMMANDS:
            self.unprinted(name)
        elif self.try_command_with_arguments(name):
            return
        elif name == "deg" and (not reading.maths or reading.out.last.isdigit()):
            reading.out.write("°")
        elif name in words():
            reading.out.write(words()[name], apart=True)
        elif (name in symbols() and name not in commands()) or not re.match("[a-zA-Z]", name):
            self.symbol(name)
        else:
            self.unknown(name)

    def try_command_with_arguments(self, name: str) -> bool:
        """Write a command that takes arguments; False where it takes none, or one is missing."""
        if name in commands() and self.try_arguments(commands()[name]):
            return True
        if name == "not":
            return self.try_negation()
        return name in TEXT_ACCENTS and self.try_accent(name)

    def unknown(self, name: str) -> None:
        """As it was typed, with its argument, and not glued to a neighbour."""
        self.reading.out.write(f"\\{name}", apart=True)
        if self.reading.next_is("open"):
            self.reading.out.needs_space = False
            self.reading.keep_next_braces()

    def symbol(self, name: str) -> None:
        reading, text = self.reading, symbols().get(name, name)
        if name in CLOSING or name in ("}", "colon"):
            reading.out.drop_space()
        if name == "etal" and reading.next_text.startswith("."):
            text = text[:-1]  # the text has its own full stop
        before = reading.out.last
        reading.out.write(text, apart=len(text) > 1 and text.isascii() and text.isalpha())
        tight = (reading.maths and before.strip() and not text.isalnum()) or text in "∂∇¬∀∃"
        tight = tight and name not in CLOSING
        delimits = name in LETTERS or name in OPENING or name == "{" or text.endswith(" ")
        if delimits or (name.isalpha() and (tight or name.startswith("text"))):
            reading.skip_space()

    def unprinted(self, name: str) -> None:
        reading = self.reading
        if name == "right":
            reading.out.drop_space()
        reading.skip_space()
        if name in ("left", "right") and reading.next_text == ".":
            reading.at += 1

    def end_line(self) -> None:
        r"""`\\` ends a line or a row; in maths, a command after it was escaped twice."""
        reading = self.reading
        start = reading.tokens[reading.at].start if reading.at < reading.end else 0
        name = re.match(r"[a-zA-Z]{2,24}", reading.source.text[start : start + 24])
        if reading.maths and not reading.matrix_depth and name and is_known(name[0]):
            reading.at += len(name[0])  # in maths each letter is a token
            self.expand(name[0])
            return
        reading.out.drop_space()
        reading.out.write("; " if reading.matrix_depth else " ")
        reading.skip_space()

    def environment(self, name: str) -> None:
        reading = self.reading
        close = reading.partner.get(reading.at) if reading.next_is("open") else None
        inside = reading.source.slice(reading.at + 1, close, 20) if close else None
        kind = (inside or "").rstrip("*")
        if close and kind in _MATRICES:
            reading.at = close + 1
            self.matrix_bracket(kind, begins=name == "begin")
        elif close and (kind in _DISPLAYED or kind in _TEXTS):
            reading.at = close + 1
            reading.out.write(" ")
            if kind in _DISPLAYED:
                reading.maths = name == "begin"
        else:
            self.unknown(name)

    def matrix_bracket(self, kind: str, begins: bool) -> None:
        reading = self.reading
        if not begins:
            reading.out.drop_space()
        reading.out.write(_MATRICES[kind][not begins])
        if begins:
            reading.skip_space()
        reading.matrix_depth = max(0, reading.matrix_depth + (1 if begins else -1))

    def try_accent(self, name: str) -> bool:
        r"""\'e, \v{s}; a mark before no letter is a quotation mark or was meant as Greek."""
        reading = self.reading
        end = reading.short_atom() if reading.next_is("open", "command", "accented") else None
        text = self.accented_atom(name, end) if end else None
        if text is not None:
            reading.at = end or reading.at
            reading.out.write(text)
            return True
        if name == "'" and reading.next_is("plain") and re.match("9[12]", reading.next_text):
            reading.out.write("’" + reading.next_text[2:])  # RTF's apostrophe
            reading.at += 1
            return True
        return False

    def accented_atom(self, mark: str, end: int) -> str | None:
        """The argument up to `end` under an accent; None where it cannot carry one."""
        reading = self.reading
        inside = (reading.source.slice(reading.at, end) or "").strip("{}")
        if mark.isalpha() and len(inside) > 1 and mark + inside in symbols():
            return symbols()[mark + inside]  # \beta became \b{eta} on its way
        letter = unicodedata.normalize("NFC", self.render(reading.at, end, False))
        if len(letter) == 1 and letter.isalpha():
            return accented(mark, letter)
        stands_alone = not letter.strip() and not mark.isalpha()  # \~{}
        return mark if stands_alone else None

    def try_negation(self) -> bool:
        r"""\not before a sign."""
        reading = self.reading
        if not (end := reading.short_atom()):
            return False
        sign = self.render(reading.at, end, True).strip()
        if len(sign) != 1:
            return False
        reading.at = end
        tight = reading.maths and reading.out.last.strip()
        reading.out.write(unicodedata.normalize("NFC", sign + "\u0338"))
        if tight:
            reading.skip_space()
        return True

    def try_arguments(self, command: Command) -> bool:
        """Write a command with its arguments; False, and nothing read, where one is missing."""
        reading = self.reading
        spans = reading.source.argument_spans(
            command.argument_kinds, reading.at, reading.end, reading.maths
        )
        if spans is None or reading.depth >= MAX_DEPTH:
            return False
        args = []
        for kind, begin, end in spans:
            if kind in "rp":
                raw = (reading.source.slice(begin, end) or "").strip("[]" if kind == "p" else "{}")
                args.append(re.sub(r"\\([_%&#~$ ])", r"\1", raw))
            elif kind in "tmx":
                maths = reading.maths if kind == "x" else kind == "m"
                args.append(self.render(begin, end, maths))
        reading.at = max([reading.at, *(end for _, _, end in spans)])
        text = command.render(*args)
        last = reading.out.last
        if command.spacing == "ratio" and (
            last.isalnum() or last == ")" or reading.continues_directly()
        ):
            text = f"({text})"
        reading.out.write(text, apart=command.spacing == "word")
        return True
