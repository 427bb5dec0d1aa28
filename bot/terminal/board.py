"""Draws `paperboy status`; pure."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.views.watching.board import Board, BoardTable


def draw(board: Board) -> RenderableType:
    """Rich's mark-up in it is not interpreted."""
    return Group(*_parts(board))


def _parts(board: Board) -> Iterator[RenderableType]:
    yield Text(board.title, style="bold")
    yield from (Text(line) for line in board.lines)
    yield from (Text(f"✗ {trouble}", style="bold red") for trouble in board.troubles)
    if not board.troubles:
        yield Text("✓ Nothing is wrong.", style="green")
    yield from map(_table, board.tables)


def _table(table: BoardTable) -> RenderableType:
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for head in table.heads:
        is_number = head in ("workers", "waiting", "running", "failed") and "queue" in table.heads
        drawn.add_column(head, justify="right" if is_number else "left", overflow="fold")
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    return drawn
