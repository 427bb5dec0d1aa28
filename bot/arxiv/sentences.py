"""Sentences of an abstract, and the one that tells a profile's readers most; pure."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache

from bot.arxiv.stems import stems_between
from bot.arxiv.text import readable
from bot.domain.papers import Paper, Profile

# What a sentence is worth is what it shares with the profile, times these. Round numbers.
# The weight of a word, by where it stands.
_KEYWORD, _TOPIC_NAME, _TOPIC_TEXT, _TITLE = 3.0, 2.0, 1.0, 1.0
_CLAIM, _RESULT, _NUMBER, _BACKGROUND = 3.0, 2.0, 1.3, 0.5
# A sentence that shares no word is still worth this much of one.
_LEAST = 0.5
# Longer sentences share more words; this many words cost nothing.
_WORDS = 25

_END = re.compile(r"""[.!?]+["'”’)\]]*\s+(?=["'“‘(\[]*[^\Wa-z_])""")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|etc|al|resp|approx|w\.r\.t|a\.k\.a|Figs?|Eqs?|Secs?|Refs?|Nos?|Drs?|Mr|"
    r"Ms|Prof|St|ca|viz)|\b[A-Z])\.\Z"
)
_LONGEST = 12  # characters of an abbreviation, and one before it
_OPENING, _CLOSING = "([{", ")]}"
_OPEN = 600  # characters; a bracket that is never closed counts for a sentence only
# What the authors did, and what came of it.
_CLAIMS = re.compile(
    r"(?i)\bwe\b[^,.;]{0,40}?\b(?:propose|introduce|present|prove|show|develop|establish|derive|"
    r"design|find|demonstrate|characteri[sz]e|provide|give|construct|formali[sz]e|identify|study|"
    r"investigate|analy[sz]e|build|offer|describe|report|release|argue|reveal|discover|explore)\b"
    r"|\bthis (?:paper|work|article|study|survey|thesis|position paper|letter)\b|\bour (?:method|"
    r"approach|framework|model|algorithm|main|key|results?|analysis|theory|work)\b"
)
_RESULTS = re.compile(
    r"(?i)\b(?:results?|experiments?|evaluations?) (?:\w+ ){0,6}?(?:show|demonstrate|indicate|"
    r"reveal|suggest|confirm)|\b(?:outperform|achiev|improv|reduc|surpass|exceed)\w*\b"
)
_GAP = re.compile(r"(?i)\A(?:however|despite|although|while|yet|existing|previous|prior|recent)\b")
# How a sentence leans on the one before it; by itself it does without.
_LEAD = re.compile(
    r"\A(?:In this (?:paper|work|article|study|letter|survey|thesis)|To this end|To (?:address|"
    r"tackle|overcome|bridge|fill|solve|mitigate|remedy) (?:this|these|the|that)\b[^,]{0,60}|"
    r"Here|Moreover|Furthermore|Additionally|In addition|Specifically|In particular|Finally|"
    r"Consequently|Therefore|Thus|Hence|Motivated by (?:this|these)\b[^,]{0,60}|Also|Then|"
    r"More specifically|Concretely|Notably|Importantly|Crucially|Overall), (?=\S)"
)


def split_sentences(text: str) -> tuple[str, ...]:
    """The sentences of readable English text. Nothing is split inside brackets or after an
    abbreviation."""
    sentences, start = [], 0
    for end in _END.finditer(text):
        stop = end.start() + len(end[0].rstrip())
        if _ABBREVIATION.search(text, max(start, stop - _LONGEST), stop):
            continue
        if stop - start < _OPEN and _is_open(text[start:stop]):
            continue
        sentences.append(text[start:stop])
        start = end.end()
    return tuple(s for s in (*sentences, text[start:].strip()) if s)


def telling_sentence(paper: Paper, profile: Profile) -> str:
    """The sentence of a paper's abstract that tells the profile's readers most, as readable text:
    a claim or result in the words of the profile and the title rather than background. Empty only
    for an empty abstract."""
    sentences = split_sentences(readable(paper.abstract))
    if not sentences:
        return ""
    weights = dict(_weights(profile))
    title = readable(paper.title)
    for stem, _, _ in stems_between(title, 0, len(title)):
        weights[stem] = weights.get(stem, 0.0) + _TITLE
    worth = [_worth(s, weights, is_first=at == 0) for at, s in enumerate(sentences)]
    return _without_lead(sentences[worth.index(max(worth))])


def _worth(sentence: str, weights: dict[str, float], is_first: bool) -> float:
    words = stems_between(sentence, 0, len(sentence))
    shared = sum(weights.get(stem, 0.0) for stem in {stem for stem, _, _ in words})
    worth = (_LEAST + shared) / max(len(words) / _WORDS, 1.0)
    if _CLAIMS.search(sentence):
        worth *= _CLAIM
    elif _RESULTS.search(sentence):
        worth *= _RESULT
    elif is_first or _GAP.match(sentence):
        worth *= _BACKGROUND
    return worth * (_NUMBER if re.search(r"\d", sentence) else 1.0)


def _without_lead(sentence: str) -> str:
    rest = _LEAD.sub("", sentence)
    return rest[0].upper() + rest[1:]


def _is_open(text: str) -> bool:
    return sum(map(text.count, _OPENING)) > sum(map(text.count, _CLOSING))


@lru_cache(maxsize=64)
def _weights(profile: Profile) -> dict[str, float]:
    """What each stem of the profile weighs: its greatest weight counts, not how often it stands."""
    weights = defaultdict[str, float](float)
    texts = [(word, _KEYWORD) for word in profile.keywords.relevant]
    texts += [(topic.name, _TOPIC_NAME) for topic in profile.topics]
    texts += [(topic.relevant, _TOPIC_TEXT) for topic in profile.topics]
    for text, weight in texts:
        for stem, _, _ in stems_between(text, 0, len(text)):
            weights[stem] = max(weights[stem], weight)
    return dict(weights)
