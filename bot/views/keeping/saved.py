"""Papers that people save: the answers to the buttons, a person's list, what a channel shares."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from bot.arxiv.text import quoted, readable, shortened
from bot.domain.message import Button, Item, Link, Message, People
from bot.domain.readers.saved import MOST_SAVED, Reading, SavedPaper
from bot.views.dates import short_date
from bot.views.digest import count
from bot.views.keeping.pages import page_of

_T = TypeVar("_T")

# Papers of a page: with three buttons each, a message on Discord holds no more.
PAGE: Final = 6
_TITLE: Final = 200  # characters

FORMATS: Final = {"bibtex": "BibTeX", "ris": "RIS", "csl": "CSL-JSON"}
_ZOTERO: Final = Button(action="zotero", label="Send to Zotero")
MINE = Button(action="saved", label="My papers")
_HERE = Button(action="saved", label="Shared here", value="shared")
_STATES: Final = {
    Reading.OPEN: "open",
    Reading.READING: "you are reading it",
    Reading.DONE: "done",
}
# What a button leads to, from each state; the button's action ends with the state.
_NEXT: Final = {
    Reading.OPEN: (Reading.READING, "I read this"),
    Reading.READING: (Reading.DONE, "Done"),
    Reading.DONE: (Reading.OPEN, "Open again"),
}
_PEOPLE: Final = {
    Reading.OPEN: "Saved by",
    Reading.READING: "Being read by",
    Reading.DONE: "Read by",
}
_NOW: Final = {
    Reading.OPEN: "Open again.",
    Reading.READING: "Noted: you are reading it.",
    Reading.DONE: "Noted: you have read it.",
}


def saved_text(saved: SavedPaper, can_share: bool) -> Message:
    """Somebody saved a paper; `can_share`: in a channel."""
    share = (Button(action="share-saved", label="Share with this channel", value=saved.paper),)
    return Message(
        title="Saved, only for you.",
        paper=_link(saved),
        buttons=(*(share if can_share else ()), MINE),
    )


def unsaved_text(saved: SavedPaper) -> Message:
    """Somebody pressed Save again, or Remove in the list."""
    was = ("Nobody sees it here as shared by you any more.",) if saved.shared else ()
    again = Button(action="save", label="Save again", value=saved.paper)
    return Message(title="No longer saved.", paper=_link(saved), text=was, buttons=(again, MINE))


def state_text(saved: SavedPaper, is_shared_here: bool) -> Message:
    """Somebody says how far they are with a paper."""
    said = "The channel's shared papers say so, too." if is_shared_here else ""
    return Message(
        title=_NOW[saved.state],
        paper=_link(saved),
        text=(said,) if said else (),
        buttons=(_next(saved.state, saved.paper), *((_HERE,) if is_shared_here else ()), MINE),
    )


def shared_text(saved: SavedPaper) -> Message:
    """Somebody shares a saved paper with the channel."""
    stop = Button(action="unshare-saved", label="Stop sharing", value=saved.paper)
    return Message(
        title="Shared with this channel.",
        paper=_link(saved),
        text=("Everyone here finds it, with your name, in /digest saved shared.",),
        buttons=(stop, _HERE),
    )


def unshared_text(saved: SavedPaper) -> Message:
    return Message(title="No longer shared with this channel.", paper=_link(saved), buttons=(MINE,))


def my_papers(
    saved: Sequence[SavedPaper], page: int, channel: str, zone: str, now: datetime
) -> Message:
    """A page of a person's papers; `channel` is the address of the one they are in, if any."""
    if not saved:
        where = "Save is below each paper of a digest, and below the answer to /why."
        buttons = (_HERE,) if channel else ()
        return Message(title="You have no saved papers here.", text=(where,), buttons=buttons)
    shown, small, turn = _page(saved, page, "")
    export = Button(action="saved", label="Export", value="export")
    me = Button(action="me", label="All I left here")
    return Message(
        title=f"Your saved papers: {len(saved)}",
        items=tuple(_mine(each, channel, zone, now) for each in shown),
        small=small,
        buttons=(*turn, export, _ZOTERO, *((_HERE,) if channel else ()), me),
    )


