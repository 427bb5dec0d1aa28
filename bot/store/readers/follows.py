"""Redis: what people follow."""

from __future__ import annotations

from collections.abc import Callable

from redis import Redis

from bot.domain.readers.following import Follow, FollowKind
from bot.domain.readers.traces import Trace, TraceKind
from bot.store.readers.tellings import Tellings
from bot.store.values.quarantine import ValueReader, drop_quarantined
from bot.store.values.stored_forms import reader_for, serialise

_FOLLOWS = "pb:follows"


class Follows:
    """By workspace (Address.workspace_key) and person (an id)."""

    def __init__(self, redis: Redis, tellings: Tellings) -> None:
        """`redis` must decode responses to str."""
        self._redis, self._rows, self._tellings = redis, ValueReader(redis), tellings

    def put(self, follow: Follow) -> None:
        """The same again replaces it."""
        self._redis.hset(_FOLLOWS, follow.key, serialise(follow))

    def all(self) -> list[Follow]:
        """Everybody's, in a fixed order."""
        return list(self._rows.hgetall_sorted(_FOLLOWS, reader_for(Follow)).values())

    def of(self, workspace_key: str, by: str) -> list[Follow]:
        """What one person follows, the oldest first."""
        mine = (each for each in self.all() if (each.workspace, each.by) == (workspace_key, by))
        return sorted(mine, key=lambda follow: (follow.since, follow.what))

    def get(self, workspace_key: str, by: str, token: str) -> Follow | None:
        """By Follow.token."""
        return self._rows.hget(_FOLLOWS, f"{workspace_key} {by} {token}", reader_for(Follow))

    def change(self, follow: Follow, updated: Callable[[Follow], Follow]) -> Follow | None:
        """Change it in one step; None when it is followed no more."""
        key = follow.key
        return self._rows.change(_FOLLOWS, key, Follow, lambda now: now and updated(now))[1]

    def drop(self, follow: Follow) -> None:
        """It is followed no more."""
        self._redis.hdel(_FOLLOWS, follow.key)

    def erase(self, workspace_key: str, by: str) -> None:
        """Everything that one person left behind here: what they follow, are owed and were told."""
        self._tellings.erase(workspace_key, by)
        if keys := [each.key for each in self.of(workspace_key, by)]:
            self._redis.hdel(_FOLLOWS, *keys)
        drop_quarantined(self._redis, [f"{_FOLLOWS} {workspace_key} {by} "], by)

    def traces(self, workspace_key: str, by: str) -> list[Trace]:
        """What one person follows, and was told."""
        follows = [
            Trace(
                kind=TraceKind.FOLLOW,
                text=each.title or each.what,
                paper=each.what if each.kind is FollowKind.PAPER else "",
                detail=each.kind,
                at=each.since,
            )
            for each in self.of(workspace_key, by)
        ]
        return [*follows, *self._tellings.traces(workspace_key, by)]
