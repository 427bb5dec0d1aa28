"""What the bot says of a profile's gate."""

from __future__ import annotations

from bot.costs import GateReport
from bot.text import one_line
from bot.words_dates import long_date


def gate_line(profile: str, found: GateReport) -> str:
    """How it stands, with what the audits say of it; `profile` is a name."""
    name = f"gate of {one_line(profile)}"
    if not found.closed:
        again = f"open again since {long_date(found.since)}" if found.since else "open"
        return (
            f"{name}: {again}, every paper is judged; learning, {found.full} of "
            f"{found.full_wanted} days and {found.picks} of {found.picks_wanted} picks"
        )
    since = f" since {long_date(found.since)}" if found.since else ""
    papers = found.asked + found.below
    said = f"{name}: closed{since}, {found.below - found.audited} of {papers} papers not judged"
    if found.recall is None:
        return f"{said}; nothing is known yet of what that misses"
    between = f"{found.low:.0%} to {found.high:.0%}"
    return (
        f"{said}; it lets through about {found.recall:.0%} of what would be picked ({between}), "
        f"by {found.audited} judged all the same, {found.missed} of them picks"
    )
