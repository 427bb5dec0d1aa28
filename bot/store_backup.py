"""Redis: everything that is to outlive a server, key by key, out and in again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from bot.domain import Noun
from bot.store import Store

# What is under way, or kept for a moment: of no use on another server. What was said to a channel
# (pb:outbox) is kept, so that nothing is said again.
_PASSING = (
    *("pb:lease:", "pb:pace:", "pb:progress:", "pb:inquiries:", "pb:found:", "pb:event:"),
    *("pb:document:", "pb:reservation", "pb:outages", "pb:heard:", "pb:overdue:", "pb:posts:"),
)
_SCANNED = 500


class Kept(Noun):
    """One key: its kind, what it holds, and until when (UTC; None for ever)."""

    key: str
    kind: Literal["string", "hash", "set", "zset"]
    value: str | dict[str, str] | list[str] | dict[str, float]
    until: datetime | None = None


class Backup:
    """On the same server as the store."""

    def __init__(self, store: Store) -> None:
        self._redis: Any = store.redis

    def all(self) -> Iterator[Kept]:
        """Every key, as it is when it is come to; in no order."""
        for key in self._redis.scan_iter("pb:*", count=_SCANNED):
            if not key.startswith(_PASSING) and (found := self._kept(key)):
                yield found

    def _kept(self, key: str) -> Kept | None:
        kind, left = self._redis.type(key), self._redis.pttl(key)
        read = {
            "string": self._redis.get,
            "hash": self._redis.hgetall,
            "set": lambda name: sorted(self._redis.smembers(name)),
            "zset": lambda name: dict(self._redis.zrange(name, 0, -1, withscores=True)),
        }
        if kind not in read or left == -2:  # gone meanwhile
            return None
        until = None if left < 0 else datetime.now(UTC) + timedelta(milliseconds=left)
        return Kept(key=key, kind=kind, value=read[kind](key), until=until)

    def in_use(self) -> bool:
        """Whether somebody has subscribed, or was given a digest, on this server."""
        if self._redis.exists("pb:subscriptions"):
            return True
        return next(self._redis.scan_iter("pb:history:*", count=_SCANNED), None) is not None

    def put(self, found: Kept, now: datetime) -> bool:
        """Store it as it was; False when its time is over."""
        if found.until and found.until <= now:
            return False
        write = {
            "string": lambda pipe: pipe.set(found.key, found.value),
            "hash": lambda pipe: pipe.hset(found.key, mapping=found.value),
            "set": lambda pipe: pipe.sadd(found.key, *found.value),
            "zset": lambda pipe: pipe.zadd(found.key, found.value),
        }
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(found.key)
            write[found.kind](pipe)
            if found.until:
                pipe.pexpireat(found.key, found.until)
            pipe.execute()
        return True
