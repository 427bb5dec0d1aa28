"""What the bot says of a profile's gate."""

from __future__ import annotations

from bot.arxiv.text import one_line
from bot.domain.costs import GateReport
from bot.views.dates import long_date


def gate_line(profile: str, found: GateReport) -> str:
    """How it stands, with what the audits say of it; `profile` is a name."""
    name = f"gate of {one_line(profile)}"
    let = ""
    if found.recall is not None:
        let = f"about {found.recall:.0%} of what would be picked"
        let += f" (with 95 % certainty {found.low:.0%} to {found.high:.0%})"
    if not found.closed:
        again = f"open again since {long_date(found.since)}" if found.since else "open"
        why = f", for it let through {let}" if let else ""
        return (
            f"{name}: {again}{why}; every paper is judged; learning, {found.full} of "
            f"{found.full_wanted} days and {found.picks} of {found.picks_wanted} picks"
        )
    since = f" since {long_date(found.since)}" if found.since else ""
    if not found.days:
        return f"{name}: closed{since}; it has divided no day yet"
    papers, within = found.asked + found.below, _days(found.days)
    said = f"{name}: closed{since}, {found.below - found.audited} of {papers} papers not judged"
    if not let:
        return f"{said} {within}; what that misses is not known yet"
    audits = f"{_papers(found.audited)} judged all the same, {_picks(found.missed)} among them"
    return f"{said} {within}; it lets through {let}, by {audits}"


def _days(n: int) -> str:
    return f"on its last {n} days" if n != 1 else "on its last day"


def _papers(n: int) -> str:
    return f"{n} papers" if n != 1 else "1 paper"


def _picks(n: int) -> str:
    return "no pick" if n == 0 else f"{n} picks" if n != 1 else "1 pick"
