"""The local judge: how much of a profile's own wording the papers of a day carry."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from statistics import fmean, pstdev

from bot.domain import Noun, Paper, Profile

TITLE = 3.0  # a word in the title counts as so many in the abstract
KEYWORD = 3.0  # a keyword counts as so many words of a topic's text
AGAINST = 0.5  # what is unwanted weighs half of what is wanted
ENOUGH = 4.0  # a word said so often in a paper has half the weight it can ever have
PRIOR_PAPERS, PRIOR_SHARE = 50, 0.05
SHOWN = 5


class Ranked(Noun):
    id: str
    score: float
    relevance: int
    words: tuple[str, ...]


Gram = tuple[str, ...]

_STOP = frozenset(
    "a about all also an and any are as at be been both but by can do does each for from had has have"
    " how if in into is it its may more most no nor not of on or other our out over own per so some"
    " such than that the their them then there these they this those through to under up use used"
    " uses using via was we were what when where which while who why will with within without".split()
)
_ENDINGS = ("ation", "ition", "ion", "ity", "ing", "ive", "ed", "al", "ic", "e", "y")


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        word = word[:-1]
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


_TEX = re.compile(r"\\[a-zA-Z]+|\\.")
_WORD = re.compile(r"[^\W_]{2,}")
SEG = r"[;,.:()!?]"


def _plain(text):
    text = (
        _TEX.sub(lambda m: " " if m[0][1].isalpha() else "", text).replace("{", "").replace("}", "")
    )
    text = unicodedata.normalize("NFKD", text)
    return "".join(c for c in text if not unicodedata.combining(c))


def _segments(text: str):
    for part in re.split(SEG, _plain(text)) if SEG else [_plain(text)]:
        yield [
            (m[0], _stem(m[0].lower()), m.start(), m.end(), part)
            for m in _WORD.finditer(part)
            if m[0].lower() not in _STOP
        ]


def stems(text):
    return [[x[1] for x in s] for s in _segments(text)]


def wanted(profile):
    """gram -> weight, gram->written"""
    W = {}
    T = {}

    def put(g, w, written):
        if w > W.get(g, 0):
            W[g] = w
            T[g] = written

    for k in profile.keywords.relevant:
        kwd(put, k, KEYWORD)
    for t in profile.topics:
        text(put, t.name, 1.0)
        text(put, t.relevant, 1.0)
    return W, T


def kwd(put, k, w):
    ts = [x for s in _segments(k) for x in s]
    if not ts:
        return
    put(tuple(x[1] for x in ts), w, k)
    if len(ts) > 1:
        for x in ts:
            put((x[1],), w / len(ts), x[0])


def text(put, t, w):
    for s in _segments(t):
        for x in s:
            put((x[1],), w, x[0])
        for x, y in zip(s, s[1:]):
            put((x[1], y[1]), w, x[4][x[2] : y[3]])


def unwanted(profile, W):
    U = {}

    def put(g, w, _):
        if g not in W:
            U[g] = max(w, U.get(g, 0))

    for k in profile.keywords.irrelevant + profile.keywords.application:
        kwd(put, k, KEYWORD * AGAINST)
    for t in profile.topics:
        text(put, t.irrelevant, AGAINST)
    return U


def rank(profile, papers, alpha=None, rounds=1):
    papers = sorted(papers, key=lambda p: (p.id, p.version))
    W, T = wanted(profile)
    U = unwanted(profile, W)
    V = dict(W)
    for g, w in U.items():
        V[g] = -w
    first = {}
    for g in V:
        if len(g) > 1:
            first.setdefault(g[0], []).append(g)
    docs = []
    for p in papers:
        c = {}
        for field, w in ((p.title, TITLE), (p.abstract, 1.0)):
            for s in stems(field):
                for i, x in enumerate(s):
                    c[(x,)] = c.get((x,), 0) + w
                    for g in first.get(x, ()):
                        if tuple(s[i : i + len(g)]) == g:
                            c[g] = c.get(g, 0) + w
        docs.append({g: n / (n + ENOUGH) for g, n in c.items()})
    N = len(papers)
    df = Counter(g for d in docs for g in d)
    idf = {
        g: math.log(1 + (N + PRIOR_PAPERS) / (n + PRIOR_PAPERS * PRIOR_SHARE))
        for g, n in df.items()
    }
    ideal = sum(sorted(W.values(), reverse=True)[:SHOWN]) * math.log(1 + 1 / PRIOR_SHARE)
    parts = [{g: V[g] * idf[g] * v for g, v in d.items() if g in V} for d in docs]
    lex = [sum(x.values()) / ideal for x in parts]
    out = spread(docs, df, idf, lex, alpha, rounds)
    res = []
    for p, x, l, s in zip(papers, parts, lex, out):
        words = [T[g] for g in sorted((g for g in x if g in T), key=lambda g: (-x[g], g))]
        res.append((p.id, s, words[:8], l, any(g in T for g in x)))
    return res


def spread(docs, df, idf, s, alpha, rounds):
    N = len(s)
    if N < 2:
        return s
    m, sd = fmean(s), pstdev(s)
    if not sd:
        return s
    X = []
    for d in docs:
        r = {g: v * idf[g] for g, v in d.items() if df[g] > 1 and len(g) == 1}
        n = math.sqrt(sum(v * v for v in r.values())) or 1
        X.append({g: v / n for g, v in r.items()})
    z = [(x - m) for x in s]
    e = z
    a = alpha if alpha is not None else N / (N + PRIOR_PAPERS)
    for _ in range(rounds):
        w = Counter()
        for x, r in zip(e, X):
            for g, v in r.items():
                w[g] += x * v
        e = [sum(w[g] * v for g, v in r.items()) for r in X]
        me, se = fmean(e), pstdev(e)
        if not se:
            return s
        if alpha != -1:
            e = [x + a * sd * (y - me) / se for x, y in zip(z, e)]
    return [m + x for x in e]
