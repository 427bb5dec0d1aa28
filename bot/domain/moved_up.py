"""A paper that votes moved up; no I/O."""

from __future__ import annotations

from bot.domain.papers import Value


class MovedUp(Value):
    """A paper (an id) that stands higher in a channel by its votes: how many `people` liked papers
    like it, and the title of the one most `like` it. `came_in`: it would have been over the
    limit."""

    paper: str
    people: int
    like: str
    came_in: bool
