"""What a program may ask for, as parameters of an address or of an assistant's tool; pure.

What they say of each is what OpenAPI and MCP tell of it.
"""

from __future__ import annotations

import re
from datetime import date as date_
from typing import Annotated

from pydantic import BeforeValidator, Field

from bot.domain.digest import Outcome
from bot.domain.papers import Value
from bot.domain.request import Delivery
from bot.domain.tasks.search import LONGEST

_NAME = r"^[A-Za-z0-9_-]{1,64}$"


def _written_out(given: object) -> object:
    """pydantic takes seconds since 1970, too."""
    if isinstance(given, date_) or (isinstance(given, str) and re.fullmatch(_DAY, given, re.ASCII)):
        return given
    raise ValueError("write a date as 2026-11-27")


_DAY = r"\d{4}-\d\d-\d\d"
_Day = Annotated[date_, BeforeValidator(_written_out)]
_ID = 300  # characters of an id or a link
_FAR = 100_000


class DigestsAsked(Value):
    """Which digests."""

    channel: str | None = Field(default=None, pattern=_NAME, description="Of this channel, by id.")
    profile: str | None = Field(default=None, pattern=_NAME, description="Of this profile.")
    since: _Day | None = Field(default=None, description="Of this date or later.")
    until: _Day | None = Field(default=None, description="Of this date or earlier.")
    limit: int = Field(default=20, ge=1, le=100, description="At most so many.")
    offset: int = Field(default=0, ge=0, le=_FAR, description="Without the first so many.")

    def is_about(self, delivery: Delivery) -> bool:
        """Whether a digest of that channel is one of those."""
        return (
            self.profile in (None, delivery.profile)
            and (self.since is None or self.since <= delivery.date)
            and (self.until is None or delivery.date <= self.until)
        )


class PapersAsked(Value):
    """Which papers of a digest."""

    posted: bool = Field(default=False, description="Only those that the channel was shown.")
    outcome: Outcome | None = Field(default=None, description="Only those with this outcome.")
    limit: int = Field(default=100, ge=1, le=500, description="At most so many.")
    offset: int = Field(default=0, ge=0, le=_FAR, description="Without the first so many.")


class DigestWanted(Value):
    """One digest, the latest that is meant, with the papers that were posted."""

    channel: str | None = Field(default=None, pattern=_NAME, description="Of this channel, by id.")
    profile: str | None = Field(default=None, pattern=_NAME, description="Of this profile.")
    date: _Day | None = Field(default=None, description="Of this date, such as 2026-11-27.")
    limit: int = Field(default=20, ge=1, le=100, description="At most so many papers.")
    offset: int = Field(default=0, ge=0, le=_FAR, description="Without the first so many.")


class AboutPaper(Value):
    """Which paper."""

    id: str = Field(min_length=1, max_length=_ID, description="An arXiv id, or a link to it.")
    profile: str | None = Field(default=None, pattern=_NAME, description="For this profile alone.")
    channel: str | None = Field(default=None, pattern=_NAME, description="In this channel alone.")


class WordsAsked(Value):
    """What to look for."""

    words: str = Field(
        min_length=1, max_length=LONGEST, description="Words, an author, an id, a sentence."
    )
