"""Redis: reading values; one that cannot be read is set aside and counts as absent.

Values set aside are kept in one hash, each with its key and the reason, so that a person or a later
version can recover them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from redis import Redis, RedisError

from bot.errors import Refused
from bot.store.values.stored_forms import (
    FORMAT_VERSION,
    RETENTION,
    N,
    Quarantined,
    Reader,
    T,
    reader_for,
    serialise,
    unreadable_reason,
)

log = structlog.get_logger()

QUARANTINE_KEY, _FORM = "pb:aside", "pb:form"
# Exists while a backup is being restored.
RESTORING = "pb:restoring"

# Moves a value only while it is unchanged: somebody may have written meanwhile. KEYS: the value's,
# the quarantine's. ARGV: the hash's field, whether there is one, the value, its name and record in
# quarantine, seconds.
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

# Replaces a row by another only while it is unchanged ('' is no row). A repeated call, as redis-py
# makes, finds its own row and succeeds.
_SWAP = """
local now = redis.call('hget', KEYS[1], ARGV[1]) or ''
if now == ARGV[3] then return 1 end
if now ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('hdel', KEYS[1], ARGV[1])
else
  redis.call('hset', KEYS[1], ARGV[1], ARGV[3])
end
return 1
"""


class NewerPaperboy(RedisError):
    """What cannot be read is a newer Paperboy's, which has begun to write to this server. To who
    asks, the database is away; before long this process ends (claim_server)."""


# A row before (None where there is none) -> the row after (None removes it).
RowUpdate = Callable[[N | None], N | None]


class ValueReader:
    """Reads values by a `read`; one that cannot be read is set aside, and counts as absent."""

    def __init__(self, redis: Redis) -> None:
        """`redis` must decode responses to str."""
        self.redis = redis

    def get(self, key: str, read: Reader[T]) -> T | None:
        """A string."""
        return self.decode(key, None, self.redis.get(key), read)

    def mget(self, keys: Sequence[str], read: Reader[T]) -> list[T | None]:
        """Several strings, in the order of their keys."""
        values: list[Any] = self.redis.mget(keys) if keys else []
        pairs = zip(keys, values, strict=True)
        return [self.decode(key, None, value, read) for key, value in pairs]

    def mget_by_name(
        self, keys: Sequence[str], names: Sequence[str], read: Reader[T]
    ) -> dict[str, T]:
        """Several values, each by its own name, without the absent ones."""
        pairs = zip(names, self.mget(keys, read), strict=True)
        return {name: value for name, value in pairs if value is not None}

    def require(self, key: str, read: Reader[T]) -> T:
        """Raises KeyError where there is none."""
        value = self.get(key, read)
        if value is None:
            raise KeyError(key)
        return value

    def hget(self, key: str, field: str, read: Reader[T]) -> T | None:
        """A hash's field."""
        return self.decode(key, field, self.redis.hget(key, field), read)

    def hgetall(self, key: str, read: Reader[T]) -> dict[str, T]:
        """A hash, by field."""
        rows: dict[str, str] = self.redis.hgetall(key)  # type: ignore[assignment]
        return self.decode_hash(key, rows, read)

    def hgetall_sorted(self, key: str, read: Reader[T]) -> dict[str, T]:
        """The same, in the order of the fields."""
        return dict(sorted(self.hgetall(key, read).items()))

    def hgetall_many(self, keys: Sequence[str], read: Reader[T]) -> dict[str, dict[str, T]]:
        """Several hashes, by key."""
        with self.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hgetall(key)
            hashes = zip(keys, pipe.execute() if keys else [], strict=True)
        return {key: self.decode_hash(key, rows, read) for key, rows in hashes}

    def hmget(self, key: str, fields: Sequence[str], read: Reader[T]) -> list[T | None]:
        """Some fields of a hash, in their order."""
        values: list[Any] = self.redis.hmget(key, fields) if fields else []
        pairs = zip(fields, values, strict=True)
        return [self.decode(key, field, value, read) for field, value in pairs]

    def change(
        self, key: str, field: str, value: type[N], updated: RowUpdate[N]
    ) -> tuple[N | None, N | None]:
        """Change a row of a hash in one step; `updated` is called again when somebody else was
        faster. Returns the row before and after."""
        while True:
            row = str(self.redis.hget(key, field) or "")
            before = self.decode(key, field, row, reader_for(value))
            if row and before is None:
                continue  # it could not be read, and is set aside: there is none now
            after = updated(before)
            text = "" if after is None else serialise(after)
            if after == before or self.redis.eval(_SWAP, 1, key, field, row, text):
                return before, after

    def decode_hash(self, key: str, rows: dict[str, str], read: Reader[T]) -> dict[str, T]:
        """The rows of a hash that can be read."""
        values = {field: self.decode(key, field, row, read) for field, row in rows.items()}
        return {field: value for field, value in values.items() if value is not None}

    def decode(self, key: str, field: str | None, value: Any, read: Reader[T]) -> T | None:
        """What `read` makes of a stored value; None for none (None, or empty)."""
        if not value:
            return None
        try:
            return read(str(value))
        except ValueError as error:
            quarantine_value(self.redis, key, field, str(value), unreadable_reason(error))
            return None


