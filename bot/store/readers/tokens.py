"""Redis: people's tokens, by their hashes."""

from __future__ import annotations

from datetime import date, datetime

from redis import Redis

from bot.domain.readers.tokens import LIFETIME, AccessToken
from bot.domain.readers.traces import Trace, TraceKind
from bot.store.values.quarantine import ValueReader, drop_quarantined, quarantined_key_name
from bot.store.values.stored_forms import reader_for, serialise, split_words


class Tokens:
    """By workspace (Address.workspace_key) and person (an id). A person's row is what counts; the
    key of a token's hash only says whose row that is. Both are gone when the token has expired."""

    def __init__(self, redis: Redis) -> None:
        """`redis` must decode responses to str."""
        self._redis, self._rows = redis, ValueReader(redis)

    def put(self, token: AccessToken) -> None:
        """Keep a token, by its person and by its hash, until LIFETIME is over."""
        own, index = _own(token.workspace, token.by), _index(token.hash)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(own, token.hash, serialise(token))
            pipe.expire(own, LIFETIME)  # no other of theirs is good for longer
            pipe.set(index, f"{token.workspace} {token.by}", ex=LIFETIME)
            pipe.execute()

    def of(self, workspace_key: str, person: str, now: datetime) -> list[AccessToken]:
        """A person's tokens that are still good, the oldest first."""
        rows = self._rows.hgetall(_own(workspace_key, person), reader_for(AccessToken)).values()
        return sorted((row for row in rows if now < row.until), key=lambda row: row.at)

    def of_workspace(self, workspace_key: str, now: datetime) -> list[AccessToken]:
        """The same of all of a workspace's people. Rarely: every key is looked at."""
        keys = sorted(map(str, self._redis.scan_iter(f"{_own(workspace_key, '')}*", count=1000)))
        every = self._rows.hgetall_many(keys, reader_for(AccessToken)).values()
        good = [row for rows in every for row in rows.values() if now < row.until]
        return sorted(good, key=lambda row: (row.by, row.at))

    def find(self, hash: str, now: datetime) -> AccessToken | None:
        """The token of that hash, while it is good. Whoever guesses learns nothing from how long it
        takes: what is compared is a hash."""
        whose = self._rows.get(_index(hash), parse_owner)
        row = whose and self._rows.hget(_own(*whose), hash, reader_for(AccessToken))
        return row if row and now < row.until else None

    def note_used(self, token: AccessToken, day: date) -> None:
        """Written once a day; one that was ended meanwhile stays ended."""
        own = _own(token.workspace, token.by)
        self._rows.change(own, token.hash, AccessToken, lambda now: now and _used(now, day))

    def end(self, *tokens: AccessToken) -> None:
        """They open nothing any more."""
        for token in tokens:
            self._redis.hdel(_own(token.workspace, token.by), token.hash)
            self._redis.delete(_index(token.hash))

    def end_workspace(self, workspace_key: str) -> None:
        """The same for all of a workspace's people. Rarely: every key is looked at."""
        own = _own(workspace_key, "")
        for key in list(self._redis.scan_iter(f"{own}*", count=1000)):
            self.erase(workspace_key, str(key).removeprefix(own))

    # -- what a person left

    def traces(self, workspace_key: str, person: str) -> list[Trace]:
        """The tokens, by their names."""
        rows = self._rows.hgetall(_own(workspace_key, person), reader_for(AccessToken)).values()
        return [Trace(kind=TraceKind.TOKEN, text=row.id, at=row.at) for row in rows]

    def erase(self, workspace_key: str, person: str) -> None:
        """All of one person's: they open nothing any more."""
        own = _own(workspace_key, person)
        hashes = [str(hash) for hash in self._redis.hkeys(own)]
        self._redis.delete(own, quarantined_key_name(own), *map(_index, hashes))
        drop_quarantined(self._redis, [own], person)


def parse_owner(text: str) -> tuple[str, str]:
    """Workspace and person. Raises ValueError."""
    workspace, person = split_words(text, 2)
    return workspace, person


def _used(token: AccessToken, day: date) -> AccessToken:
    return token.model_copy(update={"used": day})


def _own(workspace_key: str, person: str) -> str:
    return f"pb:tokens:{workspace_key}:{person}"


def _index(hash: str) -> str:
    return f"pb:token:{hash}"
