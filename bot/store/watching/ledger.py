"""Redis: the ledger: every delivery that a subscription is owed, until it is made or excused.

What is open is kept by subscription (`pb:owed-digests`): up to when was looked at, and the open
moments, as seconds since 1970. What is closed is counted, by the month of its moment, and names
nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from redis import Redis

from bot.arxiv.calendar import new_york_date
from bot.domain.watching.ledger import (
    LATENESS_BOUNDS,
    Excuse,
    Month,
    OpenDelivery,
    bound_of,
)
from bot.store.values.quarantine import ValueReader
from bot.store.values.stored_forms import RETENTION, Unreadable
from bot.store.watching.counts import COUNTS_KEY

_OWED = "pb:owed-digests"

# Unlike hincrby, it survives what is no number.
_GROW = """
local function grow(key, field, by)
  local now = tonumber(redis.call('hget', key, field) or '0') or 0
  redis.call('hset', key, field, string.format('%.0f', now + by))
end
"""

# Opens a moment, unless it was looked at before. KEYS: the open ones, its month, all counts.
# ARGV: subscription, moment, seconds.
_OPEN = f"""{_GROW}
local row = redis.call('hget', KEYS[1], ARGV[1]) or '0'
local mark, open = string.match(row, '^(%d+)(.*)$')
if not mark then mark, open = '0', '' end
if tonumber(ARGV[2]) <= tonumber(mark) then return 0 end
redis.call('hset', KEYS[1], ARGV[1], ARGV[2] .. open .. ' ' .. ARGV[2])
for i = 2, 3 do grow(KEYS[i], 'owed', 1) end
redis.call('expire', KEYS[2], ARGV[3])
return 1
"""

# Moves the mark forward. KEYS: the open ones. ARGV: subscription, mark.
_LOOK = """
local row = redis.call('hget', KEYS[1], ARGV[1]) or '0'
local mark, open = string.match(row, '^(%d+)(.*)$')
if not mark then mark, open = '0', '' end
if tonumber(ARGV[2]) > tonumber(mark) then
  redis.call('hset', KEYS[1], ARGV[1], ARGV[2] .. open)
end
"""

# Closes a moment that is open, and counts it. KEYS as for _OPEN. ARGV: subscription, moment, how
# late in seconds ('' where it is not made), then the fields that grow, each with its amount.
_CLOSE = f"""{_GROW}
local row = redis.call('hget', KEYS[1], ARGV[1]) or ''
local mark, open = string.match(row, '^(%d+)(.*)$')
if not mark then return 0 end
local kept, found = '', false
for moment in string.gmatch(open, '%d+') do
  if moment == ARGV[2] then found = true else kept = kept .. ' ' .. moment end
end
if not found then return 0 end
redis.call('hset', KEYS[1], ARGV[1], mark .. kept)
for i = 4, #ARGV, 2 do
  for k = 2, 3 do grow(KEYS[k], ARGV[i], ARGV[i + 1]) end
end
if ARGV[3] ~= '' then
  local worst = tonumber(redis.call('hget', KEYS[2], 'worst') or '0') or 0
  if tonumber(ARGV[3]) > worst then redis.call('hset', KEYS[2], 'worst', ARGV[3]) end
end
return 1
"""


class OwedRow(NamedTuple):
    """Up to when was looked at what a subscription is owed, and the open moments (all UTC)."""

    mark: datetime
    open: tuple[datetime, ...]


class Ledger:
    """By subscription (its key) and moment (UTC)."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    # -- writing

    def open(self, subscription: str, moments: Iterable[datetime], until: datetime) -> None:
        """Record what a subscription is owed, and that it was looked at `until` a moment."""
        seconds = int(RETENTION.total_seconds())
        for at in moments:
            self._redis.eval(_OPEN, 3, *_keys(at), subscription, _seconds(at), seconds)
        self._redis.eval(_LOOK, 1, _OWED, subscription, _seconds(until))

    def settle(
        self, subscription: str, until: datetime, made: datetime, oldest: date | None = None
    ) -> None:
        """Close what is open `until` a moment, as made at `made` or in time; what is older than the
        `oldest` day of the digest, as left out."""
        row = self._rows.hget(_OWED, subscription, parse_row)
        for at in row.open if row else ():
            if at > until:
                continue
            if oldest and new_york_date(at) < oldest:
                self._close(subscription, at, None, {f"excused {Excuse.LEFT_OUT}": 1})
                continue
            late = max(made - at, timedelta())
            counted = {f"made {bound_of(late)}": 1, "seconds": round(late.total_seconds())}
            self._close(subscription, at, late, counted)

    def excuse(self, subscription: str, moments: Iterable[datetime], why: Excuse) -> None:
        """Close these as not to be made."""
        for at in moments:
            self._close(subscription, at, None, {f"excused {why}": 1})

    def forget(self, subscription: str) -> None:
        """Drop the row of a subscription that is gone, with nothing open."""
        self._redis.hdel(_OWED, subscription)

    def _close(
        self, subscription: str, at: datetime, late: timedelta | None, grown: Mapping[str, int]
    ) -> None:
        seconds = "" if late is None else round(late.total_seconds())
        fields = [str(part) for pair in grown.items() if pair[1] for part in pair]
        self._redis.eval(_CLOSE, 3, *_keys(at), subscription, _seconds(at), seconds, *fields)

    # -- reading

    def rows(self) -> dict[str, OwedRow]:
        """By subscription."""
        return self._rows.hgetall(_OWED, parse_row)

    def open_deliveries(self) -> list[OpenDelivery]:
        """The oldest first."""
        rows = (
            OpenDelivery(subscription=key, at=at)
            for key, row in self.rows().items()
            for at in row.open
        )
        return sorted(rows, key=lambda row: (row.at, row.subscription))

    def month(self, month: date, now: datetime, window_hours: float) -> Month:
        """The deliveries of a month, as far as is known now."""
        counts = self._rows.hgetall(_month(month), int)
        first = month.replace(day=1)
        mine = [o for o in self.open_deliveries() if o.at.date().replace(day=1) == first]
        unexplained = sum(each.is_unexplained(now, window_hours) for each in mine)
        return Month(
            month=first,
            owed=counts.get("owed", 0),
            lateness=lateness_in(counts),
            worst=counts.get("worst", 0),
            excused=excused_in(counts),
            waiting=len(mine) - unexplained,
            unexplained=unexplained,
        )


def lateness_in(counts: Mapping[str, int]) -> dict[int, int]:
    """Of counts, a month's or all, the deliveries made, by bound of their lateness."""
    return {bound: counts.get(f"made {bound}", 0) for bound in (*LATENESS_BOUNDS, -1)}


def excused_in(counts: Mapping[str, int]) -> dict[Excuse, int]:
    """The same of those that were excused."""
    return {why: counts.get(f"excused {why}", 0) for why in Excuse}


def parse_row(text: str) -> OwedRow:
    """A row as stored. Raises ValueError."""
    words = text.split(" ")
    if not all(word.isdecimal() and word.isascii() and len(word) <= 11 for word in words):
        raise Unreadable("it is not moments")
    mark, *moments = (datetime.fromtimestamp(int(word), UTC) for word in words)
    return OwedRow(mark, tuple(moments))


def _keys(at: datetime) -> Sequence[str]:
    return _OWED, _month(at.astimezone(UTC).date()), COUNTS_KEY


def _month(day: date) -> str:
    return f"pb:ledger:{day:%Y-%m}"


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
