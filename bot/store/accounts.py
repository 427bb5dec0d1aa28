"""Redis: the papers nobody had to ask about, and all that `/digest cost` tells."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from bot.domain.budget import (
    NANO,
    Account,
    Costs,
    Limits,
    Payer,
    Period,
    Savings,
    Scope,
    SkipReason,
    utc_day,
)
from bot.store.days import Store
from bot.store.spending import Spending
from bot.store.stored_forms import RETENTION, parse_int_pair


class Accounts:
    """What each workspace and profile spent and was spared in this day and month."""

    def __init__(self, store: Store) -> None:
        self._redis, self._rows, self._spending = store.redis, store.reader, Spending(store)

    def record_savings(
        self, payer: Payer, run: str, why: SkipReason, papers: int, usd: float | None, now: datetime
    ) -> None:
        """Papers that a run did not ask about, and about what that would have cost (None where
        nobody can say). The same run said again is counted once, as it was said last."""
        day, worth = utc_day(now), round((usd or 0) * NANO)
        with self._redis.pipeline(transaction=True) as pipe:
            for scope in payer.scopes:
                pipe.hset(_spared(scope, day), f"{day} {why} {run}", f"{papers} {worth}")
                pipe.expire(_spared(scope, day), RETENTION)
            pipe.execute()

    def costs(self, workspace: str, limits: Limits, profile_limits: Limits, now: datetime) -> Costs:
        """A workspace's (Address.workspace_key), and those of each profile judged for it this
        month."""
        names = self._spending.profiles(workspace, now)
        own = {name: Scope(workspace=workspace, profile=name) for name in names}
        return Costs(
            at=now,
            workspace=self._account(Scope(workspace=workspace), limits, now),
            profiles={n: self._account(scope, profile_limits, now) for n, scope in own.items()},
        )

    def _account(self, scope: Scope, limits: Limits, now: datetime) -> Account:
        day = utc_day(now)
        today: dict[SkipReason, list[Savings]] = {why: [] for why in SkipReason}
        month: dict[SkipReason, list[Savings]] = {why: [] for why in SkipReason}
        for name, (papers, nano) in self._rows.hgetall(_spared(scope, day), parse_int_pair).items():
            on, why, _ = name.split(" ", 2)
            month[SkipReason(why)].append(Savings(papers=papers, nano=nano))
            if on == str(day):
                today[SkipReason(why)].append(month[SkipReason(why)][-1])
        return Account(
            limits=limits,
            since=self._since(scope, now),
            today=self._spending.spent(scope, Period.DAY, now),
            month=self._spending.spent(scope, Period.MONTH, now),
            savings_today={why: Savings.total(parts) for why, parts in today.items()},
            savings_month={why: Savings.total(parts) for why, parts in month.items()},
        )

    def _since(self, scope: Scope, now: datetime) -> date | None:
        first = now - timedelta(days=utc_day(now).day - 1)
        days = (first + timedelta(days=n) for n in range(utc_day(now).day))
        spent = (at for at in days if self._spending.spent(scope, Period.DAY, at).calls)
        found = next(spent, None)
        return utc_day(found) if found else None


def _spared(scope: Scope, day: date) -> str:
    return f"pb:spared:{scope}:{Period.MONTH.name_of(day)}"
