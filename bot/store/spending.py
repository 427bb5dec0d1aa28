"""Redis: what is spent and set aside, counted so that no two workers overspend together.

Beside each call stands a reservation, which is `open`, then `closed` once; one whose worker was
killed is `lapsed` after a while: it counts as spent at what was set aside, in its own day and month
only, and is put right if its worker lives after all. Every change names its reservation, so that
one that redis-py repeats is made once.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

from bot.domain.budget import (
    NANO,
    Account,
    Costs,
    Limits,
    MaxCost,
    Payer,
    Period,
    Purpose,
    Refusal,
    Remaining,
    Reservation,
    Savings,
    Scope,
    SkipReason,
    SpentTotals,
    Unit,
    remaining,
    utc_day,
)
from bot.domain.digest import Usage
from bot.store.store import Store
from bot.store.stored_forms import RETENTION, parse_int_pair, reader_for, serialise

# Longer than a call of 25 s takes with its tries. One that takes longer still is put right when it
# ends, but whoever waits for a worker that was killed waits no longer than this.
_LAPSES = timedelta(minutes=2)
# redis-py repeats a write within seconds.
_CLOSED = timedelta(days=1)
# If nobody makes another call, nobody lets it lapse; by then its month is over.
_OPEN = timedelta(days=40)

# All counters or none. A call that would not fit were all others free is refused; one that only
# has to wait for those under way is told so. KEYS: reservation, open ones, counters.
# ARGV: id, nano ('' unpriced), tokens, body, lapses at, then for each counter its two limits.
_RESERVE = """
if redis.call('exists', KEYS[1]) == 1 then return {'granted', 0, ''} end
local needs, waits = {nano = tonumber(ARGV[2]), tokens = tonumber(ARGV[3])}, false
for i = 3, #KEYS do
  for j, unit in ipairs({'nano', 'tokens'}) do
    local limit, need = ARGV[2 * i - 1 + j], needs[unit]
    if limit ~= '' then
      if not need then
        redis.call('hset', KEYS[i], 'refused_unpriced', 1)
        redis.call('expire', KEYS[i], KEEP)
        return {'unpriced', i - 3, unit}
      end
      local counted = redis.call('hmget', KEYS[i], unit, 'reserved_' .. unit)
      local spent, reserved = tonumber(counted[1] or 0), tonumber(counted[2] or 0)
      if spent + need > tonumber(limit) then
        redis.call('hset', KEYS[i], 'refused_' .. unit, limit)
        redis.call('expire', KEYS[i], KEEP)
        return {'over', i - 3, unit}
      end
      if not waits and spent + reserved + need > tonumber(limit) then
        waits = {'passing', i - 3, unit}
      end
    end
  end
end
if waits then return waits end
for i = 3, #KEYS do
  redis.call('hincrby', KEYS[i], 'reserved_nano', ARGV[2] == '' and '0' or ARGV[2])
  redis.call('hincrby', KEYS[i], 'reserved_tokens', ARGV[3])
  if ARGV[2] ~= '' then redis.call('hdel', KEYS[i], 'refused_unpriced') end
  redis.call('expire', KEYS[i], KEEP)
end
redis.call('hset', KEYS[1], 'state', 'open', 'body', ARGV[4])
redis.call('expire', KEYS[1], OPEN)
redis.call('zadd', KEYS[2], ARGV[5], ARGV[1])
return {'granted', 0, ''}
"""

# From `open` or `lapsed` to another state, once: what stands there for it is replaced. KEYS as
# above. ARGV: id, new state, what the open one counts, what the lapsed one does, what the new does.
_CHANGE = """
local state = redis.call('hget', KEYS[1], 'state')
if not state or state == 'closed' or state == ARGV[2] then return 0 end
local before = cjson.decode(state == 'open' and ARGV[3] or ARGV[4])
local after = cjson.decode(ARGV[5])
for i = 3, #KEYS do
  for field, by in pairs(before) do
    if by ~= 0 then redis.call('hincrby', KEYS[i], field, string.format('%.0f', -by)) end
  end
  for field, by in pairs(after) do
    if by ~= 0 then redis.call('hincrby', KEYS[i], field, string.format('%.0f', by)) end
  end
  redis.call('expire', KEYS[i], KEEP)
