"""What people read where authors typed TeX. The strings are from real titles and abstracts."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.arxiv.text import one_line, readable, shortened
from tests.complexity import assert_linear_growth

quick = settings(max_examples=100)

PIECES = re.split(
    r"\s+",
    r"""
\ { } $ $$ ^ _ % & # ~ [ ] ( ) \( \) \[ \] \begin{x} \end{x} \begin{equation} \end{equation}
\begin{pmatrix} \end{pmatrix} \begin \verb \item \frac \sqrt \sp \hat \not \text \cite \href
\input \title \footnote \operatorname \newcommand \unicode{x202e} \unicode{xD800} \left \right.
\' \" `` '' -- \n https://a--b é a 1 word""",
)
anything = st.text()
broken_tex = st.lists(st.sampled_from([*PIECES, " ", "\x1b", "\u202e", "\ud800"])).map("".join)
words = st.lists(st.text("abcdefgh", min_size=3, max_size=8), min_size=1)


def is_clean(text: str) -> bool:
    unseen = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return text == " ".join(text.split()) and not unseen & set(map(unicodedata.category, text))


# -- names and words


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (r"Gustaw Opie{\l}ka", "Gustaw Opiełka"),
        (r"Jes\'us M. Rodr\'iguez-de-Vera", "Jesús M. Rodríguez-de-Vera"),
        (r"\`Alex, Hajdu\v{s}ek, S\o ren, L\"oser", "Àlex, Hajdušek, Søren, Löser"),
        (r"Nguy\~{\^e}n, Mar\'{\i}a, Do\~nana, \"U-Tsang", "Nguyễn, María, Doñana, Ü-Tsang"),
        (r"TCR \b{eta}-chain, \r{ho} = 0.998", "TCR β-chain, ρ = 0.998"),
        (r"{\mu}m, 360{\deg}, 4-8 {\AA}", "μm, 360°, 4-8 Å"),
        (r"the Orin GPU\'92s, known as druggable\",", 'the Orin GPU’s, known as druggable",'),
    ],
)
def test_accents_and_letters_are_what_they_stand_for(raw: str, seen: str) -> None:
    assert readable(raw) == seen


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (r"\textbf{C}ontent \textbf{A}nd {\em Task}-aware", "Content And Task-aware"),
        (r"{{\large {\textbf{F}}}}aster, in \texttt{Student\_100}", "Faster, in Student_100"),
        (r"$\textbf{L}$oc$\textbf{a}$te ({\it so}), \eg, this", "Locate (so), e.g., this"),
        (r"\SysName beats \METHOD~and \method{}", r"\SysName beats \METHOD and \method"),
        (r"outperforms \add{existing \emph{models}}", r"outperforms \add{existing models}"),
        (r"{\color[RGB]{175,36,67}{LCLM-Horizon}}", "LCLM-Horizon"),
        (r"(GRPO)~\cite{Shao-2024}, known", "(GRPO) [Shao-2024], known"),
        (r"effective\footnote{Code: https://a.b/c_d}.", "effective (Code: https://a.b/c_d)."),
        (r"see \href{https://a.b/c_d%20e#f}{\textbf{here}}.", "see here (https://a.b/c_d%20e#f)."),
        (r"at~\url{https://a.b/x--y}", "at https://a.b/x--y"),
        (r"$\href{https://a.b/c}{\text{https://a.b/c}}$", "https://a.b/c"),
        (r"after \n\n, the newline token", r"after \n\n, the newline token"),
    ],
)
def test_commands_go_and_what_they_hold_stays(raw: str, seen: str) -> None:
    assert readable(raw) == seen


def test_quotes_dashes_and_ties_are_set() -> None:
    assert (
        readable("``in-the-wild'' -- a test (2020--2024)") == "“in-the-wild” – a test (2020–2024)"
    )
    assert (
        readable("''Beacon'' of text-to-image~(T2I), Fig.~3")
        == "“Beacon” of text-to-image (T2I), Fig. 3"
    )


def test_a_tilde_that_means_about_stays() -> None:
    text = "a ~2% drop, 60%~70% of users, 3~5x faster, (~ 10), https://a.b/~c"
    assert readable(text) == text


