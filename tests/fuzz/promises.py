"""What is promised for every input, as assertions the checks share."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from bot.discord import render as discord_render
from bot.domain.message import Message, Post
from bot.domain.papers import Value
from bot.slack import render as slack_render
from bot.store.values.stored_forms import deserialise, serialise
from bot.terminal import render as terminal_render
from tests.servers.discord_rules import message_error, modal_error
from tests.servers.slack_rules import broken_rules, walk_objects

_MODAL = 9  # the type of an interaction's answer
_UNSEEN = {"Cc", "Cf", "Cs"}
_MENTIONS = ("user", "channel", "usergroup", "broadcast", "team")


def assert_plain(*texts: str, lines: bool = False) -> None:
    """One line of readable text (or several): nothing that a terminal or a chat obeys, hides, or
    that no encoder takes."""
    for text in texts:
        if text.isascii() and text.isprintable():
            continue
        for char in text:
            hidden = unicodedata.category(char) in _UNSEEN or char in "\u2028\u2029"
            assert not hidden or (lines and char in "\n\t"), f"{char!r} in {text[:200]!r}"


def assert_explained(error: Exception, most: int = 400) -> None:
    """A refusal is one short sentence that any screen may show."""
    assert_plain(str(error))
    assert 0 < len(str(error)) <= most


def assert_stored(value: Value) -> None:
    """What is stored comes back as it was."""
    text = serialise(value)
    assert deserialise(type(value), text.encode().decode()) == value, text[:400]


def assert_slack(said: dict[str, Any], mentioned: Iterable[str] = ()) -> None:
    """Slack takes a message or the call that opens a view, and it calls nobody else."""
    found = (
        said["view"] if "view" in said else {k: said[k] for k in ("text", "blocks") if k in said}
    )
    assert broken_rules(found) == [], broken_rules(found)
    assert _mentions(found) <= set(mentioned), _mentions(found)
    assert_plain(*_strings(found), lines=True)


def assert_discord(said: dict[str, Any]) -> None:
    """Discord takes a message, or the answer to an interaction, and it calls nobody."""
    body = said.get("data") or {} if said.keys() <= {"type", "data"} else said
    if said.get("type") == _MODAL:
        assert not modal_error(body), modal_error(body)
    elif {"content", "components"} & body.keys():
        assert not message_error(body), message_error(body)
        assert body["allowed_mentions"] == {"parse": []}
    assert_plain(*_strings(body), lines=True)


def assert_shown(*posts: Post) -> None:
    """Every chat and the terminal take the messages, nobody is called, and nothing hidden is
    shown."""
    for post in posts:
        mentioned = _may_mention(post)
        for found in (slack_render.message(post), slack_render.plain(post)):
            assert_slack(found, mentioned)
        assert_discord(discord_render.message(post))
    assert_plain(terminal_render.as_text(posts), lines=True)


def _may_mention(post: Post) -> set[str]:
    if not isinstance(post, Message):
        return set()
    people = {id for item in post.items for line in item.people for id in line.ids}
    return {post.by, *(item.channel for item in post.items)} | people


def _mentions(found: Any) -> set[str]:
    named = [each for each in walk_objects(found) if each.get("type") in _MENTIONS]
    return {str(each.get("user_id") or each.get("channel_id") or each) for each in named}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for below in value.values():
            yield from _strings(below)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from _strings(below)


def words(data: bytes, most: int = 0) -> list[str]:
    """The fields of an input: its parts between NULs, as text. Bytes that are no UTF-8 become lone
    surrogates, as JSON's may. With `most`, exactly so many."""
    parts = [part.decode(errors="surrogateescape") for part in data.split(b"\0")]
    return (parts + [""] * most)[:most] if most else parts


def document(data: bytes) -> dict[str, Any]:
    """The JSON object that an input is, or an empty one."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> list[str]:
    """Every text in a document's field, whatever its form."""
    return list(_strings(value))


def distinct(values: Iterable[Any]) -> bool:
    """Whether no value comes twice."""
    found = list(values)
    return len(found) == len(set(found))
