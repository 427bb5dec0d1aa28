"""A lease: one holder at a time, for a while, with a number that only grows (a fencing number)."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import uuid4

from redis import Redis
from redis.exceptions import ConnectionError, TimeoutError

# Takes the key only if free and returns the next number, in one step, so that two never share one.
# A caller that repeats the command because the answer was lost already holds it. A key with more
# time left than anybody sets is from before the server's clock was set back: Redis stores moments.
_TAKE = """
if redis.call('exists', KEYS[1]) == 1 then
    if redis.call('pttl', KEYS[1]) > tonumber(ARGV[1]) then
        redis.call('pexpire', KEYS[1], ARGV[1])
    end
    if redis.call('get', KEYS[3]) ~= ARGV[2] then return 0 end
    return tonumber(redis.call('get', KEYS[1]))
end
redis.call('set', KEYS[3], ARGV[2], 'px', ARGV[1])
local number = redis.call('incr', KEYS[2])
redis.call('expire', KEYS[2], 400 * 86400)
redis.call('set', KEYS[1], number, 'px', ARGV[1])
return number
"""
_RENEW = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('pexpire', KEYS[1], ARGV[2])"
_RELEASE = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1])"


class LeaseLost(Exception):
    """Another holder may have it now: stop at once, the other one finishes the work."""


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
        """Take it, trying for `wait` seconds; None when another holds it for all that time."""
        holder = uuid4().hex
        tries = max(1, int(wait / 0.5))
        for turn in range(tries):
            keys = key, f"{key}:number", f"{key}:holder"
            number = int(redis.eval(_TAKE, 3, *keys, int(seconds * 1000), holder))
            if number:
                return cls(redis, key, number, seconds)
            if turn + 1 < tries:
                sleep(0.5)
        return None

    def renew(self) -> None:
        """Hold it for as long again. Raises LeaseLost when it has expired or another has it."""
        if not self._redis.eval(_RENEW, 1, self._key, self.number, self._milliseconds):
            raise LeaseLost(self._key)

    def release(self) -> None:
        """Free it at once; does nothing when it was lost. Reconnects once if the connection broke
        meanwhile."""
        try:
            self._redis.eval(_RELEASE, 1, self._key, self.number)
        except (ConnectionError, TimeoutError):
            self._redis.eval(_RELEASE, 1, self._key, self.number)
