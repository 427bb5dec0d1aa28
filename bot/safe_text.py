"""Text for terminals, logs and stored tracebacks, without secrets and control characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

# A shorter secret would be found in unrelated words.
_SHORTEST: Final = 6
_hidden = set[str]()

# Slack's tokens by their shape: those of workspaces are too many to look for each.
_TOKENS: Final = re.compile(r"\bxox[a-z](\.xox[a-z])?-[\w-]{8,}", re.ASCII)
# Libraries quote addresses: a password before the host, or a secret option (Slack's ticket); and
# what a program sent, with the token that a person gave it.
_SECRET_FORMS: Final = (
    (re.compile(r"(\w://)[^\s/:'\"]*:[^\s'\"]{0,2000}@"), r"\1***@"),
    (re.compile(r"(?i)([?&][\w-]*(?:ticket|token|secret|password|key)=)[^&\s'\"]+"), r"\1***"),
    (re.compile(r"\b(paperboy_)[\w-]{43}(?![\w-])", re.ASCII), r"\1***"),
)


def register_secrets(secrets: Iterable[str]) -> None:
    """From now on `safe` masks these, in this process and those it forks."""
    _hidden.update(secret for secret in secrets if len(secret) >= _SHORTEST)


def safe(text: str) -> str:
    """A text of several lines with secrets masked, and with control, direction and zero-width
    characters, and bytes that are not text, escaped."""
    for secret in sorted(_hidden, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _TOKENS.sub("***", text)
    for pattern, instead in _SECRET_FORMS:
        text = pattern.sub(instead, text)
    return escape_unprintable(text)


def escape_unprintable(text: str) -> str:
    """`safe` without masking secrets."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _plain(c) else c.encode("unicode_escape").decode() for c in text)


def _plain(char: str) -> bool:
    return char in "\n\t" or char.isprintable() or unicodedata.category(char) == "Zs"
