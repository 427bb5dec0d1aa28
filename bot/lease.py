"""A lease: one holder at a time, for a while, with a number that only grows (a fencing number)."""

from __future__ import annotations

import time
from collections.abc import Callable

from redis import Redis

# Takes the key only if free, and gives the next number; in one step, so that two never share one.
_TAKE = """
if redis.call('exists', KEYS[1]) == 1 then return 0 end
local number = redis.call('incr', KEYS[2])
redis.call('expire', KEYS[2], 400 * 86400)
redis.call('set', KEYS[1], number, 'px', ARGV[1])
return number
"""
_RENEW = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('pexpire', KEYS[1], ARGV[2])"
_RELEASE = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1])"


class LeaseLost(Exception):
    """Somebody else may hold it now: stop at once, what was left behind is theirs to finish."""


class Lease:
    """Held from `take` until `release`, or until `seconds` pass without `renew`."""

    def __init__(self, redis: Redis, key: str, number: int, seconds: float) -> None:
        self._redis, self._key, self._milliseconds = redis, key, int(seconds * 1000)
        self.number = number

    @classmethod
    def take(
        cls,
        redis: Redis,
        key: str,
        seconds: float,
        wait: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Lease | None:
        """Take it, trying for `wait` seconds; None when another still holds it then."""
        tries = max(1, int(wait / 0.5))
        for turn in range(tries):
            number = int(redis.eval(_TAKE, 2, key, f"{key}:number", int(seconds * 1000)))
            if number:
                return cls(redis, key, number, seconds)
            if turn + 1 < tries:
                sleep(0.5)
        return None

    def renew(self) -> None:
        """Hold it for as long again. Raises LeaseLost when it has passed to another."""
        if not self._redis.eval(_RENEW, 1, self._key, self.number, self._milliseconds):
            raise LeaseLost(self._key)

    def release(self) -> None:
        """Let the next one in at once; nothing happens when it was lost."""
        self._redis.eval(_RELEASE, 1, self._key, self.number)