# -- maths


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (r"$\gamma$-margin, \(\alpha\), \[ \beta \] and $$\delta$$", "γ-margin, α, β and δ"),
        (r"Attention in $O(n\log n)$, $\mathcal{O}(n^2)$", "Attention in O(n log n), 𝒪(n²)"),
        (r"$x_i^{t-1}$, CO$_2$, $^{18}$F, $10^{-14}$, $A^\top$", "xᵢᵗ⁻¹, CO₂, ¹⁸F, 10⁻¹⁴, Aᵀ"),
        (r"$W_\text{base}$, $e^{-x/2}$, $\ell_{2,0}$", "W_base, e^(-x/2), ℓ_(2,0)"),
        (r"$\frac{d}{2} + 1 \le \mathrm{LR}(H_{\gamma}^d)$", "d/2 + 1 ≤ LR(H_γᵈ)"),
        (
            r"$\frac{a+b}{f(x)}$, $\widetilde{O}(\sqrt{n})$, $\sqrt{n+1}$",
            "(a+b)/f(x), Õ(√n), √(n+1)",
        ),
        (r"$\{O_m \}_{m\ge 0}$, $\left|\psi\right\rangle$, $\|x\|_2$", "{Oₘ}_(m≥0), |ψ⟩, ‖x‖₂"),
        (r"$h:\mathbb{R}^n \times S^{n-1} \to \mathbb{R}$, $f''(x)$", "h:ℝⁿ × Sⁿ⁻¹ → ℝ, f′′(x)"),
        (r"hallucinations$\unicode{x2013}$plausible", "hallucinations–plausible"),
        (r"$\sim$7\%, $\leq$3B, $\sim$$3\times10^{11}$, $>$3\%", "∼7%, ≤3B, ∼3×10¹¹, >3%"),
        (r"$ \textbf{4.8}$\%, $88.94%$ ($212,328$ frames)", "4.8%, 88.94% (212,328 frames)"),
        (r"$\\omega^2$", "ω²"),
    ],
)
def test_maths_reads_as_one_line_of_unicode(raw: str, seen: str) -> None:
    assert readable(raw) == seen


def test_powers_are_raised_in_plain_text_and_file_names_left_alone() -> None:
    assert readable("O(N^2), 10^12, 10^-5, R^n") == "O(N²), 10¹², 10⁻⁵, Rⁿ"
    assert readable("10^{17} with $x$ in e3nn_U_Net") == "10¹⁷ with x in e3nn_U_Net"
    assert readable("R^DT and ^_^") == "R^DT and ^_^"


@pytest.mark.parametrize(
    "text",
    [
        "costs $5 and $10",
        "$5-$10, or $3M to $4M",
        "from $1,350 (mapping) to $30,485",
        "50% of R&D & more, issue #1",
        "labels {-1, 0, 1}",
    ],
)
def test_a_dollar_price_keeps_its_dollars(text: str) -> None:
    assert readable(text) == text
    assert readable(rf"{text} of $\alpha$") == f"{text} of α"


def test_escaped_signs_lose_only_their_backslash() -> None:
    assert (
        readable(r"\$0.46 per Q\&A, 10.3\% at a\_b\#c, \{x\}")
        == "$0.46 per Q&A, 10.3% at a_b#c, {x}"
    )


