"""What may reach a terminal, a log or a stored traceback: no secret, and nothing that acts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

# A shorter one would be found in words that have nothing to do with it.
_SHORTEST: Final = 6
_hidden = set[str]()

# Where libraries quote an address, whoever it is of; Slack's sockets carry a ticket.
_IN_ADDRESSES: Final = (
    (re.compile(r"(\w://)[^\s/'\"]*:[^\s'\"]*@"), r"\1***@"),
    (re.compile(r"(?i)([?&][\w-]*(?:ticket|token|secret|password|key)=)[^&\s'\"]+"), r"\1***"),
)


def register_secrets(secrets: Iterable[str]) -> None:
    """From here on `safe` leaves these out, in this process and in those it forks."""
    _hidden.update(secret for secret in secrets if len(secret) >= _SHORTEST)


def safe(text: str) -> str:
    """A text of several lines without secrets; control, direction and zero-width characters, and
    bytes that are no text, stand as their escapes."""
    for secret in sorted(_hidden, key=len, reverse=True):
        text = text.replace(secret, "***")
    for pattern, instead in _IN_ADDRESSES:
        text = pattern.sub(instead, text)
    return escape_unprintable(text)


def escape_unprintable(text: str) -> str:
    """The second half of `safe`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _plain(c) else c.encode("unicode_escape").decode() for c in text)


def _plain(char: str) -> bool:
    return char in "\n\t" or char.isprintable() or unicodedata.category(char) == "Zs"
