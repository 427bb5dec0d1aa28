"""Messages and forms for any platform: plain text in named fields; no I/O.

All text is readable Unicode in one line, without mark-up: each renderer escapes what its platform
would take for mark-up or a mention, and keeps its limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field as field

from bot.domain.papers import Value


class Button(Value):
    """When it is pressed, `action` and `value` come back to commands/dispatch.press.

    `value` has at most 64 characters of `[A-Za-z0-9 ./_-]`. A button with a `url` only opens it.
    `confirm` is a question asked first: where a platform has no dialog, the button has the action
    `ask-ACTION`, which asks it.
    """

    action: str
    label: str
    value: str = ""
    url: str = ""
    confirm: str = ""


class Link(Value):
    """Words that open a web address."""

    label: str
    url: str


class ChannelLink(Value):
    """`Also in #general, discussed there`: `words`, a channel (an id, which the platform shows by
    its name to those who may see it), and a `link` to a message in it."""

    words: str
    channel: str
    link: Link


class PaperLine(Value):
    """One paper in the parent message; `shows` is a sentence below its title. One that no model
    judged has no `relevance`."""

    rank: int
    relevance: int | None
    novelty: int | None
    title: str
    url: str
    shows: str = ""


class PaperList(Value):
    """Papers that are not to be mixed up with others; the `label` says why."""

    label: str
    lines: tuple[PaperLine, ...]


class Card(Value):
    """One paper: a reply in the thread.

    `shows` says what the paper does, `comment` why it was picked, `byline` who wrote it and where
    in a few words. One that was not picked has no `rank` and a `mark` that says so; before a model
    has judged it, it has no `relevance`. `facts`, `authors` and `abstract` say more, where there is
    room and no button. `menu` has the buttons that are pressed less often. `elsewhere` is where the
    paper was posted first.
    """

    kind: Literal["card"] = "card"
    rank: int | None
    title: str
    url: str
    # Left out where empty: other cards then keep their fingerprint, and are not edited for it.
    mark: str = field(default="", exclude_if=lambda mark: not mark)
    relevance: int | None
    novelty: int | None
    shows: str = ""
    byline: str = ""
    facts: str
    authors: str
    comment: str
    abstract: str
    pdf: str
    elsewhere: ChannelLink | None = field(default=None, exclude_if=lambda link: link is None)
    buttons: tuple[Button, ...] = ()
    menu: tuple[Button, ...] = ()


class People(Value):
    """Persons (ids), shown by their names, and what they have in common (`label`: "Read by")."""

    label: str
    ids: tuple[str, ...]


class Item(Value):
    """One row of a list, with its buttons; `channel` is a channel's id, shown as a link, `by` that
    of a person, whose name stands after the title. A title with a `url` is a link itself. `people`
    are a line each, `points` a list, below the text."""

    title: str
    url: str = ""
    channel: str = ""
    by: str = ""
    text: tuple[str, ...] = ()
    people: tuple[People, ...] = ()
    points: tuple[str, ...] = ()
    small: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()


class CommandLine(Value):
    """A command that the message explains: `word` as it is typed after the slash (`digest now`),
    its `arguments`, and what it `does`. Where a platform has links to commands, it is one."""

    word: str
    arguments: str = ""
    does: str = ""


class Message(Value):
    """A thread's head or any other answer: a title, then text, papers and small print.

    `by` is the id of the person who did what the message reports, shown as a name before the title;
    `to` that of the one person whom it is for, shown there as well, and notified.
    `paper` is the paper it is about; without a title it stands in its place. `others` are papers
    below those of `lines`, under a label of their own. `points` are a list below the text, `code`
    is text in several lines to copy as it is. `details` are shown where nobody can press the
    button that tells them. `push` is what a notification says, if not the beginning of the message.
    """

    kind: Literal["head"] = "head"
    title: str
    by: str = ""
    to: str = field(default="", exclude_if=lambda to: not to)
    paper: Link | None = None
    notices: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    commands: tuple[CommandLine, ...] = ()
    points: tuple[str, ...] = ()
    code: str = ""
    lines: tuple[PaperLine, ...] = ()
    others: PaperList | None = field(default=None, exclude_if=lambda others: others is None)
    items: tuple[Item, ...] = ()
    small: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()
    push: str = ""


Post = Message | Card


class File(Value):
    """A file beside an answer: a picture, or something to take along. `noun` is what a sentence
    calls it, `alt` says what it shows."""

    name: str
    noun: str
    alt: str
    content: bytes
    media_type: str


class GivenFile(Value):
    """A file that somebody put into a form, as the platform names it: it is not read yet, and
    nothing in it is to be trusted. `size` is in bytes, 0 where the platform does not say."""

    name: str
    url: str
    size: int = 0


class Choice(Value):
    """One option of a choice field, in a `group` where there are many."""

    label: str
    value: str
    group: str = ""


class Field(Value):
    """One field of a form. Its answer is text, whatever the kind:

    text and prose (several lines) as typed; number in digits; time as HH:MM; days as mon,tue;
    choice and zone (an IANA zone, of some hundred) as the chosen value; channel as its id;
    several (of any number of choices) as the chosen values with commas between them; file as the
    file's text, "" without one; secret as typed. A file cannot be filled in beforehand, and a
    secret is not.
    """

    name: str
    label: str
    kind: Literal[
        "text",
        "prose",
        "number",
        "time",
        "days",
        "choice",
        "several",
        "zone",
        "channel",
        "file",
        "secret",
    ]
    value: str = ""
    hint: str = ""
    optional: bool = False
    choices: tuple[Choice, ...] = ()


class Form(Value):
    """`name` and `metadata` come back with the answers to commands/dispatch.submit. `notes` are
    sentences to read before filling it in. `also` does something else with what is filled in, as
    the form that its action names, and leaves the form open."""

    name: str
    title: str
    submit: str
    fields: tuple[Field, ...]
    metadata: str = ""
    notes: tuple[str, ...] = ()
    also: Button | None = None

    def filled(self, answers: Mapping[str, str]) -> Form:
        """The form with these answers in the place of its values; files are to be chosen, and
        secrets to be typed again."""
        fields = (
            each.model_copy(update={"value": answers.get(each.name, each.value)})
            if each.kind not in ("file", "secret")
            else each
            for each in self.fields
        )
        return self.model_copy(update={"fields": tuple(fields)})

    def without_files(self, why: str = "") -> Form:
        """The form where no file can be taken, with a sentence that says why, if that is known;
        another form as it is."""
        fields = tuple(each for each in self.fields if each.kind != "file")
        if fields == self.fields:
            return self
        notes = (*self.notes, why) if why else self.notes
        return self.model_copy(update={"fields": fields, "notes": notes})
