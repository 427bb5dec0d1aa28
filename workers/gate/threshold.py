"""The gate's threshold: which papers pass, the recall that audits show, when to open it; pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date as date_
from typing import NamedTuple

from pydantic import Field

from bot.domain.papers import Value
from workers.gate.learned_ranking import HeldOutScore, LearnedScore

TARGET_RECALL = 0.98  # the share of the picks on held-out days that the threshold lets through
# Missed picks lie mostly just below the threshold, so the nearest quarter of the gated papers is
# audited ten times as often as the others; together one in twenty is.
NEAR_SHARE = 0.25
AUDIT_NEAR, AUDIT_FAR = 0.155, 0.015
MIN_RECALL = 0.95  # the share of the picks that has to pass, day by day
WINDOW_DAYS = 20  # announced days (four weeks) that the estimate covers
# A gate is opened only on evidence that one with the target recall shows with at most this chance,
# in a single test; tests/benchmarks/bench_learn.py measures how often one is opened in vain.
MAX_CHANCE = 0.2
FULL_DAYS, FULL_PICKS = 10, 20  # days judged in full, and picks on them, before the gate closes


class GateSplit(Value):
    """A day's papers in three parts, each best first: those the model is asked about for their
    score, those it is asked about to audit the gate, and those it is not asked about. `near` are
    the ids of the latter two that came nearest to the threshold."""

    asked: tuple[str, ...]
    audited: tuple[str, ...]
    gated: tuple[str, ...]
    near: tuple[str, ...] = ()


class AuditCounts(NamedTuple):
    """The papers `below` the threshold, those of them `audited`, and the picks among these."""

    below: int = 0
    audited: int = 0
    missed: int = 0


class Tally(Value):
    """A day's counts for the gate: `asked` papers, the `picks` among them, and the papers below the
    threshold, `near` it and `far` from it.

    A paper without a score counts on neither side. On a day judged in full, none is below.
    """

    date: date_
    asked: int = Field(ge=0)
    picks: int = Field(ge=0)
    near: AuditCounts = AuditCounts()
    far: AuditCounts = AuditCounts()

    @property
    def is_full(self) -> bool:
        """Whether the model was asked about all, and answered for some."""
        return self.asked > 0 and not self.near.below and not self.far.below


class Recall(Value):
    """The share of the picks that pass the gate, estimated from the audits of `days`.

    `value` is None while nothing was picked, or no gated paper audited; `low` and `high` are a 95 %
    confidence interval. The counts are sums of Tally's.
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
    """The highest threshold that lets this share of the picks on held-out days pass.

    `held` are the scores of `training.score_held_out`, only of days since the gate was
    opened. Without a pick everything passes (minus infinity).
    """
    picks = sorted((row.score for row in held if row.picked), reverse=True)
    # Slightly less than the product, so that 0.98 of 50 is 49 in spite of rounding.
    return picks[math.ceil(recall * len(picks) - 1e-9) - 1] if picks else -math.inf


def choose_near_threshold(held: Sequence[HeldOutScore], least: float) -> float:
    """The score from which a paper below `least` counts as near it: NEAR_SHARE of those below did
    on the held-out days."""
    below = sorted((row.score for row in held if row.score < least), reverse=True)
    return below[math.ceil(NEAR_SHARE * len(below)) - 1] if below else least


def divide(
    ranked: Sequence[LearnedScore],
    least: float,
    near: float,
    day: date_,
    always_ask: Collection[str] = (),
) -> GateSplit:
    """Split a ranked day at the score `least`; ids in `always_ask` (a followed author's) pass
    whatever their score. Audited papers are drawn by a hash of id and day, so that the same are
    drawn again, and more of them from the score `near` on."""
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
    """Count a divided day; `scored` and `picks` are the ids with a score and the picked ones."""
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
    """The recall over the last WINDOW_DAYS of these days, all since the gate last closed.

    The picks below the threshold are estimated from those audits found, weighted in each part by
    the inverse of its audited share (Horvitz and Thompson, J. Am. Stat. Assoc. 47, 1952, with the
    realised share); where a part had no audit, both are pooled. The interval is Clopper and
    Pearson's, with half of the 5 % for each of two statements (Bonferroni): the share of picks
    near, and the share far. The upper bound far from the threshold uses all audits: papers there
    are picked no more often than near it, as long as the ranking is no worse than chance.
    """
    rows = sorted(tallies, key=lambda row: row.date)[-WINDOW_DAYS:]
    near, far = _sum(row.near for row in rows), _sum(row.far for row in rows)
    both, picks = _sum([near, far]), sum(row.picks for row in rows)

    def recall(near_share: float, far_share: float) -> float:
        """The recall if these shares of the papers below were picks, at least those found."""
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
    """Whether the gate lets too little pass and has to open: the estimate is below MIN_RECALL, and
    audits would find so many picks with a chance below MAX_CHANCE if TARGET_RECALL passed and all
    others lay near the threshold."""
    expected = recall.picks * (1 / TARGET_RECALL - 1) * AUDIT_NEAR
    fewer = (expected**n / math.factorial(n) for n in range(recall.missed))
    by_chance = 1 - math.exp(-expected) * math.fsum(fewer)  # Poisson's
    return recall.value is not None and recall.value < MIN_RECALL and by_chance < MAX_CHANCE


def may_close(opened: date_, tallies: Sequence[Tally]) -> bool:
    """Whether the days since the gate was opened suffice for a new one: FULL_DAYS judged in full
    with FULL_PICKS. `opened` is the last day that a gate divided."""
    full = [row for row in tallies if row.date > opened and row.is_full]
    return len(full) >= FULL_DAYS and sum(row.picks for row in full) >= FULL_PICKS


def _clopper_pearson(part: AuditCounts, error: float = 0.025) -> tuple[float, float]:
    """Clopper and Pearson's interval for a share (Biometrika 26, 1934): the shares at which this
    many finds or more, and this many or fewer, have a chance of half the `error`."""
    found, of = part.missed, part.audited
    if not of:
        return 0.0, 1.0
    low = (
        _bisect(lambda share: _binomial_cdf(found - 1, of, share) > 1 - error / 2) if found else 0.0
    )
    high = _bisect(lambda share: _binomial_cdf(found, of, share) > error / 2) if found < of else 1.0
    return low, high


def _binomial_cdf(found: int, of: int, share: float) -> float:
    """The chance of at most `found` finds."""
    hit, miss = math.log(share), math.log1p(-share)

    def log_ways(n: int) -> float:
        return math.lgamma(of + 1) - math.lgamma(n + 1) - math.lgamma(of - n + 1)

    return math.fsum(math.exp(log_ways(n) + n * hit + (of - n) * miss) for n in range(found + 1))


def _bisect(below: Callable[[float], bool]) -> float:
    """The share between 0 and 1 up to which something holds."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return high
