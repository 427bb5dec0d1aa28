"""Redis: profiles: by content, the installation's and each workspace's by name, their versions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from redis import Redis

from bot.domain.papers import Profile, Value, fingerprint
from bot.domain.profile_version import VERSIONS_KEPT, ProfileVersion
from bot.domain.request import Address
from bot.store.values.quarantine import ValueReader
from bot.store.values.stored_forms import (
    RETENTION,
    UNDO_FOR,
    reader_for,
    reader_of_often_read,
    serialise,
)

# How long the versions of a deleted profile are kept.
_DELETED_FOR: Final = timedelta(days=90)

# Replaces a row, unless it is no longer what it was, and adds the version; the first change also
# adds what the profile was before, as number 0.
_SAVE = """
local row = redis.call('hget', KEYS[1], ARGV[1]) or ''
if row ~= ARGV[2] then return row == ARGV[3] and 1 or -1 end
if ARGV[3] == '' then
  redis.call('hdel', KEYS[1], ARGV[1])
else
  redis.call('hset', KEYS[1], ARGV[1], ARGV[3])
end
local last = -1
for _, number in ipairs(redis.call('hkeys', KEYS[2])) do
  last = math.max(last, tonumber(number) or -1)
end
if last < 0 then
  if ARGV[5] ~= '' then redis.call('hset', KEYS[2], '0', ARGV[5]) end
  last = 0
end
redis.call('hset', KEYS[2], tostring(last + 1), ARGV[4])
redis.call('hdel', KEYS[2], tostring(last + 1 - tonumber(ARGV[6])))
if ARGV[3] == '' then
  redis.call('expire', KEYS[2], ARGV[7])
else
  redis.call('persist', KEYS[2])
end
return last + 1
"""


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
        """The installation's, by name; without those that ship."""
        return self._rows.hgetall_sorted("pb:profiles", reader_for(Profile))

    # -- by name: the one that the terminal shows

    def put_for_terminal(self, name: str) -> None:
        """Remember the profile that somebody chose for this installation's terminal."""
        self._redis.set("pb:terminal-profile", name)

    def for_terminal(self) -> str:
        """Its name; empty before anybody chose one."""
        return str(self._redis.get("pb:terminal-profile") or "")

    # -- by name: a workspace's own

    def save(
        self,
        address: Address,
        name: str,
        before: Profile | None,
        after: Profile | None,
        version: ProfileVersion,
        base: Profile | None,
    ) -> bool:
        """Replace a workspace's own profile (None: it has none), which hides a shared one of the
        same name, and keep the version, in one step; returns False when the stored profile is no
        longer `before`. `version` has what counts under the name from now on, `base` what did until
        now: the first version is compared with it."""
        own = _own(address)
        row = str(self._redis.hget(own, name) or "")
        if self._rows.decode(own, name, row, reader_for(Profile)) != before:
            return False
        was = serialise(version.model_copy(update={"profile": base, "by": ""})) if base else ""
        number = self._redis.eval(
            _SAVE,
            2,
            own,
            _versions(address, name),
            name,
            row if before else "",
            serialise(after) if after else "",
            serialise(version),
            was,
            VERSIONS_KEPT,
            int(_DELETED_FOR.total_seconds()),
        )
        return int(str(number)) > 0

    def versions(self, address: Address, name: str) -> dict[int, ProfileVersion]:
        """The last versions of a workspace's own profile by number, oldest first. There are none
        where it has not been changed since versions are kept."""
        rows = self._rows.hgetall(_versions(address, name), reader_for(ProfileVersion))
        return {int(number): rows[number] for number in sorted(rows, key=int)}

    def own_names(self, address: Address) -> set[str]:
        """The names of a workspace's own."""
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
        own = self._rows.hgetall_many(list(keys.values()), reader_of_often_read(Profile))
        shared = self.shared()
        return {place: shared | dict(sorted(own[key].items())) for place, key in keys.items()}

    def maker(self, address: Address, name: str) -> str:
        """The id of the person who made it; empty for profiles older than this record."""
        return str(self._redis.hget(f"pb:makers:{address.workspace_key}", name) or "")

    def put_maker(self, address: Address, name: str, person: str) -> None:
        """The person (an id) who made a workspace's own profile."""
        self._redis.hset(f"pb:makers:{address.workspace_key}", name, person)

    def changed_by(self, address: Address, person: str) -> list[str]:
        """The workspace's profiles (names) that a person made, or changed."""
        makers: dict[str, str] = self._redis.hgetall(f"pb:makers:{address.workspace_key}")  # type: ignore[assignment]
        names = {name for name, maker in makers.items() if maker == person}
        begin = _versions(address, "")
        keys = list(self._redis.scan_iter(f"{begin}*", count=1000))
        for key, versions in self._rows.hgetall_many(keys, reader_for(ProfileVersion)).items():
            if any(version.by == person for version in versions.values()):
                names.add(key.removeprefix(begin))
        return sorted(names)

    # -- undo

    def put_undo(self, address: Address, change: ProfileChange) -> str:
        """Keep a change for a day; returns the token that finds it."""
        token = fingerprint(change.model_dump_json())
        self._redis.set(_undo(address, token), serialise(change), ex=UNDO_FOR)
        return token

    def undo(self, address: Address, token: str) -> ProfileChange | None:
        """None after a day, or in another workspace."""
        return self._rows.get(_undo(address, token), reader_for(ProfileChange))


def _own(address: Address) -> str:
    return f"pb:profiles:{address.workspace_key}"


def _versions(address: Address, name: str) -> str:
    return f"pb:versions:{address.workspace_key}:{name}"


def _undo(address: Address, token: str) -> str:
    return f"pb:undo:{address.workspace_key}:{token}"
