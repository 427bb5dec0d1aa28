"""Redis: votes on papers shown to a channel."""

from __future__ import annotations

from collections import Counter

from redis import Redis

from bot.domain.request import Address
from bot.domain.subscription import Vote, Votes
from bot.store.stored_forms import RETENTION

# One person has one vote a paper; the same vote again takes it back. In one step, because people
# press at the same moment.
_CAST = """
if redis.call('hget', KEYS[1], ARGV[1]) == ARGV[2] then
  redis.call('hdel', KEYS[1], ARGV[1])
else
  redis.call('hset', KEYS[1], ARGV[1], ARGV[2])
  redis.call('expire', KEYS[1], ARGV[3])
end
"""


class PaperVotes:
    """By channel and paper (an id)."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def cast(self, address: Address, paper: str, person: str, vote: Vote) -> None:
        """Vote, change a vote, or take the same vote back."""
        seconds = int(RETENTION.total_seconds())
        self._redis.eval(_CAST, 1, f"pb:votes:{address}:{paper}", person, vote, seconds)

    def count(self, address: Address, paper: str) -> Votes:
        rows: list[str] = self._redis.hvals(f"pb:votes:{address}:{paper}")  # type: ignore[assignment]
        counts = Counter(rows)
        return Votes(up=counts[Vote.UP], down=counts[Vote.DOWN])
