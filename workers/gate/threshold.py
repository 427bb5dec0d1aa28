"""The gate at work: which papers pass, which of the others are asked about all the same, and the
recall that those audits show; pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date as date_
from typing import NamedTuple

from pydantic import Field

from bot.domain.papers import Value
from workers.gate.guarantee import FoundPick
from workers.gate.learned_ranking import LearnedScore

# Missed picks lie mostly just below the threshold: one in three papers is audited that is near it,
# half of one of a ranking's standard deviations, and one in 33 of the others.
NEAR = 0.6
AUDIT_NEAR, AUDIT_FAR = 1 / 3, 0.03
WINDOW_DAYS = 20  # announced days (four weeks) that the estimate covers


class GateSplit(Value):
    """A day's papers in three parts, each best first: those the model is asked about for their
    score, those it is asked about to audit the gate, and those it is not asked about. `near` are
    the ids of the latter two that came nearest to the threshold."""

    asked: tuple[str, ...]
    audited: tuple[str, ...] = ()
    gated: tuple[str, ...] = ()
    near: tuple[str, ...] = ()

    def stands_for(self, id: str) -> float:
        """How many papers one that was asked about stands for."""
        if id in self.audited:
            return 1 / (AUDIT_NEAR if id in self.near else AUDIT_FAR)
        return 1.0


class AuditCounts(NamedTuple):
    """The papers `below` the threshold, those of them `audited`, and the picks among these."""

    below: int = 0
    audited: int = 0
    missed: int = 0


class Tally(Value):
    """A day's counts for the gate: `asked` papers, the `picks` among them, and the papers below the
    threshold, `near` it and `far` from it. `least` is the threshold, `level` what it promised; None
    on a day judged in full.

    A paper without a score counts on neither side. `audits` says for how many papers each audited
    one stands; `found` are the picks, audited ones too, as a ranking places them that has not
    learned from the day. It is empty where there was none yet.
    """

    date: date_
    asked: int = Field(ge=0)
    picks: int = Field(ge=0)
    near: AuditCounts = AuditCounts()
    far: AuditCounts = AuditCounts()
    least: float | None = None
    level: float | None = None
    audits: dict[str, float] = Field(default_factory=dict)
    found: tuple[FoundPick, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether it is known for how many papers each paper with a score stands. An older release
        did not note it of a divided day."""
        return self.asked > 0 and len(self.audits) == self.near.audited + self.far.audited

    @property
    def papers(self) -> int:
        """The papers with a score, and those below the threshold."""
        return self.asked + self.near.below + self.far.below

    @property
    def missed_share(self) -> float | None:
        """The share of the picks below the threshold, by the audits; None without a threshold or a
        pick."""
        lost = self.near.missed / AUDIT_NEAR + self.far.missed / AUDIT_FAR
        if self.least is None or not self.picks + lost:
            return None
        return lost / (self.picks + lost)


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


def divide(
    ranked: Sequence[LearnedScore],
    least: float,
    day: date_,
    always_ask: Collection[str] = (),
) -> GateSplit:
    """Split a ranked day at the score `least`; ids in `always_ask` (a followed author's) pass
    whatever their score. Audited papers are drawn by a hash of id and day, so that the same are
    drawn again, and more of them NEAR the threshold."""
    below = [row for row in ranked if row.score < least and row.id not in always_ask]
    near = {row.id for row in below if row.score >= least - NEAR}
    audited = {
        row.id for row in below if _lot(row.id, day) < (AUDIT_FAR, AUDIT_NEAR)[row.id in near]
    }
    return GateSplit(
        asked=tuple(row.id for row in ranked if row.score >= least or row.id in always_ask),
        audited=tuple(row.id for row in below if row.id in audited),
        gated=tuple(row.id for row in below if row.id not in audited),
        near=tuple(row.id for row in below if row.id in near),
    )


def _lot(id: str, day: date_) -> float:
    digest = hashlib.sha256(f"{day.isoformat()} {id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def tally(
    day: date_,
    parts: GateSplit,
    scored: Collection[str],
    picks: Collection[str],
    promised: tuple[float, float] | None = None,
    marks: Mapping[str, float] | None = None,
) -> Tally:
    """Count a day; `scored` and `picks` are the ids with a score and the picked ones, `promised` is
    its threshold and level, `marks` are the scores of a ranking that has not learned from it."""
    least, level = promised or (None, None)
    scored, picks, near = set(scored), set(picks), set(parts.near)
    audited = set(parts.audited) & scored

    def sample(is_near: bool) -> AuditCounts:
        some = {id for id in audited if (id in near) is is_near}
        gated = sum((id in near) is is_near for id in parts.gated)
        return AuditCounts(len(some) + gated, len(some), len(some & picks))

    asked = scored & set(parts.asked)
    return Tally(
        date=day,
        asked=len(asked),
        picks=len(asked & picks),
        near=sample(True),
        far=sample(False),
        least=least,
        level=level,
        audits={id: parts.stands_for(id) for id in sorted(audited)},
        found=tuple(
            FoundPick(marks[id], parts.stands_for(id)) for id in sorted((asked | audited) & picks)
        )
        if marks
        else (),
    )


def estimate_recall(tallies: Sequence[Tally]) -> Recall:
    """The recall over the last WINDOW_DAYS of these days.

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
