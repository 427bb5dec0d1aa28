"""The local judge: how much of a profile's own wording each paper of a day carries."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from statistics import fmean, pstdev

from pydantic import Field

from bot.domain import Noun, Paper, Profile

# Plain counting in the standard library. On 6,883 real papers a TF-IDF cosine of scikit-learn and
# bm25s over the same words both rank worse (numbers: tests/benchmarks/bench_rank.py), and neither
# has an idf that makes sense on a day of one paper.

# The weights are round numbers on a plateau: halving or doubling any one moves the AUC by < 0.01.
TITLE = 3.0  # a word in the title is worth this many in the abstract
KEYWORD = 3.0  # a keyword is worth this many words of a topic's text
AGAINST = 0.75  # what is unwanted weighs less than what is wanted: applications name a field too
ENOUGH = 4.0  # a word said this often has half of all the weight it can get
NEIGHBOURS = 0.5  # what similar papers of the day score, next to what the paper itself scores
# A day is trusted as far as it outnumbers this many imagined papers, one of which has the word:
# a word's rarity then means something, and means the same, on days of one paper and of 500.
IMAGINED = 20
STRONGEST = 5  # a paper full of this many of the profile's strongest words would score 1.0
# The score that makes a 7: one paper in ten of the same 6,883 reaches it (readers picked 9.6 %).
SEVEN = 0.16


class Ranked(Noun):
    """What the local judge says of a paper.

    `score` orders the day; `relevance` is the same on the readers' scale of 1 to 10, comparable
    between days. `words` are those of the profile that counted most, as it writes them, best first.
    """

    id: str
    score: float
    relevance: int = Field(ge=1, le=10)
    words: tuple[str, ...]


def rank(profile: Profile, papers: Sequence[Paper]) -> tuple[Ranked, ...]:
    """Judge a day's papers by the profile's words; best first, ties by id.

    The order of `papers` is no matter. A paper that shares no wanted word scores 0 at most.
    """
    day = sorted(papers, key=lambda paper: (paper.id, paper.version))
    wanted, written = _wanted(profile)
    unwanted = _unwanted(profile, wanted)
    phrases = _by_first_word([*wanted, *unwanted])
    contents = [_content(paper, phrases) for paper in day]
    rarity = _rarity(contents)
    full = sum(sorted(wanted.values(), reverse=True)[:STRONGEST]) * math.log1p(IMAGINED) or 1.0

    shares: list[dict[str, float]] = []
    own: list[float] = []
    for content in contents:
        counts = {term: amount * rarity[term] for term, amount in content.items()}
        share = {term: wanted[term] * n for term, n in counts.items() if term in wanted}
        against = sum(unwanted[term] * n for term, n in counts.items() if term in unwanted)
        shares.append(share)
        own.append((sum(share.values()) - against) / full)

    ranked = []
    for paper, share, score in zip(
        day, shares, _with_neighbours(own, contents, rarity), strict=True
    ):
        score = round(score if share else min(score, 0.0), 6)
        words = _words(share, written)
        ranked.append(Ranked(id=paper.id, score=score, relevance=_relevance(score), words=words))
    return tuple(sorted(ranked, key=lambda r: (-r.score, r.id)))


def _relevance(score: float) -> int:
    """The readers' scale: two points for every doubling of the score, 7 at SEVEN.

    It is absolute. By rank in the day, one in ten would reach 7 even when none is about anything the profile
    names, a paper alone on its day would always or never reach it, and on the record
    """
    if score <= 0:
        return 1
    return min(max(math.floor(7 + 2 * math.log2(score / SEVEN)), 1), 10)


# --- the profile's words


def _wanted(profile: Profile) -> tuple[dict[str, float], dict[str, str]]:
    """The weight of each wanted term, every mention adding to it, and how the profile writes it."""
    weights: dict[str, float] = defaultdict(float)
    written: dict[str, str] = {}
    named = [_keyword(word, KEYWORD) for word in profile.keywords.relevant]
    told = [_text(text) for topic in profile.topics for text in (topic.name, topic.relevant)]
    for terms in named + told:
        for term, weight, spelling in terms:
            weights[term] += weight
            written.setdefault(term, spelling)
    return dict(weights), written


def _unwanted(profile: Profile, wanted: Collection[str]) -> dict[str, float]:
    """The weight of each term that speaks against a paper; what is wanted anywhere is not one."""
    weights: dict[str, float] = defaultdict(float)
    words = profile.keywords.irrelevant + profile.keywords.application
    named = [_keyword(word, KEYWORD) for word in words]
    for terms in named + [_text(topic.irrelevant) for topic in profile.topics]:
        for term, weight, _ in terms:
            if term not in wanted:
                weights[term] += weight * AGAINST
    return dict(weights)


Term = tuple[str, float, str]


def _keyword(keyword: str, weight: float) -> list[Term]:
    """A keyword counts as the whole phrase it is; its single words share as much among them."""
    found = [token for tokens in _sentences(keyword) for token in tokens]
    whole = [(" ".join(stem for stem, *_ in found), weight, keyword)] if found else []
    if len(found) > 1:
        whole += [(s, weight / len(found), keyword[a:b]) for s, a, b in found]
    return whole


def _text(text: str) -> list[Term]:
    """Each word and each two neighbouring words of a topic's text, once each."""
    terms: dict[str, Term] = {}
    for tokens in _sentences(text):
        for stem, start, end in tokens:
            terms.setdefault(stem, (stem, 1.0, text[start:end]))
        for (one, start, _), (two, _, end) in zip(tokens, tokens[1:]):
            pair = f"{one} {two}"
            terms.setdefault(pair, (pair, 1.0, text[start:end]))
    return list(terms.values())


