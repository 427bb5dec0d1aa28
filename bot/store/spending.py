"""Redis: what is spent, reserved and saved, counted so that workers cannot overspend together.

Each call has a reservation, which is `open` and then `closed` once. When its worker is killed, it
becomes `lapsed` after a while: the reserved amount counts as spent, in its own day and month only,
and is corrected if the worker is alive after all. Every change names its reservation, so that a
change that redis-py repeats is made once.
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
from bot.store.values.stored_forms import RETENTION, parse_int_pair, reader_for, serialise

# Longer than a call of 25 s takes with its retries. A still longer one is corrected when
# it ends; nobody waits longer than this for a worker that was killed.
_LAPSES = timedelta(minutes=2)
# redis-py repeats a write within seconds.
_CLOSED = timedelta(days=1)
# A reservation lapses when another call is made; if none is, its month is over by then.
_OPEN = timedelta(days=40)

# Reserves in all counters or none. 'over': the call does not fit even if all calls under way turn
# out free; 'passing': it does not fit beside them. KEYS: reservation, open ones, counters.
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

# From `open` or `lapsed` to another state, once: what it counts is replaced. KEYS as above.
# ARGV: id, new state, the counts when open, when lapsed, and in the new state.
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


def _with_seconds(script: str) -> str:
    """The script with its times in seconds."""
    for name, time in (("KEEP", RETENTION), ("OPEN", _OPEN), ("CLOSED", _CLOSED)):
        script = script.replace(f", {name})", f", {int(time.total_seconds())})")
    return script


_RESERVE, _CHANGE = _with_seconds(_RESERVE), _with_seconds(_CHANGE)
_UNDER_WAY = "pb:reservations"

# All workspaces together, which no limit is for.
INSTALLATION = Scope(workspace="all:")


class Spending:
    """What each scope spent in each day and month of RETENTION."""

    def __init__(self, store: Store) -> None:
        self._redis, self._rows = store.redis, store.reader

    # -- calls

    def reserve(
        self, id: str, payer: Payer, reserve: MaxCost, purpose: Purpose, now: datetime
    ) -> Reservation | Refusal:
        """Reserve what a call may cost at most, in all the payer's scopes and periods or in none.

        `id` is new for each call. The call is refused where it would exceed a limit, together with
        what is spent and reserved. A call without a price is refused where any limit is in dollars,
        which could not be kept. Workspaces and profiles without limits are counted, too.
        """
        self._lapse(now)
        reservation = Reservation(
            id=id, scopes=payer.scopes, day=utc_day(now), reserve=reserve, purpose=purpose
        )
        counters = [
            (scope, limits, period)
            for scope, limits in zip(payer.scopes, payer.limits, strict=True)
            for period in Period
        ]
        most = [limits.of(period, unit) for _, limits, period in counters for unit in Unit]
        # First, so that a worker killed in between hides no spending.
        names = _spenders(payer.workspace, reservation.day)
        self._redis.sadd(names, payer.profile)
        self._redis.expire(names, RETENTION)
        keys = _keys(reservation)
        answer: Any = self._redis.eval(
            _RESERVE,
            len(keys),
            *keys,
            id,
            "" if reserve.nano is None else reserve.nano,
            reserve.tokens,
            serialise(reservation),
            (now + _LAPSES).timestamp(),
            *("" if limit is None else limit for limit in most),
            *("" for _ in (*Period, *Period)),  # two units in each period of INSTALLATION
        )
        result, index, unit = answer
        if result == "granted":
            return reservation
        scope, limits, period = counters[int(index)]
        limit = limits.of(period, Unit(unit))
        assert limit is not None, "only a limit refuses"
        return Refusal(
            scope=scope,
            period=period,
            unit=Unit(unit),
            limit=limit,
            is_temporary=result == "passing",
            unpriced=result == "unpriced",
        )

    def settle(self, reservation: Reservation, usage: Usage | None) -> None:
        """Replace what was reserved by what was paid; only the first call has an effect.

        `usage` is None, or lacks its tokens or its price, for a call that may have been paid at an
        unknown price: then what was reserved counts as spent.
        """
        self._change(reservation, "closed", _paid(reservation, usage))

    def give_back(self, reservation: Reservation) -> None:
        """Free a reservation whose call was certainly not paid."""
        self._change(reservation, "closed", {})

    def _lapse(self, now: datetime) -> None:
        due: Any = self._redis.zrangebyscore(_UNDER_WAY, "-inf", now.timestamp())
        for id in due:
            reservation = self._rows.hget(_reservation(id), "body", reader_for(Reservation))
            if reservation is None:
                self._redis.zrem(_UNDER_WAY, id)
            else:
                self._change(reservation, "lapsed", _paid(reservation, None))

    def _change(self, reservation: Reservation, state: str, after: dict[str, int]) -> None:
        keys, reserve = _keys(reservation), reservation.reserve
        opened = {"reserved_nano": reserve.nano or 0, "reserved_tokens": reserve.tokens}
        counts = [json.dumps(c) for c in (opened, _paid(reservation, None), after)]
        self._redis.eval(_CHANGE, len(keys), *keys, reservation.id, state, *counts)

    # -- reading

    def spent(self, scope: Scope, period: Period, now: datetime) -> SpentTotals:
        """What a scope spent in the (UTC) day or month of `now`."""
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

    def profiles(self, workspace_key: str, now: datetime) -> list[str]:
        """The names of the profiles that made calls for this workspace this month."""
        names: Any = self._redis.smembers(_spenders(workspace_key, utc_day(now)))
        return sorted(names)


def _paid(reservation: Reservation, usage: Usage | None) -> dict[str, int]:
    """What a call adds to each of its counters."""
    reserve, is_reported = reservation.reserve, usage is not None and usage.prompt_tokens > 0
    counted = usage if usage is not None and is_reported else Usage(calls=1, prompt_usd=None)
    priced = counted.prompt_usd is not None and counted.completion_usd is not None
    # Not cost_usd, which is rounded for display.
    usd = (counted.prompt_usd or 0) + (counted.completion_usd or 0)
    nano = round(usd * NANO) if priced else reserve.nano or 0
    return {
        "nano": nano,
        "tokens": counted.prompt_tokens + counted.completion_tokens
        if is_reported
        else reserve.tokens,
        "calls": counted.calls,
        "prompt": counted.prompt_tokens,
        "cached": counted.cached_tokens,
        "completion": counted.completion_tokens,
        "kept": int(not is_reported),
        "unpriced": int(not priced and reserve.nano is None),
        "questions_nano": nano if reservation.purpose is Purpose.QUESTION else 0,
    }


def _keys(reservation: Reservation) -> list[str]:
    """In the order of the payer's limits, and last what is counted for all payers together."""
    scopes, day = reservation.scopes, reservation.day
    everybody = (*scopes, INSTALLATION)
    counters = [_counter(scope, period, day) for scope in everybody for period in Period]
    return [_reservation(reservation.id), _UNDER_WAY, *counters]


