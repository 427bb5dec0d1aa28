"""What is told of a gate: its stage, what it promises, what it finds, and its days; pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.budget import GateDay, GateReport, GateStage
from workers.gate import guarantee, threshold
from workers.gate.nightly import GateState
from workers.gate.threshold import Tally


def gate_report(state: GateState, tallies: Sequence[Tally]) -> GateReport:
    """The report of a gate after these days, in their order."""
    stage = GateStage.DIVIDING
    if state.least is None:
        stage = GateStage.COUNTING if state.learned else GateStage.LEARNING
    first = next((tally.date for tally in tallies if tally.least is not None), None)
    rows = [tally for tally in tallies if first and tally.date >= first]
    recall = threshold.estimate_recall(rows)
    return GateReport(
        stage=stage,
        changed=state.changed,
        picks=int(state.picks),
        picks_wanted=guarantee.PICKS_WANTED,
        level=state.level,
        days=recall.days,
        asked=recall.asked,
        below=recall.below,
        audited=recall.audited,
        missed=recall.missed,
        recall=recall.value if rows else None,
        low=recall.low if rows else 0.0,
        high=recall.high if rows else 1.0,
        history=tuple(_day(tallies, n) for n in range(len(tallies))),
    )


def _day(tallies: Sequence[Tally], n: int) -> GateDay:
    """A day with the recall of the days up to it."""
    tally, recall = tallies[n], threshold.estimate_recall(tallies[: n + 1])
    gated = sum(part.below - part.audited for part in (tally.near, tally.far))
    scored = tally.asked + tally.near.audited + tally.far.audited
    return GateDay(
        date=tally.date,
        scored=scored,
        gated=gated,
        level=tally.level,
        recall=recall.value,
        low=recall.low,
        high=recall.high,
    )