def shared_papers(saved: Sequence[SavedPaper], page: int, person: str) -> Message:
    """A page of what people share with a channel, to one of them."""
    papers: dict[str, list[SavedPaper]] = {}
    for each in saved:
        papers.setdefault(each.paper, []).append(each)
    if not papers:
        text = "To share one, save it and press Share with this channel: only then others see it."
        return Message(title="Nobody shares a saved paper here.", text=(text,), buttons=(MINE,))
    shown, small, turn = _page(list(papers.values()), page, "shared ")
    return Message(
        title=f"Saved papers that people share here: {len(papers)}",
        items=tuple(_shared(rows, person) for rows in shown),
        small=small,
        buttons=(*turn, MINE),
    )


def which_format() -> Message:
    """The formats to export saved papers in."""
    buttons = (Button(action="saved", label=label, value=name) for name, label in FORMATS.items())
    return Message(
        title="All your saved papers as a file, for you alone: in which format?",
        text=("Zotero, Mendeley and EndNote import RIS and BibTeX, pandoc takes CSL-JSON.",),
        buttons=tuple(buttons),
    )


def exported_text(format: str, papers: int, missing: int) -> Message:
    """What comes with the file; `missing` papers have no text any more."""
    lost = f"{count(missing, 'paper')} can't be exported: their text is no longer stored."
    return Message(
        title=f"{count(papers, 'saved paper')} as {FORMATS[format]}, in a file.",
        text=(lost,) if missing else (),
    )


def not_saved() -> str:
    return "It isn't among your saved papers any more. To save it, press Save below it."


def no_longer_shared() -> str:
    return "Nobody shares this paper here any more."


def nothing_to_export() -> str:
    return "You have no saved papers here to export."


def too_many_saved() -> str:
    return (
        f"You have {MOST_SAVED} saved papers here, the most there can be. Export them and remove "
        "some: /digest saved."
    )


def not_in_terminal() -> str:
    return "Papers are saved in Slack and Discord, not in a terminal."


def only_in_channel() -> str:
    return "Saved papers are shared with a channel: do this in one."


def unknown_words(words: str) -> str:
    return (
        f"{quoted(words)} is not understood here: /digest saved takes shared, bibtex, ris, csl, "
        "zotero, or the number of a page."
    )


def _mine(saved: SavedPaper, channel: str, zone: str, now: datetime) -> Item:
    at, today = (moment.astimezone(ZoneInfo(zone)).date() for moment in (saved.at, now))
    small = [_STATES[saved.state], f"saved {short_date(at, today.year)}"]
    is_shared = channel in saved.shared
    if is_shared:
        small.append("shared with this channel")
    elif saved.shared:
        small.append("shared with another channel")
    share = ("unshare-saved", "Stop sharing") if is_shared else ("share-saved", "Share here")
    buttons = [_next(saved.state, saved.paper)]
    if channel:
        buttons.append(Button(action=share[0], label=share[1], value=saved.paper))
    buttons.append(Button(action="unsave", label="Remove", value=saved.paper))
    return Item(
        title=shortened(readable(saved.title), _TITLE),
        url=_url(saved.paper),
        small=(" · ".join([saved.paper, *small]),),
        buttons=tuple(buttons),
    )


def _shared(rows: Sequence[SavedPaper], person: str) -> Item:
    """A paper with those who share it, by how far they are."""
    first = rows[0]
    mine = next((row for row in rows if row.by == person), None)
    people = (
        People(label=label, ids=tuple(row.by for row in reversed(rows) if row.state is state))
        for state, label in _PEOPLE.items()
    )
    return Item(
        title=shortened(readable(first.title), _TITLE),
        url=_url(first.paper),
        people=tuple(each for each in people if each.ids),
        small=(first.paper,),
        buttons=(_next(mine.state if mine else Reading.OPEN, f"{first.paper} here"),),
    )


def _next(state: Reading, value: str) -> Button:
    after, label = _NEXT[state]
    return Button(action=f"saved-{after}", label=label, value=value)


def _page(
    rows: Sequence[_T], page: int, before: str
) -> tuple[Sequence[_T], tuple[str, ...], tuple[Button, ...]]:
    shown, which, turn = page_of(rows, page, PAGE, "saved", before)
    return shown, tuple(f"{each}, the latest first" for each in which), turn


def _link(saved: SavedPaper) -> Link:
    return Link(label=shortened(readable(saved.title), _TITLE), url=_url(saved.paper))


def _url(paper: str) -> str:
    return f"https://arxiv.org/abs/{paper}"
