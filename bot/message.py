"""A message before it is Slack's, Discord's or the terminal's: plain text in named places.

All text here is readable Unicode in one line, with no mark-up: what a platform would take for
mark-up or a mention is each renderer's own to escape.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from bot.domain import Noun


class Line(Noun):
    """One picked paper in the parent message."""

    rank: int
    relevance: int
    novelty: int | None
    title: str
    url: str


class Card(Noun):
    """One paper: a reply in the thread."""

    kind: Literal["card"] = "card"
    rank: int
    title: str
    url: str
    relevance: int
    novelty: int | None
    facts: str
    authors: str
    comment: str
    abstract: str
    pdf: str


class Head(Noun):
    """A parent message, or any other plain answer: a title, then text, papers and small print."""

    kind: Literal["head"] = "head"
    title: str
    notices: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    small: tuple[str, ...] = ()


Post = Annotated[Head | Card, Field(discriminator="kind")]
POST: TypeAdapter[Post] = TypeAdapter(Post)
