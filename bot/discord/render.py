"""Messages -> Discord's message bodies, and a pressed button -> its action and value; pure.

A head uses Components V2: its 4,000 characters hold a day's list, of which content holds half; its
buttons stand beside what they act on; and unlike an embed it needs no permission and is shown to
people who have switched previews off. A card is plain content with buttons below: search finds it
and notifications show it, which Components V2 still lack (discord-api-docs issues 7600 and 7854).
Each kind stays what it is, because an edit cannot remove Components V2 from a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from bot.arxiv.text import one_line, shortened
from bot.domain.message import (
    Button,
    Card,
    CommandLine,
    Item,
    Message,
    PaperLine,
    PaperList,
    People,
    Post,
)

Json = dict[str, Any]

# docs.discord.com, "Message" and "Component Reference"; discord.py 2.7.1 checks only the 40.
CONTENT: Final = 2000
TEXT: Final = 4000  # over all text displays of a message
COMPONENTS: Final = 40  # counted with what is inside others
LABEL: Final = 80
_LINK: Final = 512
_NAME: Final = 100

_ROW, _BUTTON, _SECTION, _TEXT = 1, 2, 9, 10
_GREY, _OPENS = 2, 5
_SUPPRESS_EMBEDS, _COMPONENTS_V2 = 1 << 2, 1 << 15

# The most each of our parts may take of a message, escaped; real ones are a fraction of it.
_TITLE, _LINE, _SHOWS, _FACTS, _COMMENT, _SMALL, _MORE = 300, 120, 200, 500, 500, 1000, 40
# Characters of a heading: two lines of a phone.
_HEADING: Final = 70
_PEOPLE: Final = 5  # named in a line; the others are counted
_SENTENCE_ENDS: Final = (".", "!", "?", "…")

NO_IDS: Final[Mapping[str, str]] = {}

# A button's custom_id. People still press those on last year's messages: `b1` stays for ever.
PRESSED: Final = re.compile(r"b1:(?P<action>[a-z0-9_-]{1,30}):(?P<value>[A-Za-z0-9 ./_-]{0,64})")


def message(post: Post, command_ids: Mapping[str, str] = NO_IDS) -> Json:
    """The body of a create-message or edit-message request, without a nonce. With the ids of our
    commands (by their first word) the commands a message explains can be clicked.

    What does not fit is cut or counted. Raises ValueError like `custom_id`.
    """
    body = _card(post) if isinstance(post, Card) else _head(post, command_ids)
    return {**body, "allowed_mentions": _allowed(post)}


def _allowed(post: Post) -> Json:
    """Nobody is notified but the one person whom a message is for."""
    person = post.to if isinstance(post, Message) and _is_id(post.to) else ""
    return {"parse": []} | ({"users": [person]} if person else {})


def plain(post: Post) -> Json:
    """The post as text without buttons, for when Discord refuses the layout."""
    url = [_address(post.url, _LINK)] if isinstance(post, Card) else []
    if isinstance(post, Card):
        said: tuple[str, ...] = (post.shows, post.comment)
        url.append(_elsewhere(post))
    else:
        typed = (f"/{line.word} {line.arguments} {line.does}" for line in post.commands)
        label = (post.others.label,) if post.others else ()
        said = (*post.notices, *post.text, *label, *post.points, *typed, *post.small, *post.details)
    rows = [_fitted(post.title, _TITLE), *url, *_rows((("", text) for text in said), CONTENT)]
    allowed = _allowed(post)
    rows = [*(f"<@{person}>" for person in allowed.get("users", ())), *rows]
    parts = _texts("\n".join(filter(None, rows)))
    return {"flags": _COMPONENTS_V2, "components": parts, "allowed_mentions": allowed}


def thread_name(head: Message) -> str:
    """The head's title in at most 100 characters; a date at its end is kept."""
    title, dot, day = one_line(head.title).rpartition(" · ")
    if title and len(dot + day) <= _NAME // 2:
        return shortened(title, _NAME - len(dot + day)) + dot + day
    return shortened(one_line(head.title) or "…", _NAME)


