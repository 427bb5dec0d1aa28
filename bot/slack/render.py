"""Messages -> Slack's blocks, and a pressed button -> its action and value; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from html import escape
from typing import Any, Final

from bot.domain.message import (
    Card,
    CommandLine,
    Item,
    Message,
    PaperLine,
    PaperList,
    People,
    Post,
)
from bot.slack.blocks import (
    ID,
    NAME,
    NEWLINE,
    PEOPLE,
    URL,
    Json,
    actions,
    bullets,
    context_block,
    cut,
    cut_lines,
    fitting,
    link,
    more_note,
    numbered,
    ordered,
    plain_text,
    preformatted,
    rich_text,
    text_element,
    text_row,
    weight,
    weight_in_list,
)

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
    return dict(_message(post))


@lru_cache(maxsize=1 << 9)
def _message(post: Post) -> Json:
    """Once for all channels that get the same: nobody changes it."""
    if isinstance(post, Card):
        blocks, said = _card(post), _card_summary(post)
    else:
        blocks, said = _head(post, [], *_MESSAGE), _head_summary(post)
    return {"blocks": numbered(blocks), "text": _to(post) + escape(cut(said, 300), quote=False)}


def _to(post: Post) -> str:
    """The one person whom a message is for; all else in its text is escaped."""
    return f"<@{post.to}> " if isinstance(post, Message) and ID.fullmatch(post.to) else ""


def _card_summary(card: Card) -> str:
    said = [f"{_number(card)}{cut(card.title, 160) or card.url}", card.shows or card.comment]
    return f"{_joined(said, ' — ')} ({_scores(card)})"


def _head_summary(head: Message) -> str:
    if head.push.strip():
        return head.push
    title = head.title.strip() or (head.paper.label.strip() if head.paper else "") or NAME
    return _joined([title, *head.notices[:1], *head.text[:1]], " — ")


def _joined(parts: Iterable[str], by: str) -> str:
    return by.join(part.strip() for part in parts if part.strip())


def plain(post: Post) -> Json:
    """The post as text alone, for when Slack answers invalid_blocks: at most 3,900 characters,
    with addresses written out and nobody mentioned. What does not fit is counted."""
    rows = _card_rows(post) if isinstance(post, Card) else _head_rows(post)
    rows = [text for text in (cut(text, 3_000) for text in rows) if text] or [NAME]
    kept = fitting(rows, _PLAIN - 40)
    lines = [*kept, *filter(None, [more_note(rows, kept)])]
    return {"text": (to := _to(post)) + escape("\n".join(lines), quote=False), "mrkdwn": bool(to)}


def home(head: Message) -> Json:
    """A Home tab."""
    top = {"type": "header", "text": plain_text(head.title.strip() or NAME, 150)}
    return {"type": "home", "blocks": numbered(_head(head, [top], *_VIEW))}


def parse_pressed(action: Mapping[str, Any]) -> tuple[str, str]:
    """One of a block_actions payload's `actions` -> the Button's action and value, also of one in
    a menu. Slack sends a button with a url, too (a card's PDF as "pdf")."""
    if action.get("type") == "overflow":
        chosen = str((action.get("selected_option") or {}).get("value") or "")
        return chosen.partition(" ")[0], chosen.partition(" ")[2]
    return action["action_id"].partition("#")[0], action.get("value") or ""


def parse_paper(element: Mapping[str, Any]) -> str | None:
    """What a Why button would carry, where an element of a message has one; also in a menu."""
    options = element.get("options") or () if element.get("type") == "overflow" else ()
    chosen = [{**element, "selected_option": option} for option in options] or [dict(element)]
    for name, value in map(parse_pressed, chosen if element.get("action_id") else ()):
        if name == "why":
            return value
    return None


def _card(card: Card) -> list[Json]:
    title = link(card.title.strip() or card.url, card.url, 300, bold=True)
    number = _number(card)
    first = [*([text_element(number, bold=True)] if number else []), *title]
    if not card.buttons and URL.fullmatch(card.pdf):
        first += [text_element(" · "), *link("PDF", card.pdf, 10)]
    byline = _joined([_scores(card), cut(card.byline or _facts(card), 500)], " · ")
    return [
        *rich_text([[*first, NEWLINE], text_row(card.shows, 2_000), _elsewhere(card)]),
        *context_block([cut(card.comment, 2_000), byline], 2_800),
        *actions(card.buttons, card.menu),
    ]


def _elsewhere(card: Card) -> list[Json]:
    """Slack shows a channel's name to those alone who may see it."""
    if card.elsewhere is None or not ID.fullmatch(card.elsewhere.channel):
        return []
    channel = {"type": "channel", "channel_id": card.elsewhere.channel}
    there = link(card.elsewhere.link.label, card.elsewhere.link.url, 100)
    return [text_element(f"{card.elsewhere.words} "), channel, text_element(", "), *there, NEWLINE]


def _facts(card: Card) -> str:
    return _joined([card.facts, card.authors], " · ")


def _number(card: Card) -> str:
    return "" if card.rank is None else f"{card.rank}. "


def _scores(card: Card) -> str:
    return _joined([card.mark, score_words(card.relevance, card.novelty)], " · ")


def score_words(relevance: int | None, novelty: int | None) -> str:
    """`relevance 10 · novelty 9`, or nothing for a paper without a score."""
    if relevance is None:
        return ""
    return f"relevance {relevance}" + (f" · novelty {novelty}" if novelty is not None else "")


def _head(head: Message, top: list[Json], most: int, room: int) -> list[Json]:
    """When room is short, papers get half of it, then text comes before items."""
    end = [*context_block(head.small, 1_000), *actions(head.buttons)]
    lines = [_line(line, n == 0) for n, line in enumerate(head.lines[:_LINES])]
    papers = fitting(lines, room // 2, weight_in_list)
    below = _others(head.others, room // 2 - sum(map(weight_in_list, papers)))
    rows = [text_row(notice, 500, _WARNING, text_element(" ")) for notice in head.notices]
    rows = [each for each in (*rows, *(text_row(text, 2_400) for text in head.text)) if each]
    rows += map(_command, head.commands)
    title = _title(head, bool(top))
    room -= weight([top, title, ordered(papers), below, end, bullets([]), preformatted(" ")])
    said = fitting(rows, room)
    room -= weight(said)
    found = _points(head.points)
    points = fitting(found, room, weight_in_list)
    room -= sum(map(weight_in_list, points))
    code = cut_lines(head.code, room)
    blocks = [
        *top,
        *rich_text(
            [*title, *said],
            more_note([*rows, *found], [*said, *points]),
            lists=[bullets(points), preformatted(code)],
        ),
        *rich_text([], more_note(head.lines, papers, " in the thread"), [ordered(papers)]),
        *below,
    ]
    groups = [group for group in map(_item, head.items) if group]
    # One block is kept for saying how many there are more.
    items = fitting(fitting(groups, room - weight(code)), most - len(blocks + end) - 1, len)
    blocks += [block for group in items for block in group]
    return [*blocks, *context_block([more_note(groups, items)], 100), *end]


def _others(found: PaperList | None, room: int) -> list[Json]:
    """Papers under their label, which is a block of its own."""
    if found is None:
        return []
    lines = [_line(line, is_first=False) for line in found.lines[:_LINES]]
    shown = fitting(lines, room, weight_in_list)
    left = more_note(found.lines, shown, " in the thread")
    return rich_text([text_row(found.label, 300)], left, [bullets(shown)])


def _title(head: Message, is_shown: bool) -> list[list[Json]]:
    """Who did it, the title in bold, and the paper below it or in its place."""
    first = [] if is_shown else [text_element(cut(head.title, 300), bold=True)]
    paper = head.paper
    title = (
        link(paper.label.strip() or paper.url, paper.url, 300, bold=not head.title) if paper else []
    )
    if not head.title.strip():
        first, title = title or ([] if is_shown else [text_element(NAME, bold=True)]), []
    if ID.fullmatch(head.to or head.by):
        gap = [text_element(" ")] if first else []
        first = [{"type": "user", "user_id": head.to or head.by}, *gap, *first]
    return [[*row, NEWLINE] for row in (first, title) if row]


def _line(line: PaperLine, is_first: bool) -> list[Json]:
    """An element of a list; the first one says what its scores are."""
    scores = score_words(line.relevance, line.novelty).replace(" ", "\u00a0")
    if not is_first:
        scores = re.sub(r"[a-z]+\s", "", scores)
    title = link(line.title.strip() or line.url, line.url, 150)
    shows = text_row(line.shows, 400, NEWLINE)[:-1]
    return [*title, *([text_element(f" ({scores})")] if scores else []), *shows]


def _points(points: Iterable[str]) -> list[list[Json]]:
    return [[text_element(cut(point, 1_500))] for point in points if point.strip()]


def _command(line: CommandLine) -> list[Json]:
    typed = cut(f"/{line.word} {line.arguments}", 200)
    code = {"type": "text", "text": typed, "style": {"code": True}}
    return [code, *([text_element(f" {cut(line.does, 300)}")] if line.does else []), NEWLINE]


def _item(item: Item) -> list[Json]:
    title = cut(item.title, 300)
    first = link(title, item.url, 300, bold=True) if title else []
    if ID.fullmatch(item.channel):
        gap = [text_element(" · ")] if title else []
        first += [*gap, {"type": "channel", "channel_id": item.channel}]
    if ID.fullmatch(item.by):
        first += [text_element(" · "), {"type": "user", "user_id": item.by}]
    rows = [[*first, NEWLINE] if first else [], *(text_row(text, 1_000) for text in item.text)]
    rows += map(_people, item.people)
    return [
        *rich_text([row for row in rows if row], lists=[bullets(_points(item.points))]),
        *context_block(item.small, 1_000),
        *actions(item.buttons),
    ]


def _people(people: People) -> list[Json]:
    """`Read by @Ada, @Alan`, the first few; nothing where nobody is named."""
    ids = [id for id in people.ids if ID.fullmatch(id)]
    if not ids:
        return []
    row = [text_element(cut(people.label, 100))]
    for n, id in enumerate(ids[:PEOPLE]):
        row += [text_element(", " if n else " "), {"type": "user", "user_id": id}]
    left = more_note(ids, ids[:PEOPLE])
    return [*row, *([text_element(f" {left}")] if left else []), NEWLINE]


def _card_rows(card: Card) -> list[str]:
    rows = [f"{_number(card)}{card.title}", card.url, card.shows, card.comment]
    rows += [_joined([_scores(card), card.facts], " · "), card.authors, card.abstract]
    if card.elsewhere:
        rows.append(f"{card.elsewhere.words} another channel: {card.elsewhere.link.url}")
    return [*rows, f"PDF {card.pdf}" if card.pdf else ""]


def _head_rows(head: Message) -> list[str]:
    rows = [f"{head.by} {head.title}", *([head.paper.label, head.paper.url] if head.paper else [])]
    rows += [*(f"⚠ {notice}" for notice in head.notices), *head.text, *head.points, head.code]
    rows += [f"/{line.word} {line.arguments} — {line.does}" for line in head.commands]
    for line in head.lines[:_LINES]:
        novelty = "" if line.novelty is None else f" · {line.novelty}"
        rows.append(f"{line.rank}. {line.relevance}{novelty} {cut(line.title, 150)} {line.url}")
    rows.append(more_note(head.lines, head.lines[:_LINES], " in the thread"))
    if head.others:
        shown = head.others.lines[:_LINES]
        rows += [head.others.label, *(f"• {cut(line.title, 150)} {line.url}" for line in shown)]
        rows.append(more_note(head.others.lines, shown, " in the thread"))
    for item in head.items:
        rows += [_joined([item.title, item.url, item.channel, item.by], " ")]
        rows += [*item.text, *item.points]
        rows += [f"{people.label} {', '.join(people.ids[:PEOPLE])}" for people in item.people]
        rows += item.small
    links = [f"{button.label} {button.url}" for button in head.buttons if button.url]
    return [*rows, *head.small, *head.details, *links]
