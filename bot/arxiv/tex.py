"""TeX read in one pass and said in one line of Unicode; pure.

Its own reader, because pylatexenc's raises on what authors leave out, and one mistake would then
cost a whole abstract its rendering. This one cannot fail: what it does not understand stays as it
was typed. Every token is read once, and at most `DEEPEST` times when it stands in arguments.
"""

from __future__ import annotations

import re
import unicodedata
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
    scripted,
    symbols,
    words,
)
from bot.arxiv.tex_tokens import (
    MAX_DEPTH,
    TexSource,
    Token,
    dash,
    is_set_notation,
    tie,
    without_double_escapes,
)

_DISPLAYED: Final = frozenset(
    "equation align aligned gather gathered multline eqnarray displaymath math split".split()  # noqa: SIM905
)  # fmt: skip
_MATRICES: Final = {
    "matrix": ("", ""), "smallmatrix": ("", ""), "array": ("", ""), "pmatrix": ("(", ")"),
    "bmatrix": ("[", "]"), "vmatrix": ("|", "|"), "Bmatrix": ("{", "}"), "cases": ("{", ""),
}  # fmt: skip
_TEXTS: Final = frozenset("itemize enumerate description center quote abstract document".split())  # noqa: SIM905


def tex_to_unicode(text: str) -> str:
    """A text in TeX, one line -> the same in Unicode. Never raises; linear in the text's length."""
    return _Reader(without_double_escapes(text)).all()


