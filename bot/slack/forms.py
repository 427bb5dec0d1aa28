"""Forms -> Slack's modal views, and submitted views -> answers; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bot.domain.message import Choice, Field, Form, GivenFile, Message
from bot.slack.blocks import ID, NAME, Json, actions, plain_text, rich_text, text_row
from bot.slack.render import message

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST: Final = 3_000  # characters of a plain_text_input


def modal(form: Form) -> Json:
    """A form as a modal view; a field's name is its block_id and its action_id (but "zone", whose
    choices Slack asks for as a person types). A value that does not suit its field is left out.

    Raises ValueError when the metadata has more than the 3,000 characters Slack gives back.
    """
    if len(form.metadata) > 3_000:
        raise ValueError(f"the form {form.name} carries {len(form.metadata)} characters, 3,000 fit")
    return {
        "type": "modal",
        "callback_id": form.name,
        "private_metadata": form.metadata,
        "title": plain_text(form.title.strip() or NAME, 24),
        "submit": plain_text(form.submit.strip() or "OK", 24),
        "blocks": [
            *_notes(form.notes),
            *map(_input, form.fields),
            *actions((form.also,) if form.also else ()),
        ],
    }


def answers(view: Mapping[str, Any]) -> dict[str, str]:
    """The `view` of a view_submission -> each field's answer by its name, as domain.message.Field
    describes it, "" when it is unanswered. Undoes `modal`."""
    values: Mapping[str, Mapping[str, Json]] = view["state"]["values"]
    return {name: _answer(state) for name, found in values.items() for state in found.values()}


def files(view: Mapping[str, Any]) -> dict[str, GivenFile]:
    """The files in the `view` of a view_submission, by the names of their fields."""
    values: Mapping[str, Mapping[str, Json]] = view["state"]["values"]
    return {
        name: GivenFile(
            name=str(file.get("name") or ""),
            url=str(file.get("url_private") or ""),
            size=file.get("size") or 0,
        )
        for name, found in values.items()
        for state in found.values()
        if state["type"] == "file_input"
        for file in (state.get("files") or ())[:1]
    }


def read_metadata(view: Mapping[str, Any]) -> tuple[str, str]:
    """What a form is about, and the channel it was opened in, as `modal_in_channel` packs them.

    Raises ValueError when they are not ours.
    """
    try:
        found = json.loads(str(view.get("private_metadata")))
    except RecursionError:
        raise ValueError("not a form's own data") from None
    if not isinstance(found, list) or len(found) != 2:
        raise ValueError("not a form's own data")
    about, channel = found
    if not isinstance(about, str) or not isinstance(channel, str):
        raise ValueError("not a form's own data")
    if channel and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", channel):
        raise ValueError("not a channel")
    return about, channel


def modal_in_channel(form: Form, channel: str) -> Json:
    """`modal`, for a form that is opened in a channel."""
    return modal(form) | {"private_metadata": json.dumps([form.metadata, channel])}


def shown_again(form: Form, channel: str) -> Json:
    """The reply to a submitted form that shows another one in its place."""
    return {"response_action": "update", "view": modal_in_channel(form, channel)}


def panel(head: Message, channel: str) -> Json:
    """An answer as a modal view of its own, over a form or in its place."""
    return {
        "type": "modal",
        "private_metadata": json.dumps(["", channel]),
        "title": plain_text(NAME, 24),
        "close": plain_text("Back", 24),
        "blocks": message(head)["blocks"],
    }


def following(form: Form | None, head: Message | None, channel: str) -> Json | None:
    """The reply to a submitted form that leads to another form, or to an answer in its place; None
    where it leads to neither."""
    if form:
        return shown_again(form, channel)
    return in_place(head, channel) if head else None


def in_place(head: Message, channel: str) -> Json:
    """The reply to a submitted form that shows an answer in its place."""
    return {"response_action": "update", "view": panel(head, channel)}


def errors(found: Mapping[str, str]) -> Json:
    """What is wrong with each answer, by field name -> the reply that keeps the form open."""
    return {"response_action": "errors", "errors": dict(found)}


def options(choices: Iterable[Choice]) -> list[Json]:
    """At most 100 choices, each value once, for a select or a block_suggestion. Slack accepts no
    value that is empty or longer than 150 characters: such a choice is left out."""
    kept: dict[str, Json] = {}
    for choice in choices:
        label, value = choice.label.strip() or choice.value, choice.value
        if value.strip() and len(value) <= 150:
            kept.setdefault(value, {"text": plain_text(label, 75), "value": value})
    return list(kept.values())[:100]


def _notes(notes: Iterable[str]) -> list[Json]:
    return rich_text([row for row in (text_row(note, 1_000) for note in notes) if row])


def _input(field: Field) -> Json:
    element = _element(field) | {"action_id": "zone" if field.kind == "zone" else field.name}
    found = {
        "type": "input",
        "block_id": field.name,
        "label": plain_text(field.label.strip() or field.name, 2_000),
        "optional": field.optional,
        "element": {name: value for name, value in element.items() if value not in (None, "", [])},
    }
    if field.hint.strip():
        found["hint"] = plain_text(field.hint, 2_000)
    return found


def _element(field: Field) -> Json:
    """The element of a field; the caller leaves out what is empty in it."""
    value = field.value
    match field.kind:
        case "number":
            start = value if re.fullmatch(r"[0-9]{1,15}", value) else ""
            return {"type": "number_input", "is_decimal_allowed": False, "initial_value": start}
        case "time":
            start = value if re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value) else ""
            return {"type": "timepicker", "initial_time": start}
        case "days":
            days = options(Choice(label=day.title(), value=day) for day in _DAYS)
            chosen = [day for day in days if day["value"] in value.split(",")]
            return {"type": "checkboxes", "options": days, "initial_options": chosen}
        case "zone":
            one = next(iter(options([Choice(label=value, value=value)])), None)
            return {"type": "external_select", "min_query_length": 1, "initial_option": one}
        case "channel":
            start = value if ID.fullmatch(value) else ""
            kinds = {"include": ["public", "private"], "exclude_bot_users": True}
            return {"type": "conversations_select", "filter": kinds, "initial_conversation": start}
        case "file":
            # Its list of file types is a convenience, by Slack's own words, and has to have names
            # that Slack knows: BibTeX is not among those in its reference.
            return {"type": "file_input", "max_files": 1}
        case "several" if groups := _groups(field.choices):
            chosen = [o for g in groups for o in g["options"] if o["value"] in value.split(",")]
            return {
                "type": "multi_static_select",
                "option_groups": groups,
                "initial_options": chosen,
            }
        case "choice" if known := options(field.choices):
            one = next((option for option in known if option["value"] == value), None)
            return {"type": "static_select", "options": known, "initial_option": one}
        case kind:  # text, and a choice without choices, which Slack would refuse
            start = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
            longest = _LONGEST if kind == "prose" else max(1_000, len(start))
            found = {"type": "plain_text_input", "multiline": kind == "prose"}
            return found | {"max_length": longest, "initial_value": start}


def _groups(choices: Iterable[Choice]) -> list[Json]:
    """Choices as a person searches them, each group under its name: at most 100 groups of 100."""
    grouped: dict[str, list[Choice]] = {}
    for choice in choices:
        grouped.setdefault(choice.group.strip() or NAME, []).append(choice)
    groups = [{"label": plain_text(n, 75), "options": options(g)} for n, g in grouped.items()]
    return [group for group in groups if group["options"]][:100]


def _answer(state: Mapping[str, Any]) -> str:
    match state["type"]:
        case "checkboxes":
            chosen = {option["value"] for option in state.get("selected_options") or ()}
            return ",".join(day for day in _DAYS if day in chosen)
        case "multi_static_select":
            return ",".join(option["value"] for option in state.get("selected_options") or ())
        case "static_select" | "external_select":
            found = (state.get("selected_option") or {}).get("value")
        case "timepicker":
            found = state.get("selected_time")
        case "file_input":
            found = ""  # `files` has it
        case "conversations_select":
            found = state.get("selected_conversation")
        case _:
            found = state.get("value")
    return found or ""
