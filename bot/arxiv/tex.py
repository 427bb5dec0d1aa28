"""TeX to one line of Unicode, in one pass; pure.

Its own reader, because pylatexenc's raises where authors leave something out, and one mistake
would then cost a whole abstract its rendering. This one cannot fail: what it does not understand
stays as it was typed. Every token is read once, and at most `MAX_DEPTH` times within arguments.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.arxiv.tex_commands import commands, is_known, scripted
from bot.arxiv.tex_expansion import Expander, accented
from bot.arxiv.tex_reading import Output, Reading
from bot.arxiv.tex_tokens import (
    MAX_DEPTH,
    Token,
    dash,
    is_set_notation,
    tie,
    without_double_escapes,
)


def tex_to_unicode(text: str) -> str:
    """A text in TeX, one line -> the same in Unicode. Never raises; linear in the text's length."""
    return _Reader(without_double_escapes(text)).read()


class _Reader:
    """Reads a text token by token."""

    def __init__(self, text: str) -> None:
        self.reading = Reading(text)
        self.expander = Expander(self.reading, self.render)
        self.open_quotes = 0
        self.readers: dict[str, Callable[[Token], None]] = {
            "enter": self.maths_boundary,
            "leave": self.maths_boundary,
            "command": lambda token: self.expander.expand(token.text[1:]),
            "accented": lambda token: self.write(accented(token.text[1], token.text[-1])),
            "open": self.open_brace,
            "close": self.close_brace,
            "power": lambda token: self.write_script("^", token.text[1:]),
            "script": self.script,
            "space": lambda token: self.write(" "),
            "link": lambda token: self.write(re.sub(r"\\(?=[_%&#~])", "", token.text)),
        }

    def read(self) -> str:
        """The rest of what is being read."""
        reading = self.reading
        while reading.at < reading.end:
            token = reading.tokens[reading.at]
            reading.at += 1
            self.readers.get(token.kind, self.plain)(token)
        return reading.out.text

    def render(self, begin: int, end: int, maths: bool) -> str:
        """The output of some tokens by themselves; a group without its braces."""
        reading = self.reading
        while begin < end and reading.tokens[begin].kind == "space":
            begin += 1
        if reading.partner.get(begin) == end - 1 and reading.tokens[begin].kind == "open":
            begin, end = begin + 1, end - 1
        saved = reading.out, reading.at, reading.end, reading.maths, reading.matrix_depth
        reading.out, reading.at, reading.end, reading.maths = Output(), begin, end, maths
        reading.matrix_depth, reading.depth = 0, reading.depth + 1
        text = self.read()
        reading.out, reading.at, reading.end, reading.maths, reading.matrix_depth = saved
        reading.depth -= 1
        return text

    def write(self, text: str) -> None:
        self.reading.out.write(text)

    def plain(self, token: Token) -> None:
        """A character that stands for itself, or for punctuation."""
        reading, kind = self.reading, token.kind
        if kind == "amp" and (reading.matrix_depth or reading.maths):
            self.write(" ")
        elif kind in ("tie", "dash", "quote") and not reading.maths:
            self.write(self.punctuation(token))
        elif kind == "tie":
            self.write(" ")
        else:
            self.write(token.text.replace("'", "′") if reading.maths else token.text)

    def punctuation(self, token: Token) -> str:
        source = self.reading.source
        before, after = source.around(token)
        if token.kind == "tie":
            return tie(source.before(token), after, self.reading.out.last)
        if token.kind == "dash":
            return dash(token.text, before, after)
        if token.text == "``":
            self.open_quotes += 1
            return "“"
        if self.open_quotes:
            self.open_quotes -= 1
            return "”"
        if before.strip("( ") or not after.strip(" .,;:)"):
            return token.text
        self.open_quotes += 1
        return "“"

    def maths_boundary(self, token: Token) -> None:
        """The border of maths, whose outermost spaces are not printed."""
        reading, entering = self.reading, token.kind == "enter"
        reading.maths = entering
        if entering and reading.out.last in ("", " ", "(", "["):
            reading.skip_space()
        elif not entering and not (reading.next_is("plain") and reading.continues_directly()):
            reading.out.drop_space()

    # -- braces

    def open_brace(self, token: Token) -> None:
        reading, here = self.reading, self.reading.at - 1
        partner = reading.partner.get(here)
        if partner is not None and self.is_shown(here, partner):
            reading.shown_braces.update((here, partner))
        if here in reading.shown_braces:
            self.write("{")

    def close_brace(self, token: Token) -> None:
        reading, here = self.reading, self.reading.at - 1
        if here in reading.shown_braces:
            reading.out.drop_space()
            self.write(token.text)
            reading.keep_next_braces()
        elif here not in reading.partner and reading.next_is("open"):
            self.write(" ")

    def is_shown(self, here: int, partner: int) -> bool:
        reading = self.reading
        before, _ = reading.source.around(reading.tokens[here])
        inside = reading.source.slice(here + 1, partner, 200)
        whole = here == 0 and partner == len(reading.tokens) - 1
        return inside is not None and not whole and is_set_notation(before, inside, reading.maths)

    # -- scripts

    def script(self, token: Token) -> None:
        """`^` or `_`, with its argument."""
        reading, mark = self.reading, token.text
        end = reading.source.atom_end(reading.at, reading.end)
        if end is None or reading.depth >= MAX_DEPTH:
            self.write(mark)
            return
        first = reading.tokens[reading.at]
        name = first.text[1:] if first.kind == "command" else ""
        if not reading.maths and first.kind != "open" and not (name.isalpha() and is_known(name)):
            self.write(mark)  # file_name, ^_^
            return
        argument = self.render(reading.at, end, maths=True)
        reading.at = end
        self.write_script(mark, argument)
        if reading.maths and first.kind == "command" and name not in commands():
            reading.skip_space()  # it only ends the command's name

    def write_script(self, mark: str, argument: str) -> None:
        if not argument.strip():
            return
        text = scripted(mark == "^", argument)
        if text in ("*", "⋆") and self.reading.continues_directly():
            text = f"^{text}"  # x*y would be a product
        self.reading.out.needs_space = False
        self.write(text)
        self.reading.out.needs_space = text[0] in "^_" and text[-1].isalnum()
