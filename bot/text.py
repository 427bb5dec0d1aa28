"""TeX made readable, when shown; pure.

arXiv leaves titles, abstracts and names as their authors typed them: TeX that was never compiled,
with macros nobody sent along and dollars that are prices. pylatexenc translates; what stands here
keeps it from losing words. Which TeX occurs was counted in 6,883 papers of 2025 and saved feeds.
"""

from __future__ import annotations

import re
import unicodedata

from pylatexenc import latexwalker  # type: ignore[import-untyped]

from bot.tex import Writer, grammar, wording


def readable(raw: str) -> str:
    """A title, abstract or name in TeX -> one line of Unicode, for any text at all.

    What pylatexenc cannot read comes back as it was, cleaned like `one_line`.
    """
    text = _typeset(one_line(raw))
    if re.search(r"[\\${}^]", text):
        text = _translated(text)
    return one_line(unicodedata.normalize("NFC", text))


def shortened(text: str, limit: int) -> str:
    """The text in at most `limit` characters (1 or more): cut between words, ending in "…"."""
    if len(text) <= limit:
        return text
    words, _, _ = text[:limit].rpartition(" ")
    return (words or text[: limit - 1]).rstrip(" ,;:") + "…"


def one_line(raw: str) -> str:
    """Other people's words, safe in a terminal or a chat: white space folded, nothing unseen.

    Control characters (so ANSI escapes), bidirectional overrides, zero-width characters and lone
    surrogates, which no encoder takes, are removed; every other character stays.
    """
    if not raw.isprintable():
        unseen = {"Cc", "Cf", "Cs"}
        raw = "".join(c for c in raw if c.isspace() or unicodedata.category(c) not in unseen)
    return " ".join(raw.split())


# The guard: only what is TeX reaches pylatexenc, and in a form it can read.


def _typeset(text: str) -> str:
    """Quotes, dashes and ties as TeX sets them; authors type them into texts without other TeX.

    A `~` is a tie only where it can hold two things together: `~5%` and `60%~70%` mean "about".
    """
    quoted = re.sub(r"``|(?<![^\s(])''(?=[^\s.,;:)])", "“", text)
    if quoted != text:
        text = quoted.replace("''", "”")

    def outside_links(match: re.Match[str]) -> str:
        return {"--": "–", "---": "—", "~": " "}.get(match[0], match[0])

    return re.sub(
        r"https?://[^\s{}]+|---?|(?<![\\\s(\[])(?!(?<=[\d%])~\d)~(?=\S)", outside_links, text
    )


def _translated(text: str) -> str:
    tex = _repaired(_SPACES, _guarded(_repaired(_MISTAKES, text)))
    try:
        walker = latexwalker.LatexWalker(tex, latex_context=grammar(), tolerant_parsing=False)
        # One writer a call: it keeps state while it works, and callers are threads.
        writer = Writer(latex_context=wording(), strict_latex_spaces=True)
        return str(writer.nodelist_to_text(walker.get_latex_nodes()[0]))
    except (latexwalker.LatexWalkerError, *_STUMBLES):
        return text


# What pylatexenc raises, besides its own errors, on commands whose arguments are missing.
_STUMBLES = (AttributeError, LookupError, RecursionError, TypeError, ValueError)


def _repaired(repairs: list[tuple[str, str]], text: str) -> str:
    for pattern, replacement in repairs:
        text = re.sub(pattern, replacement, text)
    return text


_INSIDE = r"(?:\\.|[^$\\])"
# Between two dollars stands maths unless it could be two prices: `$5 and $10` closes on a space,
# `$5-$10` has a digit after it. A command, script or brace within (`$\sim$7`) or nothing to pay
# with (`$>$3`) makes it maths all the same.
_MATHS = rf"""
    \\\(.*?\\\) | \\\[.*?\\\] | \$\$[^$]+\$\$
  | \$\ ?(?=\\[a-zA-Z]){_INSIDE}+\$
  | \$[^\w\s$\\]+\$
  | \$(?=\S)(?=[^$]*[\\^_{{]){_INSIDE}+(?<!\s)\$
  | \$(?=\S){_INSIDE}+(?<!\s)\$(?!\d)
"""
# Outside maths O(n^2), 10^-12 and x_{1} are scripts too, file_name is not.
_POWER = r"\^(?:[-+]?\d+ | [A-Za-z](?![A-Za-z]))"
_TOKEN = re.compile(r"\\[a-zA-Z]+ | \\. | [\\{}$%#^_] | [^\\{}$%#^_]+", re.X)
_TEXT_TOKEN = re.compile(rf"(?P<maths>{_MATHS}) | (?P<power>{_POWER}) | {_TOKEN.pattern}", re.X)


