"""A topic profile as a form: its fields, and its answers as a profile or as mistakes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal
from unicodedata import combining, normalize

from bot.arxiv.text import shortened
from bot.domain import categories
from bot.domain.languages import ENGLISH
from bot.domain.message import Button, Choice, Field, Form
from bot.domain.papers import Cutoffs, Keywords, Paper, Profile, Topic, Value
from bot.errors import Refused
from bot.profiles.examples import as_lines, read_lines
from bot.profiles.toml_lines import FieldPath
from bot.profiles.validate import printable, validate_data

# Characters of an answer: the most that an input in Slack takes, and Discord's have room for.
LONGEST: Final = 3000
_SENTENCE: Final = 150  # characters of a field's mistakes, words of its answer included
_SHOWN: Final = 40  # characters of an answer's word in a sentence, and of a generated name
_MINUS: Final = "-−–"  # phones turn a minus into a dash


def limits(model: type[Value], field: str) -> dict[str, Any]:
    """The limits of a field; they are written in domain/papers.py alone."""
    return dict(model.model_json_schema()["properties"][field])


_NAME: Final = re.compile(limits(Profile, "name")["pattern"])
_NAME_LENGTH: Final = 40  # by that pattern
_TITLE: Final = limits(Profile, "title")["maxLength"]
_TOPIC: Final = limits(Topic, "name")["maxLength"]
_TOPICS: Final = limits(Profile, "topics")["maxItems"]
_EXAMPLES: Final = limits(Profile, "examples")["maxItems"]
_WORD: Final = limits(Keywords, "relevant")["items"]["maxLength"]
# A space follows the colon, unlike in N:M and https://.
_LINE: Final = re.compile(rf"""(?:["“]([^"“”]+)["”]|(.{{1,{_TOPIC}}}?)) ?(?:: |:$|：) ?(.*)""")
_SHORT: Final = ("title", "authors", "language")
_OPTIONAL: Final = ("leave_out", "keywords", "examples", "authors", "language")
_NUMBERS: Final = {
    "relevance": limits(Cutoffs, "relevance"),
    "novelty": limits(Cutoffs, "novelty"),
    "maximum": limits(Profile, "maximum"),
}
# As in the profiles that ship; a file that names none keeps the older 20.
NEW_MAXIMUM: Final = 10
_RANGES: Final = {name: "{minimum} to {maximum}".format_map(n) for name, n in _NUMBERS.items()}

# Labels and hints: at most 45 and 100 characters, Discord's limits; Slack allows more.
_FIELDS: Final = {
    "title": ("Title", f"The heading of every digest; at most {_TITLE} characters."),
    "categories": ("arXiv categories", "Type to search: a name, or a code like cs.LG. At most 40."),
    "look_for": (
        "What to look for",
        "One topic a line, as Compression: pruning, quantization. At most "
        f"{_TOPICS} topics, {LONGEST:,} characters.",
    ),
    "leave_out": (
        "What to leave out",
        "One topic a line; a line without a topic's name is for all. At most "
        f"{LONGEST:,} characters.",
    ),
    "keywords": (
        "Keywords",
        "Commas between them, a minus before those to avoid: pruning, -survey. "
        f"{_WORD} characters each.",
    ),
    "examples": (
        "Example papers",
        "One a line: an arXiv id or link, or a title. More like them are looked for. At most "
        f"{_EXAMPLES}.",
    ),
    "authors": (
        "Authors to follow",
        "Commas between them. On a card they come first, with a star. "
        f"At most {_WORD} characters each.",
    ),
    "relevance": ("Relevance cut-off", f"{_RANGES['relevance']}; papers below it are not picked."),
    "novelty": ("Novelty cut-off", f"{_RANGES['novelty']}; papers below it are not picked."),
    "language": (
        "Language of the two sentences",
        "English where it is empty; or German, French, Japanese, Arabic and others.",
    ),
    "maximum": ("Most papers in a digest", f"{_RANGES['maximum']}; the best ones are picked."),
}
# Before it is saved.
_TRY: Final = Button(action="try-profile", label="Show what it would bring")


