"""What became of a paper for each profile that is asked about; no I/O."""

from __future__ import annotations

from datetime import date as date_
from datetime import datetime
from enum import StrEnum

from bot.domain.categories import matches
from bot.domain.digest import Decision, Digest, Outcome
from bot.domain.lookup import ArxivAnswer, Assessment
from bot.domain.papers import Announced, AnnounceType, Cutoffs, Followed, Paper, Profile, Value
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address


class Stage(StrEnum):
    """How far a paper came, the earliest first."""

    UNSEEN = "unseen"  # on no stored list
    REPLACED = "replaced"  # on one, as a new version of an older paper
    ELSEWHERE = "elsewhere"  # in none of the profile's categories
    CROSS_LIST = "cross_list"  # a cross-list, and the profile takes none
    UNJUDGED = "unjudged"  # in its categories, on a day that was not judged for it
    UNPOSTED = "unposted"  # decided, but its day was not posted in this channel, or not yet
    DECIDED = "decided"  # this channel's own digest has its outcome


class Posted(Value):
    """The message that shows a paper: its id on the platform, its thread, and the date of its
    digest. Without a `message`, `missing_reason` is why there is none (None: not posted yet)."""

    message: str
    thread_id: str
    date: date_
    missing_reason: ChannelReason | None = None


class PaperStatus(Value):
    """What became of a paper for one profile, in the channel at `address`.

    `paper` is set where its text is stored, `date` and `announce_type` from REPLACED on, `digest`
    and `decision` from UNPOSTED on. `retry_at` (UTC) is when a missing score is asked for again.
    `day` names the digest (domain.request.Delivery.day) in DECIDED.
    `changed`: the profile has changed since it was judged; `current_maximum` is its limit now.
    `needs_judging`: a judge could assess the paper and was not asked yet.
    """

    address: Address
    profile: Profile
    stage: Stage
    paper: Paper | None = None
    date: date_ | None = None
    announce_type: AnnounceType | None = None
    digest: Digest | None = None
    decision: Decision | None = None
    day: str = ""
    posted: Posted | None = None
    retry_at: datetime | None = None
    changed: bool = False
    current_maximum: int = 0
    assessment: Assessment | None = None
    needs_judging: bool = False

    @property
    def listed(self) -> Announced | None:
        """The paper as its list announced it; None where no stored list has it."""
        if self.paper is None or self.announce_type is None:
            return None
        return Announced(paper=self.paper, announce_type=self.announce_type)

    @property
    def is_ranked_locally(self) -> bool:
        """Whether this channel was shown the paper before a model had judged it."""
        ids = self.digest.ranked_locally if self.digest else None
        return self.paper is not None and self.paper.id in (ids or ())

    @property
    def is_elsewhere(self) -> bool:
        """Whether the paper is in none of the profile's categories, announced or not."""
        if self.paper is None:
            return False
        announced = Announced(paper=self.paper, announce_type=AnnounceType.NEW)
        return stage_by_categories(self.profile, announced) is Stage.ELSEWHERE

    @property
    def rank_and_total(self) -> tuple[int, int]:
        """The paper's rank among those that reach the cut-offs and are new to the channel, and
        their number. Only for a picked paper, or one over the limit."""
        decisions = self.digest.decisions if self.digest else ()
        ranked = {Outcome.PICKED, Outcome.OVER_LIMIT}
        ids = [d.paper.id for d in decisions if d.outcome in ranked]
        return ids.index(self.paper.id if self.paper else "") + 1, len(ids)


class CloserLook(StrEnum):
    """Whether a judge or arXiv is being asked for what is missing."""

    WANTED = "wanted"
    OVER = "over"  # what is still missing could not be found out
    NOT_WANTED = "not_wanted"


class PaperReport(Value):
    """All that `/why` shows of one paper to one person, at one moment.

    `statuses` are those of the profiles asked about, decided ones first; `version` is the version
    asked about. `today` is the date in New York, `zone` the person's time zone, `site` the web
    address of the workspace. `similar_id` is set where arXiv has no such paper.
    """

    id: str
    version: int | None
    statuses: tuple[PaperStatus, ...]
    arxiv: ArxivAnswer | None
    closer_look: CloserLook
    today: date_
    zone: str
    site: str
    similar_id: str = ""
    is_private: bool
    can_share: bool

    @property
    def paper(self) -> Paper | None:
        return self.statuses[0].paper if self.statuses else None

    @property
    def unjudged(self) -> tuple[PaperStatus, ...]:
        """Those that a judge has to be asked about; none where the paper is withdrawn."""
        if self.arxiv and self.arxiv.withdrawn:
            return ()
        return tuple(status for status in self.statuses if status.needs_judging)

    @property
    def is_waiting(self) -> bool:
        return self.closer_look is CloserLook.WANTED and bool(self.unjudged)

    @property
    def failed(self) -> tuple[PaperStatus, ...]:
        """Those that a judge was asked about without an answer."""
        return self.unjudged if self.closer_look is CloserLook.OVER else ()


def stage_by_categories(profile: Profile, announced: Announced) -> Stage:
    """The stage of an announced paper by its categories alone."""
    categories = announced.paper.categories

    def in_profile(category: str) -> bool:
        return any(matches(category, wanted) for wanted in profile.categories)

    if not any(map(in_profile, categories)):
        return Stage.ELSEWHERE
    new = announced.announce_type is AnnounceType.NEW and in_profile(categories[0])
    return Stage.UNJUDGED if new or profile.cross_lists else Stage.CROSS_LIST


def judging_criteria(profile: Profile) -> Profile:
    """What a judge gets of a profile: independent of its cut-offs, limit and authors."""
    return profile.model_copy(
        update={
            "maximum": 20,
            "cutoffs": Cutoffs(),
            "cross_lists": True,
            "gate": True,
            "authors": Followed(),
        }
    )
