"""What pylatexenc does not know of TeX, or says in a way that does not read well."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from pylatexenc import latex2text, latexwalker, macrospec  # type: ignore[import-untyped]

_RAISED = str.maketrans(
    "0123456789+-−–=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW′∘⊤*®†",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ′°ᵀ*®†",
)
_LOWERED = str.maketrans("0123456789+-−–=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")


def _scripted(table: dict[int, int], mark: str, text: str) -> str:
    """x², or where Unicode lacks one of the characters all of it as x^(a/b)."""
    dense = text.replace(" ", "")
    if all(ord(character) in table for character in dense):
        return dense.translate(table)
    return mark + _grouped(text)


def _grouped(text: str) -> str:
    """Parentheses where a flat line would be misread: (a+b)/2, but d/2, f(x)/2 and √n."""
    text = text.strip()
    whole = len(text) < 2 or re.fullmatch(r"[\w.⁻₋₊\u0300-\u036f]*(\([^()]*\))?", text)
    return text if whole else f"({text})"


def _accented(accent: str, text: str) -> str:
    return text + accent if len(text) == 1 else text


def _link(url: str, text: str) -> str:
    return url if text in url or url in text else f"{text} ({url})"


def _character(code: str) -> str:
    found = re.fullmatch(r"[xX]([0-9a-fA-F]{1,5})", code.strip())
    return chr(int(found[1], 16)) if found else ""


# Macros by what their arguments are, as pylatexenc spells it, and what is said of their texts.
_MACROS: list[tuple[str, str, Callable[..., str]]] = [
    ("sp textsuperscript", "{", partial(_scripted, _RAISED, "^")),
    ("sb textsubscript", "{", partial(_scripted, _LOWERED, "_")),
    ("frac dfrac tfrac nicefrac", "{{", lambda top, low: f"{_grouped(top)}/{_grouped(low)}"),
    ("mathbf mathit mathsf mathtt bm boldsymbol url", "{", lambda text: text),
    ("operatorname", "*{", lambda _star, text: text),
    ("cite citep citet", "[[{", lambda _before, _after, key: f"[{key}]"),
    ("href hyperlink", "{{", _link),
    ("footnote", "[{", lambda _mark, text: f" ({text})"),
    ("sqrt", "[{", lambda root, text: f"{root.translate(_RAISED)}√{_grouped(text)}"),
    ("widetilde", "{", partial(_accented, "\u0303")),
    ("widehat", "{", partial(_accented, "\u0302")),
    ("overline", "{", partial(_accented, "\u0304")),
    ("binom", "{{", lambda n, k: f"({n} choose {k})"),
    ("unicode", "{", _character),
    ("color includegraphics", "[{", lambda _options, _name: ""),
    ("label", "{", lambda _key: ""),
    ("deg degree", "", lambda: "°"),
    ("circledR", "", lambda: "®"),
    ("eg", "", lambda: "e.g."),
    ("ie", "", lambda: "i.e."),
    ("n", "", lambda: r"\n"),  # papers on language models speak of newline tokens
    ("|", "", lambda: "‖"),
    ("-", "", lambda: ""),
]


@cache
def grammar() -> Any:
    # Without its "specials": quotes, dashes and ties are set already, the search is half the time.
    context = latexwalker.get_default_latex_context_db()
    context = context.filter_context(keep_which=["macros", "environments"])
    specs = [macrospec.MacroSpec(name, a) for names, a, _ in _MACROS for name in names.split()]
    context.add_context_category("paperboy", macros=specs, prepend=True)
    return context


@cache
def wording() -> Any:
    def spec(name: str, count: int, say: Callable[..., str]) -> Any:
        def text(node: Any, l2tobj: Any) -> str:  # pylatexenc passes itself under this name
            return say(*(l2tobj.node_arg_to_text(node, place) for place in range(count)))

        return latex2text.MacroTextSpec(name, simplify_repl=text)

    specs = [spec(name, len(args), say) for names, args, say in _MACROS for name in names.split()]
    context = latex2text.get_default_latex_context_db()
    context.add_context_category("paperboy", macros=specs, prepend=True)
    context.set_unknown_macro_spec(latex2text.MacroTextSpec("", simplify_repl=_unknown))
    return context


def _unknown(node: Any, l2tobj: Any) -> str:
    r"""An author's own macro: \method is a word they left out, \add{...} a coat around its text."""
    if node.nodeargd and node.nodeargd.argnlist:
        return "".join(l2tobj.node_arg_to_text(node, k) for k in range(len(node.nodeargd.argnlist)))
    after = node.parsing_state.s[node.pos + node.len :][:2]
    return "" if after.startswith("{") and after != "{}" else str(node.macroname)


class Writer(latex2text.LatexNodes2Text):  # type: ignore[misc]
    r"""Keeps the space after a command without arguments, as in `\method works` or `a \le b`."""

    def macro_node_to_text(self, node: Any) -> str:
        bare = not (node.nodeargd and node.nodeargd.argnlist)
        return str(super().macro_node_to_text(node)) + (node.macro_post_space if bare else "")
