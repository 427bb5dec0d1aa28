"""Redis: everything that is to outlive a server, key by key, out and in again."""

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
from bot.store.quarantine import QUARANTINE_KEY, RESTORING, claim_server
from bot.store.store import Store
from bot.store.stored_forms import Unreadable

log = structlog.get_logger()

_SCANNED = 500
# Nothing is kept for longer than KEEP and some days; much later a time is a mistake.
_LATEST = timedelta(days=1000)
# Of a counter: what is set aside for calls under way. Of an outbox: the newest lease's number.
_RESERVED, _NUMBER = ("nano", "tokens"), "#"


class BackupEntry(Value):
    """One key: its kind, what it holds, and until when (UTC; None for ever)."""

    key: str
    kind: Literal["string", "hash", "set", "zset"]
    value: str | dict[str, str] | list[str] | dict[str, float]
    until: AwareDatetime | None = None


class Backup:
    """On the same server as the store."""

    def __init__(self, store: Store) -> None:
        self._redis: Any = store.redis

    def all(self) -> Iterator[BackupEntry]:
        """Every key, as it is when it is come to; in no order. What cannot be read is set aside,
        and is kept as such."""
        for key in self._redis.scan_iter("pb:*", count=_SCANNED):
            kind = kind_of(key)
            if kind is None:
                log.warning("not backed up: unknown key", key=key)
            elif not kind.is_transient and key != QUARANTINE_KEY and (found := self._checked(key)):
                yield found
        if found := self._checked(QUARANTINE_KEY):  # with what was found out on the way
            yield found

    def _checked(self, key: str) -> BackupEntry | None:
        for _ in range(2):
            try:
                found = self._kept(key)
                return found and checked(found)
            except ValueError:
                repair_key(self._redis, key)
        return None

    def _kept(self, key: str) -> BackupEntry | None:
        """As it stands there; None when it is gone meanwhile. Raises ValueError."""
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
        """Whether somebody has subscribed, or was given a digest, on this server."""
        if self._redis.exists("pb:subscriptions"):
            return True
        return next(self._redis.scan_iter("pb:history:*", count=_SCANNED), None) is not None

    def unfinished_restore(self) -> str | None:
        """The file (its fingerprint) whose restore was begun and not ended."""
        return self._redis.get(RESTORING) or None

    def begin_restore(self, file: str) -> None:
        """From now on nobody uses this server, until `end`."""
        self._redis.set(RESTORING, file)

    def end_restore(self) -> None:
        self._redis.delete(RESTORING)
        claim_server(self._redis)

    def put(self, found: BackupEntry, now: datetime) -> bool:
        """Store it as it was, but for what was under way; False when its time is over."""
        kind, value = kind_of(found.key), found.value
        if kind and isinstance(value, dict):
            value = _set_right(kind.name, dict(value))
        if (found.until and found.until <= now) or not kind or kind.is_transient or not value:
            return False
        write = {
            "string": lambda pipe: pipe.set(found.key, value),
            "hash": lambda pipe: pipe.hset(found.key, mapping=value),
            "set": lambda pipe: pipe.sadd(found.key, *value),
            "zset": lambda pipe: pipe.zadd(found.key, value),
        }
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(found.key)
            write[found.kind](pipe)
            if found.until:
                pipe.pexpireat(found.key, found.until)
            pipe.execute()
        return True


def checked(found: BackupEntry) -> BackupEntry:
    """A key that may be stored: one of ours, of its type, each value what it claims to be. Raises
    ValueError."""
    kind = kind_of(found.key)
    if kind is None:
        raise Unreadable("this is no key of Paperboy's")
    if kind.type != found.kind:
        raise Unreadable(f"it is a {found.kind} and should be a {kind.type}")
    if found.until and found.until > datetime.now(UTC) + _LATEST:
        raise Unreadable("it would be kept for too long")
    rows = _rows(found)
    if not rows:
        raise Unreadable("it is empty")
    for field, row in rows:
        kind.check(field, row)
    return found


def _rows(found: BackupEntry) -> list[tuple[str, str]]:
    """The values of a key, each with its field where it has one. Raises ValueError."""
    match found.kind, found.value:
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
    raise Unreadable(f"its value is that of no {found.kind}")


def _set_right(kind: str, rows: dict[str, Any]) -> dict[str, Any]:
    """Lease numbers begin anew, and would be refused as older ones; what was set aside for calls
    under way counts as spent, as that of any call nobody settled."""
    if kind == "outbox":
        rows.pop(_NUMBER, None)
    for unit in _RESERVED if kind == "spent" else ():
        rows[unit] = str(int(rows.get(unit, 0)) + int(rows.pop(f"reserved_{unit}", 0)))
    return rows
