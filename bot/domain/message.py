"""A message or a form before it is a platform's: plain text in named places.

All text here is readable Unicode in one line, with no mark-up: what a platform would take for
mark-up or a mention is each renderer's own to escape, and so are its limits.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as About
from pydantic import TypeAdapter

from bot.domain.papers import Value


class Button(Value):
    """Something to press: `action` and `value` come back when it is, to actions.press.

    `value` has at most 64 characters of `[A-Za-z0-9 ./_-]`. A button with a `url` only opens it.
    `confirm` is a question that comes before it acts: where a platform has no dialog for it, the
    button stands for the action `ask-ACTION`, which asks.
    """

    action: str
    label: str
    value: str = ""
    url: str = ""
    confirm: str = ""


class PaperLine(Value):
    """One picked paper in the parent message."""

    rank: int
    relevance: int
    novelty: int | None
    title: str
    url: str


class Card(Value):
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
    buttons: tuple[Button, ...] = ()


class Item(Value):
    """One row of a list of things that can be acted on; `channel` is a channel's id, shown as a
    link to it."""

    title: str
    channel: str = ""
    small: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()


class Message(Value):
    """A parent message, or any other plain answer: a title, then text, papers and small print.

    `by` is the id of the person who did what is said, shown before the title as a name.
    """

    kind: Literal["head"] = "head"
    title: str
    by: str = ""
    notices: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    lines: tuple[PaperLine, ...] = ()
    items: tuple[Item, ...] = ()
    small: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()


Post = Annotated[Message | Card, About(discriminator="kind")]
POST: TypeAdapter[Post] = TypeAdapter(Post)


class Choice(Value):
    """One of the things to choose from."""

    label: str
    value: str


class Field(Value):
    """One question of a form. What comes back is text, whatever the kind:

    text and prose (several lines) as typed; number in digits; time as HH:MM; days as mon,tue;
    choice and zone (an IANA zone, of some hundred) as the chosen value; channel as its id.
    """

    name: str
    label: str
    kind: Literal["text", "prose", "number", "time", "days", "choice", "zone", "channel"]
    value: str = ""
    hint: str = ""
    optional: bool = False
    choices: tuple[Choice, ...] = ()


class Form(Value):
    """A form; `name` and `about` come back with its answers, to actions.submit."""

    name: str
    title: str
    submit: str
    fields: tuple[Field, ...]
    metadata: str = ""
