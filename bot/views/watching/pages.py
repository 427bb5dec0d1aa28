"""Whether the bot is ready, as `/readyz` says it."""

from __future__ import annotations

from collections.abc import Sequence

NO_DATABASE = "The database doesn't answer."
STANDS_BY = "Another bot serves; this one stands by."


def not_logged_in(chats: Sequence[str]) -> str:
    names = " and ".join(name.capitalize() for name in chats)
    return f"{names} {'is' if len(chats) == 1 else 'are'} not logged in."


def clock_stands(seconds: float | None) -> str:
    if seconds is None:
        return "The clock has not ticked yet."
    return f"The clock has not ticked for {seconds:.0f} s."
