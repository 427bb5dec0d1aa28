"""Redis: profiles: by content, the installation's and each workspace's by name, and undo."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from redis import Redis

from bot.domain.papers import Profile, Value, fingerprint
from bot.domain.request import Address
from bot.store.quarantine import RowUpdate, ValueReader
from bot.store.stored_forms import RETENTION, reader_for, serialise

_UNDO_FOR = timedelta(days=1)


class ProfileChange(Value):
    """A change to a workspace's own profile: the profile before (None: the workspace had none of
    that name) and after (None: it was removed)."""

    name: str
    before: Profile | None
    after: Profile | None
    by: str
    at: datetime


class Profiles:
    """Jobs pass profiles to each other by fingerprint; people ask for them by name."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    # -- by content

    def put(self, profile: Profile) -> str:
        """Store under its fingerprint, which is returned."""
        self._redis.set(f"pb:profile:{profile.fingerprint}", serialise(profile), ex=RETENTION)
        return profile.fingerprint

    def get(self, fingerprint: str) -> Profile:
        """Raises KeyError for a fingerprint never stored, or not used for RETENTION."""
        return self._rows.require(f"pb:profile:{fingerprint}", reader_for(Profile))

    def find(self, fingerprint: str) -> Profile | None:
        """None where `get` raises."""
        return self._rows.get(f"pb:profile:{fingerprint}", reader_for(Profile))

    # -- by name: the installation's

    def put_shared(self, profile: Profile) -> None:
        """Add to the profiles of the installation; replaces an older one of that name."""
        self._redis.hset("pb:profiles", profile.name, serialise(profile))

    def shared(self) -> dict[str, Profile]:
        return self._rows.hgetall_sorted("pb:profiles", reader_for(Profile))

    # -- by name: a workspace's own

    def change(self, address: Address, name: str, updated: RowUpdate[Profile]) -> Profile | None:
        """Change a workspace's own profile of a name in one step; `updated` is called again when
        somebody else was faster. Returns the profile after."""
        return self._rows.change(_own(address), name, Profile, updated)[1]

    def put_own(self, address: Address, profile: Profile) -> None:
        """Add to the profiles of this workspace only; it hides a shared one of the same name."""
        self.change(address, profile.name, lambda _: profile)

    def own_names(self, address: Address) -> set[str]:
        return set(map(str, self._redis.hkeys(_own(address))))

    def at(self, address: Address) -> dict[str, Profile]:
        """By name, the installation's profiles, then this workspace's own."""
        own = self._rows.hgetall_sorted(_own(address), reader_for(Profile))
        return self.shared() | own

    def by_workspace(self, addresses: Iterable[Address]) -> dict[str, dict[str, Profile]]:
        """The same for many addresses, by workspace, each read once."""
        keys = {address.workspace_key: _own(address) for address in addresses}
        if not keys:
            return {}
        own = self._rows.hgetall_many(list(keys.values()), reader_for(Profile))
        shared = self.shared()
        return {place: shared | dict(sorted(own[key].items())) for place, key in keys.items()}

    def maker(self, address: Address, name: str) -> str:
        """The id of the person who made it; empty for profiles older than this record."""
        return str(self._redis.hget(f"pb:makers:{address.workspace_key}", name) or "")

    def put_maker(self, address: Address, name: str, person: str) -> None:
        self._redis.hset(f"pb:makers:{address.workspace_key}", name, person)

    # -- undo

    def put_undo(self, address: Address, change: ProfileChange) -> str:
        """Keep a change for a day; returns the token that finds it."""
        token = fingerprint(change.model_dump_json())
        self._redis.set(_undo(address, token), serialise(change), ex=_UNDO_FOR)
        return token

    def undo(self, address: Address, token: str) -> ProfileChange | None:
        """None after a day, or in another workspace."""
        return self._rows.get(_undo(address, token), reader_for(ProfileChange))


def _own(address: Address) -> str:
    return f"pb:profiles:{address.workspace_key}"


def _undo(address: Address, token: str) -> str:
    return f"pb:undo:{address.workspace_key}:{token}"
