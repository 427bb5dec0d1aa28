"""The nouns of what is told of money: what was spent, spared, and would be spent; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date as date_
from datetime import datetime
from enum import StrEnum

from bot.domain.budget import Limits, Spent
from bot.domain.papers import Noun


class Why(StrEnum):
    """Why a paper was not asked about: its score was known, the gate kept it, nothing was left."""

    CACHE = "cache"
    GATE = "gate"
    LIMIT = "limit"


class Spared(Noun):
    """Papers not asked about, and about what asking would have cost."""

    papers: int = 0
    nano: int = 0

    @classmethod
    def total(cls, parts: Iterable[Spared]) -> Spared:
        rows = list(parts)
        return cls(papers=sum(r.papers for r in rows), nano=sum(r.nano for r in rows))


class Account(Noun):
    """One scope at one moment: its limits, and what it spent and was spared; `since` the month's
    first day with a call."""

    limits: Limits
    since: date_ | None = None
    today: Spent
    month: Spent
    spared_today: Mapping[Why, Spared]
    spared_month: Mapping[Why, Spared]


class Costs(Noun):
    """What `/digest cost` tells: a workspace's account, and those of its profiles by name."""

    at: datetime
    workspace: Account
    profiles: Mapping[str, Account]


class Estimate(Noun):
    """What judging a day would cost before anybody is asked: of the `announced` papers those with a
    `known` score are free; `reach` of the others are within the budget (None: all). Tokens and
    dollars (None where the price is not known) are likely ones, `most` is what would be set
    aside for all calls together."""

    profile: str
    date: date_
    model: str
    announced: int
    known: int
    calls: int
    prompt: int
    completion: int
    usd: float | None
    most: float | None
    reach: int | None


class GateReport(Noun):
    """How a profile's gate stands: `closed` (it keeps papers from the model) or open, `since` a
    day; of an open one the `full` days and `picks` it has learned from, and how many it wants.

    A closed one has, on its last `days`, asked about `asked` papers and let `below` pass unasked
    but for `audited` ones, `missed` picks among them; `recall` with its 95 % interval is what that
    tells of it. An open one that was closed before has them of the gate that was opened.
    """

    closed: bool
    since: date_ | None = None
    full: int = 0
    full_wanted: int = 0
    picks: int = 0
    picks_wanted: int = 0
    days: int = 0
    asked: int = 0
    below: int = 0
    audited: int = 0
    missed: int = 0
    recall: float | None = None
    low: float = 0.0
    high: float = 1.0
