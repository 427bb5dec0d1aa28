"""Redis: which events of a platform arrived, what it was told of our commands, and what is down."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

from redis import Redis

from bot.domain.status import Outage
from bot.store.values.quarantine import ValueReader
from bot.store.values.stored_forms import LOOKING_BACK, reader_for, serialise

# Slack and Discord redeliver an event for some minutes at most; the hours are for a server whose
# clock is set forward meanwhile.
_REDELIVERY = timedelta(hours=4)


class Events:
    """What platforms send."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def is_first_delivery(self, event: str) -> bool:
        """True for the first caller to ask about an event (a fingerprint)."""
        key, mine = f"pb:event:{event}", uuid4().hex
        is_set = self._redis.set(key, mine, nx=True, ex=_REDELIVERY)
        # Where the answer was lost, redis-py has asked again, and found what it had set.
        return bool(is_set) or self._redis.get(key) == mine

    def put_kind_seen(self, platform: str, kind: str) -> None:
        """Record that this kind of event arrives."""
        self._redis.sadd(f"pb:heard:{platform}", kind)

    def kinds_seen(self, platform: str) -> set[str]:
        """The kinds of events of a platform that ever arrived."""
        return set(map(str, self._redis.smembers(f"pb:heard:{platform}")))

    def put_commands(self, application: int | None, shape: str) -> None:
        """Record the commands (a fingerprint) that an application of Discord's has registered."""
        self._redis.set(_commands(application), shape, ex=LOOKING_BACK)

    def commands(self, application: int | None) -> str | None:
        """What was recorded last; None where that is not known any more."""
        found = self._redis.get(_commands(application))
        return None if found is None else str(found)


class Outages:
    """Platforms that cannot be reached, or refuse all we send."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    def put(self, what: str, why: str, at: datetime) -> bool:
        """Record an outage; True when it is new."""
        row = serialise(Outage(what=what, why=why, since=at))
        is_set = self._redis.hsetnx("pb:outages", what, row)
        return bool(is_set) or self._redis.hget("pb:outages", what) == row  # as above

    def end(self, what: str) -> bool:
        """End an outage; True when there was one."""
        return bool(self._redis.hdel("pb:outages", what))

    def all(self) -> list[Outage]:
        return list(self._rows.hgetall_sorted("pb:outages", reader_for(Outage)).values())


def _commands(application: int | None) -> str:
    """A kind of key that it shares with Scores.put_reply_format, as it always has."""
    return f"pb:shape:discord-commands-{application}"
