"""Budgets: who pays, limits, reservations, what was spent and saved; no I/O.

Days and months are in UTC, as on the bill; a call belongs to the day of its reservation. Dollars
are counted in whole nano-dollars, so that sums are exact: a token of the cheapest models costs
about ten of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import date as date_
from enum import StrEnum
from math import ceil

from pydantic import Field

from bot.domain.papers import Value

NANO = 1_000_000_000
# Of a month, those on which arXiv announces papers.
DAYS_A_MONTH = 22


class Period(StrEnum):
    """What a limit is per."""

    DAY = "day"
    MONTH = "month"

    def name_of(self, day: date) -> str:
        """`2025-03-20` or `2025-03`."""
        return day.isoformat() if self is Period.DAY else f"{day:%Y-%m}"

    def after(self, day: date) -> date:
        """The first day of the next period."""
        if self is Period.DAY:
            return day + timedelta(days=1)
        return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


class Unit(StrEnum):
    """The unit of a limit: nano-dollars, or tokens of prompt and completion together."""

    NANO = "nano"
    TOKENS = "tokens"


class Limits(Value):
    """What may be spent in a day and in a month; None is no limit, 0 allows nothing."""

    day_usd: float | None = Field(default=None, ge=0)
    month_usd: float | None = Field(default=None, ge=0)
    day_tokens: int | None = Field(default=None, ge=0)
    month_tokens: int | None = Field(default=None, ge=0)

    def of(self, period: Period, unit: Unit) -> int | None:
        """One limit, in this unit."""
        day = period is Period.DAY
        if unit is Unit.TOKENS:
            return self.day_tokens if day else self.month_tokens
        usd = self.day_usd if day else self.month_usd
        return None if usd is None else round(usd * NANO)


class Scope(Value):
    """What a limit is for: a workspace (Address.workspace_key), or one profile in it."""

    workspace: str
    profile: str = ""

    def __str__(self) -> str:
        return f"{self.workspace}/{self.profile}" if self.profile else self.workspace


class Payer(Value):
    """Who pays for a call: a workspace (Address.workspace_key) and the profile it is for (a name),
    each with its limits."""

    workspace: str
    profile: str
    workspace_limits: Limits = Limits()
    profile_limits: Limits = Limits()

    @property
    def scopes(self) -> tuple[Scope, Scope]:
        """The workspace, then the profile."""
        return Scope(workspace=self.workspace), Scope(
            workspace=self.workspace, profile=self.profile
        )

    @classmethod
    def of(cls, workspace_key: str, profile: str, limits: tuple[Limits, Limits]) -> Payer:
        """With the limits of workspaces, then those of profiles."""
        own, profiles = limits
        return cls(
            workspace=workspace_key, profile=profile, workspace_limits=own, profile_limits=profiles
        )

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self.limits != (Limits(), Limits())

    @property
    def limits(self) -> tuple[Limits, Limits]:
        """In the order of the scopes."""
        return self.workspace_limits, self.profile_limits


class Purpose(StrEnum):
    """What a call is made for."""

    DIGEST = "digest"
    QUESTION = "question"


class MaxCost(Value):
    """The most that a call can cost; no dollars where the model has no known price."""

    nano: int | None = Field(ge=0)
    tokens: int = Field(ge=0)

    @classmethod
    def of(cls, usd: float | None, tokens: int) -> MaxCost:
        """Dollars are rounded up, so that a reservation is never too small."""
        return cls(nano=None if usd is None else ceil(usd * NANO), tokens=tokens)


class Reservation(Value):
    """What is reserved for one call, in these scopes, on this day."""

    id: str
    scopes: tuple[Scope, ...]
    day: date
    reserve: MaxCost
    purpose: Purpose


class Refusal(Value):
    """The limit that refuses a call.

    `is_temporary` when the call would fit if calls under way turned out free: ask again once they
    are settled. `unpriced` when the limit is in dollars and the call has no price: such a limit
    cannot be kept.
    """

    scope: Scope
    period: Period
    unit: Unit
    limit: int
    is_temporary: bool = False
    unpriced: bool = False


class SpentTotals(Value):
    """What one scope spent in one period, and what is reserved for calls under way.

    `tokens` counts against a limit; `prompt`, `cached` (a part of it) and `completion` are as
    reported. `kept` calls count with what was reserved for them: their price is unknown. `unpriced`
    calls are missing from the dollars. `refused_*` is the limit that last refused a call,
    `refused_unpriced` is 1 when the last call was refused for having no price.
    """

    nano: int = 0
    tokens: int = 0
    reserved_nano: int = 0
    reserved_tokens: int = 0
    calls: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    kept: int = 0
    unpriced: int = 0
    questions_nano: int = 0
    refused_nano: int | None = None
    refused_tokens: int | None = None
    refused_unpriced: int = 0

    def committed(self, unit: Unit) -> int:
        """Spent and reserved."""
        if unit is Unit.TOKENS:
            return self.tokens + self.reserved_tokens
        return self.nano + self.reserved_nano

    def limit_reached(self, limits: Limits, period: Period) -> tuple[Unit, int] | None:
        """The limit that refused a call, unless it was raised since."""
        for unit, at in ((Unit.NANO, self.refused_nano), (Unit.TOKENS, self.refused_tokens)):
            limit = limits.of(period, unit)
            if at is not None and limit is not None and at >= limit:
                return unit, limit
        return None


class Remaining(Value):
    """What is neither spent nor reserved, by the tightest limit; None without one."""

    nano: int | None
    tokens: int | None


def remaining(accounts: Iterable[tuple[Limits, SpentTotals, SpentTotals]]) -> Remaining:
    """For scopes that all have to pay: the limits of each, and its totals by day and month."""
    left: dict[Unit, list[int]] = {unit: [] for unit in Unit}
    for limits, today, month in accounts:
        for period, spent in ((Period.DAY, today), (Period.MONTH, month)):
            for unit in Unit:
                limit = limits.of(period, unit)
                if limit is not None:
                    left[unit].append(max(0, limit - spent.committed(unit)))
    return Remaining(
        nano=min(left[Unit.NANO], default=None), tokens=min(left[Unit.TOKENS], default=None)
    )


def utc_day(now: datetime) -> date:
    """The day of a call at this moment (aware)."""
    return now.astimezone(UTC).date()


def weekday_counts(day: date, since: date | None = None) -> tuple[int, int]:
    """How many weekdays of its month have passed, this day included, and how many there are; from
    `since` on, where that is later than the first."""
    first, end = day.replace(day=1), Period.MONTH.after(day)
    dates = [first + timedelta(days=n) for n in range((end - first).days)]
    working = [d for d in dates if d.weekday() < 5 and (since is None or d >= since)]
    return sum(d <= day for d in working), len(working)


def forecast(spent: int, day: date, since: date | None = None) -> int | None:
    """What the month will cost, if its other weekdays cost as much as those since the first call;
    None before the first one. Same unit as `spent`."""
    passed, total = weekday_counts(day, since)
    return spent * total // passed if passed else None


class SkipReason(StrEnum):
    """Why a paper was not asked about: its score is stored, the gate, or the budget."""

    CACHE = "cache"
    GATE = "gate"
    LIMIT = "limit"


class Savings(Value):
    """Papers not asked about, and an estimate of what asking would have cost."""

    papers: int = 0
    nano: int = 0

    @classmethod
    def total(cls, parts: Iterable[Savings]) -> Savings:
        rows = list(parts)
        return cls(papers=sum(r.papers for r in rows), nano=sum(r.nano for r in rows))


class Account(Value):
    """One scope at one moment: its limits, and what it spent and saved; `since` is the month's
    first day with a call."""

    limits: Limits
    since: date_ | None = None
    today: SpentTotals
    month: SpentTotals
    savings_today: Mapping[SkipReason, Savings]
    savings_month: Mapping[SkipReason, Savings]


class Costs(Value):
    """What `/digest cost` shows: a workspace's account, and those of its profiles by name."""

    at: datetime
    workspace: Account
    profiles: Mapping[str, Account]