def build_form(profile: Profile | None, metadata: str = "") -> Form:
    """The form that makes a profile, or changes this one; `metadata` comes back with the answers.

    Submitted unchanged, it yields the same profile. Raises Refused for a profile with which that
    fails: one that is too long, or has a comma in a keyword.
    """
    values = {name: str(number["default"]) for name, number in _NUMBERS.items()}
    values["maximum"] = str(NEW_MAXIMUM)
    if profile:
        values = values_of(profile)
        if parse_answers(values, profile) != profile:
            raise Refused(_cannot_edit(values))
    fields = tuple(
        Field(
            name=name,
            label=label,
            kind=_kind(name),
            value=values.get(name, ""),
            hint=hint,
            optional=name in _OPTIONAL,
            choices=_categories() if name == "categories" else (),
        )
        for name, (label, hint) in _FIELDS.items()
    )
    title = "Edit a profile" if profile else "New profile"
    return Form(
        name="profile", title=title, submit="Save", fields=fields, metadata=metadata, also=_TRY
    )


def _kind(name: str) -> Literal["number", "text", "several", "prose"]:
    if name in _NUMBERS:
        return "number"
    return "several" if name == "categories" else "text" if name in _SHORT else "prose"


@cache
def _categories() -> tuple[Choice, ...]:
    """All of arXiv, by field."""
    return tuple(
        Choice(label=categories.label(code), value=code, group=categories.field_of(code))
        for code in categories.names()
    )


def parse_answers(
    answers: Mapping[str, str],
    base: Profile | None,
    papers: Mapping[str, Paper] = MappingProxyType({}),
    is_new: bool = False,
) -> Profile | dict[str, str]:
    """The profile that the answers describe, or a sentence for each field that is wrong.

    What the form does not have is taken from `base`: the profile being edited or, of one that
    `is_new`, what its form was filled with. The name of a new profile is made from its title; the
    caller checks that it is free. `papers` are known ones by id, for examples. Never raises; a
    missing answer counts as empty.
    """
    texts = {name: (answers.get(name) or "")[: LONGEST + 1] for name in _FIELDS}
    examples, unknown = read_lines(texts["examples"], base.examples if base else (), papers)
    # Forms of older releases do not ask for these.
    later = {
        "authors": {"follow": _listed(texts["authors"])},
        "examples": [each.model_dump() for each in examples],
    }
    asked = {name: value for name, value in later.items() if name in answers}
    data = _data(texts, base, "" if is_new or not base else base.name) | asked
    result = validate_data(data)
    long = f"This must be at most {LONGEST} characters long."
    wrong = {name: [long] if len(text) > LONGEST else [] for name, text in texts.items()}
    wrong["examples"] += unknown
    for path, reason in () if isinstance(result, Profile) else result:
        field, sentence = _mistake(path, reason, data)
        wrong[field].append(sentence)
    mistakes = {name: _at_most(sentences) for name, sentences in wrong.items() if sentences}
    return result if isinstance(result, Profile) and not mistakes else mistakes


def values_of(profile: Profile) -> dict[str, str]:
    """The answers that a profile's form is filled with, by field."""
    words = profile.keywords
    listed = (", ".join(words.relevant), ", ".join(f"-{word}" for word in words.irrelevant))
    return {
        "title": profile.title,
        "categories": ",".join(profile.categories),
        **topic_answers(profile.topics),
        "keywords": "\n".join(filter(None, listed)),
        "examples": as_lines(profile.examples),
        "authors": ", ".join(profile.authors.follow),
        "relevance": str(profile.cutoffs.relevance),
        "novelty": str(profile.cutoffs.novelty),
        "maximum": str(profile.maximum),
        "language": profile.foreign_language,
    }


def _looked_for(topics: Iterable[Topic]) -> Iterator[str]:
    """One topic per line. A generated name is left out: it will be generated again."""
    taken: set[str] = set()
    for name, text in ((topic.name, topic.relevant) for topic in topics):
        generated = _split(text) == ("", text) and _generated_name(text, taken) == name
        yield text if generated else _line(name, text)
        taken.add(name.casefold())


