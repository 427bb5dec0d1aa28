"""A lease: one holder at a time, for a while, with a number that only grows (a fencing number)."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import uuid4

from redis import Redis
from redis.exceptions import ConnectionError, TimeoutError

# Takes the key only if free, and gives the next number; in one step, so that two never share one.
# Who asks again because the answer was lost on its way has taken it already. A key that would live
# longer than anybody gave it was left by a server whose clock was set back: Redis keeps moments.
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
        """Hold it for as long again. Raises LeaseLost when it has passed to another."""
        if not self._redis.eval(_RENEW, 1, self._key, self.number, self._milliseconds):
            raise LeaseLost(self._key)

    def release(self) -> None:
        """Let the next one in at once; nothing happens when it was lost. A connection that broke
        meanwhile is made anew, once."""
        try:
            self._redis.eval(_RELEASE, 1, self._key, self.number)
        except (ConnectionError, TimeoutError):
            self._redis.eval(_RELEASE, 1, self._key, self.number)
