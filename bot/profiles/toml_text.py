"""A profile as TOML that parse_profile reads back as the same profile; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.languages import ENGLISH
from bot.domain.papers import Profile


def as_toml(profile: Profile) -> str:
    """The text of a profile's file; what is as by default in a table of words is left out."""
    return "\n".join(_rows(profile)) + "\n"


def _rows(profile: Profile) -> Iterator[str]:
    yield f"name = {_text(profile.name)}"
    yield f"title = {_text(profile.title)}"
    yield f"categories = {_list(profile.categories)}"
    yield f"cross_lists = {str(profile.cross_lists).lower()}"
    yield f"gate = {str(profile.gate).lower()}"
    yield f"maximum = {profile.maximum}"
    if profile.language != ENGLISH:
        yield f"language = {_text(profile.language)}"
    yield "\n[cutoffs]"
    yield f"relevance = {profile.cutoffs.relevance}"
    yield f"novelty = {profile.cutoffs.novelty}"
    for topic in profile.topics:
        yield "\n[[topics]]"
        yield f"name = {_text(topic.name)}"
        yield f"relevant = {_text(topic.relevant)}"
        if topic.irrelevant:
            yield f"irrelevant = {_text(topic.irrelevant)}"
    for table, values in (("keywords", profile.keywords), ("authors", profile.authors)):
        if words := [(name, listed) for name, listed in values if listed]:
            yield f"\n[{table}]"
            yield from (f"{name} = {_list(listed)}" for name, listed in words)


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    """A basic string; what no terminal shows is written by its number."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else _number(c) for c in escaped) + '"'


def _number(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
