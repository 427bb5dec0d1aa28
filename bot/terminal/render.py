"""Render messages for a terminal; pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from bot.domain.message import Card, CommandLine, Item, Message, PaperLine, Post

# Longer lines of prose are hard to read; a list with sentences beside its titles has two columns of
# them, from this width on.
_PROSE, _TWO_COLUMNS, _WIDEST = 100, 140, 200
_DIM, _BOLD = Style(dim=True), Style(bold=True)


def render(post: Post) -> RenderableType:
    """One post; a list's sentences are left out. Rich's mark-up in it is not interpreted."""
    rows = _card(post) if isinstance(post, Card) else _head(post)
    return Constrain(Group(*rows), _PROSE)


def as_text(posts: Sequence[Post]) -> str:
    """A thread in plain characters, 100 columns wide, for a file or a pipe."""
    out = StringIO()
    console = Console(file=out, width=_PROSE, color_system=None, legacy_windows=False)
    for post in posts:
        console.print(render(post), crop=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def width(columns: int) -> int:
    """The width to use on a terminal with this many columns."""
    return min(columns, _WIDEST)


def overview(head: Message, columns: int, rows: int) -> RenderableType:
    """A digest's list on one screen: as many of the first papers keep their sentence as `rows` have
    room for. Where not even the titles fit, each is cut to a line."""

    lines, others = head.lines, head.others.lines if head.others else ()

    def drawn(sentences: int, whole: bool) -> RenderableType:
        below = _list(others, columns, sentences - len(lines), whole)
        return Group(*_head(head, _list(lines, columns, sentences, whole), below))

    def height(sentences: int, whole: bool) -> int:
        console = Console(file=StringIO(), width=columns, legacy_windows=False)
        return len(console.render_lines(drawn(sentences, whole)))

    whole = height(0, True) <= rows
    counts = range(len(lines) + len(others) + 1)
    fitting = bisect_right(counts, rows, key=lambda n: height(n, whole)) - 1
    return drawn(max(fitting, 0), whole)


def _head(
    head: Message, papers: Table | None = None, others: Table | None = None
) -> Iterator[RenderableType]:
    yield from _title(head)
    for notice in head.notices:
        yield Text(f"! {notice}", style=Style(color="yellow"))
    for text in head.text:  # an address that is wrapped cannot be opened
        is_address = text.startswith("https://")
        yield Text(text, no_wrap=is_address, overflow="ignore" if is_address else None)
    if head.commands:
        yield _commands(head.commands)
    yield from _points(head.points)
    if head.code:
        yield Text(head.code)
    if head.lines:
        yield papers or _list(head.lines, _PROSE)
    if head.others:
        yield Text(head.others.label)
        yield others or _list(head.others.lines, _PROSE)
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


def _commands(commands: Sequence[CommandLine]) -> Table:
    """As they are typed here: at the prompt every word is a command's."""
    table = Table.grid(padding=(0, 2))
    for line in commands:
        typed = f"{line.word} {line.arguments}".strip()
        table.add_row(Text(typed, style=_BOLD), Text(line.does))
    return table


def _item(item: Item) -> Iterator[RenderableType]:
    title = Text(item.title, style=Style(link=item.url or None))
    yield title.append(f" {item.channel}") if item.channel else title
    people = (Text(f"{people.label} {', '.join(people.ids)}") for people in item.people)
    below = [*map(Text, item.text), *people, *_points(item.points)]
    for row in (*below, *(Text(small, style=_DIM) for small in item.small)):
        yield Padding(row, (0, 0, 0, 2))


def _points(points: Sequence[str]) -> Iterator[RenderableType]:
    """Each begins with a sign, and its other lines below its words."""
    for point in points:
        table = Table.grid(padding=(0, 1))
        table.add_row("•", Text(point))
        yield table


def _list(
    lines: Sequence[PaperLine], columns: int, sentences: int = 0, whole: bool = True
) -> Table:
    """Papers by number, with their scores; the first so many with a sentence below the title, or
    beside it where there is room for two columns. `whole`, or each cut to a line."""
    beside = sentences > 0 and columns >= _TWO_COLUMNS
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(justify="right", min_width=3)
    table.add_column(justify="right", no_wrap=True)
    for _ in range(2 if beside else 1):
        table.add_column(overflow="fold" if whole else "ellipsis", no_wrap=not whole, ratio=1)
    for n, line in enumerate(lines, 1):
        scores = f"{line.relevance or ''}" + (f"/{line.novelty}" if line.novelty else "")
        title = Text(line.title, style=Style(link=line.url))
        shows = [Text(line.shows, style=_DIM)] if line.shows and sentences >= n else []
        cells = [title, *(shows or [Text()])] if beside else [Group(title, *shows)]
        table.add_row(str(line.rank), scores, *cells)
    return table


def _card(card: Card) -> Iterator[RenderableType]:
    """What is said of a paper; its abstract is where it is opened, or behind its address."""
    yield Text()
    number = "" if card.rank is None else f"{card.rank}. "
    title = Text(number).append(card.title, style=Style(bold=True, link=card.url))
    yield Padding(title, (0, 0, 0, 2))
    scores = [card.mark]
    scores += [] if card.relevance is None else [f"relevance {card.relevance}"]
    scores += [] if card.novelty is None else [f"novelty {card.novelty}"]
    rows = [
        Text(card.shows),
        Text(card.comment, style=Style(italic=True)),
        Text(" · ".join(filter(None, (*scores, card.byline))), style=_DIM),
    ]
    for row in rows:
        if row.plain:
            yield Padding(row, (0, 0, 0, 5))
    # Padding would cut it off at the edge.
    yield Text(f"     {card.url}", style=_DIM, no_wrap=True, overflow="ignore")
