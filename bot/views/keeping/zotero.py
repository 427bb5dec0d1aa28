"""Saved papers to Zotero, in words: the form for a key, what was sent, and why it was not."""

from __future__ import annotations

import math
from typing import Final

from bot.arxiv.text import one_line, readable, shortened
from bot.domain.message import Button, Field, Form, Message
from bot.domain.readers.zotero import ZoteroAccess
from bot.domain.tasks.zotero import ZoteroErrand, ZoteroResult
from bot.views.digest import count

_NAME: Final = 60  # characters of an account's name
_NAMED: Final = 5  # papers that are named
_SEND: Final = Button(action="zotero", label="Send to Zotero")
_KEY: Final = Button(action="zotero-key", label="Give a key")
_OTHER: Final = Button(action="zotero-key", label="Another key")
_OFF: Final = Button(action="zotero-off", label="Forget this key")
_MINE: Final = Button(action="saved", label="My papers")


def key_form(name: str) -> Form:
    """Where a person gives their key."""
    key = Field(
        name="key",
        label="API key",
        kind="secret",
        hint="Make one with write access at zotero.org/settings/keys/new. It is stored encrypted.",
    )
    group = Field(
        name="group",
        label="A group's library",
        kind="text",
        hint="The number in its web address. Leave it empty for your own library.",
        optional=True,
    )
    return Form(name=name, title="Your key to Zotero", submit="Save", fields=(key, group))


def give_key() -> Message:
    """Where no form can be opened."""
    return Message(
        title="To send your saved papers to Zotero, give Paperboy a key of yours, in a form.",
        text=("Never type a key as a message.",),
        buttons=(_KEY,),
    )


def checking() -> Message:
    return Message(title="Asking Zotero about this key …")


def connected(found: ZoteroResult, unsent: int) -> Message:
    """The key works; so many saved papers can be sent."""
    return Message(
        title=f"Connected to {library_name(found.library, found.name)}.",
        text=("Your key is stored encrypted, and shown to nobody, not even you.",),
        buttons=(*((_SEND,) if unsent else ()), _OTHER, _OFF, _MINE),
    )


def sending(papers: int, done: int = 0) -> Message:
    """While the workers are at it."""
    so_far = (f"{done} of {papers} sent.",) if done else ()
    return Message(title=f"Sending {count(papers, 'paper')} to Zotero …", text=so_far)


def interrupted() -> Message:
    return Message(
        title="Paperboy was restarted while it was talking to Zotero for you.",
        text=("Please ask again.",),
    )


def sent_text(found: ZoteroResult) -> Message:
    """What became of the papers."""
    where, said = library_name(found.library, found.name), []
    if found.there:
        said.append(f"{count(found.there, 'paper')} from here were there already.")
    if found.refused:
        named = ", ".join(map(one_line, found.refused[:_NAMED]))
        left = len(found.refused) - _NAMED
        more = f" and {left} more" if left > 0 else ""
        said.append(f"Zotero didn't take {count(len(found.refused), 'paper')}: {named}{more}.")
    if found.missing:
        lost = count(found.missing, "paper")
        said.append(f"{lost} can't be sent: their text is no longer stored.")
    if found.stopped:
        said.append(found.stopped)
    retry = (_SEND,) if found.stopped else ()
    sent = f"{count(found.sent, 'paper')} sent" if found.sent else "No new paper sent"
    return Message(
        title=f"{sent} to {where}.",
        text=tuple(said),
        buttons=(*retry, _OTHER, _OFF, _MINE),
    )


def not_done(errand: ZoteroErrand, why: str) -> Message:
    """Nothing came of an errand. What was sent all the same is not sent twice."""
    again = (_SEND, _OTHER) if errand.what == "send" else (_OTHER,)
    return Message(title=why, buttons=(*again, _MINE))


def nothing_to_send(access: ZoteroAccess, saved: int) -> Message:
    where = library_name(access.library, access.name)
    said = f"All your saved papers were sent to {where} already." if saved else ""
    return Message(
        title=said or "You have no saved papers here to send to Zotero.",
        buttons=(_OTHER, _OFF, _MINE),
    )


def key_forgotten() -> Message:
    return Message(
        title="Your key to Zotero is forgotten.",
        text=(
            "What was sent stays in Zotero. To end the key itself: zotero.org/settings/keys.",
            "Which papers were sent is remembered, so that none is sent twice; /digest me forget "
            "erases that, too.",
        ),
        buttons=(_KEY, _MINE),
    )


def library_name(library: str, name: str) -> str:
    """`ada's Zotero library`, `Zotero group 123`."""
    kind, _, number = library.partition("/")
    if kind == "groups":
        return f"Zotero group {one_line(number)}"
    return f"{shortened(readable(name), _NAME) or 'your'}'s Zotero library"


# -- why not


def no_sealer() -> str:
    return (
        "Nothing can be sent to Zotero yet: whoever runs Paperboy has to set PAPERBOY_SECRETS_KEY "
        "first, with which people's keys are encrypted."
    )


def key_typed() -> str:
    return (
        "That looks like a Zotero key, so Paperboy used none of it: delete the message where "
        "others can read it and revoke the key at zotero.org/settings/keys, then give a new one in "
        "the form that /digest saved zotero opens."
    )


def unknown_words() -> str:
    return (
        "/digest saved zotero sends your saved papers; /digest saved zotero key opens the form for "
        "a key, and /digest saved zotero off forgets it."
    )


def not_a_key() -> str:
    return "A Zotero key has 24 letters and digits: copy it from zotero.org/settings/keys."


def not_a_group() -> str:
    return "Write the number in the group's web address, or nothing for your own library."


def no_key_here() -> str:
    return "You gave Paperboy no key to Zotero here."


def key_unreadable() -> str:
    return (
        "Your key to Zotero can't be read any more, because the installation's own key was "
        "changed: give it again with /digest saved zotero key."
    )


def key_gone() -> str:
    return "Your key to Zotero was forgotten meanwhile: give one with /digest saved zotero key."


def key_unknown() -> str:
    """403, when it is checked."""
    return "Zotero doesn't know this key: copy it once more from zotero.org/settings/keys."


def may_not_write(group: str) -> str:
    """What the key lacks; `group` is empty for a person's own library."""
    whose = f"group {one_line(group)}" if group else "your library"
    return (
        f"This key may not write to {whose}: give it write access at zotero.org/settings/keys, and "
        "try again."
    )


def no_access() -> str:
    """403, when something is sent."""
    return (
        "Zotero no longer lets this key write to the library (HTTP 403): give another one with "
        "/digest saved zotero key."
    )


def no_library() -> str:
    return "Zotero has no such library any more (HTTP 404): /digest saved zotero key names another."


def locked() -> str:
    return "Zotero has locked this library for a moment (HTTP 409): try again in a few minutes."


def changed_meanwhile() -> str:
    """412 and 428 for a whole request: a proxy, or another version of the API."""
    return (
        "Zotero doesn't take papers in this way any more (HTTP 412 or 428): tell who runs Paperboy."
    )


def too_large() -> str:
    return "Zotero finds these papers too large for one request (HTTP 413)."


def slow_down(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return f"Zotero asks to be left alone for {count(minutes, 'minute')}: try again after that."


def refused(status: int) -> str:
    return f"Zotero can't answer now (HTTP {status}): try again later."


def unreachable(why: str) -> str:
    return f"Zotero can't be reached: {why}."


def not_zotero() -> str:
    return "What answers at ZOTERO_API_URL isn't Zotero."
