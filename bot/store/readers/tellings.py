"""Redis: what people are to be told of what they follow, and what they were told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from redis import Redis
from redis.client import Pipeline

from bot.domain.readers.following import Telling, Told, Unreachable
from bot.domain.readers.traces import Trace, TraceKind
from bot.domain.request import Address
from bot.store.values.quarantine import ValueReader, drop_quarantined
from bot.store.values.stored_forms import RETENTION, parse_aware_time, reader_for, serialise

_OWED, _UNTOLD, _UNREACHABLE = "pb:owed", "pb:untold", "pb:unreachable"

# Removes a row unless it was written anew meanwhile.
_DROP_SAME = """
if redis.call('hget', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('hdel', KEYS[1], ARGV[1])
"""

# Rows are written anew where they still are: not those of who wanted to be forgotten meanwhile.
# Returns the fields that were. A repeated call does the same.
_PUT_STILL_OWED = """
local there = {}
for place = 1, #ARGV, 2 do
  if redis.call('hexists', KEYS[1], ARGV[place]) == 1 then
    redis.call('hset', KEYS[1], ARGV[place], ARGV[place + 1])
    table.insert(there, ARGV[place])
  end
end
return there
"""

# What was owed is told, unless its person wanted to be forgotten meanwhile. A repeated call finds
# it done.
_SETTLE = """
if redis.call('hdel', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('hset', KEYS[2], ARGV[2], ARGV[3])
redis.call('expire', KEYS[2], ARGV[4])
return 1
"""


class Tellings:
    """By workspace (Address.workspace_key) and person (an id)."""

    def __init__(self, redis: Redis) -> None:
        """`redis` must decode responses to str."""
        self._redis, self._rows = redis, ValueReader(redis)

    def erase(self, workspace_key: str, by: str) -> None:
        """All of one person's."""
        fields = {
            key: [
                f
                for f in map(str, self._redis.hkeys(key))
                if f.split(" ")[:2] == [workspace_key, by]
            ]
            for key in (_OWED, _UNREACHABLE)
        }
        with self._redis.pipeline(transaction=True) as pipe:
            for key, mine in fields.items():
                if mine:
                    pipe.hdel(key, *mine)
            pipe.delete(told := _told(workspace_key, by))
            pipe.execute()
        begin = [f"{_OWED} {workspace_key} {by} ", f"{_UNREACHABLE} {workspace_key} {by}", told]
        drop_quarantined(self._redis, begin, by)

    def traces(self, workspace_key: str, by: str) -> list[Trace]:
        """What one person was told."""
        return [
            Trace(kind=TraceKind.TOLD, text=subject, paper=subject.partition(" ")[0], at=told.at)
            for subject, told in self.told(workspace_key, by).items()
        ]

    # -- deliveries whose papers nobody was told of yet

    def put_untold(
        self, address: Address, day: str, at: datetime, pipe: Pipeline | None = None
    ) -> None:
        """A day (a name) was delivered: people are to be told of what it has for them."""
        (self._redis if pipe is None else pipe).hset(_UNTOLD, f"{address} {day}", at.isoformat())

    def untold(self, platform: str) -> dict[tuple[Address, str], datetime]:
        """The addresses and days (names) of a platform's deliveries, with when each was last
        made."""
        rows = self._rows.hgetall(_UNTOLD, parse_aware_time)
        found = {}
        for name, at in sorted(rows.items(), key=lambda row: (row[1], row[0])):
            place, _, day = name.partition(" ")
            own, workspace, channel = place.split(":")
            if own == platform:
                found[Address(platform=own, workspace=workspace, channel=channel), day] = at
        return found

    def drop_untold(self, address: Address, day: str, at: datetime) -> None:
        """Unless it was delivered anew since `at`."""
        self._redis.eval(_DROP_SAME, 1, _UNTOLD, f"{address} {day}", at.isoformat())

    def is_idle(self) -> bool:
        """Whether there is nothing to look through, and nobody to tell."""
        return not self._redis.exists(_UNTOLD, _OWED)

    # -- what people are owed, and were told

    def owe(self, found: Telling, merged: Callable[[Telling | None, Telling], Telling]) -> None:
        """Owe it, merged with what is owed of it already."""
        self._rows.change(_OWED, found.key, Telling, lambda before: merged(before, found))

    def owed(self, platform: str) -> dict[tuple[str, str], list[Telling]]:
        """By workspace and person of a platform, in a fixed order."""
        people = defaultdict[tuple[str, str], list[Telling]](list)
        for telling in self._rows.hgetall_sorted(_OWED, reader_for(Telling)).values():
            if telling.workspace.partition(":")[0] == platform:
                people[telling.workspace, telling.by].append(telling)
        return dict(people)

    def put_owed(self, tellings: Sequence[Telling]) -> list[Telling]:
        """All of them as they are now, at once; returns those that are still owed."""
        rows = [part for each in tellings for part in (each.key, serialise(each))]
        there: list[str] = self._redis.eval(_PUT_STILL_OWED, 1, _OWED, *rows) if rows else []
        return [each for each in tellings if each.key in there]

    def drop_owed(self, tellings: Iterable[Telling]) -> None:
        """They are owed no more, and were not told."""
        if keys := [each.key for each in tellings]:
            self._redis.hdel(_OWED, *keys)

    def settle(self, tellings: Sequence[Telling], at: datetime) -> None:
        """They were told; what a person was told before RETENTION is forgotten."""
        seconds = int(RETENTION.total_seconds())
        for each in tellings:
            row = serialise(Told(at=at, ref=each.ref, mention=not each.batch))
            key = _told(each.workspace, each.by)
            self._redis.eval(_SETTLE, 2, _OWED, key, each.key, each.subject, row, seconds)
        for workspace_key, by in {(each.workspace, each.by) for each in tellings}:
            old = [
                n for n, told in self.told(workspace_key, by).items() if told.at < at - RETENTION
            ]
            if old:
                self._redis.hdel(_told(workspace_key, by), *old)

    def told(self, workspace_key: str, by: str) -> dict[str, Told]:
        """What a person was told, by Telling.subject."""
        return self._rows.hgetall(_told(workspace_key, by), reader_for(Told))

    # -- who cannot be told

    def put_unreachable(self, person: Unreachable) -> None:
        """Record why somebody cannot be told; the same person again replaces it."""
        self._redis.hset(_UNREACHABLE, person.key, serialise(person))

    def unreachable(self, workspace_key: str, by: str) -> Unreachable | None:
        """None for whom nothing is known to keep from being told."""
        return self._rows.hget(_UNREACHABLE, f"{workspace_key} {by}", reader_for(Unreachable))

    def all_unreachable(self) -> list[Unreachable]:
        """Of all workspaces, in a fixed order."""
        return list(self._rows.hgetall_sorted(_UNREACHABLE, reader_for(Unreachable)).values())

    def drop_unreachable(self, workspace_key: str, by: str) -> None:
        """They showed that they are there, or it was long ago."""
        self._redis.hdel(_UNREACHABLE, f"{workspace_key} {by}")


def _told(workspace_key: str, by: str) -> str:
    return f"pb:told:{workspace_key}:{by}"
