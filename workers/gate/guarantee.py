"""What the gate promises: the threshold below which at most so many picks fall, how the promise
drifts with the audits, and when none can be given; pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import chain
from statistics import fmean
from typing import NamedTuple

from bot.domain.papers import Value

# Chosen on recorded days up to May 2025; tests/benchmarks/bench_learn.py has the figures.
AIM = 0.015  # the share of the picks that may fall below the threshold
MOST = 0.03  # while few picks are known, more is promised, but no more than this
LEAST = AIM / 3  # the strictest that audits can make it
# What a day's audits move it by. Any step has the same long run, a small one a steady gate.
STEP = 0.01
HALF_LIFE = 30  # a pick counts half as much after so many announced days

PICKS_WANTED = math.ceil(1 / MOST) - 1  # that have to be known before anything is promised

# The test for a changed interest: the last days against so many before them, at least eight with
# thirty picks.
LATEST_DAYS, EARLIER_DAYS = 3, 30
LEAST_DAYS, LEAST_PICKS = 8, 30
# Standard deviations: by chance once in some 400 days, which are scored in full for a while then.
UNLIKELY = 2.7


class FoundPick(NamedTuple):
    """A pick's score, by a ranking that had not learned from its day; and for how many picks it
    stands: itself, or where an audit found it, as many as were to be expected for one find."""

    score: float
    stands_for: float


class Promise(Value):
    """`least` is the least score that passes: of the picks to come, no more than a share of `level`
    is expected below. None, everything has to pass, while too few `picks` are known; those long
    past count less."""

    least: float | None
    level: float
    picks: float


def promise(days: Sequence[Sequence[FoundPick]], level: float) -> Promise:
    """The highest threshold that keeps `level`, by the picks of these days, the oldest first.

    Conformal risk control (Angelopoulos, Bates, Fisch, Lei and Schuster, ICLR 2024, theorem 1) of a
    loss that is 1 for a missed pick: the missed among those known and one more, which is taken for
    missed, are at most the promised share of all. In expectation that holds for the next pick as
    long as it comes as the others did. Days long past are trusted less by fixed weights (Barber,
    Candès, Ramdas and Tibshirani, Ann. Stat. 51, 2023, theorem 2), and picks that were found by
    audits stand for those that were not (Horvitz and Thompson, J. Am. Stat. Assoc. 47, 1952).
    """
    picks = sorted(
        (pick.score, 0.5 ** (age / HALF_LIFE), pick.stands_for)
        for age, day in enumerate(reversed(days))
        for pick in day
    )
    known = math.fsum(trust for _, trust, _ in picks)
    every = math.fsum(trust * stands_for for _, trust, stands_for in picks)
    level = max(level, 1 / (known + 1))
    if level > MOST:
        return Promise(least=None, level=level, picks=known)
    may_miss = level * (every + 1) - 1 + 1e-9
    least, below = picks[0][0], 0.0
    for score, trust, stands_for in picks:
        if below > may_miss:
            break
        least, below = score, below + trust * stands_for
    return Promise(least=least, level=level, picks=known)


def drifted_level(missed: Iterable[float]) -> float:
    """The level after days on which audits found these shares of the picks missed, the oldest
    first.

    Adaptive conformal inference (Gibbs and Candès, NeurIPS 2021): whatever the days bring, the mean
    of the shares comes as near to AIM as 1 / (STEP * days), where the level does not reach an end.
    """
    level = AIM
    for share in missed:
        level = min(max(level + STEP * (AIM - share), LEAST), MOST)
    return level


def has_changed(
    days: Sequence[Sequence[FoundPick]], papers: Sequence[int], least: float | None
) -> bool:
    """Whether the last days' picks come from lower places of the ranking than those before did, or
    are fewer of the day's `papers`: then nothing follows from what was known. Of the earlier ones
    those from `least` on are compared with, which could be seen now.

    The sum of two standard scores (Stouffer's method); more picks than before speak for nothing.
    """
    earlier = [
        [p.score for p in day if least is None or p.score >= least] for day in days[:-LATEST_DAYS]
    ][-EARLIER_DAYS:]
    if len(earlier) < LEAST_DAYS or sum(map(len, earlier)) < LEAST_PICKS:
        return False
    latest = [[pick.score for pick in day] for day in days[-LATEST_DAYS:]]
    fewer = _count_score(
        list(zip(map(len, earlier), papers[:-LATEST_DAYS][-EARLIER_DAYS:], strict=True)),
        list(zip(map(len, latest), papers[-LATEST_DAYS:], strict=True)),
    )
    return (_place_score(earlier, latest) + min(fewer, 0.0)) / math.sqrt(2) < -UNLIKELY


def _place_score(earlier: Sequence[Sequence[float]], latest: Sequence[Sequence[float]]) -> float:
    """How much higher the latest scores are (Mann and Whitney, Ann. Math. Stat. 18, 1947)."""
    before, now = sorted(chain(*earlier)), list(chain(*latest))
    if not now:
        return 0.0
    places = fmean((bisect_left(before, score) + 0.5) / (len(before) + 1) for score in now)
    return (places - 0.5) / math.sqrt((1 + len(now) / len(before)) / (12 * len(now)))


def _count_score(earlier: Sequence[tuple[int, int]], latest: Sequence[tuple[int, int]]) -> float:
    """How many more picks there were latest than is usual for so many papers: days have (picks,
    papers). Counts of days vary more than by chance alone, as much more as they did before."""
    known = sum(picks for picks, _ in earlier)
    share = known / max(sum(papers for _, papers in earlier), 1)
    usual = [(picks, share * papers) for picks, papers in earlier if papers]
    spread = max(1.0, fmean((picks - mean) ** 2 / mean for picks, mean in usual))
    expected = share * sum(papers for _, papers in latest)
    if not expected:
        return 0.0
    found = sum(picks for picks, _ in latest)
    return (found - expected) / math.sqrt(spread * expected * (1 + expected / known))
