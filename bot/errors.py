"""Errors, named by what to do next: show it, or try later.

    PaperboyError
    |-- Refused      what was asked cannot be done as asked; say why and how to ask instead
    `-- Unavailable  the other side is away; the same request may work later

(Gone, for what will not come back, has its place here when a channel can be deleted.)
"""

from __future__ import annotations

from bot.domain import Trouble


class PaperboyError(Exception):
    """Any failure Paperboy knows how to speak of.

    `trouble` is the typed reason that is stored and counted; the message is one clear sentence for
    a person and never holds a secret.
    """

    def __init__(self, message: str, trouble: Trouble | None = None) -> None:
        super().__init__(message)
        self.trouble = trouble


class Refused(PaperboyError):
    """The request itself is wrong: asking again unchanged is pointless."""


class Unavailable(PaperboyError):
    """The other side does not serve us now; `retry_after` is in seconds, where it said so."""

    def __init__(self, message: str, trouble: Trouble, retry_after: float | None = None) -> None:
        super().__init__(message, trouble)
        self.retry_after = retry_after
