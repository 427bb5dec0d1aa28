"""Redis: people's keys to Zotero, sealed, and what was sent there for them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from redis import Redis

from bot.domain.readers.traces import Trace, TraceKind
from bot.domain.readers.zotero import SentPaper, ZoteroAccess
from bot.store.values.quarantine import ValueReader, drop_quarantined, quarantined_key_name
from bot.store.values.stored_forms import RETENTION, parse_aware_time, reader_for, serialise

# The fields of a person's row: the key that is used, and one that Zotero has to be asked about.
_USED: Final = "key"
_NEW: Final = "new"
_WAIT: Final = "pb:zotero-wait"
# A longer wait that somebody asks for is nonsense.
_LONGEST_WAIT: Final = 3600.0

# A new key becomes the one that is used, only while it is the new one: its person may have given
# another meanwhile, or have had it forgotten. A repeated call finds it in use. KEYS: the person's.
_ACCEPT = """
if redis.call('hget', KEYS[1], 'new') == ARGV[1] then
  redis.call('hdel', KEYS[1], 'new')
  redis.call('hset', KEYS[1], 'key', ARGV[2])
  redis.call('expire', KEYS[1], ARGV[3])
end
return redis.call('hget', KEYS[1], 'key') == ARGV[2] and 1 or 0
"""
# What was sent is kept, only while its person has a key: they may have had it all forgotten.
# KEYS: the key's, what was sent.
_KEEP = """
if redis.call('hexists', KEYS[1], 'key') == 0 then return 0 end
for at = 2, #ARGV, 2 do redis.call('hset', KEYS[2], ARGV[at], ARGV[at + 1]) end
redis.call('expire', KEYS[2], ARGV[1])
return 1
"""


class ZoteroStore:
    """By workspace (Address.workspace_key) and person (an id). Both are kept for RETENTION after
    they were used."""

    def __init__(self, redis: Redis) -> None:
        """`redis` must decode responses to str."""
        self._redis, self._rows = redis, ValueReader(redis)

    def access(self, workspace_key: str, person: str) -> ZoteroAccess | None:
        """The key that is used."""
        return self._rows.hget(_key(workspace_key, person), _USED, reader_for(ZoteroAccess))

    def proposed(self, workspace_key: str, person: str) -> ZoteroAccess | None:
        """The key that Zotero has to be asked about."""
        return self._rows.hget(_key(workspace_key, person), _NEW, reader_for(ZoteroAccess))

    def propose(self, workspace_key: str, person: str, new: ZoteroAccess) -> None:
        """Keep a key until Zotero was asked about it; the one that is used stays."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(_key(workspace_key, person), _NEW, serialise(new))
            pipe.expire(_key(workspace_key, person), RETENTION)
            pipe.execute()

    def accept(
        self, workspace_key: str, person: str, new: ZoteroAccess, checked: ZoteroAccess
    ) -> bool:
        """Use a key that was proposed, as it was checked; False where it is gone."""
        seconds = int(RETENTION.total_seconds())
        given = serialise(new), serialise(checked), seconds
        return bool(self._redis.eval(_ACCEPT, 1, _key(workspace_key, person), *given))

    def reject(self, workspace_key: str, person: str, new: ZoteroAccess) -> None:
        """Forget a key that was proposed."""
        own = _key(workspace_key, person)
        self._rows.change(own, _NEW, ZoteroAccess, lambda now: None if now == new else now)

    def seal_anew(self, workspace_key: str, person: str, used: ZoteroAccess, sealed: str) -> None:
        """Store the key that is used as it is sealed now, unless it is another one by now."""
        own, after = _key(workspace_key, person), used.model_copy(update={"sealed": sealed})
        self._rows.change(own, _USED, ZoteroAccess, lambda now: after if now == used else now)
        self._redis.expire(own, RETENTION)

    def forget_key(self, workspace_key: str, person: str) -> None:
        """Both keys; what was sent stays known, so that nothing is sent twice."""
        self._redis.delete(_key(workspace_key, person))

    def sent(self, workspace_key: str, person: str) -> list[SentPaper]:
        """What was sent, the latest first."""
        rows = self._rows.hgetall(_sent(workspace_key, person), reader_for(SentPaper))
        return sorted(rows.values(), key=lambda row: (row.at, row.key), reverse=True)

    def put_sent(self, workspace_key: str, person: str, papers: Iterable[SentPaper]) -> None:
        """Keep what was sent; nothing where its person has no key any more."""
        rows = [text for each in papers for text in (each.key, serialise(each))]
        keys = _key(workspace_key, person), _sent(workspace_key, person)
        if rows:
            self._redis.eval(_KEEP, 2, *keys, int(RETENTION.total_seconds()), *rows)

    def put_wait(self, now: datetime, seconds: float) -> None:
        """Zotero wants to be left alone for so long, by the whole installation."""
        seconds = min(seconds, _LONGEST_WAIT)
        if seconds > 0:
            until = now + timedelta(seconds=seconds)
            self._redis.set(_WAIT, until.isoformat(), ex=math.ceil(seconds))

    def wait(self, now: datetime) -> float:
        """For how many seconds Zotero still wants to be left alone."""
        until = self._rows.get(_WAIT, parse_aware_time)
        return max(0.0, (until - now).total_seconds()) if until else 0.0

    # -- what a person left

    def traces(self, workspace_key: str, person: str) -> list[Trace]:
        """The keys, by what they are for, and the papers."""
        used, new = self.access(workspace_key, person), self.proposed(workspace_key, person)
        keys = [
            Trace(kind=TraceKind.ZOTERO_KEY, text=each.name, detail=detail, at=each.at)
            for each, detail in ((used, "connected"), (new, "unchecked"))
            if each
        ]
        papers = [
            Trace(
                kind=TraceKind.ZOTERO_SENT,
                text=each.title,
                paper=each.paper,
                at=each.at,
            )
            for each in self.sent(workspace_key, person)
        ]
        return keys + papers

    def erase(self, workspace_key: str, person: str) -> None:
        """The keys, and what was sent with them."""
        own = [_key(workspace_key, person), _sent(workspace_key, person)]
        self._redis.delete(*own, *map(quarantined_key_name, own))
        drop_quarantined(self._redis, own, person)


def _key(workspace_key: str, person: str) -> str:
    return f"pb:zotero:{workspace_key}:{person}"


def _sent(workspace_key: str, person: str) -> str:
    return f"pb:zotero-sent:{workspace_key}:{person}"