def _left_out(topics: Sequence[Topic]) -> str:
    """One topic per line; what they have in common, often long, is written once at the end."""
    names, texts = [topic.name for topic in topics], [topic.irrelevant for topic in topics]
    common = min(texts, key=len, default="")
    own = [text.removesuffix(common).removesuffix(" ").removesuffix(";") for text in texts]
    short = "\n".join(filter(None, [*map(_line, names, own), common]))
    full = "\n".join(filter(None, map(_line, names, texts)))
    return short if _sorted_out(short, names) == texts else full


def _cannot_edit(values: Mapping[str, str]) -> str:
    """Why a form cannot carry a profile unchanged, and what to do instead."""
    why = "A topic's name or a keyword has punctuation"
    if long := [_FIELDS[name][0] for name, text in values.items() if len(text) > LONGEST]:
        why = f'"{long[0]}" has more than {LONGEST} characters'
    return f"{why}, which a form can't hold. To change it: paperboy profiles import FILE."


def _data(texts: Mapping[str, str], base: Profile | None, name: str) -> dict[str, Any]:
    """Without a `name`, it is made from the title."""
    kept = base.model_dump(mode="json") if base else {"cutoffs": {}, "keywords": {}}
    asked = list(_asked(texts["categories"]))
    relevant, irrelevant = _keywords(texts["keywords"])
    typed = {number: texts[number].strip() for number in _NUMBERS}
    numbers = {n: int(t) if re.fullmatch(r"-?\d{1,9}", t) else t for n, t in typed.items()}
    return kept | {
        "name": name or name_from(texts["title"], *asked[:1]),
        "title": " ".join(texts["title"].split()),
        "categories": asked,
        "maximum": numbers.pop("maximum"),
        "language": texts["language"].strip() or ENGLISH,
        "cutoffs": kept["cutoffs"] | numbers,
        "topics": _topics(texts["look_for"], texts["leave_out"]),
        "keywords": kept["keywords"] | {"relevant": relevant, "irrelevant": irrelevant},
    }


def _asked(text: str) -> Iterator[str]:
    """Categories by code or by name."""
    for part in re.split(r"[,;\n]+", text):
        if named := categories.by_name(part):
            yield named
        else:
            yield from part.split()


def _listed(text: str) -> list[str]:
    parts = (" ".join(part.split()) for part in re.split(r"[,;\n]+", text))
    return list(dict.fromkeys(filter(None, parts)))


def _topics(look_for: str, leave_out: str) -> list[dict[str, str]]:
    topics: list[dict[str, str]] = []
    taken: set[str] = set()
    for line in _lines(look_for):
        name, text = _split(line)
        name = name or _generated_name(text, taken)
        taken.add(name.casefold())
        topics.append({"name": name, "relevant": text})
    sorted_out = _sorted_out(leave_out, [topic["name"] for topic in topics])
    return [t | {"irrelevant": out} for t, out in zip(topics, sorted_out, strict=True)]


def _sorted_out(text: str, names: Sequence[str]) -> list[str]:
    """What to leave out of each topic: the lines that name it, then those that name none."""
    own, every = {name.casefold(): "" for name in names}, ""
    for line in _lines(text):
        name, irrelevant = _split(line)
        if (key := name.casefold()) in own:
            own[key] = _joined(own[key], irrelevant)
        else:
            every = _joined(every, line)
    return [_joined(own[name.casefold()], every) for name in names]


def _joined(first: str, more: str) -> str:
    if not first or not more:
        return first or more
    return f"{first} {more}" if first[-1] in ".,;:!?…。" else f"{first}; {more}"


def _lines(text: str) -> Iterator[str]:
    return filter(None, (" ".join(line.split()) for line in text.splitlines()))


def fits(values: Mapping[str, str]) -> bool:
    """Whether a form can show these answers whole."""
    return all(len(text) <= LONGEST for text in values.values())


def topics_of(answers: Mapping[str, str]) -> list[Topic]:
    """The topics that the answers describe; nothing about them is checked."""
    said = _topics(answers["look_for"], answers["leave_out"])
    return [Topic.model_construct(None, **topic) for topic in said]


