"""A lease: one holder at a time, for a while, with a number that only grows (a fencing number)."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import uuid4

from redis import Redis
from redis.exceptions import ConnectionError, TimeoutError

from bot.store.values.round_trips import RoundTrips

# Takes the key only if free and returns the next number, in one step, so that two never share one.
# A caller that repeats the command because the answer was lost already holds it. A key with more
# time left than anybody sets is from before the server's clock was set back: Redis stores moments.
# The holder stands beside the number: where a server dies before a replica has heard of a lease,
# the next holder has the same number, and only one of them may go on.
_TAKE = """
local held = redis.call('get', KEYS[1])
if held then
    if redis.call('pttl', KEYS[1]) > tonumber(ARGV[1]) then
        redis.call('pexpire', KEYS[1], ARGV[1])
    end
    local number, holder = string.match(held, '^(%d+) (.+)$')
    if holder ~= ARGV[2] then return 0 end
    return tonumber(number)
end
local number = redis.call('incr', KEYS[2])
redis.call('expire', KEYS[2], 400 * 86400)
redis.call('set', KEYS[1], string.format('%d ', number) .. ARGV[2], 'px', ARGV[1])
return number
"""
_RENEW = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('pexpire', KEYS[1], ARGV[2])"
_RELEASE = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1])"


class LeaseLost(Exception):
    """Another holder may have it now: stop at once, the other one finishes the work."""


class Lease:
    """Held from `take` until `release`, or until `seconds` pass without `renew`."""

    def __init__(self, redis: Redis, key: str, number: int, holder: str, seconds: float) -> None:
        self._redis, self._key, self._milliseconds = redis, key, int(seconds * 1000)
        self.number, self._value = number, f"{number} {holder}"

    @classmethod
    def take(
        cls,
        redis: Redis,
        key: str,
        seconds: float,
        wait: float,
        sleep: Callable[[float], None] = time.sleep,
        holder: str = "",
    ) -> Lease | None:
        """Take it, trying for `wait` seconds; None when another holds it for all that time. A
        `holder` that has a name is known to others by it (free_dead)."""
        holder = holder or uuid4().hex
        tries = max(1, int(wait / 0.5))
        for turn in range(tries):
            keys = key, f"{key}:number"
            number = int(redis.eval(_TAKE, 2, *keys, int(seconds * 1000), holder))
            if number:
                return cls(redis, key, number, holder, seconds)
            if turn + 1 < tries:
                sleep(0.5)
        return None

    @classmethod
    def free_dead(cls, redis: Redis, key: str, is_dead: Callable[[str], bool]) -> None:
        """Free it at once where its holder, by its name, is known to live no more."""
        held = str(redis.get(key) or "")
        if is_dead(held.partition(" ")[2]):
            redis.eval(_RELEASE, 1, key, held)

    def renew(self) -> None:
        """Hold it for as long again. Raises LeaseLost when it has expired or another has it."""
        if not self._redis.eval(_RENEW, 1, self._key, self._value, self._milliseconds):
            raise LeaseLost(self._key)

    async def renew_together(self, trips: RoundTrips) -> None:
        """The same from an event loop. Raises LeaseLost, too."""
        renewal = "EVAL", _RENEW, 1, self._key, self._value, self._milliseconds
        if not await trips.ask(*renewal):
            raise LeaseLost(self._key)

    def release(self) -> None:
        """Free it at once; does nothing when it was lost. Reconnects once if the connection broke
        meanwhile."""
        try:
            self._redis.eval(_RELEASE, 1, self._key, self._value)
        except (ConnectionError, TimeoutError):
            self._redis.eval(_RELEASE, 1, self._key, self._value)
