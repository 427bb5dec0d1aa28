"""A text in TeX while it is read: its tokens, the place in them, and the output so far; pure."""

from __future__ import annotations

from bot.arxiv.tex_commands import commands, symbols
from bot.arxiv.tex_tokens import MAX_DEPTH, TexSource


class Output:
    """Unicode text, written part by part."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.needs_space = False  # the next word must not be glued to the last one

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def last(self) -> str:
        """The last character, empty at the start."""
        return self._parts[-1][-1] if self._parts else ""

    def write(self, text: str, apart: bool = False) -> None:
        """Append; `apart` sets the text off from a letter or digit on either side."""
        if not text:
            return
        before = self.last
        glued = text[0].isalnum() or text[0] == "\\"
        if (apart and (before.isalnum() or before in (")", "}"))) or (self.needs_space and glued):
            self._parts.append(" ")
        self._parts.append(text)
        self.needs_space = apart

    def drop_space(self) -> None:
        while self._parts and self._parts[-1] == " ":
            self._parts.pop()


class Reading:
    """One text, how far it is read (`at`, up to `end`), in which mode, and what was written.

    `maths` tells the mode, `depth` how many arguments deep the reading is, `matrix_depth` how many
    matrices are open; `shown_braces` are the braces that are written, as places of tokens.
    """

    def __init__(self, text: str) -> None:
        self.source = TexSource(text)
        self.tokens, self.partner = self.source.tokens, self.source.brace_partners
        self.at, self.end = 0, len(self.tokens)
        self.out = Output()
        self.maths = False
        self.depth = self.matrix_depth = 0
        self.shown_braces: set[int] = set()

    @property
    def next_text(self) -> str:
        """The next token's text, empty at the end."""
        return self.tokens[self.at].text if self.at < self.end else ""

    def next_is(self, *kinds: str) -> bool:
        return self.at < self.end and self.tokens[self.at].kind in kinds

    def skip_space(self) -> None:
        if self.next_is("space"):
            self.at += 1

    def continues_directly(self) -> bool:
        """Whether a letter, number or bracket follows at once."""
        if self.at >= self.end:
            return False
        token = self.tokens[self.at]
        if token.kind == "command":
            symbol = symbols().get(token.text[1:], "")
            return symbol.isalnum() or token.text[1:] in commands()
        return token.kind == "plain" and (token.text[0].isalnum() or token.text[0] in "([")

    def short_atom(self) -> int | None:
        """The end of an argument short enough to be read twice; None where there is none."""
        end = self.source.atom_end(self.at, self.end) if self.depth < MAX_DEPTH else None
        return end if end and self.source.slice(self.at, end, 18) is not None else None

    def keep_next_braces(self) -> None:
        """Show the braces of an argument whose command is unknown."""
        if not self.next_is("open"):
            return
        partner = self.partner.get(self.at)
        if partner == self.at + 1:
            self.at += 2
        elif partner is not None:
            self.shown_braces.update((self.at, partner))
