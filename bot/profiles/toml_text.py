"""A profile as TOML that parse_profile reads back as the same profile; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

from bot.domain.languages import ENGLISH
from bot.domain.papers import Profile


def as_toml(profile: Profile, said: Mapping[tuple[str, str], str] = MappingProxyType({})) -> str:
    """The text of a profile's file; what is as by default in a table of words is left out. `said`
    has what a comment says of a field and one of its lines, as in domain/draft.Origin; it is
    printable."""
    return "\n".join(_rows(profile, said)) + "\n"


def _rows(profile: Profile, said: Mapping[tuple[str, str], str]) -> Iterator[str]:
    yield f"name = {_text(profile.name)}"
    yield f"title = {_text(profile.title)}" + _comment(said.get(("title", "")))
    yield f"categories = {_list('categories', profile.categories, said)}"
    yield f"cross_lists = {str(profile.cross_lists).lower()}"
    yield f"gate = {str(profile.gate).lower()}"
    yield f"maximum = {profile.maximum}"
    if profile.language != ENGLISH:
        yield f"language = {_text(profile.language)}"
    yield "\n[cutoffs]"
    yield f"relevance = {profile.cutoffs.relevance}"
    yield f"novelty = {profile.cutoffs.novelty}"
    for topic in profile.topics:
        yield "\n[[topics]]" + _comment(said.get(("topics", topic.name)))
        yield f"name = {_text(topic.name)}"
        yield f"relevant = {_text(topic.relevant)}"
        if topic.irrelevant:
            yield f"irrelevant = {_text(topic.irrelevant)}"
    for table, values in (("keywords", profile.keywords), ("authors", profile.authors)):
        if words := [(name, listed) for name, listed in values if listed]:
            yield f"\n[{table}]"
            yield from (f"{name} = {_list(table, listed, said)}" for name, listed in words)
    for example in profile.examples:
        yield "\n[[examples]]"
        yield from (f"{name} = {_text(text)}" for name, text in example if text)


def _comment(words: str | None) -> str:
    return f"  # {words}" if words else ""


def _list(field: str, texts: Sequence[str], said: Mapping[tuple[str, str], str]) -> str:
    """On one line, or where something is said of its texts, on one for each thing that is."""
    groups = [
        (words, ", ".join(map(_text, group)))
        for words, group in groupby(texts, lambda text: said.get((field, text)))
    ]
    if len(groups) < 2:
        return "".join(f"[{group}]{_comment(words)}" for words, group in groups) or "[]"
    return "\n".join(("[", *(f"  {group},{_comment(words)}" for words, group in groups), "]"))


def _text(text: str) -> str:
    """A basic string; what no terminal shows is written by its number."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else _number(c) for c in escaped) + '"'


def _number(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
