"""Standard output as people read it: on a terminal styled and as wide as it is; plain elsewhere,
and with NO_COLOR."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from bot.domain.digest import Digest
from bot.domain.message import Message, Post
from bot.terminal import render
from bot.terminal.board import draw as draw_board
from bot.views import digest as digest_views
from bot.views import terminal as terminal_views
from bot.views.watching.board import Board

with suppress(ImportError):  # for the arrow keys in `read_line`; not every Python is built with it
    import readline  # noqa: F401

# Lines below a list: what can be typed, and the prompt.
_BELOW = 5
# Lines above the rows of the last table of a board.
_ABOVE = 18


class Screen:
    """Standard output, found as it is when this is made."""

    def __init__(self) -> None:
        console = Console(highlight=False, emoji=False, markup=False)
        if console.no_color:
            console = Console(highlight=False, emoji=False, markup=False, color_system=None)
        self._console = console

    @property
    def is_terminal(self) -> bool:
        return self._console.is_terminal

    def show(self, *posts: Post) -> None:
        """Posts, one below the other."""
        for post in posts:
            if self.is_terminal:
                self._print(render.render(post))
            else:
                self._console.out(render.as_text([post]), end="")

    def show_list(self, head: Message, hint: str) -> None:
        """A list to choose from on one screen, and what can be typed below it."""
        rows = self._console.height - _BELOW
        self._print(render.overview(head, render.width(self._console.width), rows))
        self._print(Text(f"\n{hint}"))

    @property
    def room_for_rows(self) -> int:
        """About how many rows of one table fit below what else stands on the screen."""
        return max(self._console.height - _ABOVE, 1)

    def show_board(self, board: Board) -> None:
        self._print(draw_board(board))

    def show_live(self, ask: Callable[[], Board], seconds: float) -> None:
        """Show what `ask` says, anew every so many seconds, until Ctrl-C."""
        with (
            suppress(KeyboardInterrupt),
            Live(console=self._console, screen=True, auto_refresh=False) as live,
        ):
            while True:
                live.update(draw_board(ask()), refresh=True)
                time.sleep(seconds)

    def _print(self, shown: RenderableType) -> None:
        """As wide as the window is by now."""
        self._console.print(shown, width=render.width(self._console.width), crop=False)

    def show_day(self, digest: Digest, hint: str) -> None:
        """A whole digest: at a terminal its list comes last, where the eye is."""
        head, *cards = digest_views.thread_posts(digest)
        if not self.is_terminal:
            self.show(head, *cards)
            return
        self.show(*cards, Message(title=""))
        self.show_list(terminal_views.overview(digest), hint)


def read_line(prompt: str) -> str:
    """What is typed, without white space around it. Raises EOFError at the end of input."""
    return input(prompt).strip()
