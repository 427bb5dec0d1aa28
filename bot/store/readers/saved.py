"""Redis: papers that people saved, and those they share with a channel."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from redis import Redis

from bot.domain.readers.saved import SavedPaper
from bot.domain.readers.traces import Trace, TraceKind
from bot.store.values.quarantine import (
    RowUpdate,
    ValueReader,
    drop_quarantined,
    quarantined_key_name,
)
from bot.store.values.stored_forms import RETENTION, reader_for, serialise

# A person's row, and its copy in each channel that sees it, in one step; only while the row is
# unchanged ('' is no row). A repeated call, as redis-py makes, finds its own row and succeeds.
# KEYS: the person's, the channels that see the new row (so many), those that saw only the old one.
_PUT = """
local field, before, after, copy, seconds = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local now = redis.call('hget', KEYS[1], field) or ''
if now == after then return 1 end
if now ~= before then return 0 end
if after == '' then
  redis.call('hdel', KEYS[1], field)
else
  redis.call('hset', KEYS[1], field, after)
  redis.call('expire', KEYS[1], seconds)
end
for place = 2, #KEYS do
  if place <= tonumber(ARGV[6]) + 1 then
    redis.call('hset', KEYS[place], copy, after)
    redis.call('expire', KEYS[place], seconds)
  else
    redis.call('hdel', KEYS[place], copy)
  end
end
return 1
"""


class SavedPapers:
    """By workspace, person and paper (an id). A person's papers are kept for RETENTION after they
    last changed one; a channel sees a shared one as long as it has been saved for less."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    def of(self, workspace_key: str, person: str) -> list[SavedPaper]:
        """A person's, the latest first."""
        rows = self._rows.hgetall(_saved(workspace_key, person), reader_for(SavedPaper))
        return _latest_first(rows.values())

    def one(self, workspace_key: str, person: str, paper: str) -> SavedPaper | None:
        """A person's saved paper (an id); None where it is not saved."""
        return self._rows.hget(_saved(workspace_key, person), paper, reader_for(SavedPaper))

    def shared_with(self, channel: str, now: datetime) -> list[SavedPaper]:
        """What people share with a channel (an address), the latest first; one for each person."""
        rows = self._rows.hgetall(_shared(channel), reader_for(SavedPaper))
        if old := [key for key, row in rows.items() if row.at < now - RETENTION]:
            self._redis.hdel(_shared(channel), *old)
        return _latest_first(row for key, row in rows.items() if key not in old)

    def change(
        self, workspace_key: str, person: str, paper: str, updated: RowUpdate[SavedPaper]
    ) -> tuple[SavedPaper | None, SavedPaper | None]:
        """Change a saved paper, what channels see of it included, in one step; `updated` is called
        again when somebody else was faster. Returns it before and after (None: not saved)."""
        own = _saved(workspace_key, person)
        while True:
            row = str(self._redis.hget(own, paper) or "")
            before = self._rows.decode(own, paper, row, reader_for(SavedPaper))
            if row and before is None:
                continue  # it could not be read, and is set aside: there is none now
            after = updated(before)
            if after == before or self._put(own, paper, person, row, before, after):
                return before, after

    def _put(
        self,
        own: str,
        paper: str,
        person: str,
        row: str,
        before: SavedPaper | None,
        after: SavedPaper | None,
    ) -> bool:
        see = after.shared if after else ()
        saw = [each for each in (before.shared if before else ()) if each not in see]
        keys = [own, *map(_shared, (*see, *saw))]
        text, seconds = serialise(after) if after else "", int(RETENTION.total_seconds())
        given = paper, row, text, f"{paper} {person}", seconds, len(see)
        return bool(self._redis.eval(_PUT, len(keys), *keys, *given))

    # -- what a person left

    def traces(self, workspace_key: str, person: str) -> list[Trace]:
        """The papers that one person saved, with the channels they share them with."""
        return [
            Trace(
                kind=TraceKind.SAVED,
                text=each.title,
                paper=each.paper,
                detail=each.state,
                channels=each.shared,
                at=each.at,
            )
            for each in self.of(workspace_key, person)
        ]

    def erase(self, workspace_key: str, person: str) -> None:
        """All of it; channels are searched, because a row that couldn't be read names none."""
        own = _saved(workspace_key, person)
        self._redis.delete(own, quarantined_key_name(own))
        for channel in self._redis.scan_iter(f"pb:shared:{workspace_key}:*", count=1000):
            fields: list[str] = self._redis.hkeys(channel)  # type: ignore[assignment]
            if mine := [field for field in fields if field.endswith(f" {person}")]:
                self._redis.hdel(channel, *mine)
        drop_quarantined(self._redis, [own, f"pb:shared:{workspace_key}:"], person)


def _latest_first(rows: Iterable[SavedPaper]) -> list[SavedPaper]:
    return sorted(rows, key=lambda row: (row.at, row.key), reverse=True)


def _saved(workspace_key: str, person: str) -> str:
    return f"pb:saved:{workspace_key}:{person}"


def _shared(channel: str) -> str:
    return f"pb:shared:{channel}"
