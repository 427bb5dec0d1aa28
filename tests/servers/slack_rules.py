"""What Slack would refuse of a message or a view, by its documented limits and our stricter ones; a
sketch of either; and what comes back of a form that nobody changed."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from tests import external_file

# Slack's own schemas; they are not part of the project.
SCHEMAS = {
    kind: external_file(f"fixtures/slack/slack-{kind}.schema.json") for kind in ("blocks", "view")
}

_REQUIRED_FIELDS = {  # of an element of a rich_text_section, by its type
    "text": "text",
    "link": "url",
    "user": "user_id",
    "channel": "channel_id",
    "emoji": "name",
}
_INPUTS = {
    "plain_text_input",
    "number_input",
    "timepicker",
    "checkboxes",
    "static_select",
    "multi_static_select",
    "external_select",
    "conversations_select",
    "file_input",
}


def broken_rules(payload: dict[str, Any]) -> list[str]:
    """Every rule that a message ({blocks, text}), plain message or view breaks, in words."""
    return [*_payload(payload), *_blocks(payload.get("blocks", ())), *_sdk_errors(payload)]


def utf16_length(text: str) -> int:
    """The length as JavaScript counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def walk_objects(payload: object) -> Iterator[dict[str, Any]]:
    """Every object in a payload, at any depth."""
    if isinstance(payload, dict):
        yield payload
        payload = list(payload.values())
    if isinstance(payload, list | tuple):
        for each in payload:
            yield from walk_objects(each)


def _modal(view: dict[str, Any]) -> Iterator[str]:
    """What takes answers has a button that sends them."""
    yield from _text(view["title"], 24)
    if any(block["type"] == "input" for block in view["blocks"]):
        yield from _text(view["submit"], 24)
        if not 1 <= len(view["callback_id"]) <= 255:
            yield "callback_id too long"
    if len(view.get("private_metadata", "")) > 3_000:
        yield "private_metadata too long"


def _payload(payload: dict[str, Any]) -> Iterator[str]:
    blocks, view = payload.get("blocks", ()), "type" in payload
    if view and not 1 <= len(blocks) <= 100:
        yield f"a view of {len(blocks)} blocks"
    if view and payload["type"] == "modal":
        yield from _modal(payload)
    if not view:
        yield from _message(payload)
    for each in walk_objects(payload):
        if each.get("type") == "mrkdwn":
            yield f"mrkdwn: {each}"
        if "" in each.values() and "private_metadata" not in each:
            yield f"something empty: {each}"
    for name in ("block_id", "action_id"):
        ids = [each[name] for each in walk_objects(payload) if name in each]
        if len(ids) != len(set(ids)) or not all(1 <= utf16_length(id) <= 255 for id in ids):
            yield f"{name}: {ids}"


def _message(payload: dict[str, Any]) -> Iterator[str]:
    text, blocks = payload["text"], payload.get("blocks")
    if not text.strip() or len(text) > 3_900:
        yield f"text of {len(text)} characters"
    mention = re.match(r"<@([A-Z0-9]+)> ", text)
    if mention and f'"user_id": "{mention[1]}"' in json.dumps(blocks):
        text = text[mention.end() :]  # the one person whom the message is for
    if re.search(r"[<>]|&(?!amp;|lt;|gt;)", text):
        yield f"text with mark-up: {text}"
    if blocks is not None and not 1 <= len(blocks) <= 50:
        yield f"a message of {len(blocks)} blocks"
    weight = len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")).encode())
    if weight > 12_000:
        yield f"a message of {weight} bytes"


def _blocks(blocks: list[dict[str, Any]]) -> Iterator[str]:
    rules = {"header": _header, "context": _context, "actions": _actions, "input": _input}
    for block in blocks:
        if block["type"] == "rich_text":
            yield from _rich_text(block)
        elif rule := rules.get(block["type"]):
            yield from rule(block)
        else:
            yield f"a block called {block['type']}"


def _header(block: dict[str, Any]) -> Iterator[str]:
    yield from _text(block["text"], 150)


def _context(block: dict[str, Any]) -> Iterator[str]:
    if not 1 <= len(block["elements"]) <= 10:
        yield "context elements"
    for text in block["elements"]:
        yield from _text(text, 3_000)


