"""What Paperboy says when it is invited, greeted, thanked, asked in a sentence of one's own, and
told what somebody works on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bot.arxiv.text import one_line, quoted, shortened
from bot.domain.draft import Draft, OriginKind
from bot.domain.message import Button, CommandLine, Field, Form, Item, Message
from bot.domain.papers import Profile
from bot.domain.task import NamesakeChoice
from bot.views import help
from bot.views.profiles import origin_words

_PREVIEW = CommandLine(word="digest preview", does="look at a digest first; only you see it")


WORK: Final = "work"
_TITLE: Final = 100  # characters of a profile's title
_ROWS, _ROW, _LINES = 12, 220, 6
_FIELDS: Final = {
    "title": "Title",
    "categories": "Categories",
    "topics": "Topics",
    "keywords": "Keywords",
    "authors": "Authors",
}


def welcome() -> Message:
    """Posted in a channel that Paperboy was invited into."""
    return Message(
        title=help.WHAT_IT_DOES,
        text=(
            "One thread a day: the papers that match a profile, best first, with what each one "
            "shows and why it is there.",
            "Nothing is posted until someone here subscribes the channel to a profile. You can try "
            "one first: only you see it.",
        ),
        commands=(
            CommandLine(word="why", arguments="ID", does="tells why a paper was picked, or not"),
        ),
        buttons=help.START,
    )


def press_to_see(word: str, value: str) -> Message:
    """Where a mention can only be answered for everyone to read (Discord): a button, whose answer
    is for whoever presses it. `value` is what it does, as it would be typed."""
    is_command = bool(word) and "-" not in word
    return Message(
        title="The answer is for you alone: press the button.",
        commands=(CommandLine(word=f"digest {word}"),) if word in _TYPED else (),
        buttons=(
            Button(
                action="run", label=value.capitalize() if is_command else "Show me", value=value
            ),
        ),
    )


_TYPED = (
    "subscribe",
    "unsubscribe",
    "list",
    "profiles",
    "new",
    "now",
    "preview",
    "pause",
    "resume",
)


def hello() -> Message:
    return help.help_text("Hello!")


def thanks() -> Message:
    return Message(title="You're welcome.")


def offer_subscribe(profile: Profile | None, channel: str) -> Message:
    """How to subscribe; `profile` is the one the sentence is about, if that is clear."""
    if profile is None:
        return Message(
            title="Subscribe this channel to a profile, and its digest comes every morning.",
            commands=(
                CommandLine(
                    word="digest subscribe", arguments="PROFILE at 09:00", does="or press Subscribe"
                ),
                _PREVIEW,
            ),
            buttons=help.START,
        )
    value = f"{channel} {profile.name}"
    return Message(
        title=f"{one_line(profile.title)} is a profile you can subscribe to.",
        commands=(CommandLine(word="digest subscribe", arguments=profile.name),),
        buttons=(
            Button(action="subscribe-to", label="Subscribe this channel", value=value),
            Button(action="preview", label="Try it", value=value),
            Button(action="profiles", label="Other profiles"),
        ),
    )


def offer_stop(rows: Sequence[Item]) -> Message:
    """What can be stopped here, and how."""
    if not rows:
        return Message(
            title="This channel has no subscription, so nothing comes here by itself.",
            commands=(CommandLine(word="digest list", does="what this channel gets"),),
        )
    return Message(
        title="Pause stops digests for a while, Unsubscribe for good.",
        items=tuple(rows),
        commands=(
            CommandLine(word="digest pause"),
            CommandLine(word="digest unsubscribe"),
        ),
    )


def offer_resume(rows: Sequence[Item]) -> Message:
    if not rows:
        return offer_subscribe(None, "")
    return Message(
        title="Resume restarts a paused subscription.",
        items=tuple(rows),
        commands=(CommandLine(word="digest resume"),),
    )


def offer_latest(profiles: Sequence[Profile], channel: str) -> Message:
    """The newest digest of these profiles, for one person or for everybody here."""
    items = tuple(
        Item(
            title=profile.title,
            buttons=(
                Button(action="preview", label="Show me", value=f"{channel} {profile.name}"),
                Button(action="now", label="Post it here", value=f"{channel} {profile.name}"),
            ),
        )
        for profile in profiles
    )
    return Message(
        title="The latest digest, for you alone or for everyone here.",
        commands=(
            CommandLine(word="digest preview", arguments="PROFILE"),
            CommandLine(word="digest now", arguments="PROFILE"),
        ),
        items=items,
    )


def offer_weekly(channel: str) -> Message:
    return Message(
        title="A weekly digest has the best papers of the week, on the day you choose.",
        commands=(CommandLine(word="digest subscribe", arguments="PROFILE weekly"),),
        buttons=(
            Button(action="subscribe", label="Subscribe weekly", value=f"{channel} weekly"),
            help.TRY,
        ),
    )


def offer_new() -> Message:
    return Message(
        title="A profile says what your group works on: topics, categories, authors.",
        commands=(CommandLine(word="digest new"),),
        buttons=(help.MAKE, Button(action="profiles", label="See the others")),
    )


def ask_why() -> Message:
    return Message(
        title="Name a paper by its arXiv id or link to see why it was picked, or not.",
        commands=(CommandLine(word="why", arguments="2503.15294"),),
    )


def work_form(text: str = "") -> Form:
    """The one question that a new profile begins with."""
    hint = (
        "Sentences; arXiv ids or links of papers you like; BibTeX; or an author's name. Empty: an "
        "empty form."
    )
    work = Field(
        name=WORK, label="What do you work on?", kind="prose", value=text, hint=hint, optional=True
    )
    return Form(name="work", title="New profile", submit="Draft it", fields=(work,))


def drafting() -> Message:
    return Message(
        title="Drafting a profile. This takes a few seconds.",
        small=("Nothing is saved before you press Save.",),
    )


def empty_form() -> tuple[str, ...]:
    return ("Say what the profile looks for. Nothing is saved before Save.",)


def from_file(lost: bool) -> tuple[str, ...]:
    """`lost`: the file says something that a form has no field for."""
    note = "The file's cross_lists, gate and application words have no field here: by default."
    first = "From the file you pasted. Nothing is saved before Save."
    return (first, note) if lost else (first,)


def draft_notes(draft: Draft) -> tuple[str, ...]:
    """Read above the form: that it is a draft, and by whom; what could not be used; where each line
    is from."""
    modelled = any(origin.kind is OriginKind.MODEL for origin in draft.origins)
    made = "A draft by the model" if modelled else "A draft, made without a model"
    notes = [shortened(one_line(note), _ROW) for note in draft.notes]
    return (
        f"{made}: change what you like. Nothing is saved before Save.",
        *notes[:_LINES],
        *list(_origins(draft))[:_ROWS],
    )


def _origins(draft: Draft) -> Iterator[str]:
    """`Topics: “Pruning”, “Routing” from your text.`"""
    groups = dict[tuple[str, str], list[str]]()
    for origin in draft.origins:
        lines = groups.setdefault((origin.field, origin_words(origin)), [])
        if origin.line:
            lines.append(one_line(origin.line))
    for field, label in _FIELDS.items():
        for (named, words), lines in groups.items():
            if named == field:
                more = f" and {len(lines) - _LINES} more" if len(lines) > _LINES else ""
                said = f"{', '.join(lines[:_LINES])}{more}: " if lines else ""
                yield f"· {label}: {shortened(said, _ROW)}{words}."


def numbered(title: str, number: int) -> str:
    """A title that is taken, told apart."""
    end = f" {number}"
    return shortened(title, _TITLE - len(end)) + end


def which_author(name: str, choices: Sequence[NamesakeChoice], key: str) -> Message:
    """Several people have this name: a button for each."""
    buttons = [
        Button(action="namesake", label=_short(choice), value=f"{key} {choice.id}")
        for choice in choices
    ]
    nobody = Button(action="namesake", label="None of them", value=key)
    return Message(
        title=f"Who is {quoted(name)}?",
        points=tuple(map(_long, choices)),
        small=("Told apart by their co-authors and categories.",),
        buttons=(*buttons, nobody),
    )


def _short(choice: NamesakeChoice) -> str:
    first = f", with {one_line(choice.co_authors[0])}" if choice.co_authors else ""
    return shortened(f"{choice.categories[0]}{first}", 75)


def _long(choice: NamesakeChoice) -> str:
    papers = "1 paper" if choice.papers == 1 else f"{choice.papers} papers"
    with_ = f", with {', '.join(map(one_line, choice.co_authors))}" if choice.co_authors else ""
    return f"{papers} in {', '.join(choice.categories)}{with_}; the latest is {choice.id}"


def draft_ready(key: str) -> Message:
    """For who has closed the view in which the draft would have opened."""
    return Message(
        title="Your draft is ready. Nothing is saved before Save.",
        buttons=(Button(action="draft", label="Open the form", value=key),),
    )


def draft_gone() -> str:
    return "That question has expired. To ask again: /digest new."
