"""A decided day as one channel got it; no I/O."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from bot.domain.digest import CHANNEL_OUTCOMES, Digest, ListResult, Outcome
from bot.domain.papers import Value


class ChannelView(Value):
    """How one channel's digest differs from the decided day, or from several `days` merged (as in
    DeliveryBasis; empty in views of older releases)."""

    days: tuple[str, ...] = ()
    version: str = ""
    listed: ListResult
    maximum: int
    judged_at: datetime
    earlier: tuple[date, ...]
    left_out: int
    outcomes: tuple[tuple[str, Outcome], ...]
    # As in Digest. Left out where None, so that older releases can read it.
    ranked_locally: tuple[str, ...] | None = Field(default=None, exclude_if=lambda ids: ids is None)

    def apply_to(self, day: Digest) -> Digest:
        """The channel's digest. Papers added to the day later are not picked here, nor those that
        have lost their score since."""
        others = {decision.paper.id: decision for decision in day.decisions}
        own = [
            others.pop(id).model_copy(update={"outcome": outcome})
            for id, outcome in self.outcomes
            if id in others and others[id].score
        ]
        later = {"outcome": Outcome.OVER_LIMIT}
        not_own = [
            d.model_copy(update=later) if d.outcome in CHANNEL_OUTCOMES else d
            for d in others.values()
        ]
        fields = {name: getattr(self, name) for name in ("listed", "judged_at", "earlier")}
        profile = day.profile.model_copy(update={"maximum": self.maximum})
        return day.model_copy(
            update={
                **fields,
                "left_out": self.left_out,
                "profile": profile,
                "decisions": (*own, *not_own),
                "ranked_locally": self.ranked_locally,
            }
        )
