"""`paperboy backtest`: how well a profile finds what was picked on recorded days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from bot.domain.message import Message
from bot.domain.papers import Value

_HEADS = ("papers", "picked", "AUC", "hits", "for 95 %", "for 98 %")
_FIRST, _COLUMN = 12, 10  # characters


class RankingQuality(Value):
    """How `papers` were ranked of which `picked` were picked. `shown` is how many a digest would
    have shown at most, of which `hits` were picked. `auc` (0 to 1) is the chance that a picked one
    stands above another; `for_95` and `for_98` are the shares, from the top, that hold so much of
    the picks. These three are None where there are no picks, or nothing else."""

    papers: int
    picked: int
    shown: int
    hits: int
    auc: float | None
    for_95: float | None
    for_98: float | None


class Backtest(Value):
    """A profile (a name) over recorded days, each ranked by itself; `over_all` compares papers of
    different days, too. The day is None where a record has no dates. By `words_only`, or by what
    they mean as well."""

    profile: str
    maximum: int
    words_only: bool
    days: tuple[tuple[date | None, RankingQuality], ...]
    over_all: RankingQuality


def backtest_text(found: Backtest) -> Message:
    """A line for each day, and one for all."""
    over_all, several = found.over_all, len(found.days) > 1
    rows = [_line("", _HEADS)]
    if several:
        rows += [
            _line(day.isoformat() if day else "no date", _cells(row)) for day, row in found.days
        ]
    rows.append(_line("all", _cells(over_all)))
    how = "words alone" if found.words_only else "words and their meaning"
    return Message(
        title=f"{found.profile}: {over_all.picked} of {over_all.papers} papers were picked",
        text=tuple(rows),
        small=tuple(_explained(found, how)),
    )


def _explained(found: Backtest, how: str) -> Iterator[str]:
    yield f"Ranked by {how}, each day by itself; no model was asked."
    yield "AUC: the chance that a picked paper stands above another; 0.5 is chance, 1 perfect."
    yield f"hits: picked papers among the first {found.maximum} of a day (the profile's maximum)."
    yield "for 95 %, for 98 %: how much of the list holds so much of what was picked."


def _cells(row: RankingQuality) -> tuple[str, ...]:
    return (
        str(row.papers),
        str(row.picked),
        "-" if row.auc is None else f"{row.auc:.3f}",
        f"{row.hits}/{row.shown}",
        _percent(row.for_95),
        _percent(row.for_98),
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _line(first: str, cells: tuple[str, ...]) -> str:
    return f"{first:<{_FIRST}}" + "".join(f"{cell:>{_COLUMN}}" for cell in cells)
