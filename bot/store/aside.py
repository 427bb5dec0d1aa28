"""Redis: reading what is stored; what cannot be read is set aside, and is not there any more.

A value that is set aside is kept in one hash, with its key and the reason, so that a person, or a
later version, can make something of it. It concerns nobody but who had it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from redis import Redis

from bot.errors import Refused
from bot.store.forms import FORM, KEEP, Read, SetAside, T, reason, written

log = structlog.get_logger()

ASIDE, _FORM = "pb:aside", "pb:form"
# Stands there while a backup is put back.
RESTORING = "pb:restoring"

# Only what still stands there: somebody may have written anew meanwhile. KEYS: the value's, the
# place aside. ARGV: the hash's field, whether there is one, the value, its name and record there.
_MOVE = """
local now
if ARGV[2] == '1' then now = redis.call('hget', KEYS[1], ARGV[1])
else now = redis.call('get', KEYS[1]) end
if now ~= ARGV[3] then return 0 end
if ARGV[2] == '1' then redis.call('hdel', KEYS[1], ARGV[1]) else redis.call('del', KEYS[1]) end
redis.call('hset', KEYS[2], ARGV[4], ARGV[5])
redis.call('expire', KEYS[2], ARGV[6])
return 1
"""


class Rows:
    """Reads by what `read` makes of each text; None, or no row, where it makes nothing."""

    def __init__(self, redis: Redis) -> None:
        """`redis` must decode responses to str."""
        self.redis = redis

    def one(self, key: str, read: Read[T]) -> T | None:
        return self.made(key, None, self.redis.get(key), read)

    def many(self, keys: Sequence[str], read: Read[T]) -> list[T | None]:
        values: list[Any] = self.redis.mget(keys) if keys else []
        pairs = zip(keys, values, strict=True)
        return [self.made(key, None, value, read) for key, value in pairs]

    def field(self, key: str, field: str, read: Read[T]) -> T | None:
        return self.made(key, field, self.redis.hget(key, field), read)

    def fields(self, key: str, read: Read[T]) -> dict[str, T]:
        """A hash, by field."""
        rows: dict[str, str] = self.redis.hgetall(key)  # type: ignore[assignment]
        return self.made_of(key, rows, read)

    def ordered(self, key: str, read: Read[T]) -> dict[str, T]:
        """The same, in the order of the fields."""
        return dict(sorted(self.fields(key, read).items()))

    def hashes(self, keys: Sequence[str], read: Read[T]) -> dict[str, dict[str, T]]:
        """Several hashes, by key."""
        with self.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hgetall(key)
            found = zip(keys, pipe.execute() if keys else [], strict=True)
        return {key: self.made_of(key, rows, read) for key, rows in found}

    def some(self, key: str, fields: Sequence[str], read: Read[T]) -> list[T | None]:
        values: list[Any] = self.redis.hmget(key, fields) if fields else []
        pairs = zip(fields, values, strict=True)
        return [self.made(key, field, value, read) for field, value in pairs]

    def made_of(self, key: str, rows: dict[str, str], read: Read[T]) -> dict[str, T]:
        """`made` for the rows of a hash."""
        found = {field: self.made(key, field, row, read) for field, row in rows.items()}
        return {field: value for field, value in found.items() if value is not None}

    def made(self, key: str, field: str | None, value: Any, read: Read[T]) -> T | None:
        """What `read` makes of a value that stood there; None of nothing (None, or no text)."""
        if not value:
            return None
        try:
            return read(str(value))
        except ValueError as error:
            set_aside(self.redis, key, field, str(value), reason(error))
            return None


def set_aside(redis: Redis, key: str, field: str | None, value: str, why: str) -> bool:
    """Take a value that cannot be read out of its place; False when it is gone already."""
    now, name = datetime.now(UTC), key if field is None else f"{key} {field}"
    record = written(SetAside(key=key, field=field, why=why, at=now, value=value))
    is_field, seconds = int(field is not None), int(KEEP.total_seconds())
    given = (field or "", is_field, value, name, record, seconds)
    moved = bool(redis.eval(_MOVE, 2, key, ASIDE, *given))
    if moved:
        log.error("set aside, because it cannot be read", key=key, field=field, why=why)
    return moved


def set_key_aside(redis: Redis, key: str, why: str) -> None:
    """The same for a whole key: renamed, and kept as long."""
    redis.rename(key, aside_name(key))
    redis.expire(aside_name(key), KEEP)
    redis.hset(ASIDE, key, written(SetAside(key=key, why=why, at=datetime.now(UTC))))
    redis.expire(ASIDE, KEEP)
    log.error("set aside, because it cannot be read", key=key, why=why)


def aside_name(key: str) -> str:
    """Where a whole key is kept that was set aside."""
    return f"{ASIDE}:{key}"


def aside(redis: Redis) -> dict[str, int]:
    """How many values are set aside, by kind, as the second part of their keys says it."""
    names: list[str] = redis.hkeys(ASIDE)  # type: ignore[assignment]
    kinds = Counter(name.split(" ")[0].split(":")[1] for name in names if ":" in name)
    return dict(sorted(kinds.items()))


def claim(redis: Redis, restoring: bool = False) -> None:
    """Say that values of our form are written here. Raises Refused where a newer program has
    written, because it alone can read all of it, and where half a backup was put back."""
    found, half = redis.mget(_FORM, RESTORING)
    found = str(found or "1")
    if half and not restoring:
        raise Refused(
            "A restore was begun on this server and not ended: run `paperboy restore` again with "
            "the same file, or use an empty server."
        )
    if found.isdecimal() and int(found) > FORM:
        raise Refused(
            f"A newer Paperboy has been at work on this server (form {found}, this one reads up to "
            f"{FORM}): start that one again, or use an empty server."
        )
    if found != str(FORM):
        redis.set(_FORM, FORM)
