"""What Slack would refuse of a message or a view: its documented limits, and the house's own."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from tests import TESTS

_SCHEMAS = TESTS.parents[1] / "shared" / "fixtures" / "slack"
SCHEMAS = {kind: _SCHEMAS / f"slack-{kind}.schema.json" for kind in ("blocks", "view")}

_ELEMENTS = {  # of a rich_text_section: what it must have
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
    "external_select",
    "conversations_select",
}


def broken_rules(found: dict[str, Any]) -> list[str]:
    """Every rule that a message ({blocks, text}), plain message or view breaks, in words."""
    return [*_whole(found), *_blocks(found.get("blocks", ())), *_by_the_sdk(found)]


def utf16_length(text: str) -> int:
    """As JavaScript counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def walk_objects(found: object) -> Iterator[dict[str, Any]]:
    """Every object in a payload, at any depth."""
    if isinstance(found, dict):
        yield found
        found = list(found.values())
    if isinstance(found, list | tuple):
        for each in found:
            yield from walk_objects(each)


def _whole(found: dict[str, Any]) -> Iterator[str]:
    blocks, view = found.get("blocks", ()), "type" in found
    if view and not 1 <= len(blocks) <= 100:
        yield f"a view of {len(blocks)} blocks"
    if view and found["type"] == "modal":
        yield from _text(found["title"], 24)
        yield from _text(found["submit"], 24)
        if len(found["private_metadata"]) > 3_000 or not 1 <= len(found["callback_id"]) <= 255:
            yield "too much to carry"
    if not view:
        yield from _message(found)
    for each in walk_objects(found):
        if each.get("type") == "mrkdwn":
            yield f"mrkdwn: {each}"
        if "" in each.values() and "private_metadata" not in each:
            yield f"something empty: {each}"
    for name in ("block_id", "action_id"):
        ids = [each[name] for each in walk_objects(found) if name in each]
        if len(ids) != len(set(ids)) or not all(1 <= utf16_length(id) <= 255 for id in ids):
            yield f"{name}: {ids}"


def _message(found: dict[str, Any]) -> Iterator[str]:
    text, blocks = found["text"], found.get("blocks")
    if not text.strip() or len(text) > 3_900:
        yield f"text of {len(text)} characters"
    if re.search(r"[<>]|&(?!amp;|lt;|gt;)", text):
        yield f"text with mark-up: {text}"
    if blocks is not None and not 1 <= len(blocks) <= 50:
        yield f"a message of {len(blocks)} blocks"
    weight = len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")).encode())
    if weight > 12_000:
        yield f"a message of {weight} bytes"


def _blocks(blocks: list[dict[str, Any]]) -> Iterator[str]:
    for block in blocks:
        match block["type"]:
            case "header":
                yield from _text(block["text"], 150)
            case "context":
                if not 1 <= len(block["elements"]) <= 10:
                    yield "context elements"
                for text in block["elements"]:
                    yield from _text(text, 3_000)
            case "rich_text":
                for section in block["elements"]:
                    yield from _section(section)
            case "actions":
                if not 1 <= len(block["elements"]) <= 25:
                    yield "actions"
                for button in block["elements"]:
                    yield from _button(button)
            case "input":
                yield from _input(block)
            case other:
                yield f"a block called {other}"


def _text(found: dict[str, Any], limit: int) -> Iterator[str]:
    if found["type"] != "plain_text" or found["emoji"] is not False:
        yield f"not plain: {found}"
    if not found["text"].strip() or utf16_length(found["text"]) > limit:
        yield f"{utf16_length(found['text'])} characters, {limit} fit: {found['text'][:50]}"