def _guarded(text: str, in_maths: bool = False) -> str:
    r"""The same text, safe to parse: maths as \(...\), strays escaped, braces in pairs, and
    scripts as TeX's own \sp and \sb, because pylatexenc has no other notion of them."""
    out: list[str] = []
    depth = 0
    for match in (_TOKEN if in_maths else _TEXT_TOKEN).finditer(text):
        token, rest = match[0], text[match.end() : match.end() + 2].strip(" }")
        if not in_maths and match["maths"]:
            edge = 2 if token.startswith(("\\(", "\\[", "$$")) else 1
            token = rf"\({_guarded(token[edge:-edge], in_maths=True)}\)"
        elif not in_maths and match["power"]:
            token = rf"\sp{{{token[1:]}}}"
        elif token in ("\\(", "\\)", "\\[", "\\]"):
            token = token[1]
        elif token == "\\":
            token = r"\textbackslash{}"
        elif token == "{":
            depth += 1
        elif token == "}" and depth:
            depth -= 1
        elif token == "}":
            token = " " if rest.startswith("{") else ""
        elif token in ("$", "%", "#"):
            token = "\\" + token
        elif token in ("^", "_") and rest and (in_maths or rest[0] == "{"):
            token = {"^": r"\sp ", "_": r"\sb "}[token]
        elif token == "_":
            token = r"\_"
        elif in_maths:
            token = token.replace("'", "′")
        out.append(token)
    return "".join(out) + "}" * depth


_SILENT = (
    "em|bf|it|sl|sc|tt|rm|sf|cal|large|Large|small|tiny|bfseries|itshape|displaystyle|limits|left"
    "|right|middle|big[lr]?|Big[lr]?|bigg[lr]?|Bigg[lr]?|xspace|protect|centering"
)
_RELATIONS = (
    "leq?|geq?|ll|gg|neq?|in|to|times|cdot|pm|sim|approx|rightarrow|mapsto|equiv|propto|mid"
    "|cup|cap|setminus|subset|subseteq|otimes"
)
_OPERATORS = "log|ln|exp|max|min|sup|inf|arg|argmax|argmin|sin|cos|tan|tanh|det|dim|ker|Pr"
_MISTAKES = [
    (r"\\\\(?=[a-zA-Z])", r"\\"),  # escaped twice on its way, as in arXiv's OAI samples
    (r"\\'9[12]", "’"),  # RTF's apostrophe
    (r"\\([\"'`])(?![^\W\d_]|[{\\])", r"\1"),  # a quotation mark escaped, not an accent
    # Greek that a reader before us took for an accent: \beta became \b{eta}, \rho became \r{ho}.
    (r"\\([bcdkrtuv])\{(eta|hi|elta|appa|ho|au|heta|psilon|arepsilon|arphi)\}", r"\\\1\2{}"),
    # A small set typed without TeX: labels {-1, 1}.
    (r"(?<![\\\w}\]^])\{([-+\w. ]{1,3}(?:,[-+\w. ]{1,4})+)\}", r"\\{\1\\}"),
]
_SPACES = [
    # Not printed: around \right, inside \langle ... \rangle, after \em and the letter \o.
    (r"\s*\\right(?![a-zA-Z])\s*\.?|\\left\s*\.", ""),
    (rf"\\(?:{_SILENT})(?![a-zA-Z])\s*", ""),
    (r"\\(\{|langle|l[vV]ert|lfloor|lceil|o|O|l|L|i|j|ss|ae|AE|oe|OE)\s+", r"\\\1{}"),
    (r"\s+\\(\}|rangle|r[vV]ert|rfloor|rceil)", r"\\\1"),
    # m\geq 0 has a space only because TeX needs one, n\log n has one only on paper.
    (rf"(?<=[\w)\]}}])\\({_RELATIONS})\s+", r"\\\1{}"),
    (rf"(?<=[\w)}}])\\({_OPERATORS})(?![a-zA-Z])", r" \\\1"),
    # An argument that is itself a command with arguments needs braces here: x^\mathrm{max}.
    (r"(\\s[pb]) (\\[a-zA-Z]+(?:\{[^{}]*\})+)", r"\1{\2}"),
]
