"""Redis: what has failed outside, and the troubles that the operator is told of."""

from __future__ import annotations

from datetime import datetime

from redis import Redis

from bot.domain.reasons import ArxivReason, ModelReason
from bot.domain.watching.trouble import Sighting, Trouble, TroubleKind
from bot.store.values.quarantine import RowUpdate, ValueReader
from bot.store.values.stored_forms import reader_for

_SIGHTED, _TROUBLES = "pb:sighted", "pb:troubles"


class Sightings:
    """Left by the jobs that ask outside, by what they asked."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    def put(self, kind: TroubleKind, why: ArxivReason | ModelReason | None, at: datetime) -> None:
        """Record that it failed now, or (None) that it did not."""
        if why is None:
            self._redis.hdel(_SIGHTED, kind)
            return

        def updated(known: Sighting | None) -> Sighting:
            return Sighting(since=known.since if known else at, at=at, why=why)

        self._rows.change(_SIGHTED, kind, Sighting, updated)

    def all(self) -> dict[str, Sighting]:
        """By kind."""
        return self._rows.hgetall(_SIGHTED, reader_for(Sighting))


class Troubles:
    """By name."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    def all(self) -> list[Trouble]:
        """Those that are followed, in the order of their names."""
        return list(self._rows.hgetall_sorted(_TROUBLES, reader_for(Trouble)).values())

    def change(self, name: str, updated: RowUpdate[Trouble]) -> None:
        """In one step; `updated` is called again when somebody else was faster."""
        self._rows.change(_TROUBLES, name, Trouble, updated)
