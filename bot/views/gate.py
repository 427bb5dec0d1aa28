"""A profile's gate in words: its stage, what it finds and saves, what it promises."""

from __future__ import annotations

from collections.abc import Iterator

from bot.arxiv.text import one_line
from bot.domain.budget import GateReport, GateStage
from bot.domain.message import Message
from bot.domain.papers import Profile
from bot.views.dates import long_date
from bot.views.digest import count

_WHAT = (
    "The gate ranks each day's papers on this machine, by what was picked before, and spares the "
    "model those at the end. A few of them are scored all the same, to see what it misses."
)


def gate_line(profile: str, found: GateReport, saved: str = "") -> str:
    """The state of a profile's gate in one line, with what it `saved`; `profile` is a name."""
    name = f"gate of {one_line(profile)}"
    if found.stage is not GateStage.DIVIDING:
        return f"{name}: every paper is scored{_why_all(found)}"
    saved = f" saved {saved};" if saved else ""
    return f"{name}:{saved} {_finds(found)}"


def gate_text(profile: Profile, found: GateReport | None, saved: str) -> Message:
    """`/digest gate`: all there is to say; the picture says it day by day."""
    title = f"Gate of {one_line(profile.title)}"
    if not profile.gate:
        return Message(title=title, text=("It is off: every paper is scored.",), small=(_WHAT,))
    if found is None:
        return Message(title=title, text=("It has seen no day yet.",), small=(_WHAT,))
    return Message(title=title, text=tuple(_sentences(found, saved)), small=(_WHAT,))


def _sentences(found: GateReport, saved: str) -> Iterator[str]:
    if found.stage is GateStage.DIVIDING:
        yield f"It saved {saved}, and {_finds(found)}."
        yield f"It promises to miss at most {found.level:.1%} of picks; its audits move that."
    else:
        yield f"Every paper is scored{_why_all(found)}."
        if found.recall is not None:
            yield f"Until then it {_finds(found, 'found')}."
    if found.days:
        papers, gated = found.asked + found.below, found.below - found.audited
        yield (
            f"On its last {count(found.days, 'day')}: {gated} of {papers} papers not scored, "
            f"{count(found.audited, 'paper')} scored to check, {_picks(found.missed)} among them."
        )
    if found.changed and found.stage is GateStage.DIVIDING:
        yield (
            f"On {long_date(found.changed)} other papers than before were picked: it learned anew "
            "from then on."
        )


def _finds(found: GateReport, verb: str = "finds") -> str:
    if found.recall is None:
        return "what it misses isn't known yet"
    between = f"95% confidence: {found.low:.0%} to {found.high:.0%}"
    return f"{verb} about {found.recall:.0%} of picks ({between})"


def _why_all(found: GateReport) -> str:
    """Why every paper is scored, to follow these words."""
    since = ""
    if found.changed:
        since = f" since {long_date(found.changed)}, when other papers than before were picked"
    if found.stage is GateStage.LEARNING:
        return f"{since}; the gate is learning what is picked"
    wanted = count(found.picks_wanted, "pick")
    return (
        f"{since}; before the gate can promise how few picks it misses it has to know {wanted}, "
        f"and knows {found.picks}"
    )


def _picks(n: int) -> str:
    return "no pick" if n == 0 else count(n, "pick")