def _reservation(id: str) -> str:
    return f"pb:reservation:{id}"


def _counter(scope: Scope, period: Period, day: date) -> str:
    return f"pb:spent:{scope}:{period.name_of(day)}"


def _spenders(workspace_key: str, day: date) -> str:
    return f"pb:spenders:{workspace_key}:{Period.MONTH.name_of(day)}"


class Accounts:
    """What each workspace and profile spent and saved in this day and month."""

    def __init__(self, store: Store) -> None:
        self._redis, self._rows, self._spending = store.redis, store.reader, Spending(store)

    def record_savings(
        self, payer: Payer, run: str, why: SkipReason, papers: int, usd: float | None, now: datetime
    ) -> None:
        """Record papers that a run did not ask about, and about what asking would have cost (None:
        unknown). Recording the same run again replaces its record."""
        day, worth = utc_day(now), round((usd or 0) * NANO)
        with self._redis.pipeline(transaction=True) as pipe:
            for scope in payer.scopes:
                pipe.hset(_savings(scope, day), f"{day} {why} {run}", f"{papers} {worth}")
                pipe.expire(_savings(scope, day), RETENTION)
            pipe.execute()

    def costs(
        self, workspace_key: str, limits: Limits, profile_limits: Limits, now: datetime
    ) -> Costs:
        """The costs of a workspace (Address.workspace_key), and of each profile judged for it this
        month."""
        names = self._spending.profiles(workspace_key, now)
        own = {name: Scope(workspace=workspace_key, profile=name) for name in names}
        return Costs(
            at=now,
            workspace=self._account(Scope(workspace=workspace_key), limits, now),
            profiles={n: self._account(scope, profile_limits, now) for n, scope in own.items()},
        )

    def _account(self, scope: Scope, limits: Limits, now: datetime) -> Account:
        day = utc_day(now)
        today: dict[SkipReason, list[Savings]] = {why: [] for why in SkipReason}
        month: dict[SkipReason, list[Savings]] = {why: [] for why in SkipReason}
        for name, (papers, nano) in self._rows.hgetall(
            _savings(scope, day), parse_int_pair
        ).items():
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
        first_spent = next(spent, None)
        return utc_day(first_spent) if first_spent else None


def _savings(scope: Scope, day: date) -> str:
    return f"pb:spared:{scope}:{Period.MONTH.name_of(day)}"
