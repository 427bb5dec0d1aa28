"""Redis: how many papers were announced, scored and posted since the installation began."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from redis import Redis

from bot.domain.papers import fingerprint
from bot.store.values.quarantine import ValueReader

# All that was ever counted, by what it is.
COUNTS_KEY = "pb:counts"
# A day is judged again, and a delivery improved, within two days.
_KNOWN = timedelta(days=8)

# Adds as much as each count of a thing has grown. KEYS: the thing's counts, all counts.
# ARGV: seconds, then names and numbers.
_RAISE = """
for i = 2, #ARGV, 2 do
  local before = tonumber(redis.call('hget', KEYS[1], ARGV[i]) or '0') or 0
  local grown = tonumber(ARGV[i + 1]) - before
  if grown > 0 then
    redis.call('hset', KEYS[1], ARGV[i], ARGV[i + 1])
    local all = tonumber(redis.call('hget', KEYS[2], ARGV[i]) or '0') or 0
    redis.call('hset', KEYS[2], ARGV[i], string.format('%.0f', all + grown))
  end
end
redis.call('expire', KEYS[1], ARGV[1])
"""


class Counts:
    """Each only grows, whoever reports the same thing again: a paper that gets its score on a
    second try was unscored once, and is scored."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    def raise_to(self, thing: str, reached: Mapping[str, int]) -> None:
        """Count a thing (a decided day, a delivery), by its name, up to these numbers."""
        rows = [str(part) for pair in reached.items() if pair[1] > 0 for part in pair]
        if rows:
            known = f"pb:counted:{fingerprint(thing)}"
            seconds = int(_KNOWN.total_seconds())
            self._redis.eval(_RAISE, 2, known, COUNTS_KEY, seconds, *rows)

    def all(self) -> dict[str, int]:
        """By what was counted, since the installation began."""
        return self._rows.hgetall(COUNTS_KEY, int)
