"""What a profile would have brought on recent days; no I/O."""

from __future__ import annotations

from datetime import date
from typing import Final

from pydantic import Field

from bot.domain.papers import Profile, Value
from bot.domain.reasons import ModelReason

DAYS: Final = 5  # days that are tried where no number is given
MOST_DAYS: Final = 20
# Papers that are named of each kind.
BEST: Final = 10
NAMED: Final = 5
# Fewer days than these say little.
ENOUGH_DAYS: Final = 10


class Trial(Value):
    """A question to the workers: what this profile would have brought on the last `days` announced
    days, and what it would have changed for those who have `before`. `model` is the judge's;
    `buys`: it is asked about the papers that may be picked, and paid."""

    profile: Profile
    before: Profile | None = None
    days: int = Field(default=DAYS, ge=1, le=MOST_DAYS)
    model: str | None = None
    buys: bool = False


class TrialDay(Value):
    """Papers announced and picked on one day, and those `before` picks."""

    date: date
    announced: int
    picked: int
    before: int | None = None


class TrialPaper(Value):
    """A paper as it was placed: its day, its `rank` among that day's picks (None for one that is
    not picked) and the rank it had before."""

    id: str
    title: str
    date: date
    relevance: int
    novelty: int | None = None
    rank: int | None = None
    rank_before: int | None = None


class TrialResult(Value):
    """The answer to a trial. `days` are in their order, `stored` how many days there are in all;
    those `filled` are not stored, and as arXiv's API tells them.
    `missing` are categories whose papers were on none of these days. `entered` and `left` are picks
    that `before` doesn't have, and the other way round; `moved` are on other places. `by_model`:
    the model's scores, which are kept, decided; otherwise the local ranking did, by words alone
    where `words_only`. `usd_a_month` is None where no price is known, or no model judges. The model
    would have to be asked about `unscored` papers, for about `usd_to_score`. Where it was `bought`
    that they are scored, `trouble` is why most of those were not that are still without."""

    days: tuple[TrialDay, ...]
    stored: int
    filled: tuple[date, ...] = ()
    missing: tuple[str, ...] = ()
    best: tuple[TrialPaper, ...] = ()
    near: tuple[TrialPaper, ...] = ()
    entered: tuple[TrialPaper, ...] = ()
    left: tuple[TrialPaper, ...] = ()
    moved: tuple[TrialPaper, ...] = ()
    by_model: bool = False
    words_only: bool = False
    usd_a_month: float | None = None
    unscored: int = 0
    usd_to_score: float | None = None
    bought: bool = False
    trouble: ModelReason | None = None
