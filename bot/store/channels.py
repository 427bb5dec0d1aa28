"""Redis: what channels had, and who waits for what."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from redis import Redis

from bot.domain.digest import (
    CHANNEL_OUTCOMES,
    ChannelView,
    DeliveryBasis,
    Digest,
    ListResult,
    Outcome,
    Source,
    merge_digests,
)
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address, Delivery, DigestRequest, delivery_name, digest_name
from bot.planning.plan import DayState, RequestState, StepRecord
from bot.store.days import Store
from bot.store.stored_forms import (
    RETENTION,
    SHORT_RETENTION,
    deserialise,
    parse_int_pair,
    reader_for,
    serialise,
    split_words,
)

# A profile's decided days that can be looked through for a paper: half a year of weekdays.
_DAYS = 130
# One value in the place of another, or of none, unless that one was changed meanwhile.
_SWAP = """
if redis.call('hget', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then return redis.call('hdel', KEYS[1], ARGV[1]) end
redis.call('hset', KEYS[1], ARGV[1], ARGV[3])
return 1
"""
_USUAL = 5  # so many days say what a day brings
_IN_MIND = 8  # decided days kept in mind: one of 450 papers is two megabytes


class Channels:
    """Deliveries, posts and wishes, on the same server as the store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._redis: Redis = store.redis
        self._rows = store.reader
        # Asked and changed from as many threads as people ask in.
        self._mind: dict[str, tuple[str, Digest]] = {}
        self._minding = threading.Lock()

    # -- how far a wish has come

    def request_state(self, request: DigestRequest) -> RequestState:
        """What has been left behind on the way to it."""
        return self.request_states([request])[0]

    def request_states(self, requests: Sequence[DigestRequest]) -> list[RequestState]:
        """The same for many, each thing looked up once, in two questions."""
        wanted = {each.key: each for request in requests for each in request.queries}
        listed = self.store.list_results(list(wanted.values()))

        def keys_of(request: DigestRequest) -> list[str]:
            """Where the word is that it was delivered, and that each of its days was judged; where
            there is no list there is neither."""
            whole = listed.get(request.wanted.key)
            keys = [f"pb:delivered:{delivery_name(request, whole)}" if whole else ""]
            for each in request.queries:
                found = listed.get(each.key)
                alone = request.for_single_day(each, request.since)
                keys.append(f"pb:judged:{digest_name(alone, found)}" if found else "")
            return keys

        rows = [keys_of(request) for request in requests]
        asked = [key for key in dict.fromkeys(key for keys in rows for key in keys) if key]
        done = self.store.read_by_name(asked, asked, reader_for(StepRecord))
        return [
            _facts(request, listed, [done.get(key) for key in keys])
            for request, keys in zip(requests, rows, strict=True)
        ]

    def decided_days(self, request: DigestRequest) -> dict[str, Digest]:
        """Its days as they are decided for every channel, by name, the newest last, each with what
        is known of its list by now."""
        days = dict[str, Digest]()
        for query in request.queries:
            if list_result := self.store.list_result(query):
                name = digest_name(request.for_single_day(query, request.since), list_result)
                if digest := self.store.digest(name):
                    days[name] = digest.model_copy(update={"listed": list_result})
        return days

    def put_decided_day(self, name: str, digest: Digest) -> None:
        """Leave a decided day behind, and the word that it is there, together or not at all. Only
        who judges writes a day; a delivery names what it showed of it."""
        done = StepRecord(
            at=digest.judged_at,
            complete=digest.complete,
            papers=len(digest.decisions),
            unscored=digest.retryable_count,
            outage=digest.unscored_reason,
            version=digest.version,
            list_at=digest.listed.changed_at,
        )
        days = f"pb:days:{digest.profile.fingerprint}"
        with self._redis.pipeline(transaction=True) as pipe:
            self.store.put_digest(name, digest, pipe)
            pipe.set(f"pb:basis:{name}", digest.judged_at.isoformat(), ex=RETENTION)
            pipe.set(f"pb:judged:{name}", serialise(done), ex=RETENTION)
            pipe.zadd(days, {name: digest.judged_at.timestamp()})
            pipe.zremrangebyscore(days, "-inf", f"({(digest.judged_at - RETENTION).timestamp()}")
            pipe.expire(days, RETENTION)
            pipe.execute()
        if digest.complete and digest.listed.source is Source.ARXIV:
            counts = f"{len(digest.decisions)} {len(digest.picked)}"
            key = f"pb:usual:{digest.profile.fingerprint}"
            self._redis.hset(key, str(digest.date), counts)
            self._redis.expire(key, RETENTION)
            if old := sorted(map(str, self._redis.hkeys(key)))[:-_USUAL]:
                self._redis.hdel(key, *old)

    def decided_day_names(self, profile: str) -> list[str]:
        """The names of a profile's (a fingerprint's) decided days, the newest first."""
        return list(map(str, self._redis.zrevrange(f"pb:days:{profile}", 0, _DAYS - 1)))

    def typical_counts(self, profile: str) -> tuple[int, int] | None:
        """What a day brings this profile (a fingerprint), by its last five: announced, picked."""
        rows = self._rows.hgetall(f"pb:usual:{profile}", parse_int_pair)
        last = [rows[day] for day in sorted(rows)[-_USUAL:]]
        if not last:
            return None
        announced, picked = (round(sum(counts) / len(last)) for counts in zip(*last, strict=True))
        return announced, picked

    def put_prepared(
        self, address: Address, name: str, digest: Digest, basis: DeliveryBasis | None = None
    ) -> None:
        """Leave behind what a channel is about to get: whoever goes on after an interruption posts
        the same, and a button pressed meanwhile is answered. Without a `basis` it is the day that
        `name` ends with, as it is."""
        self._put_chosen(name, digest, basis, RETENTION)
        self._put_had(address, name, digest)

    def put_delivered(
        self,
        address: Address,
        name: str,
        digest: Digest,
        at: datetime,
        message: str = "",
        basis: DeliveryBasis | None = None,
        ended: ChannelReason | None = None,
    ) -> None:
        """Leave a delivery behind, and what the channel has now had. Standard output is no channel:
        it remembers nothing, and what it was given goes soon. `basis` as in put_given; `ended` says
        why nothing more can be posted, where that is so."""
        passing, day = address.platform == "stdout", name.rpartition(":")[2]
        keep = SHORT_RETENTION if passing else RETENTION
        basis = self._put_chosen(name, digest, basis, keep)
        if not passing:
            delivery = Delivery(
                day=day,
                days=basis.day_names,
                profile=digest.profile.name,
                date=digest.date,
                earlier=digest.earlier,
                announced=len(digest.decisions),
                picked=len(digest.picked),
                complete=digest.complete,
                message=message,
                at=at,
                ended=ended,
            )
            self._redis.hset(f"pb:history:{address}", day, serialise(delivery))
            self._forget(address, at - RETENTION)
            if ended and not message:  # not even a head: another delivery may bring the papers
                self._take_had(address, name)
            else:
                self._put_had(address, name, digest)
        problem, complete = digest.listed.problem, digest.complete or ended is not None
        done = StepRecord(at=at, complete=complete, version=basis.version, problem=problem)
        self._redis.set(f"pb:delivered:{name}", serialise(done), ex=keep)

    def _forget(self, address: Address, before: datetime) -> None:
        """What a channel was given before that is forgotten, as the days themselves are; all of it,
        when nothing comes for as long."""
        history, had = f"pb:history:{address}", f"pb:had:{address}"
        gone = [each.day for each in self.history(address) if each.at < before]
        papers = [id for id, slot in self._had(address).items() if slot.older(before.date())]
        with self._redis.pipeline(transaction=False) as pipe:
            for key, fields in ((history, gone), (had, papers)):
                if fields:
                    pipe.hdel(key, *fields)
                pipe.expire(key, RETENTION)
            pipe.execute()

    def _put_had(self, address: Address, name: str, digest: Digest) -> None:
        slot = f"{_slot(digest)} {name.rpartition(':')[2]}"
        had: dict[Any, Any] = {decision.paper.id: slot for decision in digest.picked}
        if had:
            self._redis.hset(f"pb:had:{address}", mapping=had)

    def _take_had(self, address: Address, name: str) -> None:
        day = name.rpartition(":")[2]
        own = [id for id, slot in self._had(address).items() if slot.day == day]
        if own:
            self._redis.hdel(f"pb:had:{address}", *own)

    def delivered_dates(
        self, asked: Iterable[tuple[Address, str]]
    ) -> dict[tuple[Address, str], set[date]]:
        """The days that channels have had of a profile (a name), all of them."""
        pairs = list(asked)
        had = self.histories(address for address, _ in pairs)
        found = {}
        for address, profile in pairs:
            own = [d for d in had[address] if d.profile == profile and d.complete]
            found[address, profile] = {day for d in own for day in (*d.earlier, d.date)}
        return found

    def history(self, address: Address) -> list[Delivery]:
        """What this channel has been given, the oldest first."""
        return self.histories([address])[address]

    def histories(self, addresses: Iterable[Address]) -> dict[Address, list[Delivery]]:
        """The same for many channels, in one question."""
        keys = {address: f"pb:history:{address}" for address in addresses}
        rows = self._rows.hgetall_many(list(keys.values()), reader_for(Delivery))
        return {
            address: sorted(rows[key].values(), key=lambda found: found.at)
            for address, key in keys.items()
        }

    def last_by_profile(self, address: Address) -> dict[str, Delivery]:
        """What this channel was given last of each profile (a name)."""
        return {found.profile: found for found in self.history(address)}

    def last(self, address: Address, profile: str) -> Delivery | None:
        """What this channel was given last of a profile (a name)."""
        return next((d for d in reversed(self.history(address)) if d.profile == profile), None)

    def delivery(self, address: Address, day: str) -> Delivery | None:
        return self._rows.hget(f"pb:history:{address}", day, reader_for(Delivery))

    def delivered_before(self, request: DigestRequest) -> Delivery | None:
        """The delivery of the day that is wished for, when it was complete before the wish, or when
        nothing more can be posted of it."""
        list_result = self.store.list_result(request.wanted)
        found = list_result and self.delivery(request.address, digest_name(request, list_result))
        if found and (found.ended or (found.complete and found.at < request.since)):
            return found
        return None

    def digest_given_to(self, address: Address, day: str) -> Digest | None:
        """A day as this channel got it; None when it never did, or too long ago."""
        return self.delivered_digest(f"{address}:{day}")

    def _put_chosen(
        self, name: str, digest: Digest, basis: DeliveryBasis | None, keep: timedelta
    ) -> DeliveryBasis:
        """What one channel gets of a day that others get as well: the day is kept once."""
        basis = basis or DeliveryBasis((name.rpartition(":")[2],), digest.version)
        chosen = ChannelView(
            days=basis.day_names,
            version=basis.version,
            listed=digest.listed,
            maximum=digest.profile.maximum,
            judged_at=digest.judged_at,
            earlier=digest.earlier,
            left_out=digest.left_out,
            outcomes=tuple(
                (d.paper.id, d.outcome) for d in digest.decisions if d.outcome in CHANNEL_OUTCOMES
            ),
        )
        self._redis.set(f"pb:chosen:{name}", serialise(chosen), ex=keep)
        return basis

    def channel_view(self, name: str) -> ChannelView | None:
        """What a delivery says otherwise than the day; None before it was begun."""
        return self._rows.get(f"pb:chosen:{name}", reader_for(ChannelView))

    def delivered_digest(self, name: str) -> Digest | None:
        """A day as one channel was given it; None when it never was, or too long ago."""
        chosen = self.channel_view(name)
        names = chosen.days if chosen else ()
        days = list(filter(None, map(self._decided, names or [name.rpartition(":")[2]])))
        if chosen is None or not days:
            return None
        return chosen.apply_to(days[0] if len(names) < 2 else merge_digests(days, chosen.left_out))

    def _decided(self, day: str) -> Digest | None:
        """Kept in mind while it stays as it is: many questions are about the same few days."""
        basis = self._redis.get(f"pb:basis:{day}")
        with self._minding:
            known = self._mind.get(day)
        if known and known[0] == basis:
            return known[1]
        digest = self.store.digest(day)
        if digest and basis:
            with self._minding:
                self._mind[day] = (str(basis), digest)
                while len(self._mind) > _IN_MIND:
                    del self._mind[next(iter(self._mind))]
        return digest

    def ids_from_other_digests(self, address: Address, digest: Digest) -> set[str]:
        """Ids of papers given here other than by this profile for this day: in a terminal, a day
        judged anew, by another model say, is shown anew."""
        own = f"{_slot(digest)} "
        return {id for id, slot in self._had(address).items() if not str(slot).startswith(own)}

    def ids_from_other_deliveries(self, address: Address, day: str) -> set[str]:
        """Ids of papers given here by another delivery, whatever was judged anew."""
        return {id for id, slot in self._had(address).items() if slot.day != day}

    def _had(self, address: Address) -> dict[str, _Slot]:
        """Paper -> who brought it, from which list, in which delivery."""
        return self._rows.hgetall(f"pb:had:{address}", _Slot.read)

    def day_that_brought(self, address: Address, paper: str) -> str | None:
        """The name of the day that brought a paper (an id) to this channel."""
        slot = self._rows.hget(f"pb:had:{address}", paper, _Slot.read)
        return slot.day if slot else None

    def repeats_from_same_list(self, address: Address, digest: Digest) -> dict[str, str]:
        """The repeats of a digest that another profile brought here from the same list, with that
        profile's day: one reply names both."""
        ids = [d.paper.id for d in digest.decisions if d.outcome is Outcome.REPEAT]
        slots = self._rows.hmget(f"pb:had:{address}", ids, _Slot.read)
        return {
            id: slot.day
            for id, slot in zip(ids, slots, strict=True)
            if slot and slot.batch == digest.listed.batch and slot.profile != digest.profile.name
        }

    def put_also(self, address: Address, paper: str, profile: str) -> tuple[str, ...]:
        """Remember another profile (a title) that picks a paper shown here; returns all that do."""
        key = f"pb:also:{address}:{paper}"
        self._redis.sadd(key, profile)
        self._redis.expire(key, RETENTION)
        return self.also(address, paper)

    def also(self, address: Address, paper: str) -> tuple[str, ...]:
        """The other profiles (titles) that pick a paper that this channel was shown."""
        return tuple(sorted(map(str, self._redis.smembers(f"pb:also:{address}:{paper}"))))

    # -- who waits

    def put_request(self, request: DigestRequest) -> None:
        """A wish is kept until it is fulfilled, whatever is restarted in between."""
        self._redis.hset("pb:wishes", request.key, serialise(request))

    def requests(self) -> list[DigestRequest]:
        return list(self._rows.hgetall_sorted("pb:wishes", reader_for(DigestRequest)).values())

    def drop_request(self, request: DigestRequest) -> None:
        """Nobody waits for it any more, unless the same was asked for again meanwhile."""
        self._swap_wish(request, "")

    def renew_request(self, request: DigestRequest, since: datetime) -> None:
        """As if it was asked for at `since`, unless it was in fact asked for again meanwhile."""
        again = request.model_copy(update={"since": since, "asked": request.asked or request.since})
        self._swap_wish(request, serialise(again))

    def _swap_wish(self, request: DigestRequest, now: str) -> None:
        known = self._redis.hget("pb:wishes", request.key)
        if (
            known is not None
            and deserialise(DigestRequest, str(known)).origin_key == request.origin_key
        ):
            self._redis.eval(_SWAP, 1, "pb:wishes", request.key, str(known), now)


class _Slot(NamedTuple):
    """What brought a paper to a channel: a profile (a name), a list, a delivery."""

    profile: str
    batch: str
    day: str

    def __str__(self) -> str:
        return " ".join(self)

    def older(self, than: date) -> bool:
        """Whether its list, whose name begins with its date, is of before then."""
        try:
            return date.fromisoformat(self.batch[:10]) < than
        except ValueError:  # the sample's list has no date, and is the same for ever
            return False

    @classmethod
    def read(cls, text: str) -> _Slot:
        return cls(*split_words(text, 3))


def _slot(digest: Digest) -> str:
    return f"{digest.profile.name} {digest.listed.batch}"


def _facts(
    request: DigestRequest, listed: Mapping[str, ListResult], done: Sequence[StepRecord | None]
) -> RequestState:
    delivered, *judged = done
    *earlier, day = (
        DayState(listed=listed.get(each.key), judged=found)
        for each, found in zip(request.queries, judged, strict=True)
    )
    return RequestState(
        listed=day.listed, judged=day.judged, earlier=tuple(earlier), delivered=delivered
    )
