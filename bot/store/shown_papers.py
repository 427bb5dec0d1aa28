"""Redis: the papers a channel has been shown: which delivery brought each, who else picks it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from datetime import date, datetime
from typing import Final, NamedTuple

from redis import Redis
from redis.client import Pipeline

from bot.domain.digest import Digest, Outcome
from bot.domain.papers import Value
from bot.domain.request import Address
from bot.store.values.held import held
from bot.store.values.quarantine import ValueReader
from bot.store.values.stored_forms import (
    LOOKING_BACK,
    MESSAGES,
    RETENTION,
    reader_for,
    reader_of_often_read,
    split_words,
)


class ShownDay(Value):
    """The papers (ids) that a delivery brought: of what profile (a name), by what list."""

    profile: str
    batch: str
    papers: tuple[str, ...]


# Notes in one command where papers are, and drops what form 3 had of them. KEYS: the channel's, the
# papers'. ARGV: the channel with the day, when that was judged, seconds, the papers.
_PUT_PLACES: Final = """
redis.call('hdel', KEYS[1], unpack(ARGV, 4))
for n = 2, #KEYS do
  redis.call('zadd', KEYS[n], 'NX', ARGV[2], ARGV[1])
  redis.call('expire', KEYS[n], ARGV[3])
end
"""

# The most channels of a workspace that are looked at for one paper.
_CHANNELS: Final = 20


class ShownPapers:
    """By channel: a row for each delivery, because all are read together, and a paper is a few
    characters there. In what form 3 wrote, a row for each paper."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    def begin(self, address: Address, day: str, at: datetime, pipe: Pipeline) -> None:
        """A day (a name) is about to be posted; from the first time on, until it is settled."""
        pipe.zadd(_begun(address), {day: at.timestamp()}, nx=True)
        pipe.expire(_begun(address), MESSAGES)

    def begun(self, address: Address, now: datetime) -> set[str]:
        """The days (names) that were about to be posted to a channel, and were not settled since.
        Of older ones nobody knows any more what was posted: that is kept for MESSAGES."""
        since = (now - MESSAGES).timestamp()
        return set(map(str, self._redis.zrangebyscore(_begun(address), f"({since}", "+inf")))

    def settle(self, address: Address, day: str, pipe: Pipeline | None = None) -> None:
        """What a day (a name) brought is known: nothing more of it is about to be posted. By `pipe`
        where one is given."""
        (self._redis if pipe is None else pipe).zrem(_begun(address), day)

    def put(
        self, address: Address, digest: Digest, day: str, had: Set[str] | None = None
    ) -> set[str]:
        """The papers that a digest posts, as brought by this day (a name), and by no other. Returns
        all (ids) that the day is to have brought: also those that it posts no longer. `had` are
        those from other deliveries (ids), for whoever has just read them."""
        ids = [decision.paper.id for decision in digest.posted]
        if not ids:
            before = self._rows.hget(_key(address), _row(day), reader_for(ShownDay))
            return set(before.papers) if before else set()
        new = ShownDay(profile=digest.profile.name, batch=_list_name(digest), papers=tuple(ids))

        def updated(before: ShownDay | None) -> ShownDay:
            after = _with(before, new)
            # What stands in this row already was taken out of the others before.
            if after != before and (had is None or not had.isdisjoint(ids)):
                brought = {o.day for id, o in self._origins(address).items() if id in ids}
                for other in brought - {day}:
                    self._take(address, other, ids)
            return after

        _, row = self._rows.change(_key(address), _row(day), ShownDay, updated)
        # Direct messages on Discord are in no workspace, and nobody's other channels.
        places = [_channels(address, id) for id in ids] if address.workspace else []
        keys, member = (_key(address), *places), f"{address.channel} {day}"
        begun, seconds = digest.judged_at.timestamp(), int(MESSAGES.total_seconds())
        self._redis.eval(_PUT_PLACES, len(keys), *keys, member, begun, seconds, *ids)
        return set(row.papers) if row else set()

    def drop(self, address: Address, day: str, kept: Collection[str] = ()) -> None:
        """Forget the papers that this day (a name) brought, but for those (ids)."""
        ids = [id for id, o in self._origins(address).items() if o.day == day and id not in kept]
        if ids:
            self._take(address, day, ids)

    def _take(self, address: Address, day: str, ids: Collection[str]) -> None:
        """Take papers out of what a day brought."""

        def left(before: ShownDay | None) -> ShownDay | None:
            papers = tuple(id for id in before.papers if id not in ids) if before else ()
            return before.model_copy(update={"papers": papers}) if before and papers else None

        self._rows.change(_key(address), _row(day), ShownDay, left)
        if not ids:
            return
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hdel(_key(address), *ids)
            for id in ids:  # or it would have the place of a channel that was shown the paper
                pipe.zrem(_channels(address, id), f"{address.channel} {day}")
            pipe.execute()

    def drop_before(self, address: Address, before: date) -> None:
        """Forget the papers of older lists."""
        old = {id: o for id, o in self._origins(address).items() if o.is_older_than(before)}
        if old:
            self._redis.hdel(_key(address), *old, *{_row(origin.day) for origin in old.values()})

    def extend(self, address: Address, pipe: Pipeline) -> None:
        """Keep what a channel was shown until nothing comes for RETENTION."""
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
        origin = self._origins(address).get(paper)
        return origin.day if origin else None

    def in_other_channels(
        self, address: Address, papers: Sequence[str]
    ) -> dict[str, dict[Address, str]]:
        """The other channels of the workspace that were shown some of these papers (ids) of late,
        or are about to be: by paper, with the day (a name) that brought it there. Of more than
        _CHANNELS those whose days were judged first: what a thousand channels share is not read by
        each of them of each other."""
        if not papers:
            return {}
        with self._redis.pipeline(transaction=False) as pipe:
            for id in papers:
                pipe.zrange(_channels(address, id), 0, _CHANNELS)
                pipe.smembers(_channels_before(address, id))
            named = [list(map(str, row))[:_CHANNELS] for row in pipe.execute()]
        places = {
            (address.model_copy(update={"channel": channel}), day)
            for channel, _, day in (
                member.partition(" ") for member in {each for members in named for each in members}
            )
            if channel != address.channel
        }
        found = dict[str, dict[Address, str]]()
        for other, day, id in self._had(places, papers):
            found.setdefault(id, {})[other] = day
        return found

    def _had(
        self, places: Collection[tuple[Address, str]], papers: Sequence[str]
    ) -> Iterator[tuple[Address, str, str]]:
        """What these channels had of papers (ids): channel, day (a name), paper. Where no day is
        noted, as form 3 had it, all that the channel had is looked through."""
        ordered = sorted(places, key=lambda place: (str(place[0]), place[1]))
        with self._redis.pipeline(transaction=False) as pipe:
            for other, day in ordered:
                pipe.hmget(_key(other), _row(day)) if day else pipe.hgetall(_key(other))
            found = pipe.execute() if ordered else []
        for (other, day), rows in zip(ordered, found, strict=True):
            origins = self._read(_key(other), {_row(day): rows[0]} if day else rows)
            yield from ((other, origins[id].day, id) for id in papers if id in origins)

    def repeats_from_same_list(self, address: Address, digest: Digest) -> dict[str, str]:
        """The repeats of a digest that another profile brought here from the same list, with that
        profile's day: one reply names both."""
        ids = [d.paper.id for d in digest.decisions if d.outcome is Outcome.REPEAT]
        origins = self._origins(address) if ids else {}
        return {
            id: origin.day
            for id, origin in ((id, origins.get(id)) for id in ids)
            if origin
            and origin.batch == _list_name(digest)
            and origin.profile != digest.profile.name
        }

    def put_other_profile(self, address: Address, paper: str, title: str) -> tuple[str, ...]:
        """Record that another profile (a title) picks a paper shown here; returns all that do."""
        key = f"pb:also:{address}:{paper}"
        self._redis.sadd(key, title)
        self._redis.expire(key, LOOKING_BACK)
        return self.other_profiles(address, paper)

    def other_profiles(self, address: Address, paper: str) -> tuple[str, ...]:
        """The other profiles (titles) that pick a paper shown here."""
        return self.other_profiles_of(address, [paper])[paper]

    def other_profiles_of(
        self, address: Address, papers: Sequence[str]
    ) -> dict[str, tuple[str, ...]]:
        """The same of several papers, in one round trip."""
        keys = [f"pb:also:{address}:{paper}" for paper in papers]
        titles: dict[str, tuple[str, ...]] = dict.fromkeys(papers, ())
        for place, row in held(self._redis, "smembers", keys):
            titles[papers[place]] = tuple(sorted(row))
        return titles

    def _origins(self, address: Address) -> dict[str, _Origin]:
        """By paper (an id)."""
        rows: dict[str, str] = self._redis.hgetall(_key(address))  # type: ignore[assignment]
        return self._read(_key(address), rows)

    def _read(self, key: str, rows: Mapping[str, str]) -> dict[str, _Origin]:
        days = {field: text for field, text in rows.items() if field.startswith("@")}
        papers = {field: text for field, text in rows.items() if field not in days}
        found = self._rows.decode_hash(key, papers, _Origin.read)
        for field, row in self._rows.decode_hash(key, days, reader_of_often_read(ShownDay)).items():
            found |= dict.fromkeys(row.papers, _Origin(row.profile, row.batch, field[1:]))
        return found


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


def _with(before: ShownDay | None, new: ShownDay) -> ShownDay:
    """A day's row with the papers that it had before, and what it has now."""
    papers = dict.fromkeys((*(before.papers if before else ()), *new.papers))
    return new.model_copy(update={"papers": tuple(papers)})


def _row(day: str) -> str:
    return f"@{day}"


def _key(address: Address) -> str:
    return f"pb:had:{address}"


def _begun(address: Address) -> str:
    return f"pb:prepared:{address}"


def _channels(address: Address, paper: str) -> str:
    """Where to look for a paper in the workspace; what is found there says whether it is."""
    return f"pb:first-shown:{address.workspace_key}:{paper}"


def _channels_before(address: Address, paper: str) -> str:
    """The same, without an order, as it was until November 2026; the last one is gone RETENTION
    later."""
    return f"pb:shown-in:{address.workspace_key}:{paper}"
