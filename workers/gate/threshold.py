"""Which papers the model is asked about, what that misses, and when to ask for all again; pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date as date_
from typing import NamedTuple

from pydantic import Field

from bot.domain.papers import Value
from workers.gate.learned_ranking import HeldOutScore, LearnedScore

TARGET_RECALL = 0.98  # of the picks on held-out days, what the threshold lets through
# Missed picks lie mostly just below the threshold: the nearest quarter of what is held back is
# audited ten times as often as the rest, and all of it together by one in twenty.
NEAR_SHARE = 0.25
AUDIT_NEAR, AUDIT_FAR = 0.155, 0.015
MIN_RECALL = 0.95  # of the picks, what has to get through, day by day
WINDOW_DAYS = 20  # days with announcements, four weeks: what the estimate looks back on
# A gate is opened only on what one that keeps RECALL would show by chance in so many of 100 cases,
# looked at once; tests/benchmarks/bench_learn.py has how often that opens one in vain.
MAX_CHANCE = 0.2
FULL_DAYS, FULL_PICKS = 10, 20  # judged in full and picked on them, before the gate closes again


class GateSplit(Value):
    """A day's papers by what becomes of them, each part best first: those the model is asked about
    for their score, those it is asked about as a sample of the rest, and those it is spared. `near`
    are the ids of the latter two that came nearest to the threshold."""

    asked: tuple[str, ...]
    audited: tuple[str, ...]
    gated: tuple[str, ...]
    near: tuple[str, ...] = ()


class AuditCounts(NamedTuple):
    """Of the papers `below` the threshold some were `audited`; `missed` are the picks there."""

    below: int = 0
    audited: int = 0
    missed: int = 0


class Tally(Value):
    """What a day showed of the gate: `asked` papers and the `picks` among them, and what is below
    the threshold, `near` it and `far` from it.

    A paper without a score belongs to neither side. On a day judged in full, nothing is below.
    """

    date: date_
    asked: int = Field(ge=0)
    picks: int = Field(ge=0)
    near: AuditCounts = AuditCounts()
    far: AuditCounts = AuditCounts()

    @property
    def is_full(self) -> bool:
        """Whether all were asked, and some answered."""
        return self.asked > 0 and not self.near.below and not self.far.below


class Recall(Value):
    """The share of the picks that get past the gate, as the audits of `days` tell it.

    `value` is None while nothing was picked, or nothing audited of what is held back; `low` and
    `high` hold the truth in at least 95 of 100 cases. The counts are sums of Tally's.
    """

    days: int
    asked: int
    picks: int
    below: int
    audited: int
    missed: int
    value: float | None
    low: float
    high: float


def choose_threshold(held: Sequence[HeldOutScore], recall: float = TARGET_RECALL) -> float:
    """The highest score at which so much of the picks on held-out days is let through.

    `held` is what `learned.held_out` gave, all days together. After the gate was opened, only the
    days since then are to be in it. Without a pick, nothing is held back (minus infinity).
    """
    picks = sorted((row.score for row in held if row.picked), reverse=True)
    # A little less than the product, so that 0.98 of 50 is 49 whatever a float makes of it.
    return picks[math.ceil(recall * len(picks) - 1e-9) - 1] if picks else -math.inf


def choose_near_threshold(held: Sequence[HeldOutScore], least: float) -> float:
    """The score from which on a paper below `least` is near it: a NEARth of them were on the
    held-out days."""
    below = sorted((row.score for row in held if row.score < least), reverse=True)
    return below[math.ceil(NEAR_SHARE * len(below)) - 1] if below else least


def divide(
    ranked: Sequence[LearnedScore],
    least: float,
    near: float,
    day: date_,
    always_ask: Collection[str] = (),
) -> GateSplit:
    """Part a ranked day at the score `least`; `must` are ids that pass whatever their score (a
    followed author's). The audited are drawn by id and day, from the score `near` on more of them:
    asked again, the same are drawn."""
    below = [row for row in ranked if row.score < least and row.id not in always_ask]
    audited = {
        row.id for row in below if _lot(row.id, day) < (AUDIT_FAR, AUDIT_NEAR)[row.score >= near]
    }
    return GateSplit(
        asked=tuple(row.id for row in ranked if row.score >= least or row.id in always_ask),
        audited=tuple(row.id for row in below if row.id in audited),
        gated=tuple(row.id for row in below if row.id not in audited),
        near=tuple(row.id for row in below if row.score >= near),
    )


def _lot(id: str, day: date_) -> float:
    digest = hashlib.sha256(f"{day.isoformat()} {id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def tally(day: date_, parts: GateSplit, scored: Collection[str], picks: Collection[str]) -> Tally:
    """How a divided day went: the ids of it that got a score, and those that were picked."""
    scored, picks, near = set(scored), set(picks), set(parts.near)

    def sample(is_near: bool) -> AuditCounts:
        audited = {id for id in parts.audited if (id in near) is is_near} & scored
        gated = sum((id in near) is is_near for id in parts.gated)
        return AuditCounts(len(audited) + gated, len(audited), len(audited & picks))

    asked = scored & set(parts.asked)
    return Tally(
        date=day, asked=len(asked), picks=len(asked & picks), near=sample(True), far=sample(False)
    )


def estimate_recall(tallies: Sequence[Tally]) -> Recall:
    """The recall over the last WINDOW of these days. They begin when the gate last closed: days
    before that tell of another one.

    The picks below the threshold are those found, each part's by the inverse of the share of it
    that was audited (Horvitz and Thompson, J. Am. Stat. Assoc. 47, 1952, with the share as it fell
    out); where nothing of a part was, both are taken as one. The interval is of Clopper and
    Pearson's, with half of the 5 % for each of two statements (Bonferroni): the share of picks
    near, and the share far, for which at the top all audits count: what is far is picked no more
    often than what is near, as long as the ranking is no worse than chance.
    """
    rows = sorted(tallies, key=lambda row: row.date)[-WINDOW_DAYS:]
    near, far = _sum(row.near for row in rows), _sum(row.far for row in rows)
    both, picks = _sum([near, far]), sum(row.picks for row in rows)

    def recall(near_share: float, far_share: float) -> float:
        """If so much of what is below were picks: no fewer than were found."""
        lost = max(near.below * near_share, near.missed) + max(far.below * far_share, far.missed)
        return picks / (picks + lost) if picks + lost else 1.0

    value = None
    if (both.audited or not both.below) and picks + both.missed:
        apart = all(part.audited or not part.below for part in (near, far))
        value = recall(*(_share(part if apart else both) for part in (near, far)))
    return Recall(
        days=len(rows),
        asked=sum(row.asked for row in rows),
        picks=picks,
        below=both.below,
        audited=both.audited,
        missed=both.missed,
        value=value,
        low=recall(_clopper_pearson(near)[1], _clopper_pearson(both)[1]) if picks else 0.0,
        high=recall(_clopper_pearson(near)[0], _clopper_pearson(far)[0]),
    )


def _sum(parts: Iterable[AuditCounts]) -> AuditCounts:
    return AuditCounts(*(sum(counts) for counts in zip(AuditCounts(), *parts, strict=True)))


def _share(part: AuditCounts) -> float:
    return part.missed / max(part.audited, 1)


def should_open(recall: Recall) -> bool:
    """Whether the gate lets too little through, so that everything is to be asked from now on: the
    estimate is below LEAST, and audits would hardly find so many picks (VAIN) if RECALL got past
    and all others lay near the threshold."""
    expected = recall.picks * (1 / TARGET_RECALL - 1) * AUDIT_NEAR
    fewer = (expected**n / math.factorial(n) for n in range(recall.missed))
    by_chance = 1 - math.exp(-expected) * math.fsum(fewer)  # Poisson's
    return recall.value is not None and recall.value < MIN_RECALL and by_chance < MAX_CHANCE


def may_close(opened: date_, tallies: Sequence[Tally]) -> bool:
    """Whether the days since the gate was opened suffice for a new one: FULL_DAYS judged in full
    with FULL_PICKS. `opened` is the last day that was still divided."""
    full = [row for row in tallies if row.date > opened and row.is_full]
    return len(full) >= FULL_DAYS and sum(row.picks for row in full) >= FULL_PICKS


def _clopper_pearson(part: AuditCounts, error: float = 0.025) -> tuple[float, float]:
    """Clopper and Pearson's interval for a share (Biometrika 26, 1934): the shares at which so many
    finds or more, and so many or fewer, have a chance of half the `error`."""
    found, of = part.missed, part.audited
    if not of:
        return 0.0, 1.0
    low = (
        _bisect(lambda share: _binomial_cdf(found - 1, of, share) > 1 - error / 2) if found else 0.0
    )
    high = _bisect(lambda share: _binomial_cdf(found, of, share) > error / 2) if found < of else 1.0
    return low, high


def _binomial_cdf(found: int, of: int, share: float) -> float:
    """The chance of so many finds or fewer."""
    hit, miss = math.log(share), math.log1p(-share)

    def ways(n: int) -> float:
        return math.lgamma(of + 1) - math.lgamma(n + 1) - math.lgamma(of - n + 1)

    return math.fsum(math.exp(ways(n) + n * hit + (of - n) * miss) for n in range(found + 1))


def _bisect(below: Callable[[float], bool]) -> float:
    """The share between 0 and 1 up to which something holds."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return high
