"""Which papers the model is asked about, what that misses, and when to ask for all again; pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Sequence
from datetime import date as date_

from pydantic import Field

from bot.domain import Noun
from workers.learned import Held, Placed

RECALL = 0.98  # of the picks on held-out days, what the threshold lets through
AUDIT = 0.05  # of the papers below it, what is judged all the same
LEAST = 0.95  # of the picks, what has to get through, day by day
WINDOW = 20  # days with announcements, four weeks: what the estimate looks back on
# A pick among the audited stands for twenty, and brings the estimate below LEAST whenever fewer
# than 380 got past. A day judged for nothing costs cents, a paper missed is missed: so one suffices
# where this many were audited, and two at any time. tests/benchmarks/bench_learn.py has how often
# that opens a gate in vain.
FEWEST_AUDITED, FEWEST_MISSED = 20, 2
FULL_DAYS, FULL_PICKS = 10, 20  # judged in full and picked on them, before the gate closes again


class Divided(Noun):
    """A day's papers by what becomes of them, each part best first: those the model is asked about
    for their score, those it is asked about as a sample of the rest, and those it is spared."""

    asked: tuple[str, ...]
    audited: tuple[str, ...]
    gated: tuple[str, ...]


class Tally(Noun):
    """What a day showed of the gate: `asked` papers and the `picks` among them; the papers `below`
    the threshold, how many of these were `audited`, and the picks among those, `missed`.

    A paper without a score belongs to neither side. On a day judged in full, `below` is 0.
    """

    date: date_
    asked: int = Field(ge=0)
    picks: int = Field(ge=0)
    below: int = Field(default=0, ge=0)
    audited: int = Field(default=0, ge=0)
    missed: int = Field(default=0, ge=0)


class Recall(Noun):
    """The share of the picks that get past the gate, as the audits of `days` tell it.

    `value` is None while nothing was picked, or nothing audited of what is held back; `low` and
    `high` hold the truth in at least 95 of 100 cases, for they are Clopper and Pearson's. The
    counts are sums of Tally's.
    """

    days: int
    picks: int
    below: int
    audited: int
    missed: int
    value: float | None
    low: float
    high: float


def threshold(held: Sequence[Held], recall: float = RECALL) -> float:
    """The highest score at which so much of the picks on held-out days is let through.

    `held` is what `learned.held_out` gave, all days together. After the gate was opened, only the
    days since then are to be in it. Without a pick, nothing is held back (minus infinity).
    """
    picks = sorted((row.score for row in held if row.picked), reverse=True)
    # A little less than the product, so that 0.98 of 50 is 49 whatever a float makes of it.
    return picks[math.ceil(recall * len(picks) - 1e-9) - 1] if picks else -math.inf


def divide(
    ranked: Sequence[Placed], least: float, day: date_, must: Collection[str] = ()
) -> Divided:
    """Part a ranked day at the score `least`; `must` are ids that pass whatever their score (a
    followed author's). The audited are drawn by id and day: asked again, the same are drawn."""
    below = [row.id for row in ranked if row.score < least and row.id not in must]
    audited = {id for id in below if _drawn(id, day)}
    return Divided(
        asked=tuple(row.id for row in ranked if row.score >= least or row.id in must),
        audited=tuple(id for id in below if id in audited),
        gated=tuple(id for id in below if id not in audited),
    )


def _drawn(id: str, day: date_) -> bool:
    digest = hashlib.sha256(f"{day.isoformat()} {id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < AUDIT * 2**64


def estimate(tallies: Sequence[Tally]) -> Recall:
    """The recall over the last WINDOW of these days. They begin when the gate last closed: days
    before that tell of another one."""
    rows = sorted(tallies, key=lambda row: row.date)[-WINDOW:]
    picks, below = sum(row.picks for row in rows), sum(row.below for row in rows)
    audited, missed = sum(row.audited for row in rows), sum(row.missed for row in rows)

    def recall(rate: float) -> float:
        """If so much of what is below were picks: no fewer than were found."""
        lost = max(below * rate, missed)
        return round(picks / (picks + lost), 4) if picks + lost else 1.0

    low, high = _between(missed, audited)
    known = (audited or not below) and picks + missed
    return Recall(
        days=len(rows),
        picks=picks,
        below=below,
        audited=audited,
        missed=missed,
        value=recall(missed / max(audited, 1)) if known else None,
        low=recall(high) if picks else 0.0,
        high=recall(low),
    )


def is_open(recall: Recall) -> bool:
    """Whether the gate lets too little through, so that everything is to be asked from now on: the
    estimate is below LEAST, by FEWEST_AUDITED papers or by FEWEST_MISSED picks among fewer."""
    known = recall.audited >= FEWEST_AUDITED or recall.missed >= FEWEST_MISSED
    return known and recall.value is not None and recall.value < LEAST


def may_close(opened: date_, tallies: Sequence[Tally]) -> bool:
    """Whether the days since the gate was opened suffice for a new one: FULL_DAYS judged in full
    with FULL_PICKS. `opened` is the last day that was still divided."""
    full = [row for row in tallies if row.date > opened and not row.below]
    return len(full) >= FULL_DAYS and sum(row.picks for row in full) >= FULL_PICKS


def _between(found: int, of: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval for a share (Biometrika 26, 1934): the shares at which
    so many finds or more, and so many or fewer, have a chance of 2.5 %."""
    if not of:
        return 0.0, 1.0
    low = _where(lambda share: _at_most(found - 1, of, share) > 0.975) if found else 0.0
    high = _where(lambda share: _at_most(found, of, share) > 0.025) if found < of else 1.0
    return low, high


def _at_most(found: int, of: int, share: float) -> float:
    """The chance of so many finds or fewer."""
    hit, miss = math.log(share), math.log1p(-share)

    def ways(n: int) -> float:
        return math.lgamma(of + 1) - math.lgamma(n + 1) - math.lgamma(of - n + 1)

    return math.fsum(math.exp(ways(n) + n * hit + (of - n) * miss) for n in range(found + 1))


def _where(below: Callable[[float], bool]) -> float:
    """The share between 0 and 1 up to which something holds."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return high