class _Reader:
    """One text, its tokens, and where in them the reading is."""

    def __init__(self, text: str) -> None:
        self.source = source = TexSource(text)
        self.tokens, self.partner = source.tokens, source.brace_partners
        self.shown_braces: set[int] = set()  # braces that are shown
        self.out: list[str] = []
        self.at, self.end = 0, len(self.tokens)
        self.maths = False
        self.depth = 0
        self.matrix_depth = 0  # matrices that are open
        self.quotes = 0
        self.needs_space = False  # what comes next must not be glued to what was said

    def all(self) -> str:
        while self.at < self.end:
            self.step()
        return "".join(self.out)

    # -- saying

    def say(self, text: str, apart: bool = False) -> None:
        """Append, set apart from a letter or digit on either side where it must be."""
        if not text:
            return
        before = self.last()
        glued = text[0].isalnum() or text[0] == "\\"
        if (apart and (before.isalnum() or before in (")", "}"))) or (self.needs_space and glued):
            self.out.append(" ")
        self.out.append(text)
        self.needs_space = apart

    def last(self) -> str:
        return self.out[-1][-1] if self.out else ""

    def drop_space(self) -> None:
        while self.out and self.out[-1] == " ":
            self.out.pop()

    def follows(self, *kinds: str) -> bool:
        return self.at < self.end and self.tokens[self.at].kind in kinds

    def skip_space(self) -> None:
        if self.follows("space"):
            self.at += 1

    # -- tokens

    def step(self) -> None:
        """Say one token, with what belongs to it."""
        token = self.tokens[self.at]
        self.at += 1
        kind, text = token.kind, token.text
        if kind in ("enter", "leave"):
            self.maths_boundary(kind == "enter")
        elif kind == "command":
            self.command(text[1:])
        elif kind == "accented":
            self.say(_composed(text[1], text[-1]))
        elif kind == "open":
            self.opened(self.at - 1)
        elif kind == "close":
            self.closed(self.at - 1)
        elif kind == "power":
            self.script("^", text[1:])
        elif kind == "script":
            self.scripts(text)
        elif kind == "space":
            self.say(" ")
        elif kind == "link":
            self.say(re.sub(r"\\(?=[_%&#~])", "", text))
        elif kind == "amp" and (self.matrix_depth or self.maths):
            self.say(" ")
        elif kind in ("tie", "dash", "quote") and not self.maths:
            self.say(self.punctuation(token))
        elif kind == "tie":
            self.say(" ")
        else:
            self.say(text.replace("'", "′") if self.maths else text)

    def maths_boundary(self, entering: bool) -> None:
        """The border of maths, whose outermost spaces are not printed."""
        self.maths = entering
        if entering and self.last() in ("", " ", "(", "["):
            self.skip_space()
        elif not entering and not (self.follows("plain") and self.continues_directly()):
            self.drop_space()

    def punctuation(self, token: Token) -> str:
        before, after = self.source.around(token)
        if token.kind == "tie":
            return tie(self.source.before(token), after, self.last())
        if token.kind == "dash":
            return dash(token.text, before, after)
        if token.text == "``":
            self.quotes += 1
            return "“"
        if self.quotes:
            self.quotes -= 1
            return "”"
        if before.strip("( ") or not after.strip(" .,;:)"):
            return token.text
        self.quotes += 1
        return "“"

    # -- braces

    def opened(self, here: int) -> None:
        partner = self.partner.get(here)
        if partner is not None and self.is_shown(here, partner):
            self.shown_braces.update((here, partner))
        if here in self.shown_braces:
            self.say("{")

    def closed(self, here: int) -> None:
        if here in self.shown_braces:
            self.drop_space()
            self.say(self.tokens[here].text)
            self.keep_next()
        elif here not in self.partner and self.follows("open"):
            self.say(" ")

    def keep_next(self) -> None:
        """The argument of an unknown command keeps its braces."""
        if not self.follows("open"):
            return
        partner = self.partner.get(self.at)
        if partner == self.at + 1:
            self.at += 2
        elif partner is not None:
            self.shown_braces.update((self.at, partner))

    def is_shown(self, here: int, partner: int) -> bool:
        before, _ = self.source.around(self.tokens[here])
        inside = self.source.slice(here + 1, partner, 200)
        whole = here == 0 and partner == len(self.tokens) - 1
        return inside is not None and not whole and is_set_notation(before, inside, self.maths)

    # -- commands

    def command(self, name: str) -> None:
        if name == "\\":
            self.line_end()
        elif name in ("begin", "end"):
            self.environment(name)
        elif name in UNPRINTED_COMMANDS:
            self.silent(name)
        elif self.try_command_with_arguments(name):
            return
        elif name == "deg" and (not self.maths or self.last().isdigit()):
            self.say("°")
        elif name in words():
            self.say(words()[name], apart=True)
        elif (name in symbols() and name not in commands()) or not re.match("[a-zA-Z]", name):
            self.symbol(name)
        else:
            self.unknown(name)

    def try_command_with_arguments(self, name: str) -> bool:
        """Say a command that takes arguments; False where it takes none, or they are missing."""
        if name in commands() and self.try_arguments(commands()[name]):
            return True
        if name == "not":
            return self.negated()
        return name in TEXT_ACCENTS and self.accent(name)

    def unknown(self, name: str) -> None:
        """As it was typed, with what it holds, and not glued to a neighbour."""
        self.say(f"\\{name}", apart=True)
        if self.follows("open"):
            self.needs_space = False
            self.keep_next()

    def symbol(self, name: str) -> None:
        said = symbols().get(name, name)
        if name in CLOSING or name in ("}", "colon"):
            self.drop_space()
        before = self.last()
        self.say(said, apart=len(said) > 1 and said.isascii() and said.isalpha())
        if name == "etal" and self.at < self.end and self.tokens[self.at].text.startswith("."):
            self.out[-1] = said[:-1]
        tight = (self.maths and before.strip() and not said.isalnum()) or said in "∂∇¬∀∃"
        tight = tight and name not in CLOSING
        delimits = name in LETTERS or name in OPENING or name == "{" or said.endswith(" ")
        if delimits or (name.isalpha() and (tight or name.startswith("text"))):
            self.skip_space()

    def silent(self, name: str) -> None:
        if name == "right":
            self.drop_space()
        self.skip_space()
        if name in ("left", "right") and self.at < self.end and self.tokens[self.at].text == ".":
            self.at += 1

    def line_end(self) -> None:
        r"""`\\` ends a line or a row; in maths, a command after it was escaped twice."""
        start = self.tokens[self.at].start if self.at < self.end else 0
        name = re.match(r"[a-zA-Z]{2,24}", self.source.text[start : start + 24])
        if self.maths and not self.matrix_depth and name and is_known(name[0]):
            self.at += len(name[0])  # in maths each letter is a token
            self.command(name[0])
            return
        self.drop_space()
        self.say("; " if self.matrix_depth else " ")
        self.skip_space()

    def environment(self, name: str) -> None:
        close = self.partner.get(self.at) if self.follows("open") else None
        inside = self.source.slice(self.at + 1, close, 20) if close else None
        kind = (inside or "").rstrip("*")
        if close and kind in _MATRICES:
            self.at = close + 1
            if name == "end":
                self.drop_space()
            self.say(_MATRICES[kind][name == "end"])
            if name == "begin":
                self.skip_space()
            self.matrix_depth = max(0, self.matrix_depth + (1 if name == "begin" else -1))
        elif close and (kind in _DISPLAYED or kind in _TEXTS):
            self.at = close + 1
            self.say(" ")
            if kind in _DISPLAYED:
                self.maths = name == "begin"
        else:
            self.unknown(name)

    def accent(self, name: str) -> bool:
        r"""\'e, \v{s}; a mark before no letter is a quotation mark or was meant as Greek."""
        end = self.short_atom() if self.follows("open", "command", "accented") else None
        if end:
            inside = (self.source.slice(self.at, end) or "").strip("{}")
            if name.isalpha() and len(inside) > 1 and name + inside in symbols():
                self.at = end
                self.say(symbols()[name + inside])  # \beta became \b{eta} on its way
                return True
            letter = unicodedata.normalize("NFC", self.rendered(self.at, end, maths=False))
            if len(letter) == 1 and letter.isalpha():
                self.at = end
                self.say(_composed(name, letter))
                return True
            if not letter.strip() and not name.isalpha():  # \~{} stands alone
                self.at = end
                self.say(name)
                return True
        if name == "'" and self.follows("plain") and re.match("9[12]", self.tokens[self.at].text):
            self.say("’" + self.tokens[self.at].text[2:])  # RTF's apostrophe
            self.at += 1
            return True
        return False

    def short_atom(self) -> int | None:
        """The end of an argument so short that it may be read in vain, and then again."""
        end = self.source.atom_end(self.at, self.end) if self.depth < MAX_DEPTH else None
        return end if end and self.source.slice(self.at, end, 18) is not None else None

    def negated(self) -> bool:
        if not (end := self.short_atom()):
            return False
        sign = self.rendered(self.at, end, maths=True).strip()
        if len(sign) != 1:
            return False
        self.at = end
        tight = self.maths and self.last().strip()
        self.say(unicodedata.normalize("NFC", sign + "\u0338"))
        if tight:
            self.skip_space()
        return True

    def try_arguments(self, command: Command) -> bool:
        """Say a command with its arguments; False, and nothing read, where one is missing."""
        spans = self.source.argument_spans(command.argument_kinds, self.at, self.end, self.maths)
        if spans is None or self.depth >= MAX_DEPTH:
            return False
        args = []
        for kind, begin, end in spans:
            if kind in "rp":
                raw = (self.source.slice(begin, end) or "").strip("[]" if kind == "p" else "{}")
                args.append(re.sub(r"\\([_%&#~$ ])", r"\1", raw))
            elif kind in "tmx":
                maths = self.maths if kind == "x" else kind == "m"
                args.append(self.rendered(begin, end, maths))
        self.at = max([self.at, *(end for _, _, end in spans)])
        said = command.render(*args)
        if command.spacing == "ratio" and (
            self.last().isalnum() or self.last() == ")" or self.continues_directly()
        ):
            said = f"({said})"
        self.say(said, apart=command.spacing == "word")
        return True

    def continues_directly(self) -> bool:
        """Whether a letter, number or bracket follows at once."""
        if self.at >= self.end:
            return False
        token = self.tokens[self.at]
        if token.kind == "command":
            said = symbols().get(token.text[1:], "")
            return said.isalnum() or token.text[1:] in commands()
        return token.kind == "plain" and (token.text[0].isalnum() or token.text[0] in "([")

    def rendered(self, begin: int, end: int, maths: bool) -> str:
        """What some tokens say by themselves; a group without its braces."""
        while begin < end and self.tokens[begin].kind == "space":
            begin += 1
        if self.partner.get(begin) == end - 1 and self.tokens[begin].kind == "open":
            begin, end = begin + 1, end - 1
        saved = self.out, self.at, self.end, self.maths, self.needs_space, self.matrix_depth
        self.out, self.at, self.end, self.maths, self.needs_space = [], begin, end, maths, False
        self.matrix_depth, self.depth = 0, self.depth + 1
        said = self.all()
        self.out, self.at, self.end, self.maths, self.needs_space, self.matrix_depth = saved
        self.depth -= 1
        return said

    # -- scripts

    def scripts(self, mark: str) -> None:
        end = self.source.atom_end(self.at, self.end)
        if end is None or self.depth >= MAX_DEPTH:
            self.say(mark)
            return
        first = self.tokens[self.at]
        named = first.kind == "command" and is_known(first.text[1:])
        if not self.maths and not (first.kind == "open" or (named and first.text[1:].isalpha())):
            self.say(mark)  # file_name, ^_^
            return
        arg = self.rendered(self.at, end, maths=True)
        self.at = end
        self.script(mark, arg)
        if self.maths and first.kind == "command" and first.text[1:] not in commands():
            self.skip_space()  # it only ends the command's name

    def script(self, mark: str, arg: str) -> None:
        if not arg.strip():
            return
        said = scripted(mark == "^", arg)
        if said in ("*", "⋆") and self.continues_directly():
            said = f"^{said}"  # x*y would be a product
        self.needs_space = False
        self.say(said)
        self.needs_space = said[0] in "^_" and said[-1].isalnum()


def _composed(mark: str, letter: str) -> str:
    letter = {"ı": "i", "ȷ": "j"}.get(letter, letter)
    return unicodedata.normalize("NFC", letter + TEXT_ACCENTS[mark])
