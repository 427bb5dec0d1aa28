"""Redis: who made a workspace's own profiles, and the changes of them that can be taken back."""

from __future__ import annotations

from datetime import datetime, timedelta

from redis import Redis

from bot.domain.papers import Profile, Value, fingerprint
from bot.domain.request import Address
from bot.store.days import Store
from bot.store.stored_forms import reader_for, serialise

_UNDO_FOR = timedelta(days=1)


class ProfileChange(Value):
    """A change of a workspace's own profile: what it was before (None: the workspace had none of
    its own of that name) and after (None: it has none any more)."""

    name: str
    before: Profile | None
    after: Profile | None
    by: str
    at: datetime


class WorkspaceProfiles:
    """On the same server as the store; the profiles themselves are Subscriptions' to keep."""

    def __init__(self, store: Store) -> None:
        self._redis: Redis = store.redis
        self._rows = store.reader

    def names(self, address: Address) -> set[str]:
        """Of the profiles that are this workspace's own."""
        return set(map(str, self._redis.hkeys(f"pb:profiles:{address.workspace_key}")))

    def maker(self, address: Address, name: str) -> str:
        """The id of the person who made it; empty for one of before that was remembered."""
        return str(self._redis.hget(f"pb:makers:{address.workspace_key}", name) or "")

    def put_maker(self, address: Address, name: str, person: str) -> None:
        self._redis.hset(f"pb:makers:{address.workspace_key}", name, person)

    def put(self, address: Address, change: ProfileChange) -> str:
        """Keep it for a day; returns what it is known by."""
        token = fingerprint(change.model_dump_json())
        self._redis.set(_undo(address, token), serialise(change), ex=_UNDO_FOR)
        return token

    def change(self, address: Address, token: str) -> ProfileChange | None:
        """None when it was more than a day ago, or in another workspace."""
        return self._rows.get(_undo(address, token), reader_for(ProfileChange))


def _undo(address: Address, token: str) -> str:
    return f"pb:undo:{address.workspace_key}:{token}"