def test_stray_braces_do_not_swallow_text() -> None:
    assert readable("the manifold Gr}(k,n), a {Haystack") == "the manifold Gr(k,n), a Haystack"
    assert readable(r"code\footnote{The data") == "code (The data)"
    assert readable(r"https://a.b/c}{https://a.b/c\_d") == "https://a.b/c https://a.b/c_d"


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (r"galaxies at z~2.56", "galaxies at z~2.56"),
        (
            r"in Fig.~3, Section~4, at $\pm$~0.7, two~words",
            "in Fig. 3, Section 4, at ± 0.7, two words",
        ),
        (r"$a^*\pmod{p^2}$, $X^*Y$, $x^*$", "a^* (mod p²), X^*Y, x*"),
        (r"$p\equiv 1\pmod 4$ and $k\bmod n$", "p≡1 (mod 4) and k mod n"),
        (r"$a\ne b$, $f\colon X\to Y$, $A\implies B$", "a≠b, f: X→Y, A⟹B"),
        (r"$A \iff B$, $\varnothing$, $a\not= b$, $x\not\in S$", "A ⟺ B, ∅, a≠b, x∉S"),
        (r"$M\models\phi$, $\ddagger$, $\Re z$, $\llbracket x\rrbracket$", "M⊧ϕ, ‡, ℜ z, ⟦x⟧"),
        (r"$\overline{\mathbb{F}}_q$, $\overline{AB}$, $\widehat{f}$", "𝔽̅_q, A̅B̅, f̂"),
        (r"$\widetilde{O}(n)$, $\widehat{f*g}$, $\overline{a+b}$", "Õ(n), hat(f*g), overline(a+b)"),
        (r"$\bar{x}$, $\hat\theta$, $\tilde{\mathcal{O}}(T)$, $p\bar p$", "x̄, θ̂, 𝒪̃(T), pp̄"),
        (r"$f^\prime$, $f^{\prime\prime}$, $W'$", "f′, f′′, W′"),
        (r"$A^\star$ search, $\pi^\star$", "A* search, π*"),
        (r"0\farcs3, $1\farcm2$, 1\arcsec, $2\arcmin$", "0.″3, 1.′2, 1″, 2′"),
        (r"$ q $-series, the $ x < y $ case, a ($ p $)", "q-series, the x < y case, a (p)"),
        (r"$A^\top B$, a---b, a ---- b", "AᵀB, a—b, a ---- b"),
        (r"a bad $\frac{a}$, yet $\alpha$ and \textbf{x}", r"a bad \frac{a}, yet α and x"),
        (r"on one\\Two lines", "on one Two lines"),
        (r"a --> b, --help and --no-cache", "a --> b, --help and --no-cache"),
        (r"\textsc{Foo}, \mbox{bar}, $\text{if } x$", "Foo, bar, if x"),
        (r"5\,km, $a\quad b$, $A\!B$", "5 km, a b, AB"),
        (r"$n\unheardof m$", r"n \unheardof m"),
        (r"H\,{\sc ii}, \ion{C}{iv}, $M_\sun$, $\gtrsim$3", "H ii, C IV, M_☉, ≳3"),
        (
            r"$\frac{\partial f}{\partial x}$, $x\frac12$, $\tfrac{1}{2}x$",
            "(∂f)/(∂x), x(1/2), (1/2)x",
        ),
        (r"$2\sin x$, $O(\log\log n)$, $\max_{x\in S} f$", "2 sin x, O(log log n), max_(x∈S) f"),
        (r"${\cal O}(n)$, $\mathbb R$, $\mathbbm{1}_A$", "𝒪(n), ℝ, 𝟙_A"),
        (r"$\begin{pmatrix} a & b \\ c & d \end{pmatrix}$", "(a b; c d)"),
        (r"Monge-Amp\\`ere, $\\mathbb{P}^3$ {\\bf 24}", "Monge-Ampère, ℙ³ 24"),
        (r"{\tt Tool}, sets {red, green}, {DNA}-seq", "Tool, sets {red, green}, DNA-seq"),
        (r"$A^\tt 3$, $x_dy$, $x^{f(n)}$, $x^{1.5}$", "A³, x_d y, xᶠ⁽ⁿ⁾, x^(1.5)"),
    ],
)
def test_a_title_means_what_its_author_typed(raw: str, seen: str) -> None:
    assert readable(raw) == seen


def test_what_cannot_be_read_is_shown_as_it_was_typed() -> None:
    assert readable("a \x1b[1m\\begin{x} that\nnever ends") == r"a [1m \begin{x} that never ends"


# -- any text


@quick
@given(anything | broken_tex)
def test_any_text_can_be_shown(text: str) -> None:
    assert is_clean(readable(text))


@quick
@given(
    words, st.sampled_from([r"\emph{%s}", "{%s}", r"$\text{%s}$", r"\mbox{%s}", r"{\bf %s}", "%s}"])
)
def test_no_word_is_lost(parts: list[str], coat: str) -> None:
    assert readable(" ".join(coat % part for part in parts)) == " ".join(parts)


