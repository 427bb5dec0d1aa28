"""What became of a paper for one profile of a channel, and the stage that decided; pure."""

from __future__ import annotations

from datetime import date as date_
from datetime import datetime
from enum import StrEnum

from bot.domain.categories import matches
from bot.domain.digest import Decision, Digest, Outcome
from bot.domain.lookup import Assessment
from bot.domain.papers import Announced, AnnounceType, Cutoffs, Followed, Paper, Profile, Value
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address


class Stage(StrEnum):
    """Where a paper's way ended, from the front."""

    UNSEEN = "unseen"  # on no list that was read
    REPLACED = "replaced"  # on one, as a new version of an older paper
    ELSEWHERE = "elsewhere"  # in none of the profile's categories
    CROSS_LIST = "cross_list"  # in them, and the profile takes no cross-lists
    UNJUDGED = "unjudged"  # in them, on a day this profile was not judged
    UNPOSTED = "unposted"  # decided, and this channel did not get that day, or not yet
    DECIDED = "decided"  # the channel's own ledger has its outcome


class Posted(Value):
    """A message that shows the paper: its platform's id, the thread it is in, and its digest's
    day; without a `message`, why there is none, or no more (None: not yet)."""

    message: str
    thread_id: str
    date: date_
    missing_reason: ChannelReason | None = None


class PaperStatus(Value):
    """One profile's part of the answer; `address` is the channel meant.

    `paper` is there where its text is known, `date` and `kind` (how it was listed) from REPLACED
    on, `digest` and `decision` from UNPOSTED on. `posted` is the message that shows it, `again`
    when a missing score is asked for again (UTC); by now the profile may be `changed`, and allows
    at `most` so many papers.
    """

    address: Address
    profile: Profile
    stage: Stage
    paper: Paper | None = None
    date: date_ | None = None
    announce_type: AnnounceType | None = None
    digest: Digest | None = None
    decision: Decision | None = None
    posted: Posted | None = None
    retry_at: datetime | None = None
    changed: bool = False
    current_maximum: int = 0
    assessment: Assessment | None = None

    @property
    def listed(self) -> Announced | None:
        """As it was listed."""
        if self.paper is None or self.announce_type is None:
            return None
        return Announced(paper=self.paper, announce_type=self.announce_type)

    @property
    def rank_and_total(self) -> tuple[int, int]:
        """Among the papers that reach the cut-offs and are new to the channel: which one it is,
        and how many there are. Only of a picked one, or one over the limit."""
        decisions = self.digest.decisions if self.digest else ()
        able = {Outcome.PICKED, Outcome.OVER_LIMIT}
        ids = [d.paper.id for d in decisions if d.outcome in able]
        return ids.index(self.paper.id if self.paper else "") + 1, len(ids)


def stage_by_categories(profile: Profile, announced: Announced) -> Stage:
    """How far a listed paper comes by its categories alone."""
    categories = announced.paper.categories

    def asked(category: str) -> bool:
        return any(matches(category, wanted) for wanted in profile.categories)

    if not any(map(asked, categories)):
        return Stage.ELSEWHERE
    new = announced.announce_type is AnnounceType.NEW and asked(categories[0])
    return Stage.UNJUDGED if new or profile.cross_lists else Stage.CROSS_LIST


def judging_criteria(profile: Profile) -> Profile:
    """What a judge is told of a profile: the same for any cut-offs, limit or followed authors."""
    return profile.model_copy(
        update={
            "maximum": 20,
            "cutoffs": Cutoffs(),
            "cross_lists": True,
            "gate": True,
            "authors": Followed(),
        }
    )