def topic_answers(topics: Sequence[Topic]) -> dict[str, str]:
    """The answers that `topics_of` reads as these topics."""
    return {"look_for": "\n".join(_looked_for(topics)), "leave_out": _left_out(topics)}


def _split(line: str) -> tuple[str, str]:
    """A line's topic and text; the topic is empty without a short name before a colon. A name that
    has a colon itself is in quotation marks."""
    match = _LINE.fullmatch(line)
    return ((match[1] or match[2]).strip(), match[3]) if match else ("", line)


def _line(name: str, text: str) -> str:
    plain = f"{name}: {text}" if text else ""
    return plain if not text or _split(plain) == (name, text) else f'"{name}": {text}'


def _generated_name(text: str, taken: Collection[str]) -> str:
    """A topic's name made from the first words of its text, as many as make it unique."""
    ends = (n for n in range(1, min(len(text), _TOPIC) + 1) if text[n : n + 1] in ("", " "))
    names = [name for n in ends if (name := text[:n].rstrip(" .,;:"))] or [text[:_SHOWN]]
    first = max((i for i, name in enumerate(names) if len(name) <= _SHOWN), default=0)
    return next((name for name in names[first:] if name.casefold() not in taken), names[first])


def _keywords(text: str) -> tuple[list[str], list[str]]:
    """The words to look for, and those to avoid."""
    parts = (" ".join(part.split()) for line in text.splitlines() for part in line.split(","))
    words = [word for word in parts if word]
    avoided = [word[1:].lstrip() for word in words if word[0] in _MINUS]
    return [word for word in words if word[0] not in _MINUS], avoided


def name_from(*texts: str) -> str:
    """A profile's name made from the first text that has Latin letters or digits."""
    for text in texts:
        letters = normalize("NFKD", text[:200]).casefold()
        bare = "".join(char for char in letters if char not in "'’" and not combining(char))
        slug = "-".join(re.findall(r"[a-z0-9]+", bare))
        while slug and not _NAME.match(slug):
            slug = slug.rpartition("-")[0] or slug[:-1]
        if slug:
            return slug
    return "profile"


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number where it is taken."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name[: _NAME_LENGTH - 3].rstrip('-')}-{number}", number + 1
    return free


def _mistake(where: FieldPath, reason: str, data: Mapping[str, Any]) -> tuple[str, str]:
    """The form's field that a mistake belongs to, and its sentence."""
    fields = {
        "topics": "look_for",
        "categories": "categories",
        "authors": "authors",
        "language": "language",
        "examples": "examples",
    }
    field = fields.get(str(where[0]), "title")
    subject = "The title" if where == ("title",) else f"The list of {where[0]}"
    match where:
        case (*_, str(name)) if name in _NUMBERS:
            return name, f"Write a whole number from {_RANGES[name]}."
        case ("topics", int(index), "relevant"):
            subject = f"What to look for in {_quoted(data['topics'][index]['name'])}"
        case ("topics", int(index), "irrelevant"):
            topic = _quoted(data["topics"][index]["name"])
            field, subject = "leave_out", f"What to leave out of {topic}"
        case ("examples", int(index), _):
            subject = f"The title {_quoted(data['examples'][index]['title'])}"
        case ("authors", _, int(index)):
            subject = f"The author {_quoted(data['authors']['follow'][index])}"
        case ("keywords", str(kind), int(index)):
            field, subject = "keywords", f"The keyword {_quoted(data['keywords'][kind][index])}"
    if not reason.startswith(("must ", "is ", "contains ")):  # a sentence of its own
        subject, reason = "", reason[0].upper() + reason[1:]
    return field, f"{subject} {reason}".strip() + ("" if reason.endswith("?") else ".")


def _quoted(word: str) -> str:
    return f'"{shortened(printable(word), _SHOWN)}"'


def _at_most(sentences: Iterable[str]) -> str:
    """As many distinct sentences as fit, and the number of the others."""
    text, *others = dict.fromkeys(sentences)
    while others and len(text) + len(others[0]) <= _SENTENCE - len("  And 99 more."):
        text = f"{text} {others.pop(0)}"
    return f"{text} And {len(others)} more." if others else text
