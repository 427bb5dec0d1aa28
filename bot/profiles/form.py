"""A topic profile as a form: its questions, and what came back as a profile or what is wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from unicodedata import combining, normalize

from bot.arxiv.text import shortened
from bot.domain.message import Field, Form
from bot.domain.papers import Cutoffs, Profile, Topic, Value
from bot.errors import Refused
from bot.profiles.toml_lines import FieldPath
from bot.profiles.validate import printable, validate_data

_LONGEST: Final = 3000  # characters; the most that one of Slack's inputs holds
_SENTENCE: Final = 150  # characters of what stands at a field, other people's words in it included
_SHOWN: Final = 40  # characters of somebody's word in a sentence, and of a name made from words
_MINUS: Final = "-−–"  # telephones like to make a dash of it


def _limits(model: type[Value], field: str) -> dict[str, Any]:
    """What domain/papers.py says of a field: the one place where limits are written."""
    return dict(model.model_json_schema()["properties"][field])


_NAME: Final = re.compile(_limits(Profile, "name")["pattern"])
_TITLE: Final = _limits(Profile, "title")["maxLength"]
_TOPIC: Final = _limits(Topic, "name")["maxLength"]
# The colon has a space after it, unlike the ones in N:M and https://.
_LINE: Final = re.compile(rf"""(?:["“]([^"“”]+)["”]|(.{{1,{_TOPIC}}}?)) ?(?:: |:$|：) ?(.*)""")
_SHORT: Final = ("title", "categories")
_NUMBERS: Final = {
    "relevance": _limits(Cutoffs, "relevance"),
    "novelty": _limits(Cutoffs, "novelty"),
    "maximum": _limits(Profile, "maximum"),
}
_RANGES: Final = {name: "{minimum} to {maximum}".format_map(n) for name, n in _NUMBERS.items()}

# Labels and hints. Discord's limits are the tighter ones: 45 and 100 characters.
_ASKED: Final = {
    "title": ("Title", f"Stands above every digest; at most {_TITLE} characters."),
    "categories": ("arXiv categories", "As in: cs.LG, cs.AI. An archive, as in math, will do too."),
    "look_for": ("What to look for", "A topic a line, as in: Compression: pruning, quantization."),
    "leave_out": ("What to leave out", "Likewise; a line without a topic's name is for them all."),
    "keywords": ("Keywords", "Commas between; a minus before a word to avoid: pruning, -survey."),
    "relevance": ("Relevance, at least", f"{_RANGES['relevance']}; no paper below it is shown."),
    "novelty": ("Novelty, at least", f"{_RANGES['novelty']}; no paper below it is shown."),
    "maximum": ("Papers a day, at most", f"{_RANGES['maximum']}; the best ones are shown."),
}


def build_form(profile: Profile | None, metadata: str = "") -> Form:
    """The form that makes a profile, or changes this one; `about` comes back with its answers.

    Sent back as it is, it is the same profile. Raises Refused for a profile it cannot carry so: one
    that is too long, or has a comma in a keyword.
    """
    values = {name: str(number["default"]) for name, number in _NUMBERS.items()}
    if profile:
        values = _values(profile)
        if parse_answers(values, profile) != profile:
            raise Refused(_unfit(values))
    fields = tuple(
        Field(
            name=name,
            label=label,
            kind="number" if name in _NUMBERS else "text" if name in _SHORT else "prose",
            value=values.get(name, ""),
            hint=hint,
            optional=name in ("leave_out", "keywords"),
        )
        for name, (label, hint) in _ASKED.items()
    )
    title = "Edit a profile" if profile else "New profile"
    return Form(name="profile", title=title, submit="Save", fields=fields, metadata=metadata)


def parse_answers(answers: Mapping[str, str], base: Profile | None) -> Profile | dict[str, str]:
    """The profile that the answers describe, or a sentence for each field that is wrong.

    What is not asked is kept from `base`, the profile being edited. A new profile has its name from
    its title; that it is free, the caller must see to. Never raises; a missing answer is empty.
    """
    said = {name: (answers.get(name) or "")[: _LONGEST + 1] for name in _ASKED}
    data = _data(said, base)
    found = validate_data(data)
    long = f"This must be at most {_LONGEST} characters long."
    wrong = {name: [long] if len(text) > _LONGEST else [] for name, text in said.items()}
    for where, reason in () if isinstance(found, Profile) else found:
        field, sentence = _told(where, reason, data)
        wrong[field].append(sentence)
    mistakes = {name: _together(sentences) for name, sentences in wrong.items() if sentences}
    return found if isinstance(found, Profile) and not mistakes else mistakes


def _values(profile: Profile) -> dict[str, str]:
    words = profile.keywords
    listed = (", ".join(words.relevant), ", ".join(f"-{word}" for word in words.irrelevant))
    return {
        "title": profile.title,
        "categories": ", ".join(profile.categories),
        "look_for": "\n".join(_looked_for(profile.topics)),
        "leave_out": _left_out(profile.topics),
        "keywords": "\n".join(filter(None, listed)),
        "relevance": str(profile.cutoffs.relevance),
        "novelty": str(profile.cutoffs.novelty),
        "maximum": str(profile.maximum),
    }


def _looked_for(topics: Iterable[Topic]) -> Iterator[str]:
    """A topic a line; a name that was made from the first words is not shown but made again."""
    taken: set[str] = set()
    for name, text in ((topic.name, topic.relevant) for topic in topics):
        made = _split(text) == ("", text) and _made(text, taken) == name
        yield text if made else _line(name, text)
        taken.add(name.casefold())


