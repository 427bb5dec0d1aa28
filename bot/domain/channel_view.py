"""A decided day as one channel got it, and what became of its cards since; no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby

from pydantic import Field

from bot.domain.digest import CHANNEL_OUTCOMES, Decision, Digest, ListResult, Outcome
from bot.domain.moved_up import MovedUp
from bot.domain.papers import Value
from bot.domain.subscription import Votes


class Pointer(Value):
    """Where a paper was posted first in the workspace: a channel that everybody there may read (an
    id), and the web address of the message."""

    channel: str
    url: str


class CardState(Value):
    """What the card of a paper says beyond its digest: the votes that count on it, the channel's
    other profiles (titles) that picked it, and where it was posted first."""

    votes: Votes = Votes()
    also: tuple[str, ...] = ()
    pointer: Pointer | None = None


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
    by_votes: bool = Field(default=False, exclude_if=lambda flag: not flag)
    moved: tuple[MovedUp, ...] = Field(default=(), exclude_if=lambda papers: not papers)

    def apply_to(self, day: Digest) -> Digest:
        """The channel's digest. Papers added to the day later are not picked here, nor those that
        have lost their score since."""
        others = {decision.paper.id: decision for decision in day.decisions}
        own = [
            others.pop(id).model_copy(update={"outcome": outcome})
            for id, outcome in self.outcomes
            if id in others and others[id].score
        ]
        own = list(dealt_in_order(own)) if self.by_votes else own
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
                "by_votes": self.by_votes,
                "moved": self.moved,
            }
        )


def own_pair(decision: Decision) -> tuple[int, int | None]:
    """A judge's own relevance and novelty, before a day's order spread them; zeros for none."""
    score = decision.score
    if score is None:
        return 0, None
    return score.given or (score.relevance, score.novelty)


def dealt_in_order(decisions: Sequence[Decision]) -> tuple[Decision, ...]:
    """The decisions, with the scores that a day's order spread over papers with the same own pair
    dealt to them in the order they have now, the best first."""
    dealt = list[Decision]()
    for _, rows in groupby(decisions, key=own_pair):
        alike = list(rows)
        shown = [(d.score.relevance, d.score.novelty or 0) for d in alike if d.score]
        for decision, (relevance, novelty) in zip(alike, sorted(shown, reverse=True), strict=False):
            assert decision.score is not None, "only papers with a score are dealt one"
            pair = relevance, novelty if decision.score.novelty is not None else None
            given = own_pair(decision)
            score = {"relevance": pair[0], "novelty": pair[1]}
            own = {"given": None if pair == given else given}
            dealt.append(
                decision.model_copy(update={"score": decision.score.model_copy(update=score | own)})
            )
        dealt += alike[len(shown) :]
    return tuple(dealt)
