"""What a person left in a workspace, in words, and erasing it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bot.arxiv.text import one_line, readable, shortened
from bot.domain.message import Button, Item, Message
from bot.domain.readers.traces import Trace, TraceKind
from bot.views.digest import count

# Things that are named of each kind, and characters of each.
_NAMED, _TEXT = 5, 120

_KINDS: Final = {
    TraceKind.VOTE: ("vote", "votes"),
    TraceKind.SAVED: ("saved paper", "saved papers"),
    TraceKind.FOLLOW: ("follow", "follows"),
    TraceKind.TOLD: ("paper you were told of", "papers you were told of"),
    TraceKind.ZOTERO_KEY: ("encrypted key to Zotero", "encrypted keys to Zotero"),
    TraceKind.ZOTERO_SENT: ("paper sent to Zotero", "papers sent to Zotero"),
    TraceKind.TOKEN: ("token for programs of yours", "tokens for programs of yours"),
}
_DETAILS: Final = {
    "up": "👍",
    "down": "👎",
    "open": "open",
    "reading": "you are reading it",
    "done": "done",
    "connected": "in use",
    "unchecked": "not checked yet",
}
_QUESTION: Final = (
    "Forget everything you left in this workspace? It can't be undone: export your saved papers "
    "first, if you want to keep them."
)
_ELSEWHERE: Final = "What you left on a server is shown and forgotten there: /digest me."
_FORGET: Final = Button(action="forget-me", label="Forget all of it")


def left_text(traces: Sequence[Trace], kept: Sequence[str], is_apart: bool = False) -> Message:
    """`/digest me`: all that a person left, and what stays when they have it forgotten (`kept`).
    `is_apart`: in direct messages that belong to no server."""
    title = f"What you left in {_where(is_apart)}"
    notices = (_ELSEWHERE,) if is_apart else ()
    stays = tuple(_stays(kept))
    if not traces:
        return Message(
            title=f"{title}: nothing that can be forgotten.", notices=notices, small=stays
        )
    return Message(
        title=title,
        notices=notices,
        text=("Nobody else gets this list.",),
        items=tuple(_items(traces)),
        small=stays,
        buttons=(
            Button(action="saved", label="My papers"),
            _FORGET.model_copy(update={"confirm": _QUESTION}),
        ),
    )


def confirm_forget_me(traces: Sequence[Trace], is_apart: bool = False) -> Message:
    """Asks first, where the platform has no dialog for it, and where it was typed."""
    notices = (_ELSEWHERE,) if is_apart else ()
    return Message(
        title=_QUESTION, notices=notices, text=(f"It is {_counted(traces)}.",), buttons=(_FORGET,)
    )


def forgotten_me(traces: Sequence[Trace], kept: Sequence[str], is_apart: bool = False) -> Message:
    return Message(
        notices=(_ELSEWHERE,) if is_apart else (),
        title=f"Forgotten: {_counted(traces)}.",
        text=(
            "What votes taught is learned anew without yours from the next digest on. Counts on "
            "cards that are posted already change with the next vote.",
        ),
        small=tuple(_stays(kept)),
    )


def nothing_left(is_apart: bool = False) -> str:
    said = f"You left nothing in {_where(is_apart)} that could be forgotten."
    return f"{said} {_ELSEWHERE}" if is_apart else said


def _where(is_apart: bool) -> str:
    return "these direct messages" if is_apart else "this workspace"


def unknown_words() -> str:
    return "To see what you left here: /digest me. To have it forgotten: /digest me forget."


def subscribed(channels: int) -> str:
    """`kept`: why it stays."""
    return f"you subscribed {count(channels, 'channel')}, and are told when digests stop there"


def changed_profiles(names: Iterable[str]) -> str:
    """`kept`: why it stays."""
    listed = ", ".join(map(one_line, names))
    return f"you made or changed {listed}, and the history of a profile says who did"


def _stays(kept: Sequence[str]) -> Iterator[str]:
    """What is no taste of a person's, but something others rely on."""
    for each in kept:
        yield f"Stays: {each}."
    yield (
        "A digest or a draft that you asked for, and how often you shared in this hour, are gone "
        "by themselves within a day. Messages in a channel that name you are the channel's."
    )


def _counted(traces: Iterable[Trace]) -> str:
    """`2 votes and 1 saved paper`; there is something."""
    *most, last = [_number(kind, rows) for kind, rows in _by_kind(traces)]
    return f"{', '.join(most)} and {last}" if most else last


def _number(kind: TraceKind, rows: Sequence[Trace]) -> str:
    return f"{len(rows)} {_KINDS[kind][len(rows) > 1]}"


def _items(traces: Sequence[Trace]) -> Iterator[Item]:
    for kind, rows in _by_kind(traces):
        rows = sorted(rows, key=lambda row: row.at.timestamp() if row.at else 0.0, reverse=True)
        left = len(rows) - _NAMED
        yield Item(
            title=_number(kind, rows),
            points=tuple(map(_point, rows[:_NAMED])),
            small=(f"+ {left} more",) if left > 0 else (),
        )


def _point(trace: Trace) -> str:
    said = shortened(readable(trace.text), _TEXT)
    rest = [_DETAILS.get(trace.detail, trace.detail), trace.paper if trace.paper != said else ""]
    return " · ".join(filter(None, [said, *rest]))


def _by_kind(traces: Iterable[Trace]) -> Iterator[tuple[TraceKind, list[Trace]]]:
    found = list(traces)
    for kind in TraceKind:
        if rows := [trace for trace in found if trace.kind is kind]:
            yield kind, rows