def _section(section: dict[str, Any]) -> Iterator[str]:
    if section["type"] != "rich_text_section" or not section["elements"]:
        yield f"not a section: {section}"
    for element in section["elements"]:
        if not element[_ELEMENTS[element["type"]]]:
            yield f"empty: {element}"
        if element["type"] == "link" and not re.match(r"https?://\S", element["url"]):
            yield f"no address: {element}"
        if element["type"] in ("user", "channel") and not re.fullmatch(
            "[A-Z0-9]+", element[_ELEMENTS[element["type"]]]
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
    if "options" in element:
        known = [option["value"] for option in element["options"]]
        most = 10 if element["type"] == "checkboxes" else 100
        if not 1 <= len(known) <= most or len(known) != len(set(known)):
            yield f"options: {known}"
    chosen = [element["initial_option"]] if "initial_option" in element else []
    chosen += element.get("initial_options", [])
    for option in [*element.get("options", ()), *chosen]:
        yield from _text(option["text"], 75)
        if not option["value"].strip() or len(option["value"]) > 150:
            yield f"value: {option}"
    if element["type"] != "external_select" and any(o not in element["options"] for o in chosen):
        yield f"chosen, but no option: {chosen}"
    if element["type"] == "plain_text_input" and not (
        len(element.get("initial_value", "")) <= element["max_length"] <= 3_000
    ):
        yield f"too long: {element}"


def _by_the_sdk(found: dict[str, Any]) -> Iterator[str]:
    """What slack_sdk's models refuse, or do not know. They change what they are given."""
    given = copy.deepcopy(found)
    try:
        if "type" in found:
            seen = View(**given).to_dict()["blocks"]
        else:
            seen = [block.to_dict() for block in Block.parse_all(given.get("blocks"))]
    except (SlackObjectFormationError, TypeError) as error:
        yield f"slack_sdk: {error}"
        return
    if seen != list(found.get("blocks", ())):
        yield f"slack_sdk sees something else: {seen}"


def draw_slack(found: dict[str, Any]) -> str:
    """Roughly what a person sees: small print is indented, links end in an arrow."""
    rows = [f"== {found['title']['text']} =="] if "title" in found else []
    for block in found["blocks"]:
        rows += [row.rstrip() for row in _drawn(block).split("\n")]
    if "submit" in found:
        rows.append(f"[ {found['submit']['text']} ]")
    return "\n".join(rows) + "\n"


def _drawn(block: dict[str, Any]) -> str:
    match block["type"]:
        case "header":
            return f"== {block['text']['text']} =="
        case "context":
            return "\n".join(f"   {row}" for row in block["elements"][0]["text"].split("\n"))
        case "rich_text":
            return "".join(map(_inline, block["elements"][0]["elements"]))
        case "actions":
            texts = [e["text"]["text"] + " ↗" * ("url" in e) for e in block["elements"]]
            return "   " + " ".join(f"[ {text} ]" for text in texts)
        case _:
            return _asked(block)


def _inline(element: dict[str, Any]) -> str:
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


def _asked(block: dict[str, Any]) -> str:
    element = block["element"]
    if element["type"] == "checkboxes":
        chosen = element.get("initial_options", [])
        boxes = [
            ("[x] " if o in chosen else "[ ] ") + o["text"]["text"] for o in element["options"]
        ]
        inside = "  ".join(boxes)
    else:
        start = [value for name, value in element.items() if name.startswith("initial_")]
        text = start[0]["text"]["text"] if start and isinstance(start[0], dict) else "".join(start)
        inside = f"[ {text:<30} ]".replace("\n", "\n     ")
    optional = " (optional)" if block["optional"] else ""
    hint = f"\n   {block['hint']['text']}" if "hint" in block else ""
    return f"{block['label']['text']}{optional}\n   {inside}{hint}"


def unchanged_submission(view: dict[str, Any]) -> dict[str, Any]:
    """The view of a view_submission when nothing was changed in the form."""
    values: dict[str, Any] = {}
    for block in view["blocks"]:
        element = block["element"]
        kind = element["type"]
        state: dict[str, Any] = {"type": kind}
        if kind == "checkboxes":
            state["selected_options"] = element.get("initial_options", [])[::-1]
        elif kind in ("static_select", "external_select"):
            state["selected_option"] = element.get("initial_option")
        elif kind == "timepicker":
            state["selected_time"] = element.get("initial_time")
        elif kind == "conversations_select":
            state["selected_conversation"] = element.get("initial_conversation")
        else:
            state["value"] = element.get("initial_value")
        values[block["block_id"]] = {element["action_id"]: state}
    return {"state": {"values": values}}
