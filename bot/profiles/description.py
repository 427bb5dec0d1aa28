"""A profile from a few words: what they leave open is guessed; pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from bot.arxiv.text import shortened
from bot.domain import categories
from bot.domain.papers import Profile
from bot.profiles import form

# Characters of a title made from a description.
_TITLE: Final = 60
# Words that are in every description, or in the name of every second category.
_PLAIN: Final[frozenset[str]] = frozenset(
    re.findall(
        r"\w+",
        """about also analysis and applications are data for from general have into learning methods
        models other our papers research science study studies systems that the theory their this
        use using want what which with work""",
    )
)
# Words that a description and a profile share at least, what the words of a category's name weigh
# at least, and the most categories.
_SHARED: Final = 2
_CLEAR: Final = 0.5
_MOST: Final = 3


def answers_for(description: str, title: str = "", asked: str = "") -> dict[str, str]:
    """The form's answers for a description: a topic for each line, or between semicolons. `title`
    and `asked` (categories) are as given, or made from the description; categories stay empty where
    none is clear."""
    lines = [" ".join(line.split()) for line in re.split(r"[;\n]+", description)]
    topics = "\n".join(filter(None, lines))
    return defaults() | {
        "look_for": topics,
        "title": title or title_for(topics),
        "categories": with_codes(asked),
    }


def defaults() -> dict[str, str]:
    """The form's answers before anybody has typed."""
    fields = form.build_form(None).fields
    return {field.name: field.value for field in fields}


def with_codes(asked: str) -> str:
    """Categories as typed; a name that several have (machine learning) stands for all of them."""
    codes = defaultdict[str, list[str]](list)
    for code, name in categories.names().items():
        codes[name.casefold()].append(code)
    parts = (" ".join(part.split()) for part in asked.split(","))
    return ", ".join(", ".join(codes.get(part.casefold(), [part])) for part in parts)


def title_for(topics: str) -> str:
    """A heading from the first topic: its name, or its first words."""
    first = topics.partition("\n")[0]
    words = re.split(r"[:.,]\s", f"{first} ")[0].strip(" .,:")
    title = shortened(words, _TITLE).rstrip("…")
    return title[:1].upper() + title[1:]


def likely_categories(text: str, known: Mapping[str, Profile]) -> tuple[str, ...]:
    """The categories that a description is probably about: those it calls by a full name that no
    other has (algebraic topology); or those of the profile with which it shares most words, or
    those whose name it says in part, whichever is clearer; empty where none is."""
    if called := _called(text):
        return called
    said = _stems(text)
    shared = {name: len(said & _stems(_words_of(profile))) for name, profile in known.items()}
    best = max(shared, key=lambda name: shared[name], default="")
    of_profile = known[best].categories if best else ()
    weight, named = _named(said)
    if best and shared[best] > _SHARED:
        return of_profile
    if weight >= 2 * _CLEAR:
        return named
    if best and shared[best] == _SHARED:
        return of_profile
    return named if weight >= _CLEAR else ()


def is_plain(word: str) -> bool:
    """Whether a word (in small letters) says nothing about anybody's field."""
    return word in _PLAIN


def _called(text: str) -> tuple[str, ...]:
    """The categories whose name of several words stands in a text, and is no other's."""
    names = {code: _spaced(name) for code, name in categories.names().items()}
    times, said = Counter(names.values()), _spaced(text)
    found = (code for code, name in names.items() if name in said and times[name] == 1)
    return tuple(code for code in found if names[code].count(" ") > 2)[:_MOST]


def _spaced(text: str) -> str:
    """The words of a text in small letters, each between two spaces."""
    return f" {' '.join(re.findall(r'[a-z0-9]+', text.casefold()))} "


def _named(said: frozenset[str]) -> tuple[float, tuple[str, ...]]:
    """The categories whose name has these words, and what the words of the best one weigh: each
    one over the number of names it stands in."""
    names = {code: stems for code, name in categories.names().items() if (stems := _stems(name))}
    frequency = Counter(stem for stems in names.values() for stem in stems)
    weights = {code: sum(1 / frequency[s] for s in stems & said) for code, stems in names.items()}
    found = [code for code, weight in weights.items() if weight >= _CLEAR]
    return max(weights.values()), tuple(sorted(found, key=lambda code: -weights[code])[:_MOST])


def _words_of(profile: Profile) -> str:
    topics = (f"{topic.name} {topic.relevant}" for topic in profile.topics)
    return " ".join((profile.title, *topics, *profile.keywords.relevant))


def _stems(text: str) -> frozenset[str]:
    """The words that mean something, without their endings."""
    return frozenset(_stemmed(re.findall(r"[a-z0-9-]{3,}", text.casefold())))


def _stemmed(words: Iterable[str]) -> Iterable[str]:
    return (word[:7].rstrip("s") for word in words if word not in _PLAIN)
