"""Long lists, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from bot.domain.message import Button

_T = TypeVar("_T")


def page_of(
    rows: Sequence[_T], page: int, size: int, action: str, before: str = ""
) -> tuple[Sequence[_T], tuple[str, ...], tuple[Button, ...]]:
    """The rows of a page, counted from 1, what says which they are, and the buttons that turn it,
    with this action; `before` stands before the number in their value."""
    pages = -(-len(rows) // size)
    page = min(max(page, 1), pages)
    first = (page - 1) * size
    shown = rows[first : first + size]
    turn = [("Back", page - 1)] * (page > 1) + [("Next", page + 1)] * (page < pages)
    which = f"{first + 1} to {first + len(shown)} of {len(rows)}"
    buttons = (Button(action=action, label=label, value=f"{before}{n}") for label, n in turn)
    return shown, (which,) if pages > 1 else (), tuple(buttons)