def _left_out(topics: Sequence[Topic]) -> str:
    """A topic a line, and once, at the end, what all have in common: it may be long."""
    names, texts = [topic.name for topic in topics], [topic.irrelevant for topic in topics]
    common = min(texts, key=len)
    own = [text.removesuffix(common).removesuffix(" ").removesuffix(";") for text in texts]
    short = "\n".join(filter(None, [*map(_line, names, own), common]))
    full = "\n".join(filter(None, map(_line, names, texts)))
    return short if _sorted_out(short, names) == texts else full


def _unfit(values: Mapping[str, str]) -> str:
    """Why a profile would come back from the form as another one, and what to do instead."""
    why = "A topic's name or a keyword has punctuation"
    if long := [_ASKED[name][0] for name, text in values.items() if len(text) > _LONGEST]:
        why = f'"{long[0]}" has more than {_LONGEST} characters'
    return f"{why}, which a form cannot hold: paperboy profiles import FILE changes this profile."


def _data(said: Mapping[str, str], base: Profile | None) -> dict[str, Any]:
    kept = base.model_dump(mode="json") if base else {"cutoffs": {}, "keywords": {}}
    asked = [word for word in re.split(r"[\s,;]+", said["categories"]) if word]
    relevant, irrelevant = _keywords(said["keywords"])
    typed = {name: said[name].strip() for name in _NUMBERS}
    numbers = {n: int(t) if re.fullmatch(r"-?\d{1,9}", t) else t for n, t in typed.items()}
    return kept | {
        "name": base.name if base else _slug(said["title"], *asked[:1]),
        "title": " ".join(said["title"].split()),
        "categories": asked,
        "maximum": numbers.pop("maximum"),
        "cutoffs": kept["cutoffs"] | numbers,
        "topics": _topics(said["look_for"], said["leave_out"]),
        "keywords": kept["keywords"] | {"relevant": relevant, "irrelevant": irrelevant},
    }


def _topics(look_for: str, leave_out: str) -> list[dict[str, str]]:
    topics: list[dict[str, str]] = []
    taken: set[str] = set()
    for line in _lines(look_for):
        name, text = _split(line)
        name = name or _made(text, taken)
        taken.add(name.casefold())
        topics.append({"name": name, "relevant": text})
    sorted_out = _sorted_out(leave_out, [topic["name"] for topic in topics])
    return [t | {"irrelevant": out} for t, out in zip(topics, sorted_out, strict=True)]


def _sorted_out(text: str, names: Sequence[str]) -> list[str]:
    """What to leave out of each topic: its own lines, then those that name no topic."""
    own, every = {name.casefold(): "" for name in names}, ""
    for line in _lines(text):
        name, rest = _split(line)
        if (known := name.casefold()) in own:
            own[known] = _joined(own[known], rest)
        else:
            every = _joined(every, line)
    return [_joined(own[name.casefold()], every) for name in names]


def _joined(first: str, more: str) -> str:
    if not first or not more:
        return first or more
    return f"{first} {more}" if first[-1] in ".,;:!?…。" else f"{first}; {more}"


def _lines(text: str) -> Iterator[str]:
    return filter(None, (" ".join(line.split()) for line in text.splitlines()))


def _split(line: str) -> tuple[str, str]:
    """A line's topic and text; the topic is empty where no short name stands before a colon. A name
    with a colon of its own stands in quotation marks."""
    found = _LINE.fullmatch(line)
    return ((found[1] or found[2]).strip(), found[3]) if found else ("", line)


def _line(name: str, text: str) -> str:
    plain = f"{name}: {text}" if text else ""
    return plain if not text or _split(plain) == (name, text) else f'"{name}": {text}'


def _made(text: str, taken: Collection[str]) -> str:
    """A name for a topic: the first words of its text, and more of them if others begin so too."""
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


def _slug(*texts: str) -> str:
    """A name out of the first text that has Latin letters or digits."""
    for text in texts:
        letters = normalize("NFKD", text[:200]).casefold()
        bare = "".join(char for char in letters if char not in "'’" and not combining(char))
        slug = "-".join(re.findall(r"[a-z0-9]+", bare))
        while slug and not _NAME.match(slug):
            slug = slug.rpartition("-")[0] or slug[:-1]
        if slug:
            return slug
    return "profile"


def _told(where: FieldPath, reason: str, data: Mapping[str, Any]) -> tuple[str, str]:
    """The field of the form where a mistake is, and the sentence for it."""
    field = {"topics": "look_for", "categories": "categories"}.get(str(where[0]), "title")
    subject = "The title" if where == ("title",) else f"The list of {where[0]}"
    match where:
        case (*_, str(name)) if name in _NUMBERS:
            return name, f"Write a whole number from {_RANGES[name]}."
        case ("topics", int(index), "relevant"):
            subject = f"What belongs to {_quoted(data['topics'][index]['name'])}"
        case ("topics", int(index), "irrelevant"):
            topic = _quoted(data["topics"][index]["name"])
            field, subject = "leave_out", f"What does not belong to {topic}"
        case ("keywords", str(kind), int(index)):
            field, subject = "keywords", f"The keyword {_quoted(data['keywords'][kind][index])}"
    if not reason.startswith(("must ", "is ", "holds ")):  # a sentence of its own
        subject, reason = "", reason[0].upper() + reason[1:]
    return field, f"{subject} {reason}".strip() + ("" if reason.endswith("?") else ".")


def _quoted(word: str) -> str:
    return f'"{shortened(printable(word), _SHOWN)}"'


def _together(sentences: Iterable[str]) -> str:
    """As many sentences as fit, each once, and how many more there are."""
    first, *rest = dict.fromkeys(sentences)
    while rest and len(first) + len(rest[0]) <= _SENTENCE - len("  And 99 more."):
        first = f"{first} {rest.pop(0)}"
    return f"{first} And {len(rest)} more." if rest else first