def _words(share: Mapping[str, float], written: Mapping[str, str]) -> tuple[str, ...]:
    shown: list[str] = []
    said: set[str] = set()
    for term in sorted(share, key=lambda term: (-share[term], term)):
        parts = set(term.split())
        if not parts <= said:
            said |= parts
            shown.append(written[term])
    return tuple(shown[:5])


# --- a paper's words


def _by_first_word(terms):
    phrases = defaultdict(list)
    for term in terms:
        first, *rest = term.split()
        if rest:
            phrases[first].append(term.split())
    return phrases


def _content(paper, phrases):
    counts = Counter()
    for text, weight in ((paper.title, TITLE), (paper.abstract, 1.0)):
        for tokens in _sentences(_untexed(text)):
            stems = [stem for stem, *_ in tokens]
            for at, stem in enumerate(stems):
                counts[stem] += weight
                for phrase in phrases.get(stem, ()):
                    if stems[at : at + len(phrase)] == phrase:
                        counts[" ".join(phrase)] += weight
    return {term: count / (count + ENOUGH) for term, count in counts.items()}


def _rarity(contents):
    having = Counter(term for content in contents for term in content)
    papers = len(contents) + IMAGINED
    return {term: math.log1p(papers / (n + 1)) for term, n in having.items()}


def _with_neighbours(own, contents, rarity):
    mean, spread = (fmean(own), pstdev(own)) if own else (0.0, 0.0)
    vectors = [
        _unit({t: n * rarity[t] for t, n in c.items() if " " not in t or True}) for c in contents
    ]
    pull = defaultdict(float)
    for score, vector in zip(own, vectors, strict=True):
        for term, amount in vector.items():
            pull[term] += (score - mean) * amount
    near = [sum(pull[t] * a for t, a in v.items()) - (s - mean) for s, v in zip(own, vectors)]
    if not near:
        return []
    middle, width = fmean(near), pstdev(near)
    if not width:
        return own
    trust = NEIGHBOURS * len(own) / (len(own) + IMAGINED)
    return [s + trust * spread * (n - middle) / width for s, n in zip(own, near)]


def _unit(vector):
    length = math.sqrt(sum(v * v for v in vector.values())) or 1.0
    return {t: v / length for t, v in vector.items()}


# Lucene's list, the usual one for English search.
_STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "for",
        "if",
        "in",
        "into",
        "is",
        "it",
        "no",
        "not",
        "of",
        "on",
        "or",
        "such",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "will",
        "with",
    ]
)
_ENDINGS = ("ation", "ition", "ion", "ity", "ing", "ive", "ed", "al", "ic", "e", "y")
_COMMAND, _ACCENT = re.compile(r"\\[a-zA-Z]+"), re.compile(r"\\[^a-zA-Z]|[{}]")
_BREAK, _WORD = re.compile(r"[^;,.:()!?]+"), re.compile(r"[^\W_]{2,}")


def _untexed(text):
    return _ACCENT.sub("", _COMMAND.sub(" ", text))


def _sentences(text):
    for part in _BREAK.finditer(text):
        found = _WORD.finditer(text, part.start(), part.end())
        yield [(_stem(m[0]), m.start(), m.end()) for m in found if m[0].lower() not in _STOP]


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    word = "".join(c for c in unicodedata.normalize("NFKD", word.lower()) if c.isalnum())
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        word = word[:-1]
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word
