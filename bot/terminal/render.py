"""Render messages for a terminal; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from bot.domain.message import Card, Item, Message, PaperLine, Post

# Longer lines of prose are hard to read.
_WIDTH = 100
_DIM, _BOLD = Style(dim=True), Style(bold=True)


def render(post: Post) -> RenderableType:
    """One post. Rich's mark-up in it is not interpreted."""
    rows = _card(post) if isinstance(post, Card) else _head(post)
    return Group(*rows)


def as_text(posts: Sequence[Post]) -> str:
    """A thread in plain characters, 100 columns wide, for a file or a pipe."""
    out = StringIO()
    console = Console(file=out, width=_WIDTH, color_system=None, legacy_windows=False)
    for post in posts:
        console.print(render(post), crop=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def width(columns: int) -> int:
    """The width to use on a terminal with this many columns."""
    return min(columns, _WIDTH)


def _head(head: Message) -> Iterator[RenderableType]:
    yield from _title(head)
    for notice in head.notices:
        yield Text(f"! {notice}", style=Style(color="yellow"))
    for text in head.text:  # an address that is wrapped cannot be opened
        is_address = text.startswith("https://")
        yield Text(text, no_wrap=is_address, overflow="ignore" if is_address else None)
    for line in head.commands:
        typed = f"/{line.word} {line.arguments}".strip()
        yield Text(f"{typed} — {line.does}" if line.does else typed)
    yield from _points(head.points)
    if head.code:
        yield Text(head.code)
    if head.lines:
        yield _lines(head.lines)
    for item in head.items:
        yield from _item(item)
    for small in (*head.small, *head.details):
        yield Text(f" {small}", style=_DIM)


def _title(head: Message) -> Iterator[RenderableType]:
    has_title = bool(head.title.strip())
    if has_title or not head.paper:
        yield Text(head.title, style=_BOLD)
    if head.paper:
        label = head.paper.label.strip() or head.paper.url
        yield Text(label, style=Style(bold=not has_title, link=head.paper.url))


def _item(item: Item) -> Iterator[RenderableType]:
    title = Text(item.title, style=Style(link=item.url or None))
    yield title.append(f" {item.channel}") if item.channel else title
    below = [*map(Text, item.text), *_points(item.points)]
    for row in (*below, *(Text(small, style=_DIM) for small in item.small)):
        yield Padding(row, (0, 0, 0, 2))


def _points(points: Sequence[str]) -> Iterator[RenderableType]:
    """Each begins with a sign, and its other lines below its words."""
    for point in points:
        table = Table.grid(padding=(0, 1))
        table.add_row("•", Text(point))
        yield table


def _lines(lines: tuple[PaperLine, ...]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(justify="right", width=3)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for line in lines:
        scores = f"{line.relevance:>2}" + (f" · {line.novelty:>2}" if line.novelty else "")
        table.add_row(str(line.rank), scores, Text(line.title, style=Style(link=line.url)))
    return table


def _card(card: Card) -> Iterator[RenderableType]:
    yield Text()
    title = Text(f"{card.rank}. ").append(card.title, style=Style(bold=True, link=card.url))
    yield Padding(title, (0, 0, 0, 2))
    scores = f"Relevance {card.relevance} {_bar(card.relevance)}"
    if card.novelty is not None:
        scores += f" · Novelty {card.novelty} {_bar(card.novelty)}"
    rows = [
        Text(card.shows),
        Text(f"{scores} · {card.facts}"),
        Text(card.authors),
        Text(card.comment, style=Style(italic=True)),
        Text(card.abstract, style=_DIM),
        Text(f"{card.url} · PDF {card.pdf}", style=_DIM),
    ]
    for row in rows:
        if row.plain:
            yield Padding(row, (0, 0, 0, 5))


def _bar(score: int) -> str:
    return "|" * score + "." * (10 - score)