def _rich_text(block: dict[str, Any]) -> Iterator[str]:
    if not block["elements"]:
        yield "empty rich_text"
    for part in block["elements"]:
        if part["type"] == "rich_text_list":
            if not part["elements"] or part["style"] not in ("ordered", "bullet"):
                yield f"not a list: {part}"
            for section in part["elements"]:
                yield from _section(section)
        elif part["type"] == "rich_text_preformatted":
            if any(set(element) != {"type", "text"} for element in part["elements"]):
                yield f"not preformatted: {part}"
            yield from _section(part | {"type": "rich_text_section"})
        else:
            yield from _section(part)


def _actions(block: dict[str, Any]) -> Iterator[str]:
    if not 1 <= len(block["elements"]) <= 25:
        yield "actions"
    for element in block["elements"]:
        yield from _overflow(element) if element["type"] == "overflow" else _button(element)


def _overflow(element: dict[str, Any]) -> Iterator[str]:
    """docs.slack.dev, "Overflow menu element" and "Option object"."""
    options = element["options"]
    values = [option["value"] for option in options]
    if not 1 <= len(options) <= 5 or len(values) != len(set(values)):
        yield f"options: {values}"
    for option in options:
        yield from _text(option["text"], 75)
        if not 1 <= utf16_length(option["value"]) <= 150:
            yield f"value: {option}"
        if "url" in option and not re.match(r"https?://\S{1,2990}$", option["url"]):
            yield f"no address: {option}"


def _text(part: dict[str, Any], limit: int) -> Iterator[str]:
    if part["type"] != "plain_text" or part["emoji"] is not False:
        yield f"not plain: {part}"
    if not part["text"].strip() or utf16_length(part["text"]) > limit:
        yield f"{utf16_length(part['text'])} characters, {limit} fit: {part['text'][:50]}"


def _section(section: dict[str, Any]) -> Iterator[str]:
    if section["type"] != "rich_text_section" or not section["elements"]:
        yield f"not a section: {section}"
    for element in section["elements"]:
        if not element[_REQUIRED_FIELDS[element["type"]]]:
            yield f"empty: {element}"
        if element["type"] == "link" and not re.match(r"https?://\S", element["url"]):
            yield f"no address: {element}"
        if element["type"] in ("user", "channel") and not re.fullmatch(
            "[A-Z0-9]+", element[_REQUIRED_FIELDS[element["type"]]]
        ):
            yield f"no id: {element}"


def _button(button: dict[str, Any]) -> Iterator[str]:
    yield from _text(button["text"], 75)
    if utf16_length(button.get("value", "")) > 2_000:
        yield "a value too long"
    if "url" in button and not re.match(r"https?://\S{1,2990}$", button["url"]):
        yield f"no address: {button}"


def _input(block: dict[str, Any]) -> Iterator[str]:
    element = block["element"]
    yield from _text(block["label"], 2_000)
    if "hint" in block:
        yield from _text(block["hint"], 2_000)
    if element["type"] not in _INPUTS:
        yield f"an element called {element['type']}"
    if element["type"] == "file_input" and not 1 <= element["max_files"] <= 10:
        yield f"files: {element['max_files']}"
    if "options" in element:
        values = [option["value"] for option in element["options"]]
        most = 10 if element["type"] == "checkboxes" else 100
        if not 1 <= len(values) <= most or len(values) != len(set(values)):
            yield f"options: {values}"
    chosen = [element["initial_option"]] if "initial_option" in element else []
    chosen += element.get("initial_options", [])
    grouped = [option for group in element.get("option_groups", ()) for option in group["options"]]
    yield from _groups(element.get("option_groups", ()))
    for option in [*element.get("options", ()), *grouped, *chosen]:
        yield from _text(option["text"], 75)
        if not option["value"].strip() or len(option["value"]) > 150:
            yield f"value: {option}"
    known = element.get("options", grouped)
    if element["type"] != "external_select" and any(o not in known for o in chosen):
        yield f"chosen, but no option: {chosen}"
    if element["type"] == "plain_text_input" and not (
        len(element.get("initial_value", "")) <= element["max_length"] <= 3_000
    ):
        yield f"too long: {element}"


def _groups(groups: list[dict[str, Any]]) -> Iterator[str]:
    if len(groups) > 100:
        yield "more than 100 groups"
    for group in groups:
        yield from _text(group["label"], 75)
        if not 1 <= len(group["options"]) <= 100:
            yield f"a group of {len(group['options'])} options"


