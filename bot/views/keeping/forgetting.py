"""What `paperboy forget` would forget, and has forgotten, counted."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.message import Message
from bot.views.digest import count

# Whole keys, rows of others, and rows that stay without the name.
Counts = tuple[int, int, int]


def found_text(who: str, found: Mapping[str, Counts]) -> Message:
    """Before anything is forgotten."""
    if not found:
        return Message(title=f"Nothing stored names {who}.")
    return Message(
        title=f"Stored of {who}",
        text=(*_rows(found), "Nothing was changed. Add --yes to forget it for good."),
    )


def forgotten_text(who: str, found: Mapping[str, Counts]) -> Message:
    if not found:
        return Message(title=f"Nothing stored names {who}.")
    advice = (
        "A backup made before still has it. Messages that were posted stay in their chat; remove "
        "the app there, or what comes from there is stored anew."
    )
    return Message(title=f"Forgotten of {who}", text=(*_rows(found), advice))


def _rows(found: Mapping[str, Counts]) -> list[str]:
    rows = []
    for kind, (keys, lines, renamed) in found.items():
        parts = [count(keys, "key")] if keys else []
        parts += [count(lines, "row")] if lines else []
        parts += [f"{count(renamed, 'row')} that stays without the name"] if renamed == 1 else []
        parts += [f"{renamed} rows that stay without the name"] if renamed > 1 else []
        rows.append(f"{kind}: {', '.join(parts)}")
    return rows
