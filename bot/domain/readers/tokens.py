"""A token by which a person's own programs read what that person may read; no I/O."""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime, timedelta
from typing import Final

from bot.domain.papers import Value

# So that whoever finds one, a person or a scanner, knows what it opens.
PREFIX: Final = "paperboy_"
LIFETIME: Final = timedelta(days=180)
# Tokens that one person may have in a workspace.
MOST: Final = 10

_TOKEN: Final = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)
_ID_LENGTH: Final = 8


class AccessToken(Value):
    """What is kept of a token: its `hash`, of which nobody can make it again; whose it is (`by`) in
    which workspace; made `at`, good `until`, and the last day (UTC) it was used."""

    hash: str
    workspace: str
    by: str
    at: datetime
    until: datetime
    used: date | None = None

    @property
    def id(self) -> str:
        """What it is called where people see it."""
        return self.hash[:_ID_LENGTH]


def is_token(text: str) -> bool:
    """Whether it can be a token of ours."""
    return _TOKEN.fullmatch(text) is not None


def token_hash(token: str) -> str:
    """It has 256 bits of chance, so a plain hash hides it."""
    return hashlib.sha256(token.encode()).hexdigest()
