"""Redis: the papers a channel has been shown: which delivery brought each, who else picks it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from redis import Redis
from redis.client import Pipeline

from bot.domain.digest import Digest, Outcome
from bot.domain.request import Address
from bot.store.values.quarantine import ValueReader
from bot.store.values.stored_forms import RETENTION, split_words

# The most channels of a workspace that are looked at for one paper.
_CHANNELS: Final = 20


class ShownPapers:
    """By channel and paper (an id)."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    def put(self, address: Address, digest: Digest, day: str) -> None:
        """The papers that a digest posts, as brought by this day (a name)."""
        origin = _Origin(digest.profile.name, _list_name(digest), day)
        rows: dict[Any, Any] = {decision.paper.id: str(origin) for decision in digest.posted}
        if not rows:
            return
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(_key(address), mapping=rows)
            # Direct messages on Discord are in no workspace, and nobody's other channels.
            for id in rows if address.workspace else ():
                begun = digest.judged_at.timestamp()
                pipe.zadd(_channels(address, id), {address.channel: begun}, nx=True)
                pipe.expire(_channels(address, id), RETENTION)
            pipe.execute()

    def drop(self, address: Address, day: str, kept: Collection[str] = ()) -> None:
        """Forget the papers that this day (a name) brought, but for those (ids)."""
        ids = [id for id, o in self._origins(address).items() if o.day == day and id not in kept]
        if ids:
            self._redis.hdel(_key(address), *ids)

    def days(self, address: Address) -> set[str]:
        """The names of the days that brought papers here."""
        return {origin.day for origin in self._origins(address).values()}

    def drop_before(self, address: Address, before: date, pipe: Pipeline) -> None:
        """Forget the papers of older lists by `pipe`; all of them, when nothing comes for
        RETENTION."""
        origins = self._origins(address)
        if ids := [id for id, origin in origins.items() if origin.is_older_than(before)]:
            pipe.hdel(_key(address), *ids)
        pipe.expire(_key(address), RETENTION)

    def ids_from_other_digests(self, address: Address, digest: Digest) -> set[str]:
        """Ids of papers shown here other than by this profile for this list: in a terminal, a day
        judged again, by another model say, is shown again."""
        own = (digest.profile.name, _list_name(digest))
        origins = self._origins(address)
        return {id for id, origin in origins.items() if (origin.profile, origin.batch) != own}

    def ids_from_other_deliveries(self, address: Address, day: str) -> set[str]:
        """Ids of papers shown here by another delivery, whatever was judged again."""
        return {id for id, origin in self._origins(address).items() if origin.day != day}

    def day_that_brought(self, address: Address, paper: str) -> str | None:
        """The name of the day that brought a paper (an id) to this channel."""
        origin = self._rows.hget(_key(address), paper, _Origin.read)
        return origin.day if origin else None

    def days_that_brought(self, address: Address, papers: Sequence[str]) -> set[str]:
        """The names of the days that brought some of these papers (ids) to this channel."""
        found = self._rows.hmget(_key(address), papers, _Origin.read)
        return {origin.day for origin in found if origin}

    def in_other_channels(
        self, address: Address, papers: Sequence[str]
    ) -> dict[str, dict[Address, str]]:
        """The other channels of the workspace that were shown some of these papers (ids), or are
        about to be: by paper, with the day (a name) that brought it there. Of more than _CHANNELS
        those whose days were judged first: what a thousand channels share is not read by each of
        them of each other."""
        if not papers:
            return {}
        with self._redis.pipeline(transaction=False) as pipe:
            for id in papers:
                pipe.zrange(_channels(address, id), 0, _CHANNELS)
                pipe.smembers(_channels_before(address, id))
            found = [list(row)[:_CHANNELS] for row in pipe.execute()]
            channels = sorted(set[str]().union(*found) - {address.channel})
        others = [address.model_copy(update={"channel": channel}) for channel in channels]
        rows = self._rows.hmget_many([_key(other) for other in others], papers, _Origin.read)
        places = dict[str, dict[Address, str]]()
        for other in others:
            for id, origin in zip(papers, rows[_key(other)], strict=True):
                if origin:
                    places.setdefault(id, {})[other] = origin.day
        return places

    def repeats_from_same_list(self, address: Address, digest: Digest) -> dict[str, str]:
        """The repeats of a digest that another profile brought here from the same list, with that
        profile's day: one reply names both."""
        ids = [d.paper.id for d in digest.decisions if d.outcome is Outcome.REPEAT]
        origins = self._rows.hmget(_key(address), ids, _Origin.read)
        return {
            id: origin.day
            for id, origin in zip(ids, origins, strict=True)
            if origin
            and origin.batch == _list_name(digest)
            and origin.profile != digest.profile.name
        }

    def put_other_profile(self, address: Address, paper: str, title: str) -> tuple[str, ...]:
        """Record that another profile (a title) picks a paper shown here; returns all that do."""
        key = f"pb:also:{address}:{paper}"
        self._redis.sadd(key, title)
        self._redis.expire(key, RETENTION)
        return self.other_profiles(address, paper)

    def other_profiles(self, address: Address, paper: str) -> tuple[str, ...]:
        """The other profiles (titles) that pick a paper shown here."""
        return self.other_profiles_of(address, [paper])[paper]

    def other_profiles_of(
        self, address: Address, papers: Sequence[str]
    ) -> dict[str, tuple[str, ...]]:
        """The same of several papers, in one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for paper in papers:
                pipe.smembers(f"pb:also:{address}:{paper}")
            titles = [tuple(sorted(map(str, row))) for row in pipe.execute()]
        return dict(zip(papers, titles, strict=True))

    def _origins(self, address: Address) -> dict[str, _Origin]:
        return self._rows.hgetall(_key(address), _Origin.read)


class _Origin(NamedTuple):
    """What brought a paper to a channel: a profile (a name), a list, a delivery."""

    profile: str
    batch: str
    day: str

    def __str__(self) -> str:
        return " ".join(self)

    def is_older_than(self, day: date) -> bool:
        """Whether its list is; the list's name begins with its date."""
        try:
            return date.fromisoformat(self.batch[:10]) < day
        except ValueError:  # the sample's list has no date and never changes
            return False

    @classmethod
    def read(cls, text: str) -> _Origin:
        return cls(*split_words(text, 3))


def _list_name(digest: Digest) -> str:
    """The name of a digest's list; its date where there is none, because a digest of several days
    brings earlier papers even when its newest day never got a list."""
    return digest.listed.batch or digest.date.isoformat()


def _key(address: Address) -> str:
    return f"pb:had:{address}"


def _channels(address: Address, paper: str) -> str:
    """Where to look for a paper in the workspace; what is found there says whether it is."""
    return f"pb:first-shown:{address.workspace_key}:{paper}"


def _channels_before(address: Address, paper: str) -> str:
    """The same, without an order, as it was until November 2026; the last one is gone RETENTION
    later."""
    return f"pb:shown-in:{address.workspace_key}:{paper}"
