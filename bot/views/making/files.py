"""What is said of a file that somebody put into a form: while it is read, and why it is not."""

from __future__ import annotations

from bot.domain.message import Message
from bot.profiles.given_work import LARGEST


def reading() -> Message:
    return Message(title="Reading your file.", small=("Nothing is saved before you press Save.",))


def too_large() -> str:
    return f"This file has more than {LARGEST // 10**6} MB: export a smaller collection."


def gone() -> str:
    return "This file is no longer there: choose it once more."


def elsewhere() -> str:
    """A file that is linked from another service, for example."""
    return "This file is not kept in this chat: save it on your device, and choose it there."


def away(platform: str, why: str) -> str:
    return f"{platform} does not hand over the file: {why}. Try again, or paste its entries."


def no_scope() -> str:
    return (
        "Paperboy may not read files here: its app lacks the scope files:read. Ask whoever runs "
        "Paperboy to add it and install the app again; until then, paste the entries."
    )


def no_file_field() -> str:
    """In a form that has no place for a file."""
    return (
        "To take a library as a file, too, Paperboy's app needs the scope files:read: paperboy "
        "doctor says how to add it."
    )
