"""What is said on Discord only: its commands and options, and what stands in a channel's way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from bot.domain.message import Button, Message

DIGEST: Final = "The arXiv papers this channel works on, every morning"
WHY: Final = "What became of a paper, and why"
WHY_MENU: Final = "Why this paper?"

# By the word of bot.actions.COMMANDS.
COMMAND_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "subscribe": "A digest for this channel; without a profile a form asks for all",
    "unsubscribe": "No more of it",
    "list": "This channel's digests",
    "profiles": "The profiles there are",
    "new": "Make a profile of your own, or change one",
    "now": "The newest day's digest, here and at once",
    "pause": "No digests for a while",
    "resume": "Digests again",
    "cost": "What judging cost, today and this month",
    "missed": "What nearly made it on the last day",
    "status": "How things stand",
    "help": "Every command there is",
}
OPTION_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "profile": "Which profile; the names come as you type",
    "at": "A time of day, like 09:00 or 9 am",
    "tz": "A time zone, like Europe/Berlin; the names come as you type",
    "days": "Days of the week, like mon-fri or mon,wed,fri",
    "top": "At most how many papers, 1 to 100",
    "arxivid": "2503.15294, arXiv:2503.15294v2, or a paper's address",
}


def no_threads(kind: str) -> str:
    """A forum, or another channel that a message with a thread does not fit into."""
    return f"Paperboy cannot post in a {kind} channel yet: a text or announcement channel will do."


def missing_permissions(permissions: Iterable[str]) -> str:
    names = ", ".join(permissions)
    return (
        f"Paperboy lacks permissions in this channel: {names}. Somebody who may has to give them."
    )


def invalid_form(sentences: Iterable[str], form: str) -> Message:
    """What is wrong with a form, and the way back into it; `form` names it, if it is still open."""
    again = Button(action="again", label="Correct it", value=form)
    return Message(
        title="That could not be kept.", text=tuple(sentences), buttons=(again,) if form else ()
    )


def form_gone() -> str:
    return "That form is not kept any more: open a new one."


def token_taken(name: str) -> str:
    return f"Discord takes the token: this is {name}."


def invite() -> str:
    return "To add Paperboy to a server, open:"


def no_server() -> str:
    return "Paperboy is in no server yet."


def in_server(name: str, lacking: Iterable[str]) -> str:
    missing = ", ".join(lacking)
    return f"In {name} Paperboy lacks: {missing}." if missing else f"In {name} nothing is missing."


def endpoint() -> str:
    """Discord sends commands to one place only."""
    return (
        "The application has an interactions endpoint URL: Discord sends commands there instead "
        "of to Paperboy. Empty that field in the developer portal."
    )


def not_discord() -> str:
    return "What answers at DISCORD_API_URL is not Discord."
