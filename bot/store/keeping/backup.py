"""Redis: backup and restore of everything that is not transient, key by key."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import structlog
from pydantic import AwareDatetime

from bot.domain.papers import Value
from bot.store.key_kinds import kind_of
from bot.store.key_repair import repair_key
from bot.store.store import Store
from bot.store.values.quarantine import QUARANTINE_KEY, RESTORING, claim_server
from bot.store.values.stored_forms import Unreadable

log = structlog.get_logger()

_SCANNED = 500
# Kinds of keys that name others; read first, so that a delivery made meanwhile is either backed up
# with all that belongs to it, or not at all.
_NAMING = ("history", "had", "served")
# Nothing is kept for much longer than RETENTION; a later expiry is a mistake.
_LATEST = timedelta(days=1000)
# Of a counter: what is reserved for calls under way. Of an outbox: the newest lease's number.
_RESERVED, _NUMBER = ("nano", "tokens"), "#"


class BackupEntry(Value):
    """One key: its Redis type, its value, and its expiry (UTC; None for never)."""

    key: str
    kind: Literal["string", "hash", "set", "zset"]
    value: str | dict[str, str] | list[str] | dict[str, float]
    until: AwareDatetime | None = None


class Backup:
    """Reads and writes whole keys."""

    def __init__(self, store: Store) -> None:
        self._redis: Any = store.redis

    def all(self) -> Iterator[BackupEntry]:
        """Every key, as it is when it is read: first those that name others, otherwise in no order.
        What cannot be read is set aside, and backed up as such."""
        for is_first in (True, False):
            for key in self._redis.scan_iter("pb:*", count=_SCANNED):
                kind = kind_of(key)
                if (key.split(":")[1] in _NAMING) is not is_first or key == QUARANTINE_KEY:
                    continue
                if kind is None:
                    log.warning("not backed up: unknown key", key=key)
                elif not kind.is_transient and (entry := self._checked(key)):
                    yield entry
        if entry := self._checked(QUARANTINE_KEY):  # with what was just set aside
            yield entry

    def _checked(self, key: str) -> BackupEntry | None:
        for _ in range(2):
            try:
                entry = self._read(key)
                return entry and checked(entry)
            except ValueError:
                repair_key(self._redis, key)
        return None

    def _read(self, key: str) -> BackupEntry | None:
        """None when the key is gone meanwhile. Raises ValueError."""
        kind, left = self._redis.type(key), self._redis.pttl(key)
        if kind == "none":
            return None
        read = {
            "string": self._redis.get,
            "hash": self._redis.hgetall,
            "set": lambda name: sorted(self._redis.smembers(name)),
            "zset": lambda name: dict(self._redis.zrange(name, 0, -1, withscores=True)),
        }
        if kind not in read:
            raise Unreadable("it is of a type that nothing here has")
        if left == -2:
            return None
        until = None if left < 0 else datetime.now(UTC) + timedelta(milliseconds=left)
        value = read[kind](key)
        return BackupEntry(key=key, kind=kind, value=value, until=until) if value else None

    def in_use(self) -> bool:
        """Whether this server has subscriptions or deliveries."""
        if self._redis.exists("pb:subscriptions"):
            return True
        return next(self._redis.scan_iter("pb:history:*", count=_SCANNED), None) is not None

    def unfinished_restore(self) -> str | None:
        """The file (its fingerprint) whose restore was begun and not finished."""
        return self._redis.get(RESTORING) or None

    def begin_restore(self, file: str) -> None:
        """Nobody else uses this server until `end_restore`."""
        self._redis.set(RESTORING, file)

    def end_restore(self) -> None:
        """The server may be used again, and has the form of this release."""
        self._redis.delete(RESTORING)
        claim_server(self._redis)

    def put(self, entry: BackupEntry, now: datetime) -> bool:
        """Store an entry without what was under way; False when it has expired."""
        kind, value = kind_of(entry.key), entry.value
        if kind and isinstance(value, dict):
            value = _without_work_under_way(kind.name, dict(value))
        if (entry.until and entry.until <= now) or not kind or kind.is_transient or not value:
            return False
        write = {
            "string": lambda pipe: pipe.set(entry.key, value),
            "hash": lambda pipe: pipe.hset(entry.key, mapping=value),
            "set": lambda pipe: pipe.sadd(entry.key, *value),
            "zset": lambda pipe: pipe.zadd(entry.key, value),
        }
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(entry.key)
            write[entry.kind](pipe)
            if entry.until:
                pipe.pexpireat(entry.key, entry.until)
            pipe.execute()
        return True


def checked(entry: BackupEntry) -> BackupEntry:
    """The entry, if its key is one of ours, of the right type, and each value is valid. Raises
    ValueError."""
    kind = kind_of(entry.key)
    if kind is None:
        raise Unreadable("this is no key of Paperboy's")
    if kind.type != entry.kind:
        raise Unreadable(f"it is a {entry.kind} and should be a {kind.type}")
    if entry.until and entry.until > datetime.now(UTC) + _LATEST:
        raise Unreadable("it would be kept for too long")
    rows = _rows(entry)
    if not rows:
        raise Unreadable("it is empty")
    for field, row in rows:
        kind.check(field, row)
    return entry


def _rows(entry: BackupEntry) -> list[tuple[str, str]]:
    """The values of a key, each with its field where it has one. Raises ValueError."""
    match entry.kind, entry.value:
        case "string", str() as text:
            return [("", text)]
        case "hash", dict() as fields:
            return [(field, str(row)) for field, row in fields.items()]
        case "set", list() as members:
            return [("", member) for member in members]
        case "zset", dict() as scores:
            if not all(isinstance(n, float | int) and math.isfinite(n) for n in scores.values()):
                raise Unreadable("a number is none")
            return [("", member) for member in scores]
    raise Unreadable(f"its value is that of no {entry.kind}")


def _without_work_under_way(kind: str, rows: dict[str, Any]) -> dict[str, Any]:
    """Lease numbers start again, and would be refused as older ones; reservations of calls under
    way count as spent, as those of any call that nobody settled."""
    if kind == "outbox":
        rows.pop(_NUMBER, None)
    for unit in _RESERVED if kind == "spent" else ():
        rows[unit] = str(int(rows.get(unit, 0)) + int(rows.pop(f"reserved_{unit}", 0)))
    return rows
