"""Redis: who waits for a thread on a chat platform: left by the clock, taken by the workers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from redis import Redis

from bot.domain.papers import Value, fingerprint
from bot.domain.request import DigestRequest
from bot.store.days import Store
from bot.store.stored_forms import SHORT_RETENTION, reader_for, serialise

# The platforms that get threads; a terminal shows its days itself.
CHATS = ("slack", "discord")


class FailedAttempt(Value):
    """That a delivery was tried and nothing came of it: the platform was away, or (`fault`) we gave
    it up through a fault of ours."""

    at: datetime
    fault: bool = False


class Deliveries:
    """One platform's. A wish goes by a key made of all it says: one that is changed is another."""

    def __init__(self, store: Store, platform: str) -> None:
        self._redis: Redis = store.redis
        self._rows = store.reader
        self._due, self._tried = f"pb:due:{platform}", f"pb:tried:{platform}"

    def put(self, requests: Iterable[DigestRequest]) -> None:
        """Leave who is due for the workers."""
        rows: dict[Any, Any] = {content_key(request): serialise(request) for request in requests}
        if rows:
            self._redis.hset(self._due, mapping=rows)

    def waiting_and_failed(self) -> tuple[set[str], dict[str, FailedAttempt]]:
        """The keys of those that wait, and what was tried in vain."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hkeys(self._due)
            pipe.hgetall(self._tried)
            keys, tried = pipe.execute()
        return set(keys), self._rows.decode_hash(self._tried, tried, reader_for(FailedAttempt))

    def newcomers(self, known: Collection[str]) -> dict[str, DigestRequest]:
        """Those that wait, but for the known ones (keys), in a fixed order."""
        keys = sorted(set(map(str, self._redis.hkeys(self._due))) - set(known))
        pairs = zip(keys, self._rows.hmget(self._due, keys, reader_for(DigestRequest)), strict=True)
        return {key: request for key, request in pairs if request is not None}

    def drop(self, keys: Collection[str]) -> None:
        """They do not wait any more."""
        if keys:
            self._redis.hdel(self._due, *keys)

    def put_failed(self, key: str, tried: FailedAttempt) -> None:
        """It does not wait for now: the clock asks again when it is time."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._tried, key, serialise(tried))
            pipe.expire(self._tried, SHORT_RETENTION)
            pipe.hdel(self._due, key)
            pipe.execute()

    def forget_failures(self, keys: Collection[str]) -> None:
        """What was tried is of no account any more."""
        if keys:
            self._redis.hdel(self._tried, *keys)


def content_key(request: DigestRequest) -> str:
    return fingerprint(request.model_dump_json())
