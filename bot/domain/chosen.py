"""A channel's own view of a day that others get as well; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from bot.domain.digest import Decision, Digest, Listed, Outcome, Usage, whole_problem
from bot.domain.papers import Noun

# What depends on the channel: what it had before, and how much it wants.
CHANNELS_OWN = {Outcome.PICKED, Outcome.OVER_LIMIT, Outcome.REPEAT}


class Basis(NamedTuple):
    """What a delivery is made of: the names of the decided days, the newest last, and the version
    of what was decided then (plan.Facts.version)."""

    days: tuple[str, ...]
    version: str


class Chosen(Noun):
    """What one channel's digest says otherwise than the decided day, or than several `days` as one
    (as in Basis; empty in what older releases stored)."""

    days: tuple[str, ...] = ()
    version: str = ""
    listed: Listed
    maximum: int
    judged_at: datetime
    earlier: tuple[date, ...]
    left_out: int
    outcomes: tuple[tuple[str, Outcome], ...]

    def applied(self, day: Digest) -> Digest:
        """The channel's digest. What came to the day after it is not picked here, nor what has lost
        its score since."""
        rest = {decision.paper.id: decision for decision in day.decisions}
        own = [
            rest.pop(id).model_copy(update={"outcome": outcome})
            for id, outcome in self.outcomes
            if id in rest and rest[id].score
        ]
        later = {"outcome": Outcome.OVER_LIMIT}
        others = [
            d.model_copy(update=later) if d.outcome in CHANNELS_OWN else d for d in rest.values()
        ]
        fields = {name: getattr(self, name) for name in ("listed", "judged_at", "earlier")}
        profile = day.profile.model_copy(update={"maximum": self.maximum})
        return day.model_copy(
            update={
                **fields,
                "left_out": self.left_out,
                "profile": profile,
                "decisions": (*own, *others),
            }
        )


def merged(days: Sequence[Digest], left_out: int) -> Digest:
    """Several decided days of a profile as one, the newest day's, the best first, not yet limited;
    a paper of two days is the first one's."""
    newest, papers = days[-1], dict[str, Decision]()
    for day in days:
        for decision in day.decisions:
            papers.setdefault(decision.paper.id, decision)
    problem = whole_problem([day.listed for day in days])
    return newest.model_copy(
        update={
            "listed": newest.listed.model_copy(update={"problem": problem}),
            "decisions": tuple(sorted(papers.values(), key=_by_score)),
            "replacements": sum(day.replacements for day in days),
            "usage": Usage.total(day.usage for day in days),
            "judged_at": max(day.judged_at for day in days),
            "earlier": tuple(day.date for day in days[:-1] if day.decisions),
            "left_out": left_out,
        }
    )


def _by_score(decision: Decision) -> tuple[int, int]:
    score = decision.score
    return (-score.relevance, -(score.novelty or 0)) if score else (0, 0)
