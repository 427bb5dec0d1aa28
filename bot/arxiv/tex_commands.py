"""Tables of what TeX's commands print; pure.

The symbols are pylatexenc's (letters, accents, text) and unicode-math's as latex2mathml ships
them. bot/arxiv/tex_expansion.py uses them; a command in no table is shown as it was typed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, NamedTuple

from latex2mathml.symbols_parser import SYMBOLS
from pylatexenc import latex2text, latexencode  # type: ignore[import-untyped]

_RAISED: Final = str.maketrans(
    "0123456789+-−–=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW′″‴∘⊤*∗⋆®†‡",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ′″‴°ᵀ***®†‡",
)
_LOWERED: Final = str.maketrans(
    "0123456789+-−–=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ"
)
_MARK: Final = r"[\u0300-\u036f\u20d0-\u20ff]"
_LETTER: Final = re.compile(rf"([^\W\d_]{_MARK}*)([₀-ₜ⁰-ⁿᵃ-ᵿ′]*)")


class Command(NamedTuple):
    """A command that takes arguments.

    `argument_kinds` has a letter per argument: `t` rendered as text, `m` as maths, `x` as its
    surroundings, `r` as it was typed; in optional brackets `p`, or `o`, which is dropped, as is
    `*`, a star. `render` makes the output from the arguments kept. `spacing` keeps the output
    apart from adjacent characters: "word" like log, "ratio" like 1/2.
    """

    argument_kinds: str
    render: Callable[..., str]
    spacing: str = ""


def scripted(raised: bool, text: str) -> str:
    """x², or where Unicode lacks one of the characters all of it as x^(a/b)."""
    table, mark = (_RAISED, "^") if raised else (_LOWERED, "_")
    dense = text.replace(" ", "")
    if dense and all(ord(character) in table for character in dense):
        return dense.translate(table)
    text = text.strip()
    bare = re.fullmatch(rf"(?:\w|{_MARK})+|.", text)
    return mark + (text if bare else f"({text})")


def accented(accent: str, name: str, text: str) -> str:
    """An accent over one letter, or over a few; over more it is spelt out: `hat(f∗g)`."""
    text = text.strip()
    if text[:1] in ("ı", "ȷ") and len(text) == 1:
        text = {"ı": "i", "ȷ": "j"}[text]
    if one := _LETTER.fullmatch(text):
        return unicodedata.normalize("NFC", one[1] + accent) + one[2]
    if len(text) == 1:
        return text + accent
    if accent == _LINE and re.fullmatch(r"\w{2,3}", text):
        return "".join(character + accent for character in text)
    return f"{name}({text})" if text else ""


def grouped(text: str) -> str:
    """Parentheses where a flat line would be misread: (a+b)/2, but d/2, f(x)/2 and √n."""
    text = text.strip()
    whole = len(text) < 2 or re.fullmatch(rf"(?:[\w.⁻₋₊]|{_MARK})*(\([^()]*\))?", text)
    return text if whole else f"({text})"


def in_style(style: str, text: str) -> str:
    """Letters of another alphabet, as in ℝ and 𝒪."""
    if style == "bb" and text == "1":
        return "𝟙"
    name = {"bb": "doublestruck", "cal": "script", "frak": "fraktur"}[style]
    return str(latex2text.fmt_math_text_style(text, name))


def _link(url: str, text: str) -> str:
    if "://" not in url:
        return text
    return url if text in url or url in text else f"{text} ({url})"


def _character(code: str) -> str:
    found = re.fullmatch(r"[xX\"]([0-9a-fA-F]{1,5})", code.strip())
    return chr(int(found[1], 16)) if found else ""


def _root(power: str, text: str) -> str:
    return f"{power.translate(_RAISED)}√{grouped(text)}"


def _ion(element: str, stage: str) -> str:
    roman = {"1": "I", "2": "II", "3": "III", "4": "IV", "5": "V", "6": "VI", "7": "VII"}
    return f"{element} {roman.get(stage, stage.upper())}"


def _same(text: str) -> str:
    return text


def _nothing(*_args: str) -> str:
    return ""


_LINE: Final = "\u0305"
_ACCENTS: Final = {  # in maths
    "hat widehat Hat": ("\u0302", "hat"),
    "tilde widetilde Tilde": ("\u0303", "tilde"),
    "bar Bar": ("\u0304", "bar"),
    "overline": ("\u0305", "overline"),
    "vec overrightarrow": ("\u20d7", "vec"),
    "dot": ("\u0307", "dot"),
    "ddot": ("\u0308", "ddot"),
    "mathring": ("\u030a", "ring"),
    "check widecheck": ("\u030c", "check"),
    "breve": ("\u0306", "breve"),
    "acute": ("\u0301", "acute"),
    "grave": ("\u0300", "grave"),
}
# Commands by what they take and say.
_COMMANDS: Final[list[tuple[str, Command]]] = [
    (
        "textbf textit emph textrm textsf texttt textsc textsl textup textmd textnormal text mbox"
        " hbox fbox uline",
        Command("t", _same),
    ),
    (
        "mathrm mathit mathbf mathsf mathtt mathnormal bm boldsymbol pmb mathop mathbin mathrel"
        " mathord mathopen mathclose mathpunct mathinner ensuremath",
        Command("m", _same),
    ),
    ("underline smash overbrace underbrace overbracket underbracket", Command("x", _same)),
    ("mathbb mathds mathbbm Bbb", Command("m", lambda text: in_style("bb", text))),
    ("mathcal mathscr cal", Command("m", lambda text: in_style("cal", text))),
    ("mathfrak frak", Command("m", lambda text: in_style("frak", text))),
    ("operatorname operatornamewithlimits", Command("*t", _same, "word")),
    ("textsuperscript", Command("t", lambda text: scripted(True, text))),
    ("textsubscript", Command("t", lambda text: scripted(False, text))),
    ("frac dfrac tfrac cfrac nicefrac sfrac", Command(
        "mm", lambda top, low: f"{grouped(top)}/{grouped(low)}", "ratio")),
    ("binom dbinom tbinom", Command("mm", lambda n, k: f"({n} choose {k})")),
    ("sqrt", Command("pm", _root)),
    ("pmod", Command("m", lambda text: f" (mod {text.strip()})")),
    ("pod", Command("m", lambda text: f" ({text.strip()})")),
    ("stackrel overset", Command("mm", lambda over, text: text + scripted(True, over))),
    ("underset", Command("mm", lambda under, text: text + scripted(False, under))),
    ("xrightarrow", Command("om", lambda over: f" →{scripted(True, over)} ")),
    ("xleftarrow", Command("om", lambda over: f" ←{scripted(True, over)} ")),
    ("substack", Command("m", _same)),
    ("bra", Command("m", lambda text: f"⟨{text}|")),
    ("ket", Command("m", lambda text: f"|{text}⟩")),
    ("ketbra", Command("mm", lambda ket, bra: f"|{ket}⟩⟨{bra}|")),
    ("braket", Command("m", lambda text: f"⟨{text}⟩")),
    ("url path nolinkurl", Command("r", _same)),
    ("href", Command("rx", _link)),
    ("hyperlink", Command("rx", _link)),
    ("texorpdfstring", Command("xr", lambda text, _plain: text)),
    ("cite citep citet citealt citealp autocite parencite textcite", Command(
        "oor", lambda key: f"[{key}]")),
    ("ref eqref cref autoref", Command("r", lambda key: f"[{key}]")),
    ("footnote thanks", Command("ox", lambda text: f" ({text.strip()})")),
    ("unicode symbol", Command("r", _character)),
    ("textcolor", Command("orx", lambda _color, text: text)),
    ("color label vspace hspace vskip phantom hphantom vphantom includegraphics", Command(
        "*or", _nothing)),
    ("ion", Command("xx", _ion)),
]  # fmt: skip

# Commands without arguments that mean something else, or more, than a table of symbols says.
_WORDS: Final = {
    "log": "log", "Pr": "Pr", "bmod": "mod", "mod": "mod", "lim": "lim", "arg": "arg",
    "argmax": "argmax", "argmin": "argmin", "det": "det", "dim": "dim", "ker": "ker",
    "deg": "deg", "gcd": "gcd", "lg": "lg", "hom": "hom", "sec": "sec", "csc": "csc",
    "cot": "cot", "coth": "coth", "limsup": "lim sup", "liminf": "lim inf",
    "varlimsup": "lim sup", "varliminf": "lim inf",
}  # fmt: skip
_OURS: Final = {
    "n": r"\n",  # papers on language models speak of newline tokens
    "|": "‖", "-": "", "/": "", "@": "", "colon": ": ", "prime": "′", "circledR": "®",
    "degree": "°", "textmu": "µ", "micron": "µm", "slash": "/", "textbackslash": "\\",
    "backslash": "\\", "bigl": "", "blacksquare": "■", "qed": "∎", "degr": "°", "arcdeg": "°",
    # Astronomy's: a decimal point with the unit above it, and bounds (AASTeX, A&A).
    "arcsec": "″", "arcmin": "′", "farcs": ".″", "farcm": ".′", "fdg": ".°", "fs": ".ˢ",
    "fm": ".ᵐ", "fh": ".ʰ", "fd": ".ᵈ", "sun": "☉", "earth": "⊕", "la": "≲", "ga": "≳",
    # Spaces, of whatever width.
    ",": " ", ":": " ", ";": " ", "!": "", " ": " ", ">": " ", "quad": " ", "qquad": " ",
    "enspace": " ", "thinspace": " ", "space": " ", "hfill": " ", "par": " ", "newline": " ",
    "linebreak": " ", "\\": " ", "item": " • ", "dotsb": "…", "dotsc": "…", "dotsm": "…",
    "dotsi": "…", "dotso": "…", "lvert": "|", "rvert": "|", "lVert": "‖", "rVert": "‖",
    "eg": "e.g.", "ie": "i.e.", "etal": "et al.", "etc": "etc.", "wrt": "w.r.t.",
    "LaTeX": "LaTeX", "TeX": "TeX",
}  # fmt: skip
# Not printed: switches of fonts and sizes, and what only moves things about.
UNPRINTED_COMMANDS: Final = frozenset(
    """em bf it sl sc tt rm sf boldmath unboldmath large Large LARGE small footnotesize tiny
    normalsize huge Huge bfseries itshape scshape ttfamily sffamily rmfamily mdseries upshape
    normalfont displaystyle textstyle scriptstyle limits nolimits left right middle big bigl bigr
    Big Bigl Bigr bigg biggl biggr Bigg Biggl Biggr xspace protect centering noindent nonumber
    notag hline allowbreak nobreak nolinebreak smallskip medskip bigskip relax null""".split()  # noqa: SIM905
)
# Letters: TeX needs the space after them only to know where the command ends.
LETTERS: Final = frozenset("o O l L i j ss ae AE oe OE aa AA dh DH dj DJ th TH ng NG".split())  # noqa: SIM905
# Nothing stands between these and what they hold.
OPENING: Final = frozenset("langle lvert lVert lfloor lceil lbrace llbracket".split())  # noqa: SIM905
CLOSING: Final = frozenset("rangle rvert rVert rfloor rceil rbrace rrbracket".split())  # noqa: SIM905
TEXT_ACCENTS: Final = {
    "'": "\u0301", "`": "\u0300", '"': "\u0308", "^": "\u0302", "~": "\u0303", "=": "\u0304",
    ".": "\u0307", "c": "\u0327", "H": "\u030b", "k": "\u0328", "b": "\u0331", "d": "\u0323",
    "r": "\u030a", "u": "\u0306", "v": "\u030c",
}  # fmt: skip


@cache
def commands() -> Mapping[str, Command]:
    """The commands that take arguments, by name."""
    found = {name: command for names, command in _COMMANDS for name in names.split()}
    for names, (accent, said) in _ACCENTS.items():
        for name in names.split():
            found[name] = Command("m", lambda text, a=accent, n=said: accented(a, n, text))
    return found


def is_known(name: str) -> bool:
    """Whether any table has a command of this name."""
    return any(
        name in table
        for table in (commands(), symbols(), words(), UNPRINTED_COMMANDS, TEXT_ACCENTS)
    )


@cache
def words() -> Mapping[str, str]:
    """Commands that print a word which must stand apart from its neighbours: log, max, mod."""
    printed = {
        name: say
        for name, say in _printed().items()
        if re.fullmatch(r"[a-z]{2,7}", say) and (name == say or name in _WORDS)
    }
    return printed | _WORDS


@cache
def symbols() -> Mapping[str, str]:
    """What commands without arguments print, by name."""
    table = {name[1:]: chr(int(code, 16)) for name, code in SYMBOLS.items()}
    # pylatexenc's table for the other direction, reversed, has text symbols the others lack.
    turned = {
        tex[1:]: chr(code)
        for code, tex in latexencode.get_builtin_uni2latex_dict().items()
        if re.fullmatch(r"\\[A-Za-z]+", tex)
    }
    return turned | table | _printed() | _OURS


def _printed() -> dict[str, str]:
    """pylatexenc's macros that always print the same."""
    specs = latex2text.get_default_latex_context_db().iter_macro_specs()
    found: dict[str, str] = {}
    for spec in specs:
        say = spec.simplify_repl
        if isinstance(say, str) and say.strip() and not re.search("[%<]", say):
            found.setdefault(str(spec.macroname), say)
    return {name: say for name, say in found.items() if name not in ("today", "&", "%")}
