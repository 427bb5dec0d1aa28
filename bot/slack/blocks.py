"""The parts that Slack's messages and forms are made of: texts within a weight, links, lists,
buttons; pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import accumulate
from typing import Any, Final, TypeAlias, TypeVar

from bot.domain.message import Button

Json: TypeAlias = dict[str, Any]
_T = TypeVar("_T")

PEOPLE: Final = 5  # named in a line; the others are counted
NAME: Final = "Paperboy"  # where a title is empty and Slack wants one
ID: Final = re.compile(r"[A-Z][A-Z0-9]+")
URL: Final = re.compile(r"https?://[^\s<>|\"]{1,1000}")
NEWLINE: Final = {"type": "text", "text": "\n"}


def weight(part: object) -> int:
    """The most Slack could count: bytes of JSON, with &, < and > escaped as Slack stores them."""
    packed = json.dumps(part, ensure_ascii=False, separators=(",", ":"))
    return len(escape(packed, quote=False).encode(errors="surrogatepass"))


def cut(text: str, limit: int) -> str:
    """The text with a weight of at most `limit` (4 or more): cut between words, ending in "…"."""
    text = text.strip()
    if weight(text) - 2 <= limit:  # without its quotation marks
        return text
    low, high = 0, min(len(text), limit)
    while low < high:  # the longest prefix that leaves room for "…"
        middle = (low + high + 1) // 2
        low, high = (middle, high) if weight(text[:middle]) + 1 <= limit else (low, middle - 1)
    words = text[:low].rpartition(" ")[0]
    return (words if len(words) > low // 2 else text[:low]).rstrip(" ,;:") + "…"


def fitting(parts: Sequence[_T], room: int, weigh: Callable[[_T], int] = weight) -> list[_T]:
    """The first parts, as many as fit into the room together."""
    return list(parts[: sum(total <= room for total in accumulate(map(weigh, parts)))])


def more_note(found: Sequence[object], shown: Sequence[object], where: str = "") -> str:
    """`+ 3 more`, or nothing when all are shown."""
    left = len(found) - len(shown)
    return f"+ {left} more{where}" if left else ""


def plain_text(text: str, limit: int) -> Json:
    return {"type": "plain_text", "text": cut(text, limit), "emoji": False}


def context_block(lines: Iterable[str], limit: int) -> list[Json]:
    """Small print in one block, if there is any."""
    text = "\n".join(line for line in lines if line.strip())
    return [{"type": "context", "elements": [plain_text(text, limit)]}] if text else []


def text_element(text: str, bold: bool = False) -> Json:
    return {"type": "text", "text": text} | ({"style": {"bold": True}} if bold else {})


def link(text: str, url: str, limit: int, bold: bool = False) -> list[Json]:
    """A link, the text alone without a valid address, or nothing without text."""
    text = cut(text, limit)
    if text and URL.fullmatch(url):
        return [text_element(text, bold) | {"type": "link", "url": url}]
    return [text_element(text, bold)] if text else []


def text_row(text: str, limit: int, *before: Json) -> list[Json]:
    """A line of rich_text, or nothing."""
    text = cut(text, limit)
    return [*before, text_element(text), NEWLINE] if text else []


def rich_text(rows: Sequence[list[Json]], last: str = "", lists: Sequence[Json] = ()) -> list[Json]:
    """Rows, then lists, then a last line as one block, if there are any. Each row ends in a
    newline; the last one of a section loses it."""
    parts = [[element for row in rows for element in row][:-1], text_row(last, 100)[:-1]]
    first, end = ({"type": "rich_text_section", "elements": part} for part in parts)
    found = [part for part in (first, *lists, end) if part["elements"]]
    return [{"type": "rich_text", "elements": found}] if found else []


def bullets(points: Sequence[list[Json]], style: str = "bullet") -> Json:
    """A list, each element of which is one row without a newline."""
    sections = [{"type": "rich_text_section", "elements": point} for point in points]
    return {"type": "rich_text_list", "style": style, "elements": sections}


def weight_in_list(point: list[Json]) -> int:
    """What a row adds to the weight of its list."""
    return weight({"type": "rich_text_section", "elements": point}) + len(",")


def ordered(points: Sequence[list[Json]]) -> Json:
    """As `bullets`, numbered."""
    return bullets(points, "ordered")


def preformatted(code: str) -> Json:
    """Lines as they are, to copy."""
    elements = [{"type": "text", "text": code}] if code.strip() else []
    return {"type": "rich_text_preformatted", "elements": elements}


def cut_lines(code: str, room: int) -> str:
    """The first lines, as many as fit into the room together."""
    return "\n".join(fitting(code.split("\n"), room, weight))


def actions(buttons: Sequence[Button], menu: Sequence[Button] = ()) -> list[Json]:
    """Buttons, 25 to a block, which is Slack's limit; a menu after the last one."""
    parts = [*map(_button, buttons), *_menu(menu)]
    rows = [parts[start : start + 25] for start in range(0, len(parts), 25)]
    return [{"type": "actions", "elements": row} for row in rows]


def _menu(buttons: Sequence[Button]) -> list[Json]:
    """At most five options; one that opens an address is left out where it has none."""
    options = []
    for button in buttons[:5]:
        label = plain_text(button.label.strip() or button.action, 75)
        option = {"text": label, "value": f"{button.action} {button.value}".strip()}
        if URL.fullmatch(button.url):
            option["url"] = button.url
        options.append(option)
    return [{"type": "overflow", "action_id": "menu", "options": options}] if options else []


def _button(button: Button) -> Json:
    label = plain_text(button.label.strip() or button.action, 75)
    found = {"type": "button", "action_id": button.action, "text": label}
    if button.value:
        found["value"] = button.value
    if URL.fullmatch(button.url):
        found["url"] = button.url
    if button.confirm.strip():
        found["confirm"] = {
            "title": plain_text(button.label.strip() or button.action, 100),
            "text": plain_text(button.confirm, 300),
            "confirm": plain_text("Yes", 30),
            "deny": plain_text("No", 30),
        }
    return found


def numbered(blocks: list[Json]) -> list[Json]:
    """The same blocks, each action_id unique: vote, vote#2, vote#3. Undone by `parse_pressed`."""
    seen: Counter[str] = Counter()
    for block in blocks:
        for button in block["elements"] if block["type"] == "actions" else ():
            seen[action := button["action_id"]] += 1
            button["action_id"] = action if seen[action] == 1 else f"{action}#{seen[action]}"
    return blocks
