"""What a person left behind in a workspace, one thing at a time; no I/O."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from bot.domain.papers import Value


class TraceKind(StrEnum):
    """What a person leaves behind."""

    VOTE = "vote"
    SAVED = "saved"
    FOLLOW = "follow"
    TOLD = "told"
    ZOTERO_KEY = "zotero-key"
    ZOTERO_SENT = "zotero-sent"
    TOKEN = "token"


class Trace(Value):
    """One of these things: a `paper` (an id, where it is about one), what it says (`text`: a title,
    what is followed) and how (`detail`: the vote, how far the person is). `channels` are the
    addresses where others see it."""

    kind: TraceKind
    text: str
    paper: str = ""
    detail: str = ""
    channels: tuple[str, ...] = ()
    at: datetime | None = None