def custom_id(button: Button) -> str:
    """A button's action and value in at most 100 characters.

    Raises ValueError for what `parse_button_id` would not read back, a fault of the caller.
    """
    action = f"ask-{button.action}" if button.confirm else button.action
    packed = f"b1:{action}:{button.value}"
    if not PRESSED.fullmatch(packed):
        raise ValueError(f"not a button's action and value: {button.action!r}, {button.value!r}")
    return packed


def parse_button_id(custom_id: str) -> tuple[str, str] | None:
    """The action and value of a pressed button; None when it is not ours."""
    found = PRESSED.fullmatch(custom_id)
    return (found["action"], found["value"]) if found else None


def escaped(text: str) -> str:
    """Other people's text in one line that Discord shows as it is: no mark-up, mention, link or
    emoji by name.

    discord.utils.escape_markdown leaves headings, numbered lists, quotes, links and `<...>`, and
    escape_mentions adds a zero-width space, which people would copy.
    """
    marked = _MARKS.sub(r"\\\g<0>", one_line(text))
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", marked)


# `<` begins mentions, channels, times, commands and custom emoji; `:` emoji by name, and URLs.
_MARKS = re.compile(r"[\\*_~|`\[\]<@]|:(?=//|[^\s:]+:)|^[-+>#]")


def _card(card: Card) -> Json:
    number = "" if card.rank is None else f"{card.rank}. "
    rows = [f"**{number}{_linked(card.title, card.url, _TITLE)}**"]
    rows += _rows([("", card.shows)], _COMMENT) + _rows([("-# ", card.comment)], _COMMENT)
    scores = score_words(card.relevance, card.novelty)
    byline = card.byline or " · ".join(filter(None, (card.facts, card.authors)))
    small = " · ".join(text for text in (card.mark, scores, byline) if one_line(text))
    elsewhere = _elsewhere(card)
    rows += [*_rows([("-# ", small)], _FACTS - len(elsewhere)), *filter(None, [elsewhere])]
    menu = (Button(action="menu", label="⋯", value=value),) if (value := _menu_value(card)) else ()
    pdf = () if menu else (Button(action="pdf", label="PDF", url=card.pdf),)
    return {
        "content": "\n".join(rows),
        "flags": _SUPPRESS_EMBEDS,
        "components": _button_rows(_buttons((*card.buttons, *menu, *pdf), set())),
    }


def _elsewhere(card: Card) -> str:
    """Discord shows a channel's name to those alone who may see it."""
    if card.elsewhere is None or not _is_id(card.elsewhere.channel):
        return ""
    there = _linked(card.elsewhere.link.label, card.elsewhere.link.url, _LINE)
    return f"-# {_fitted(card.elsewhere.words, _LINE)} <#{card.elsewhere.channel}>, {there}"


def _menu_value(card: Card) -> str:
    """Discord has no menu that opens from a small button: ours is a private answer. A select takes
    a row of its own, as wide as the card."""
    return next((button.value for button in card.menu if button.value), "")


def score_words(relevance: int | None, novelty: int | None) -> str:
    """`relevance 10 · novelty 9`, or nothing for a paper without a score."""
    if relevance is None:
        return ""
    return f"relevance {relevance}" + (f" · novelty {novelty}" if novelty is not None else "")


