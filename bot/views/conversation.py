"""What Paperboy says when it is invited, greeted, thanked, and asked in a sentence of one's own."""

from __future__ import annotations

from collections.abc import Sequence

from bot.arxiv.text import one_line
from bot.domain.message import Button, CommandLine, Item, Message
from bot.domain.papers import Profile
from bot.views import help

_PREVIEW = CommandLine(word="digest preview", does="look at a digest first; only you see it")


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
    label = f"{value[:1].upper()}{value[1:]}" if is_command else "Show me"
    return Message(
        title="The answer is for you alone: press the button.",
        commands=(CommandLine(word=f"digest {word}"),) if word in _TYPED else (),
        buttons=(Button(action="run", label=label, value=value),),
    )


def type_it(word: str) -> Message:
    """The same, where a button can't carry the words: they are too many, or not in its alphabet."""
    return Message(
        title="The answer is for you alone, and no button keeps these words: type them here.",
        commands=(CommandLine(word=f"digest {word}"),),
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
