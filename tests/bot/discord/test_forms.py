"""Forms on Discord: what a person fills in, and what comes back by the fields' own names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.discord.forms import answers, files, has_steps, modal, parse_form_id
from bot.domain.message import Choice, Field, Form, GivenFile
from tests.bot.discord.samples import (
    SUBSCRIBE,
    anything,
    assert_valid_schema,
    json_and_drawing,
    text,
)
from tests.conftest import check_golden
from tests.servers.discord_rules import modal_error


def test_the_form_a_person_fills_in() -> None:
    wire, drawn = json_and_drawing([modal(SUBSCRIBE)])
    check_golden("discord/form.json", wire)
    check_golden("discord/form.txt", drawn)


def test_discords_own_description_allows_the_form() -> None:
    assert_valid_schema({"type": 9, "data": modal(SUBSCRIBE)}, "ModalInteractionCallbackRequest")


LIBRARY = Form(
    name="work",
    title="New profile",
    submit="Draft it",
    fields=(
        Field(name="work", label="Your work", kind="prose", value="Tides", optional=True),
        Field(name="library", label="A library", kind="file", hint="at most 1 MB", optional=True),
    ),
)


def test_a_file_is_asked_for_as_discord_describes_it_and_is_no_answer() -> None:
    data = modal(LIBRARY)
    assert_valid_schema({"type": 9, "data": data}, "ModalInteractionCallbackRequest")
    about = {"filename": "a.bib", "size": 40, "url": "https://cdn.discordapp.com/a"}
    sent = {"components": submitted(data, {"library": "7"}), "resolved": {"attachments": {}}}
    assert files(sent) == {}
    sent["resolved"]["attachments"]["7"] = about
    given = GivenFile(name="a.bib", size=40, url="https://cdn.discordapp.com/a")
    assert files(sent) == {"library": given}
    assert answers(sent["components"]) == {"work": "Tides", "library": ""}
    again = LIBRARY.filled({"work": "Moons", "library": "@misc{a}"})
    assert [each.value for each in again.fields] == ["Moons", ""]  # files are not kept


def submitted(data: dict[str, Any], said: dict[str, str]) -> list[dict[str, Any]]:
    """What comes back when a person fills in `said` and leaves the rest as it is shown."""
    components: list[dict[str, Any]] = []
    for label in data["components"]:
        part = label["component"]
        back = {"type": part["type"], "id": 2, "custom_id": part["custom_id"]}
        if part["type"] == 4:
            given = part.get("value", "")
            for name, value in said.items():
                if f"{name}:" in given:
                    rows = given.split("\n")
                    given = "\n".join(
                        f"{name}: {value}" if r.startswith(f"{name}:") else r for r in rows
                    )
            back["value"] = said.get(part["custom_id"], given)
        else:
            chosen = [o["value"] for o in part.get("options", []) if o["default"]]
            chosen += [each["id"] for each in part.get("default_values", [])]
            back["values"] = said.get(part["custom_id"], ",".join(chosen)).split(",")
        components.append({"type": 18, "id": 1, "component": back})
    return components


def test_the_answers_have_the_names_of_the_fields() -> None:
    data = modal(SUBSCRIBE)
    assert parse_form_id(data["custom_id"]) == ("subscribe", SUBSCRIBE.metadata)
    assert answers(submitted(data, {})) == {field.name: field.value for field in SUBSCRIBE.fields}
    said = {"at": "10:30", "top": "5", "days": "mon,fri", "profile": "sparse", "note": "x: y"}
    assert answers(submitted(data, said)).items() >= said.items()


def test_a_form_of_five_questions_has_a_box_for_each() -> None:
    data = modal(SUBSCRIBE.model_copy(update={"fields": SUBSCRIBE.fields[:5]}))
    assert [label["label"] for label in data["components"]] == [
        f.label for f in SUBSCRIBE.fields[:5]
    ]


def test_a_shared_box_says_what_is_in_it() -> None:
    numbers = [
        Field(name=name, label=f"{name.capitalize()}, at least", kind="number", hint="1 to 10.")
        for name in ("relevance", "novelty", "clarity")
    ]
    form = SUBSCRIBE.model_copy(update={"fields": (*numbers, *SUBSCRIBE.fields[3:])})
    shared = modal(form)["components"][0]
    assert shared["label"] == "relevance · novelty · clarity"
    assert shared["description"] == "relevance: 1 to 10; novelty: 1 to 10; clarity: 1 to 10"
    assert shared["component"]["value"] == "relevance:\nnovelty:\nclarity:"


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("relevance: 7\nnovelty: 6", {"relevance": "7", "novelty": "6"}),
        ("novelty:6\n\n RELEVANCE : 7 \n", {"relevance": "7", "novelty": "6"}),
        ("relevance：7", {"relevance": "7", "novelty": ""}),
        (
            "relevance: 7\n and more\nwhat: else",
            {"relevance": "7 and more what: else", "novelty": ""},
        ),
        ("7\n6", {"relevance": "7", "novelty": "6"}),
        ("", {"relevance": "", "novelty": ""}),
    ],
)
def test_a_shared_box_is_taken_apart(typed: str, understood: dict[str, str]) -> None:
    part = {"type": 4, "custom_id": "+relevance+novelty", "value": typed}
    assert answers([{"type": 18, "component": part}]) == understood
    assert answers([{"type": 1, "components": [part]}]) == understood


KINDS = ("text", "prose", "number", "time", "days", "choice", "several", "zone", "channel")
fields = st.lists(
    st.builds(
        Field,
        name=st.just("n"),
        label=anything,
        kind=st.sampled_from(KINDS),
        value=text,
        hint=anything,
        optional=st.booleans(),
        choices=st.lists(st.builds(Choice, label=text, value=text), max_size=30).map(tuple),
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=60)
@given(fields, anything)
def test_any_form_keeps_discords_limits(asked: list[Field], title: str) -> None:
    named = [field.model_copy(update={"name": f"field_{n}"}) for n, field in enumerate(asked)]
    form = Form(name="a-form", title=title, submit=title, fields=tuple(named), metadata="1 2")
    try:
        data = modal(form)
    except ValueError:
        assert len(asked) > 5
        return
    assert not modal_error(data)
    if has_steps(form):
        return  # the first of two, which tests/bot/discord/test_manners.py walks
    assert answers(submitted(data, {})).keys() == {field.name for field in named}


def test_what_cannot_be_asked_on_discord_is_said() -> None:
    def form(*asked: Field, **more: str) -> Form:
        return Form(name="f", title="t", submit="s", fields=asked, **more)

    prose = Field(name="a", label="A", kind="prose")
    with pytest.raises(ValueError, match="6 questions"):
        modal(form(*(prose.model_copy(update={"name": name}) for name in "abcdef")))
    with pytest.raises(ValueError, match="4001 characters"):
        modal(form(prose.model_copy(update={"value": "x" * 4001})))
    with pytest.raises(ValueError, match="custom_id"):
        modal(form(prose, metadata="x" * 100))
    assert parse_form_id("b1:why:1") is None