@quick
@given(st.text(st.characters(exclude_characters="\\${}^~`'-")))
def test_text_without_tex_stays_as_it_is(text: str) -> None:
    seen = readable(text)
    assert seen == one_line(unicodedata.normalize("NFC", one_line(text)))
    assert readable(seen) == seen


@quick
@given(anything | broken_tex)
def test_one_line_is_one_line_and_only_once(text: str) -> None:
    assert is_clean(one_line(text))
    assert one_line(one_line(text)) == one_line(text)


def test_no_invisible_character_reaches_a_terminal_or_a_chat() -> None:
    hostile = (
        "red\x1b[31m \u202eoverride\u2066 zero\u200bwidth \x85next\r\nline\t\x00 \ud800 \\alpha"
    )
    assert one_line(hostile) == "red[31m override zerowidth next line \\alpha"
    assert readable(r"\unicode{x202e}\unicode{xD800}a") == "a"


@quick
@given(anything | words.map(" ".join), st.integers(1, 60))
def test_a_shortened_text_fits_and_says_it_is_short(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert len(short) <= limit
    assert short == text if len(text) <= limit else short.endswith("…")
    assert text.startswith(short.removesuffix("…"))


def test_a_text_is_cut_between_words() -> None:
    assert shortened("We study large, wide models", 19) == "We study large…"
    assert shortened("We study large, wide models", 21) == "We study large, wide…"
    assert shortened("Incomprehensibilities", 10) == "Incompreh…"
    assert shortened("We study", 8) == "We study"
    assert shortened("We study", 1) == "…"


# What holds letters outside commands: whatever is typed around them, they are seen, in order.
LETTERS = st.lists(
    st.sampled_from(
        [
            *"{}$^_~ -'()[]&%",
            *(r"\(", r"\)", r"\\ ", r"\frac", r"\sqrt", r"\hat", r"\textbf", r"\emph", r"\alpha "),
            *(r"\unheardof ", r"\not", r"\left", r"\right", r"\log ", r"\mathbb", r"\'"),
            *("xa1", "Q", "7", "word", "two words"),
        ]
    )
).map("".join)


@quick
@given(LETTERS)
def test_no_letter_or_digit_outside_a_command_is_lost(raw: str) -> None:
    typed = re.sub(r"\\[a-zA-Z]+", "", raw)
    seen = iter(c for c in unicodedata.normalize("NFKD", readable(raw)))
    missing = [c for c in typed if c.isalnum() and c not in seen]  # a subsequence
    assert not missing


@quick
@given(anything | broken_tex)
def test_what_is_shown_is_hardly_longer_than_what_was_typed(raw: str) -> None:
    assert len(readable(raw)) <= 4 * len(raw) + 20


HOSTILE = [
    r"\(",
    r"\)",
    "$",
    "$$",
    "$a",
    "{",
    "}",
    "{{}",
    r"\'{",
    r"\frac",
    r"\frac{",
    r"\hat",
    "^",
    "x_{",
]
HOSTILE += [
    r"\not{",
    r"\b{",
    r"\begin{",
    r"\\",
    r"\\alpha",
    "``",
    "--",
    "~1",
    "https://",
    "[",
    r"\sqrt[",
]
HOSTILE += [r"\textbf{$", r"\begin{pmatrix}&", r"\unheardof{", r"\url{", "a ", "\\"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_work_grows_with_the_length_and_no_faster(piece: str) -> None:
    assert_linear_growth(lambda length: readable(piece * length), 500)
    assert_linear_growth(lambda length: readable(rf"\({piece * length}x\)"), 500)
    readable(piece * (60_000 // len(piece)))  # minutes, were an expression to try again and again


def test_a_longer_abstract_takes_no_more_work_for_each_word() -> None:
    sentence = r"\textbf{A}ttention is $O(n^2)$ in \method, at $\sim$7\% of ``it'' and more words. "
    assert_linear_growth(lambda length: readable(sentence * length), 8)
