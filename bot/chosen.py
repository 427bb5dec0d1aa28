"""A channel's own view of a day that others get as well; pure."""

from __future__ import annotations

from datetime import date, datetime

from bot.domain import Noun
from bot.ledger import Digest, Listed, Outcome

# What depends on the channel: what it had before, and how much it wants.
CHANNELS_OWN = {Outcome.PICKED, Outcome.OVER_LIMIT, Outcome.REPEAT}


class Chosen(Noun):
    """What one channel's digest says otherwise than the decided day."""

    listed: Listed
    maximum: int
    judged_at: datetime
    earlier: tuple[date, ...]
    left_out: int
    outcomes: tuple[tuple[str, Outcome], ...]

    def applied(self, day: Digest) -> Digest:
        """The channel's digest. What came to the day after it is not picked here."""
        rest = {decision.paper.id: decision for decision in day.decisions}
        own = [
            rest.pop(id).model_copy(update={"outcome": outcome})
            for id, outcome in self.outcomes
            if id in rest
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
