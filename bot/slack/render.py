"""Messages -> Slack's blocks, and a pressed button -> its action and value; pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import accumulate
from typing import Any, Final, TypeAlias, TypeVar

from bot.domain.message import Button, Card, CommandLine, Item, Message, PaperLine, Post

_LINES: Final = 20  # papers named in a parent message; the rest are in its thread
_PLAIN: Final = 3_900  # Slack advises at most 4,000 characters in `text`
# At most so many blocks, and their weight. Slack answers msg_blocks_too_long somewhere above 12,000
# characters and counts the JSON, not only the text (bolt-js issues 2509 and 2867); 300 are kept for
# saying how much is left out. No such limit was found for views.
_MESSAGE: Final = (50, 11_700)
_VIEW: Final = (100, 60_000)

_WARNING: Final = {"type": "emoji", "name": "warning"}


def message(post: Post) -> Json:
    """`blocks` and `text` for chat.postMessage, chat.update or a response_url.

    Any post keeps Slack's limits: long texts end in "…", and what does not fit is counted. `text`
    is for notifications and screen readers.
    """
    if isinstance(post, Card):
        novelty = "" if post.novelty is None else f", novelty {post.novelty}"
        said = [f"{post.rank}. {cut(post.title, 200) or post.url}"]
        said.append(f"relevance {post.relevance}{novelty}")  # no bars, which would be read out
        blocks = _card(post)
    else:
        said = [post.title.strip() or NAME, *post.notices[:1], *post.text[:1]]
        blocks = _head(post, [], *_MESSAGE)
    summary = " — ".join(part for part in said if part.strip())
    return {"blocks": numbered(blocks), "text": escape(cut(summary, 300), quote=False)}


def plain(post: Post) -> Json:
    """The post as text alone, for when Slack answers invalid_blocks: at most 3,900 characters,
    with addresses written out and nobody mentioned. What does not fit is counted."""
    rows = _card_rows(post) if isinstance(post, Card) else _head_rows(post)
    rows = [text for text in (cut(text, 3_000) for text in rows) if text] or [NAME]
    kept = fitting(rows, _PLAIN - 40)
    lines = [*kept, *filter(None, [more_note(rows, kept)])]
    return {"text": escape("\n".join(lines), quote=False), "mrkdwn": False}


def home(head: Message) -> Json:
    """A Home tab."""
    top = {"type": "header", "text": plain_text(head.title.strip() or NAME, 150)}
    return {"type": "home", "blocks": numbered(_head(head, [top], *_VIEW))}


def parse_pressed(action: Mapping[str, Any]) -> tuple[str, str]:
    """One of a block_actions payload's `actions` -> the Button's action and value. Slack sends a
    button with a url, too (a card's PDF as "pdf")."""
    return action["action_id"].partition("#")[0], action.get("value") or ""


def _card(card: Card) -> list[Json]:
    title = link(card.title.strip() or card.url, card.url, 300, bold=True)
    first = [text_element(f"{card.rank}. ", bold=True), *title]
    buttons = card.buttons
    if buttons and URL.fullmatch(card.pdf):
        buttons += (Button(action="pdf", label="PDF", url=card.pdf),)
    elif URL.fullmatch(card.pdf):
        first += [text_element(" · "), *link("PDF", card.pdf, 10)]
    return [
        *rich_text([[*first, NEWLINE]]),
        *context_block([" · ".join(_scores(card)), cut(card.authors, 800)], 1_200),
        *rich_text([text_row(card.comment, 2_000)]),
        *context_block([card.abstract], 3_000),
        *actions(buttons),
    ]


def _scores(card: Card) -> list[str]:
    said = [f"Relevance {card.relevance} {_bar(card.relevance)}"]
    if card.novelty is not None:
        said.append(f"Novelty {card.novelty} {_bar(card.novelty)}")
    return [*said, cut(card.facts, 200)] if card.facts.strip() else said


def _bar(score: int) -> str:
    return "●" * score + "○" * (10 - score)


def _head(head: Message, top: list[Json], most: int, room: int) -> list[Json]:
    """When room is short, papers get half of it, then text comes before items."""
    title = [] if top else [text_element(cut(head.title, 300) or NAME, bold=True)]
    if ID.fullmatch(head.by):
        gap = [text_element(" ")] if title else []
        title = [{"type": "user", "user_id": head.by}, *gap, *title]
    end = [*context_block(head.small, 1_000), *actions(head.buttons)]
    papers = fitting([_line(line) for line in head.lines[:_LINES]], room // 2)
    rows = [text_row(notice, 500, _WARNING, text_element(" ")) for notice in head.notices]
    rows = [each for each in (*rows, *(text_row(text, 2_400) for text in head.text)) if each]
    rows += map(_command, head.commands)
    room -= weight([top, title, papers, end])
    said = fitting(rows, room)
    blocks = [
        *top,
        *rich_text([[*title, NEWLINE] if title else [], *said], more_note(rows, said)),
        *rich_text(papers, more_note(head.lines, papers, " in the thread")),
    ]
    groups = [group for group in map(_item, head.items) if group]
    # One block is kept for saying how many there are more.
    items = fitting(fitting(groups, room - weight(said)), most - len(blocks + end) - 1, len)
    blocks += [block for group in items for block in group]
    return [*blocks, *context_block([more_note(groups, items)], 100), *end]


def _line(line: PaperLine) -> list[Json]:
    scores = _digits(line.relevance)
    if line.novelty is not None:
        scores += f" · {_digits(line.novelty)}"
    title = link(line.title.strip() or line.url, line.url, 150)
    return [text_element(f"{_digits(line.rank)}  {scores}  "), *title, NEWLINE]


def _digits(number: int) -> str:
    # Figure spaces are as wide as a digit, so that the columns stay straight.
    return f"{number:\u2007>2}"


def _command(line: CommandLine) -> list[Json]:
    typed = cut(f"/{line.word} {line.arguments}", 200)
    code = {"type": "text", "text": typed, "style": {"code": True}}
    return [code, *([text_element(f" {cut(line.does, 300)}")] if line.does else []), NEWLINE]


def _item(item: Item) -> list[Json]:
    title = cut(item.title, 300)
    first = [text_element(title, bold=True)] if title else []
    if ID.fullmatch(item.channel):
        gap = [text_element(" · ")] if title else []
        first += [*gap, {"type": "channel", "channel_id": item.channel}]
    return [
        *rich_text([[*first, NEWLINE]] if first else []),
        *context_block(item.small, 1_000),
        *actions(item.buttons),
    ]


def _card_rows(card: Card) -> list[str]:
    rows = [f"{card.rank}. {card.title}", card.url, " · ".join(_scores(card)), card.authors]
    return [*rows, card.comment, card.abstract, f"PDF {card.pdf}" if card.pdf else ""]


def _head_rows(head: Message) -> list[str]:
    rows = [f"{head.by} {head.title}", *(f"⚠ {notice}" for notice in head.notices), *head.text]
    rows += [f"/{line.word} {line.arguments} — {line.does}" for line in head.commands]
    for line in head.lines[:_LINES]:
        novelty = "" if line.novelty is None else f" · {line.novelty}"
        rows.append(f"{line.rank}. {line.relevance}{novelty} {cut(line.title, 150)} {line.url}")
    rows.append(more_note(head.lines, head.lines[:_LINES], " in the thread"))
    for item in head.items:
        rows += [f"{item.title} {item.channel}", *item.small]
    links = [f"{button.label} {button.url}" for button in head.buttons if button.url]
    return [*rows, *head.small, *links]


Json: TypeAlias = dict[str, Any]
_T = TypeVar("_T")

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


def rich_text(rows: Sequence[list[Json]], last: str = "") -> list[Json]:
    """Rows as one block, if there are any. Each ends in a newline; the last one loses it."""
    elements = [element for each in (*rows, text_row(last, 100)) for element in each][:-1]
    section = {"type": "rich_text_section", "elements": elements}
    return [{"type": "rich_text", "elements": [section]}] if elements else []


def actions(buttons: Sequence[Button]) -> list[Json]:
    """Buttons, 25 to a block, which is Slack's limit."""
    rows = [buttons[start : start + 25] for start in range(0, len(buttons), 25)]
    return [{"type": "actions", "elements": list(map(_button, row))} for row in rows]


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
