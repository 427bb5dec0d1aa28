"""Profiles, as TOML and as a form."""

from __future__ import annotations

from bot.domain.papers import Profile
from bot.errors import Refused
from bot.profiles import library
from bot.profiles.form import build_form, parse_answers
from bot.profiles.validate import parse_profile
from tests.factories import profile
from tests.fuzz.promises import assert_plain, assert_stored, document

_FIELDS = tuple(field.name for field in build_form(None).fields)


def toml(data: bytes) -> None:
    """A profile, or every mistake at its line."""
    found = parse_profile(data)
    if isinstance(found, Profile):
        _sound(found)
        return
    assert 1 <= len(found) <= 50
    lines = data.count(b"\n") + 1
    assert [mistake.line for mistake in found] == sorted(mistake.line for mistake in found)
    for mistake in found:
        assert 1 <= mistake.line <= lines
        assert mistake.reason
        assert_plain(str(mistake))
        assert len(str(mistake)) < 1000


def form(data: bytes) -> None:
    """A profile that a form shows again as it is, or a sentence at each wrong field."""
    given = document(data)
    answers = {name: given[name] for name in _FIELDS if isinstance(given.get(name), str)}
    base = profile() if given.get("base") else None
    found = parse_answers(answers, base)
    if isinstance(found, Profile):
        _sound(found)
        values = {field.name: field.value for field in build_form(found).fields}
        assert parse_answers(values, found) == found
        return
    assert found
    assert found.keys() <= set(_FIELDS)
    for sentence in found.values():
        assert_plain(sentence)
        assert len(sentence) <= 160


def _sound(found: Profile) -> None:
    assert_stored(found)
    assert_plain(found.title, found.name, *found.categories)
    for topic in found.topics:
        assert_plain(topic.name)
        assert_plain(topic.relevant, topic.irrelevant, lines=True)
    try:
        build_form(found)
    except Refused as refused:
        assert_plain(str(refused))
    assert library.find(found.name, {found.name: found}) == found