end
redis.call('hset', KEYS[1], 'state', ARGV[2])
if ARGV[2] == 'closed' then redis.call('expire', KEYS[1], CLOSED) end
redis.call('zrem', KEYS[2], ARGV[1])
return 1
"""


def _timed(script: str) -> str:
    """With the times that it names."""
    for name, time in (("KEEP", RETENTION), ("OPEN", _OPEN), ("CLOSED", _CLOSED)):
        script = script.replace(f", {name})", f", {int(time.total_seconds())})")
    return script


_RESERVE, _CHANGE = _timed(_RESERVE), _timed(_CHANGE)
_UNDER_WAY = "pb:reservations"


class Spending:
    """What every scope spent in every day and month of the last 400 days (KEEP)."""

    def __init__(self, store: Store) -> None:
        self._redis, self._rows = store.redis, store.reader

    # -- calls

    def reserve(
        self, id: str, payer: Payer, reserve: MaxCost, purpose: Purpose, now: datetime
    ) -> Reservation | Refusal:
        """Set aside what a call may cost, in all the payer's scopes and periods or in none.

        `id` is new for each call. With what is spent and set aside it stays within every limit
        there is, or is refused. A call without a price is refused where any limit is in dollars:
        it could not be kept. Workspaces and profiles without limits are counted, too.
        """
        self._lapse(now)
        found = Reservation(
            id=id, scopes=payer.scopes, day=utc_day(now), reserve=reserve, purpose=purpose
        )
        held = [
            (scope, limits, period)
            for scope, limits in zip(payer.scopes, payer.limits, strict=True)
            for period in Period
        ]
        most = [limits.of(period, unit) for _, limits, period in held for unit in Unit]
        # First, so that a worker killed in between hides nothing.
        names = _spenders(payer.workspace, found.day)
        self._redis.sadd(names, payer.profile)
        self._redis.expire(names, RETENTION)
        keys = _keys(found)
        answer: Any = self._redis.eval(
            _RESERVE,
            len(keys),
            *keys,
            id,
            "" if reserve.nano is None else reserve.nano,
            reserve.tokens,
            serialise(found),
            (now + _LAPSES).timestamp(),
            *("" if limit is None else limit for limit in most),
        )
        said, at, unit = answer
        if said == "granted":
            return found
        scope, limits, period = held[int(at)]
        limit = limits.of(period, Unit(unit))
        assert limit is not None, "only a limit refuses"
        return Refusal(
            scope=scope,
            period=period,
            unit=Unit(unit),
            limit=limit,
            is_temporary=said == "passing",
            unpriced=said == "unpriced",
        )

    def settle(self, reservation: Reservation, usage: Usage | None) -> None:
        """Replace what was set aside by what was paid; once, whatever is asked later.

        None, or a usage without its tokens or its price, for a call that may have been paid and
        nobody knows how much: then it counts as it was set aside.
        """
        self._change(reservation, "closed", _paid(reservation, usage))

    def give_back(self, reservation: Reservation) -> None:
        """The call was certainly not paid."""
        self._change(reservation, "closed", {})

    def _lapse(self, now: datetime) -> None:
        due: Any = self._redis.zrangebyscore(_UNDER_WAY, "-inf", now.timestamp())
        for id in due:
            found = self._rows.hget(_reservation(id), "body", reader_for(Reservation))
            if found is None:
                self._redis.zrem(_UNDER_WAY, id)
            else:
                self._change(found, "lapsed", _paid(found, None))

    def _change(self, found: Reservation, state: str, after: dict[str, int]) -> None:
        keys, reserve = _keys(found), found.reserve
        opened = {"reserved_nano": reserve.nano or 0, "reserved_tokens": reserve.tokens}
        counts = [json.dumps(c) for c in (opened, _paid(found, None), after)]
        self._redis.eval(_CHANGE, len(keys), *keys, found.id, state, *counts)

    # -- reading

    def spent(self, scope: Scope, period: Period, now: datetime) -> SpentTotals:
        """In the day or the month of this moment."""
        self._lapse(now)
        rows = self._rows.hgetall(_counter(scope, period, utc_day(now)), int)
        return SpentTotals.model_validate(
            {name: rows[name] for name in SpentTotals.model_fields & rows.keys()}
        )

    def remaining(self, payer: Payer, now: datetime) -> Remaining:
        """What this payer may still spend."""
        return remaining(
            (limits, self.spent(scope, Period.DAY, now), self.spent(scope, Period.MONTH, now))
            for scope, limits in zip(payer.scopes, payer.limits, strict=True)
        )

    def profiles(self, workspace: str, now: datetime) -> list[str]:
        """Those that were to be judged for this workspace this month, by name."""
        names: Any = self._redis.smembers(_spenders(workspace, utc_day(now)))
        return sorted(names)


def _paid(found: Reservation, usage: Usage | None) -> dict[str, int]:
    """What a call adds to each of its counters."""
    reserve, known = found.reserve, usage is not None and usage.prompt_tokens > 0
    given = usage if usage is not None and known else Usage(calls=1, prompt_usd=None)
    priced = given.prompt_usd is not None and given.completion_usd is not None
    # Not its cost_usd, which is rounded for reading.
    usd = (given.prompt_usd or 0) + (given.completion_usd or 0)
    nano = round(usd * NANO) if priced else reserve.nano or 0
    return {
        "nano": nano,
        "tokens": given.prompt_tokens + given.completion_tokens if known else reserve.tokens,
        "calls": given.calls,
        "prompt": given.prompt_tokens,
        "cached": given.cached_tokens,
        "completion": given.completion_tokens,
        "kept": int(not known),
        "unpriced": int(not priced and reserve.nano is None),
        "questions_nano": nano if found.purpose is Purpose.QUESTION else 0,
    }


def _keys(found: Reservation) -> list[str]:
    """In the order of the payer's limits."""
    counters = [_counter(s, period, found.day) for s in found.scopes for period in Period]
    return [_reservation(found.id), _UNDER_WAY, *counters]


def _reservation(id: str) -> str:
    return f"pb:reservation:{id}"


def _counter(scope: Scope, period: Period, day: date) -> str:
    return f"pb:spent:{scope}:{period.name_of(day)}"


def _spenders(workspace: str, day: date) -> str:
    return f"pb:spenders:{workspace}:{Period.MONTH.name_of(day)}"


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
