"""Discord only: descriptions of commands and options, refusals, and its part of `doctor`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from bot.domain.message import Button, Message

DIGEST: Final = "The arXiv papers this channel works on, every morning"
WHY: Final = "Why a paper was picked, or not"
WHY_MENU: Final = "Why this paper?"

# By command word (commands.dispatch.COMMANDS).
COMMAND_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "subscribe": "Subscribe this channel to a profile; without a profile a form opens",
    "unsubscribe": "Unsubscribe this channel from a profile",
    "list": "This channel's subscriptions",
    "profiles": "List all profiles",
    "new": "Make a profile, or change one",
    "history": "A profile's versions: who changed what, and buttons to go back",
    "undo": "Take back a profile's last change",
    "now": "Post the latest digest here now",
    "preview": "Look at the latest digest; only you see it",
    "pause": "Stop digests for a while",
    "resume": "Restart paused digests",
    "cost": "What scoring costs, today and this month",
    "gate": "What the gate spares the model, and what it misses",
    "missed": "Papers that nearly made the last digest",
    "search": "Find papers of all digests, posted or not",
    "taught": "What your votes taught, to see it, weigh it or forget it",
    "follow": "Be told of papers by an author, with a term, or of one paper's new versions",
    "follows": "What you follow, with buttons to end it",
    "unfollow": "No longer be told of an author, a term or a paper",
    "best": "What was liked, discussed and saved most in this channel",
    "saved": "The papers you saved, what others share here, files of yours, and Zotero",
    "me": "All you left in this server, and a button to have it forgotten",
    "token": "Tokens by which programs and assistants of yours read what you may read",
    "status": "Whether everything works",
    "help": "What Paperboy can do",
}
OPTION_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "profile": "A profile; names appear as you type",
    "at": "A time of day, like 09:00 or 9 am",
    "tz": "A time zone, like Europe/Berlin; names appear as you type",
    "days": "Days of the week, like mon-fri or mon,wed,fri",
    "top": "Most papers in a digest, 1 to 100",
    "last": "Instead, what it would have brought on so many days, 1 to 20",
    "words": "What to look for: words, an author, a sentence",
    "author": "An author's whole name, like Jane Doe",
    "term": "Words of a title or abstract, like sparse codes",
    "paper": "An arXiv id or link, for new versions, a withdrawal, a journal reference",
    "what": "Instead of your list: what is shared here, your papers as a file, or to Zotero",
    "do": "Make a token, or end all of yours; otherwise your tokens",
    "past": "Over so many days, 1 to 365; otherwise a week",
    "arxivid": "2503.15294, arXiv:2503.15294v2, or a link to the paper",
}


def no_threads(kind: str) -> str:
    """A forum, or another channel that takes no message with a thread."""
    return f"Paperboy can't post in a {kind} channel. Use a text or announcement channel."


def missing_permissions(permissions: Iterable[str]) -> str:
    names = ", ".join(permissions)
    return f"Paperboy lacks permissions in this channel: {names}. Ask an admin to grant them."


def invalid_form(sentences: Iterable[str], form: str) -> Message:
    """What is wrong with a form, and a button to correct it if `form` (its name) is stored."""
    again = Button(action="again", label="Correct it", value=form)
    return Message(
        title="Couldn't save this form.", text=tuple(sentences), buttons=(again,) if form else ()
    )


def form_again(notes: Iterable[str], form: str, also: Button | None) -> Message:
    """What to read before a form that Discord doesn't open in answer to another one; `also` is what
    else can be done with it as it is."""
    title, *text = notes
    buttons = [Button(action="again", label="Open the form", value=form)]
    if also:
        buttons.append(Button(action="try-form", label=also.label, value=form))
        buttons.append(Button(action="save-form", label="Save", value=form))
    return Message(title=title, text=tuple(text), buttons=tuple(buttons))


def save_or_edit(form: str) -> tuple[Button, ...]:
    """Below what a form would bring; `form` is its name."""
    return (
        Button(action="save-form", label="Save", value=form),
        Button(action="again", label="Edit", value=form),
    )


def next_step(form: str) -> Message:
    """After a form's first step; `form` is the name of its second."""
    return Message(
        title="Step 1 of 2 is kept. Next: categories and numbers.",
        buttons=(Button(action="again", label="Continue", value=form),),
    )


def form_gone() -> str:
    return "That form has expired. Open a new one."


def token_taken(name: str) -> str:
    return f"Discord accepts the token: this is {name}."


def invite() -> str:
    return "To add Paperboy to a server, open:"


def no_server() -> str:
    return "Paperboy isn't in any server yet."


def in_server(name: str, lacking: Iterable[str]) -> str:
    missing = ", ".join(lacking)
    return f"{name}: Paperboy lacks {missing}." if missing else f"{name}: no permission is missing."


def endpoint() -> str:
    """Discord sends commands to one place only."""
    return (
        "The application has an interactions endpoint URL, so Discord sends commands there and "
        "not to Paperboy. Clear that field in the developer portal."
    )


def not_discord() -> str:
    return "The server at DISCORD_API_URL isn't Discord."