def quarantine_value(redis: Redis, key: str, field: str | None, value: str, why: str) -> bool:
    """Set aside a value that cannot be read; False when it is gone already. Raises
    NewerPaperboy."""
    _require_own_form(redis)
    now, name = datetime.now(UTC), key if field is None else f"{key} {field}"
    record = serialise(Quarantined(key=key, field=field, why=why, at=now, value=value))
    is_field, seconds = int(field is not None), int(RETENTION.total_seconds())
    given = (field or "", is_field, value, name, record, seconds)
    moved = bool(redis.eval(_MOVE, 2, key, QUARANTINE_KEY, *given))
    if moved:
        log.error("quarantined: stored value cannot be read", key=key, field=field, why=why)
    return moved


def quarantine_key(redis: Redis, key: str, why: str) -> None:
    """The same for a whole key, which is renamed."""
    _require_own_form(redis)
    redis.rename(key, quarantined_key_name(key))
    redis.expire(quarantined_key_name(key), RETENTION)
    redis.hset(QUARANTINE_KEY, key, serialise(Quarantined(key=key, why=why, at=datetime.now(UTC))))
    redis.expire(QUARANTINE_KEY, RETENTION)
    log.error("quarantined: stored value cannot be read", key=key, why=why)


def drop_quarantined(redis: Redis, keys: Sequence[str], person: str) -> None:
    """Forget values set aside that name a person (an id), of the keys that begin like these."""
    rows: dict[str, str] = redis.hgetall(QUARANTINE_KEY)  # type: ignore[assignment]
    named = re.compile(rf"(?<![A-Za-z0-9]){re.escape(person)}(?![A-Za-z0-9])")
    found = [
        name
        for name, row in rows.items()
        if name.startswith(tuple(keys)) and named.search(f"{name} {row}")
    ]
    if found:
        redis.hdel(QUARANTINE_KEY, *found)


def quarantined_key_name(key: str) -> str:
    """The name of a whole key that was set aside."""
    return f"{QUARANTINE_KEY}:{key}"


def quarantine_counts(redis: Redis) -> dict[str, int]:
    """How many values are set aside, by kind: the second part of their keys."""
    names: list[str] = redis.hkeys(QUARANTINE_KEY)  # type: ignore[assignment]
    kinds = Counter(name.split(" ")[0].split(":")[1] for name in names if ":" in name)
    return dict(sorted(kinds.items()))


def _require_own_form(redis: Redis) -> None:
    """Between its start and the end of the older ones a newer Paperboy's values are not theirs to
    set aside: it would miss them."""
    if _is_newer(str(redis.get(_FORM) or "1")):
        raise NewerPaperboy("a newer Paperboy is at work on this server")


def _is_newer(form: str) -> bool:
    return form.isdecimal() and int(form) > FORMAT_VERSION


def claim_server(redis: Redis, restoring: bool = False) -> None:
    """Record the version of the values written here. Raises Refused where a newer Paperboy has
    written, because only that one can read everything, and where a restore was not finished."""
    stored, unfinished = redis.mget(_FORM, RESTORING)
    version = str(stored or "1")
    if unfinished and not restoring:
        raise Refused(
            "A restore was begun on this server and not ended: run `paperboy restore` again with "
            "the same file, or use an empty server."
        )
    if _is_newer(version):
        raise Refused(
            f"A newer Paperboy has been at work on this server (form {version}, this one reads up "
            f"to {FORMAT_VERSION}): start that one again, or use an empty server."
        )
    if version != str(FORMAT_VERSION):
        redis.set(_FORM, FORMAT_VERSION)
