"""What the workers ask Zotero for a person, and what comes of it; no I/O."""

from __future__ import annotations

from typing import Literal

from bot.domain.papers import Value


class ZoteroErrand(Value):
    """To `check` the key that a person gave in a form, or to `send` the papers they saved that
    their library doesn't have from here. The key itself is not in it."""

    what: Literal["check", "send"]


class ZoteroResult(Value):
    """After a check, the account's `name` and the `library`. After sending, how many papers were
    `sent`, were `there` already, were `refused` (ids), and have no text any more (`missing`);
    `stopped` says why not all were sent."""

    name: str = ""
    library: str
    sent: int = 0
    there: int = 0
    refused: tuple[str, ...] = ()
    missing: int = 0
    stopped: str = ""
