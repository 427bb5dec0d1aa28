"""Redis: who waits for a thread on a chat platform: left by the clock, taken by the workers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from redis import Redis

from bot.domain.papers import Noun, fingerprint
from bot.domain.request import Wish
from bot.store.days import BRIEFLY, Store
from bot.store.forms import of, written

# The platforms that get threads; a terminal shows its days itself.
CHATS = ("slack", "discord")


class Tried(Noun):
    """That a delivery was tried and nothing came of it: the platform was away, or (`fault`) we gave
    it up through a fault of ours."""

    at: datetime
    fault: bool = False


class Deliveries:
    """One platform's. A wish goes by a key made of all it says: one that is changed is another."""

    def __init__(self, store: Store, platform: str) -> None:
        self._redis: Redis = store.redis
        self._rows = store.rows
        self._due, self._tried = f"pb:due:{platform}", f"pb:tried:{platform}"

    def put(self, wishes: Iterable[Wish]) -> None:
        """Leave who is due for the workers."""
        rows: dict[Any, Any] = {key_of(wish): written(wish) for wish in wishes}
        if rows:
            self._redis.hset(self._due, mapping=rows)

    def look(self) -> tuple[set[str], dict[str, Tried]]:
        """The keys of those that wait, and what was tried in vain."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hkeys(self._due)
            pipe.hgetall(self._tried)
            keys, tried = pipe.execute()
        return set(keys), self._rows.made_of(self._tried, tried, of(Tried))

    def newcomers(self, known: Collection[str]) -> dict[str, Wish]:
        """Those that wait, but for the known ones (keys), in a fixed order."""
        keys = sorted(set(map(str, self._redis.hkeys(self._due))) - set(known))
        pairs = zip(keys, self._rows.some(self._due, keys, of(Wish)), strict=True)
        return {key: wish for key, wish in pairs if wish is not None}

    def drop(self, keys: Collection[str]) -> None:
        """They do not wait any more."""
        if keys:
            self._redis.hdel(self._due, *keys)

    def put_tried(self, key: str, tried: Tried) -> None:
        """It does not wait for now: the clock asks again when it is time."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._tried, key, written(tried))
            pipe.expire(self._tried, BRIEFLY)
            pipe.hdel(self._due, key)
            pipe.execute()

    def forget(self, keys: Collection[str]) -> None:
        """What was tried is of no account any more."""
        if keys:
            self._redis.hdel(self._tried, *keys)


def key_of(wish: Wish) -> str:
    return fingerprint(wish.model_dump_json())