def _sdk_errors(payload: dict[str, Any]) -> Iterator[str]:
    """What slack_sdk's models refuse or do not know. They change their argument."""
    copied = copy.deepcopy(payload)
    try:
        if "type" in payload:
            parsed = View(**copied).to_dict()["blocks"]
        else:
            parsed = [block.to_dict() for block in Block.parse_all(copied.get("blocks"))]
    except (SlackObjectFormationError, TypeError) as error:
        yield f"slack_sdk: {error}"
        return
    if parsed != list(payload.get("blocks", ())):
        yield f"slack_sdk sees something else: {parsed}"


def draw_slack(payload: dict[str, Any]) -> str:
    """Roughly what a person sees: small print is indented, links end in an arrow."""
    rows = [f"== {payload['title']['text']} =="] if "title" in payload else []
    for block in payload["blocks"]:
        rows += [row.rstrip() for row in _draw_block(block).split("\n")]
    if "submit" in payload:
        rows.append(f"[ {payload['submit']['text']} ]")
    return "\n".join(rows) + "\n"


def _draw_block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "header":
            return f"== {block['text']['text']} =="
        case "context":
            return "\n".join(f"   {row}" for row in block["elements"][0]["text"].split("\n"))
        case "rich_text":
            return "\n".join(map(_draw_rich_text, block["elements"]))
        case "actions":
            return "   " + " ".join(f"[ {_draw_pressable(each)} ]" for each in block["elements"])
        case _:
            return _draw_input(block)


def _draw_rich_text(part: dict[str, Any]) -> str:
    """A section, or a list whose points have their other lines below their words."""
    if part["type"] != "rich_text_list":
        text = "".join(map(_draw_element, part["elements"]))
        return f"```\n{text}\n```" if part["type"] == "rich_text_preformatted" else text
    rows = []
    for number, point in enumerate(part["elements"], 1):
        mark = f"{number}." if part["style"] == "ordered" else "•"
        text = "".join(map(_draw_element, point["elements"]))
        rows.append(f"{mark} {text}".replace("\n", "\n" + " " * (len(mark) + 1)))
    return "\n".join(rows)


def _draw_pressable(element: dict[str, Any]) -> str:
    """A button, or a menu with what opens from it."""
    if element.get("type") == "overflow":
        return f"⋯ {', '.join(map(_draw_pressable, element['options']))}"
    return str(element["text"]["text"]) + " ↗" * ("url" in element)


def _draw_element(element: dict[str, Any]) -> str:
    match element["type"]:
        case "link":
            return f"{element['text']} ↗"
        case "user":
            return f"@{element['user_id']}"
        case "channel":
            return f"#{element['channel_id']}"
        case "emoji":
            return "⚠" if element["name"] == "warning" else f":{element['name']}:"
        case _:
            return str(element["text"])


def _draw_input(block: dict[str, Any]) -> str:
    element = block["element"]
    if element["type"] == "file_input":
        inside = "[ Add file ]"
    elif element["type"] == "checkboxes":
        chosen = element.get("initial_options", [])
        boxes = [
            ("[x] " if o in chosen else "[ ] ") + o["text"]["text"] for o in element["options"]
        ]
        inside = "  ".join(boxes)
    else:
        start = [value for name, value in element.items() if name.startswith("initial_")]
        if start and isinstance(start[0], list):
            text = ", ".join(option["text"]["text"] for option in start[0])
        elif start and isinstance(start[0], dict):
            text = start[0]["text"]["text"]
        else:
            text = "".join(start)
        inside = f"[ {text:<30} ]".replace("\n", "\n     ")
    optional = " (optional)" if block["optional"] else ""
    hint = f"\n   {block['hint']['text']}" if "hint" in block else ""
    return f"{block['label']['text']}{optional}\n   {inside}{hint}"


def unchanged_submission(view: dict[str, Any]) -> dict[str, Any]:
    """The `view` of a view_submission when a person changes nothing in the form."""
    values: dict[str, Any] = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        kind = element["type"]
        state: dict[str, Any] = {"type": kind}
        if kind == "multi_static_select":
            state["selected_options"] = element.get("initial_options", [])
        elif kind == "checkboxes":
            state["selected_options"] = element.get("initial_options", [])[::-1]
        elif kind in ("static_select", "external_select"):
            state["selected_option"] = element.get("initial_option")
        elif kind == "timepicker":
            state["selected_time"] = element.get("initial_time")
        elif kind == "conversations_select":
            state["selected_conversation"] = element.get("initial_conversation")
        elif kind == "file_input":
            state["files"] = []
        else:
            state["value"] = element.get("initial_value")
        values[block["block_id"]] = {element["action_id"]: state}
    return {"state": {"values": values}}
