"""Messages, forms and any text for Discord, drawn and held against Discord's own description."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import strategies as st

from bot.domain.message import Button, Choice, Field, Form, Item, Message, Post
from bot.views import digest as digest_views
from tests import external_file
from tests.factories import model_day
from tests.servers.discord_rules import draw_discord

VOTES = (
    Button(action="up", label="▲ 3", value="matters 2503.15294"),
    Button(action="down", label="▼", value="matters 2503.15294"),
    Button(action="why", label="Why", value="matters 2503.15294"),
)
LIST = Message(
    title="paused Matters of importance in this channel",
    by="300000000000000001",
    notices=("Nothing is posted until somebody resumes it.",),
    items=(
        Item(
            title="Matters of importance",
            channel="200000000000000001",
            small=("weekdays at 09:00 Europe/Berlin · top 10", "paused by @here"),
            buttons=(Button(action="resume", label="Resume", value="matters"),),
        ),
        Item(
            title="Sparse & dense",
            channel="200000000000000002",
            small=("weekdays at 10:00 America/New_York",),
            buttons=(
                Button(action="pause", label="Pause", value="sparse"),
                Button(action="leave", label="Unsubscribe", value="sparse"),
            ),
        ),
        Item(title="shared/notes.md", small=("a file",)),
    ),
    small=("2 of 3 shown",),
    buttons=(Button(action="new", label="New profile"),),
)


def day_posts() -> list[Post]:
    head, *cards = digest_views.thread_posts(model_day())
    return [head, *(card.model_copy(update={"buttons": VOTES}) for card in cards)]


def json_and_drawing(bodies: list[dict[str, Any]]) -> tuple[str, str]:
    """The JSON for Discord, and a drawing for the reader of this test."""
    wire = json.dumps(bodies, indent=1, ensure_ascii=False) + "\n"
    return wire, "\n".join(map(draw_discord, bodies))


# Text that stays text. Pieces that mean something to Discord, among any other text.
_TRICKS = (
    *(
        "# ",
        "## ",
        "-# ",
        "> ",
        ">>> ",
        "- ",
        "* ",
        "+ ",
        "1. ",
        "12) ",
        "*",
        "**",
        "_",
        "__",
        "~~",
    ),
    *("||", "`", "```", "\\", "[", "]", "(", ")", "](", "[a](https://e.org)", "<", ">", "@", ":"),
    *("@everyone", "@here", "<@123>", "<@!1>", "<@&1>", "<#1>", "<t:0>", "<t:0:R>", "<:e:1>"),
    *("<a:e:1>", "</run:1>", "<id:home>", ":smile:", "https://e.org/a_b", "<https://e.org>"),
    *("steam://x", " ", "\n", "\u2028", "\u200b", "a", "word", "é", "𝒪", "·"),
)
text = st.lists(st.sampled_from(_TRICKS) | st.text(max_size=5), max_size=12).map("".join)
anything = (
    text | st.integers(0, 9000).map("wörd *x ".__mul__) | st.integers(0, 5000).map("<".__mul__)
)


@cache
def specification() -> dict[str, Any]:
    path = external_file("fixtures/discord/openapi.json")
    if not path.exists():
        pytest.skip("Discord's OpenAPI description is not part of the project")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def assert_valid_schema(body: dict[str, Any], name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = {"$ref": f"#/components/schemas/{name}"} | specification()
    jsonschema.Draft202012Validator(schema).validate(body)


SUBSCRIBE = Form(
    name="subscribe",
    title="Subscribe this channel",
    submit="Subscribe",
    metadata="100000000000000001 200000000000000001",
    fields=(
        Field(
            name="profile",
            label="Profile",
            kind="choice",
            value="matters",
            choices=(
                Choice(label="Matters of importance", value="matters"),
                Choice(label="Sparse & dense", value="sparse"),
            ),
        ),
        Field(name="at", label="Time", kind="time", value="09:00", hint="as 09:00"),
        Field(name="tz", label="Time zone", kind="zone", value="Europe/Berlin"),
        Field(name="days", label="Days", kind="days", value="mon,tue,wed"),
        Field(name="top", label="At most", kind="number", optional=True, hint="papers a day"),
        Field(name="channel", label="Channel", kind="channel", value="200000000000000001"),
        Field(name="note", label="What for", kind="prose", optional=True),
    ),
)