class Estimate(Value):
    """What judging a day would cost: of the `announced` papers the `cached` ones have a score and
    are free; `within_budget` of the others can be paid (None: all). Tokens and dollars (None where
    the price is unknown) are likely ones, `max_usd` is what all calls together would reserve."""

    profile: str
    date: date_
    model: str
    announced: int
    cached: int
    calls: int
    prompt: int
    completion: int
    usd: float | None
    max_usd: float | None
    within_budget: int | None


class GateStage(StrEnum):
    """How far a gate is: it learns a ranking, counts how that places picks, or divides days."""

    LEARNING = "learning"
    COUNTING = "counting"
    DIVIDING = "dividing"


class GateDay(Value):
    """A day of a gate: the papers that were `scored` and those it kept from the model (`gated`),
    the share of picks it promised to miss at most (`level`, None on a day judged in full), and the
    recall of the days up to it."""

    date: date_
    scored: int
    gated: int
    level: float | None = None
    recall: float | None = None
    low: float = 0.0
    high: float = 1.0


class GateReport(Value):
    """The state of a profile's gate. Until it divides days, every paper is scored; that takes
    `picks_wanted` picks, of which `picks` are known. A dividing gate promises to miss a share of
    `level` of the picks at most. `changed` is the day on which the interests it had learned were
    last seen to have changed.

    On its last `days`, it let `asked` papers through to the model and kept `below` from it, of
    which `audited` were asked about anyway: `missed` of those were picks. `recall` and its 95 %
    interval (`low`, `high`) follow from that; None before it divided a day. `history` has all days
    that it remembers, the oldest first.
    """

    stage: GateStage
    changed: date_ | None = None
    picks: int = 0
    picks_wanted: int = 0
    level: float = 0.0
    days: int = 0
    asked: int = 0
    below: int = 0
    audited: int = 0
    missed: int = 0
    recall: float | None = None
    low: float = 0.0
    high: float = 1.0
    history: tuple[GateDay, ...] = ()
