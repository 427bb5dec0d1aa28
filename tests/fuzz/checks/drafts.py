"""What a profile is drafted from: typed texts, libraries, a model's answer."""

from __future__ import annotations

from bot.domain.draft import Draft, Sources, Work
from bot.domain.papers import Profile
from bot.domain.tasks.task import Drafting
from bot.errors import Refused
from bot.profiles import library
from bot.profiles.draft import draft
from bot.profiles.form import build_form
from bot.profiles.given_work import GivenWork, decoded, parse_given
from bot.profiles.toml_text import as_toml
from bot.profiles.validate import parse_profile
from bot.views.profiles import origin_words
from tests.factories import paper
from tests.fuzz.promises import assert_explained, assert_plain, assert_stored, document
from workers.drafting.gather import read_text
from workers.drafting.references import is_library, read_references
from workers.judging.profile_drafts import parse_reply, question

_LIKED = paper(abstract="Spring tides of the sea. We prove that spring tides recur.")
_OTHERS = [paper(f"2503.0000{n}", abstract="We study the sea.") for n in range(3)]


def drafted(data: bytes) -> None:
    """From whatever is typed, listed and answered: a profile that a file and a form hold, and where
    each line is from; or a sentence."""
    given = document(data)
    text, title, abstract, reply, name = (
        each if isinstance(each := given.get(field), str) else ""
        for field in ("text", "title", "abstract", "reply", "name")
    )
    words, _, notes = read_text(text)
    sources = Sources(
        text=words,
        papers=(_LIKED,) if given.get("liked") else (),
        works=(Work(title=title, abstract=abstract),) if title else (),
        notes=tuple(notes),
    )
    assert_plain(*notes)
    assert len(question(sources).splitlines()) <= 3
    try:
        made = draft(sources, _OTHERS, {}, library.shipped(), name, parse_reply(reply))
    except Refused as refused:
        assert_plain(str(refused))
        return
    _sound(made)


def _sound(made: Draft) -> None:
    assert_stored(made)
    said = {(each.field, each.line): origin_words(each) for each in made.origins}
    assert_plain(*said.values())
    assert parse_profile(as_toml(made.profile, said)) == made.profile
    build_form(made.profile)
    lines = {each.line for each in made.origins}
    assert lines >= {*made.profile.categories, *(topic.name for topic in made.profile.topics)}


def given(data: bytes) -> None:
    """Nothing where nothing was typed; a profile that a file holds; parts of what was typed, among
    them a library that can be read as one, and a name on one line; or a sentence."""
    typed = data.decode("utf-8", "replace")
    _as_file(data)
    try:
        found = parse_given(typed)
    except Refused as refused:
        assert_explained(refused, most=1000)
        return
    if found is None:
        assert not typed.strip()
    elif isinstance(found, Profile):
        assert parse_profile(as_toml(found)) == found
    else:
        assert found.text or found.library or found.author
        assert_stored(Drafting(text=found.text, library=found.library, author=found.author))
        assert found.library in typed
        assert " ".join(found.text.split()) in " ".join(typed.split())
        assert_plain(found.author)
        assert not found.library or is_library(found.library)


def _as_file(data: bytes) -> None:
    """The same, in a file: a library, or a sentence."""
    try:
        text = decoded(data)
        found = parse_given("We work on tides.", text)
    except Refused as refused:
        assert_plain(str(refused))
        return
    assert found == GivenWork("We work on tides.", library=text)
    assert is_library(text)


def references(data: bytes) -> None:
    """Entries with a title or an id, in one line each; or a sentence."""
    text = data.decode("utf-8", "replace")
    try:
        found = read_references(text)
    except Refused as refused:
        assert_plain(str(refused))
        return
    assert is_library(text)
    for each in found:
        assert each.id or each.title
        assert_plain(each.title, each.abstract, each.id)