def _head(head: Message, command_ids: Mapping[str, str]) -> Json:
    seen: set[str] = set()
    buttons = _button_rows(_buttons(head.buttons[:10], seen))
    small = "\n".join(_rows((("-# ", text) for text in head.small), _SMALL))
    rows = _title_rows(head)
    room = TEXT - sum(len(row) + 1 for row in rows) - len(small)
    has_papers = head.lines or head.items or head.others
    room_for_text = room - (TEXT // 2 if has_papers else 0)
    said = [*(("⚠️ ", notice) for notice in head.notices), *(("", text) for text in head.text)]
    rows += _rows([*said, *(("- ", point) for point in head.points)], room_for_text)
    rows += [_command(line, command_ids) for line in head.commands]
    room = TEXT - sum(len(row) + 1 for row in rows) - len(small)
    rows += _code(head.code, room)
    room = TEXT - sum(len(row) + 1 for row in rows) - len(small)
    for_papers = room // 2 if head.items else room
    listed = _listed(head.lines, for_papers)
    others = _others(head.others, for_papers - len(listed))
    places = COMPONENTS - 3 - sum(map(_count, buttons))
    parts = [
        *_texts("\n".join(rows), listed, others),
        *_items(head.items, room - len(listed) - len(others), places, seen),
        *_texts(small),
        *buttons,
    ]
    return {"flags": _COMPONENTS_V2, "components": parts}


def _title_rows(head: Message) -> list[str]:
    """The title, and the paper below it or in its place. "Who did what" is plain; a sentence, and
    what would take more than two lines of a phone, is bold instead of a heading."""
    paper = _linked(head.paper.label, head.paper.url, _TITLE) if head.paper else ""
    title = "" if paper and not one_line(head.title) else _fitted(head.title, _TITLE)
    first, rest = (title, [paper] if paper else []) if title else (paper, [])
    if _is_id(head.to or head.by):
        return [f"<@{head.to or head.by}> {first}", *rest]
    shown = one_line(head.title) or (head.paper.label if head.paper else "")
    is_heading = len(shown) <= _HEADING and not shown.endswith(_SENTENCE_ENDS)
    return [f"### {first}" if is_heading else f"**{first}**", *rest]


def _command(line: CommandLine, command_ids: Mapping[str, str]) -> str:
    """Discord asks for the arguments itself, so they are left out."""
    id = command_ids.get(line.word.partition(" ")[0], "")
    typed = f"</{line.word}:{id}>" if _is_id(id) else f"`/{line.word}`"
    return f"{typed} {_fitted(line.does, _TITLE)}" if line.does else typed


def _others(found: PaperList | None, room: int) -> str:
    """Papers under their label; they have no numbers, because they have no scores."""
    if found is None:
        return ""
    label = _fitted(found.label, _TITLE)
    return f"{label}\n{_listed(found.lines, room - len(label) - 1)}"


def _listed(lines: Sequence[PaperLine], room: int) -> str:
    """A numbered list; its first line says what the scores are."""
    rows: list[str] = []
    room -= _MORE
    for line in lines:
        scores = score_words(line.relevance, line.novelty).replace(" ", "\u00a0")
        if rows:
            scores = re.sub(r"[a-z]+\s", "", scores)
        title = _linked(line.title, line.url, _LINE)
        row = f"{line.rank}. {title} ({scores})" if scores else f"- {title}"
        row += "".join(f"\n   {shows}" for shows in _rows([("", line.shows)], _SHOWS))
        if (room := room - len(row) - 1) < 0:
            break
        rows.append(row)
    if len(rows) < len(lines):
        rows.append(f"-# + {len(lines) - len(rows)} more in the thread")
    return "\n".join(rows)


def _code(code: str, room: int) -> list[str]:
    """Lines to copy, as many as fit, in a block of code."""
    rows, room = list[str](), room - len("```\n\n```")
    for line in code.replace("```", "'''").split("\n") if code.strip() else ():
        if (room := room - len(line) - 1) < 0:
            break
        rows.append(line)
    return ["\n".join(["```", *rows, "```"])] if rows else []


def _items(items: Sequence[Item], room: int, places: int, seen: set[str]) -> list[Json]:
    """Each item with its buttons while components are left; the others as text, or counted."""
    parts: list[Json] = []
    rest: list[str] = []
    room -= _MORE
    for n, item in enumerate(items):
        text = _item_text(item)
        if (room := room - len(text) - 1) < 0:
            rest.append(f"-# + {len(items) - n} more")
            break
        block = [] if rest else _block(text, _buttons(item.buttons[:5], seen))
        # One component is kept for the text after the last block.
        if block and (places := places - sum(map(_count, block))) > 0:
            parts += block
        else:
            rest.append(text)
    return parts + _texts("\n".join(rest))


def _item_text(item: Item) -> str:
    name = f"**{_linked(item.title, item.url, _TITLE)}**"
    name += f" · <#{item.channel}>" if _is_id(item.channel) else ""
    name += f" · <@{item.by}>" if _is_id(item.by) else ""
    said = [*(("", text) for text in item.text), *(("- ", point) for point in item.points)]
    people = filter(None, map(_people, item.people))
    small = _rows((("-# ", small) for small in item.small), _SMALL)
    return "\n".join([name, *people, *_rows(said, TEXT // 2), *small])


def _people(people: People) -> str:
    """`Read by @Ada, @Alan`, the first few; empty where nobody is named."""
    names = [f"<@{id}>" for id in people.ids if _is_id(id)]
    left = f" + {len(names) - _PEOPLE} more" if len(names) > _PEOPLE else ""
    return f"{_fitted(people.label, _LINE)} {', '.join(names[:_PEOPLE])}{left}" if names else ""


def _block(text: str, buttons: list[Json]) -> list[Json]:
    if len(buttons) == 1:
        return [{"type": _SECTION, "components": _texts(text), "accessory": buttons[0]}]
    return [*_texts(text), *_button_rows(buttons)]


def _texts(*contents: str) -> list[Json]:
    return [{"type": _TEXT, "content": content} for content in contents if content]


def _button_rows(buttons: list[Json]) -> list[Json]:
    return [{"type": _ROW, "components": buttons[i : i + 5]} for i in range(0, len(buttons), 5)]


def _buttons(buttons: Iterable[Button], seen: set[str]) -> list[Json]:
    """A button that does the same as another of the message is left out: Discord refuses both."""
    shown: list[Json] = []
    for button in buttons:
        part: Json = {"type": _BUTTON, "label": shortened(one_line(button.label) or "…", LABEL)}
        if not button.url:
            part |= {"style": _GREY, "custom_id": custom_id(button)}
            if part["custom_id"] not in seen:
                shown.append(part)
            seen.add(part["custom_id"])
        elif url := _address(button.url, _LINK):
            shown.append(part | {"style": _OPENS, "url": url})
    return shown


def _count(part: Mapping[str, Any]) -> int:
    return 1 + len(part.get("components", ())) + ("accessory" in part)


def _rows(parts: Iterable[tuple[str, str]], room: int) -> list[str]:
    """Each text after its mark, while there is room for a few words."""
    rows = []
    for mark, text in parts:
        if one_line(text) and room >= len(mark) + 20:
            rows.append(mark + _fitted(text, room - len(mark) - 1))
            room -= len(rows[-1]) + 1
    return rows


def _linked(title: str, url: str, room: int) -> str:
    """A masked link. A bracket in its text ends it in some clients, escaped or not, and an address
    in its text makes all of them show the link unmasked."""
    words = re.sub(r"\w+://", "", one_line(title)).translate({ord("["): "［", ord("]"): "］"})
    address = _address(url, _TITLE // 2)
    return f"[{_fitted(words, room)}]({address})" if address else _fitted(words, room)


def _address(url: str, longest: int) -> str:
    """The URL with everything quoted that could end it in mark-up; empty when it is no web address
    or too long."""
    safe = quote(url, safe=":/?#&=+,;@%~!$", errors="replace")
    return safe if re.match(r"https?://\w", safe) and len(safe) <= longest else ""


def _fitted(text: str, room: int) -> str:
    """The text escaped, in at most `room` characters, never empty."""
    whole = escaped(text)
    if len(whole) <= room:
        return whole or "…"
    cut = shortened(one_line(text), room)
    over = max(0, len(escaped(cut)) - room)
    return escaped(shortened(cut, max(1, len(cut) - over)))


def _is_id(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,20}", text))
