"""What readers' votes teach a profile: the votes as they were cast, and what came of them; no
I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date as date_
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from bot.domain.judge import Examples, Judge, VotedExample
from bot.domain.papers import Value, fingerprint
from bot.domain.subscription import Vote


class DownReason(StrEnum):
    """Why a person voted a paper down."""

    OFF_TOPIC = "off-topic"
    KNOWN = "known"
    WEAK = "weak"
    NOT_NOW = "not-now"


class VoteWeight(StrEnum):
    """How much a workspace's votes on a profile's papers count."""

    FULL = "full"
    SOME = "some"
    OFF = "off"

    @property
    def factor(self) -> float:
        """Of what votes shift."""
        return {VoteWeight.FULL: 1.0, VoteWeight.SOME: 0.5, VoteWeight.OFF: 0.0}[self]


class VoteUse(Value):
    """What a workspace makes of the votes on a profile's papers, as somebody there has set it: how
    much they count, and whether its judge is shown papers (`shows`). These were `chosen` on the
    `night` before."""

    weight: VoteWeight = VoteWeight.FULL
    shows: bool = False
    chosen: tuple[VotedExample, ...] = ()
    night: date_ | None = None

    def judge(self, plain: Judge, workspace_key: str) -> Judge:
        """Who judges there: the installation's judge, with what it is shown."""
        if not (plain.model and self.shows and self.chosen and self.weight.factor):
            return plain
        return plain.shown(Examples(workspace=workspace_key, papers=self.chosen))


class Judged(Value):
    """The relevance that a judge gave; `by` names the model and its criteria
    (showing.judge_mark)."""

    relevance: int
    by: str


class Lesson(Value):
    """One person's vote on a paper of a profile's digest. `ref` names the paper's text
    (papers.paper_ref), `channel` is an address, `by` a person's id. `reason` is why it was voted
    down, where that was said; `judged` what a model had said, where one had."""

    profile: str
    channel: str
    paper: str
    ref: str
    title: str
    by: str
    vote: Vote
    at: datetime
    reason: DownReason | None = Field(default=None, exclude_if=lambda reason: reason is None)
    judged: Judged | None = Field(default=None, exclude_if=lambda judged: judged is None)

    @property
    def key(self) -> str:
        return f"{self.channel} {self.paper} {self.by}"

    @property
    def is_of_relevance(self) -> bool:
        """Whether it says what readers are interested in. That a paper is known or weak says what
        to show first; "not now" says nothing of either."""
        return self.vote is Vote.UP or self.reason in (None, DownReason.OFF_TOPIC)

    @property
    def is_of_order(self) -> bool:
        return self.reason is not DownReason.NOT_NOW


def basis_of(lessons: Sequence[Lesson]) -> str:
    """Identifies what is learned from: another vote, or another reason, is another basis."""
    rows = sorted(f"{each.key} {each.vote} {each.reason or ''} {each.ref}" for each in lessons)
    return fingerprint(*rows)


class Taught(Value):
    """What was learned from the lessons of a `basis`: the words that speak for a paper and those
    against it, the most telling first."""

    basis: str
    words_for: tuple[str, ...] = ()
    words_against: tuple[str, ...] = ()
