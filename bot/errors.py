"""Errors, named by what to do next: show it, retry later, or stop planning it.

PaperboyError
|-- Refused      the request cannot work as it is: say why, and what to ask instead
|-- Unavailable  the other side is away: the same request may work later
`-- Gone         does not come back by itself: pause what needs it, and tell a person
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from bot.domain.reasons import ChannelReason, Reason

Kind = TypeVar("Kind", bound=StrEnum)


class PaperboyError(Exception):
    """Any failure Paperboy can explain.

    `reason` is the typed reason that is stored and counted; the message is one sentence for a
    person and never contains a secret.
    """

    def __init__(self, message: str, reason: Reason | None = None) -> None:
        super().__init__(message)
        self.reason = reason

    def reason_or(self, fallback: Kind) -> Kind:
        """The reason where it is of the fallback's kind, otherwise the fallback."""
        return self.reason if isinstance(self.reason, type(fallback)) else fallback


class Refused(PaperboyError):
    """The request itself is wrong: retrying it unchanged is pointless."""


class Unavailable(PaperboyError):
    """The other side does not serve us now; `retry_after` is in seconds, None when it did not say.

    `outcome_unknown` when the request may have been carried out: check before retrying.
    """

    def __init__(
        self,
        message: str,
        reason: Reason,
        retry_after: float | None = None,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(message, reason)
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown


class Gone(PaperboyError):
    """A channel, a permission or a token that a person has to restore."""

    def __init__(self, message: str, reason: ChannelReason) -> None:
        super().__init__(message, reason)
        self.reason: ChannelReason = reason
