"""Redis: what each channel was given: its deliveries, and each day as the channel got it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from redis import Redis

from bot.domain.channel_view import ChannelView
from bot.domain.digest import (
    CHANNEL_OUTCOMES,
    DeliveryBasis,
    Digest,
    merge_digests,
)
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address, Delivery, DigestRequest, digest_name
from bot.planning.plan import StepRecord
from bot.store.days import Days
from bot.store.lists import Lists
from bot.store.readers.tellings import Tellings
from bot.store.shown_papers import ShownPapers
from bot.store.values.quarantine import ValueReader
from bot.store.values.stored_forms import (
    LOOKING_BACK,
    MESSAGES,
    RETENTION,
    SHORT_RETENTION,
    reader_for,
    serialise,
    serialise_packed,
)


class History:
    """By channel and day (a name). A delivery's name is both."""

    def __init__(
        self, redis: Redis, lists: Lists, days: Days, shown: ShownPapers, tellings: Tellings
    ) -> None:
        self._redis, self._rows = redis, ValueReader(redis)
        self._lists, self._days, self._shown, self._tellings = lists, days, shown, tellings

    # -- writing

    def put_prepared(
        self,
        address: Address,
        name: str,
        digest: Digest,
        at: datetime,
        basis: DeliveryBasis | None = None,
    ) -> None:
        """Store what a channel is about to get: a delivery resumed after an interruption posts the
        same, and a button pressed meanwhile is answered. Without a `basis` it is the day that
        `name` ends with, unchanged."""
        self._put_view(name, digest, basis, LOOKING_BACK)
        self._redis.zadd(_prepared(address), {_day(name): at.timestamp()}, nx=True)
        self._redis.expire(_prepared(address), MESSAGES)
        self._shown.put(address, digest, _day(name))

    def put_delivered(
        self,
        address: Address,
        name: str,
        digest: Digest,
        at: datetime,
        message: str = "",
        basis: DeliveryBasis | None = None,
        ended: ChannelReason | None = None,
        days: Mapping[str, Digest] | None = None,
    ) -> None:
        """Store a delivery and the papers it brought. Standard output is no channel: nothing is
        remembered for it, and its view is kept for SHORT_RETENTION. `basis` as in put_prepared;
        `ended` says why nothing more can be posted, where that is so. `days` are the decided days
        it was made of, by name: whoever asks for one of them alone has it already."""
        has_memory = address.platform != "stdout"
        keep = LOOKING_BACK if has_memory else SHORT_RETENTION
        basis = self._put_view(name, digest, basis, keep)
        if has_memory:
            delivery = _delivery(_day(name), digest, basis, at, message, ended)
            self._redis.hset(f"pb:history:{address}", delivery.day, serialise(delivery))
            self._drop_before(address, at)
            if address.platform != "terminal":  # nobody is told at a terminal
                self._tellings.put_untold(address, delivery.day, at)
            if ended and not message:  # not even a head: another delivery may bring the papers
                self._shown.drop(address, delivery.day)
                left = set[str]()
            else:
                left = self._shown.put(address, digest, delivery.day)
            # What it was to post before it was judged again: the next one looks whether it did.
            if ended or left <= {decision.paper.id for decision in digest.posted}:
                self.settle_prepared(address, delivery.day)
        problem, complete = digest.listed.problem, digest.complete or ended is not None
        ranked = digest.ranked_locally is not None
        record = StepRecord(
            at=at, complete=complete, version=basis.version, problem=problem, ranked=ranked
        )
        records = {name: record}
        if message:
            records |= {
                f"{address}:{day}": StepRecord(
                    at=at,
                    complete=each.complete,
                    version=each.version,
                    problem=each.listed.problem,
                    ranked=ranked,
                )
                for day, each in (days or {}).items()
                if day != _day(name)
            }
        for each_name, each_record in records.items():
            self._redis.set(
                f"pb:delivered:{each_name}", serialise(each_record), ex=min(keep, MESSAGES)
            )

    def prepared_days(self, address: Address, now: datetime) -> set[str]:
        """The names of the days that were about to be posted to a channel, and were not delivered
        since. Of older ones nobody knows any more what was posted: that is kept for MESSAGES."""
        since = (now - MESSAGES).timestamp()
        return set(map(str, self._redis.zrangebyscore(_prepared(address), f"({since}", "+inf")))

    def settle_prepared(self, address: Address, day: str) -> None:
        """What a day (a name) brought is known: nothing more of it is about to be posted."""
        self._redis.zrem(_prepared(address), day)

    def put_preview(self, name: str, digest: Digest, basis: DeliveryBasis, at: datetime) -> None:
        """Store what one person is about to be shown, for a while: nothing is remembered of it."""
        self._put_view(name, digest, basis, SHORT_RETENTION)
        record = StepRecord(at=at, complete=digest.complete, version=basis.version)
        self._redis.set(f"pb:delivered:{name}", serialise(record), ex=SHORT_RETENTION)

    def _drop_before(self, address: Address, at: datetime) -> None:
        """Forget deliveries when their days are forgotten, and papers RETENTION after their list;
        all of it, when nothing comes for as long."""
        key, before = f"pb:history:{address}", at - LOOKING_BACK
        old = [delivery.day for delivery in self.of(address) if delivery.at < before]
        with self._redis.pipeline(transaction=False) as pipe:
            if old:
                pipe.hdel(key, *old)
            pipe.expire(key, LOOKING_BACK)
            pipe.execute()
        self._shown.drop_before(address, (at - RETENTION).date())

    def _put_view(
        self, name: str, digest: Digest, basis: DeliveryBasis | None, keep: timedelta
    ) -> DeliveryBasis:
        """Store only how a channel's digest differs from the day, which is stored once for all."""
        basis = basis or DeliveryBasis((_day(name),), digest.version)
        view = ChannelView(
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
            ranked_locally=digest.ranked_locally,
            by_votes=digest.by_votes,
            moved=digest.moved,
        )
        self._redis.set(f"pb:chosen:{name}", serialise_packed(view), ex=keep)
        return basis

    # -- deliveries

    def of(self, address: Address) -> list[Delivery]:
        """A channel's deliveries, the oldest first."""
        return self.of_many([address])[address]

    def of_many(self, addresses: Iterable[Address]) -> dict[Address, list[Delivery]]:
        """The same for many channels, in one round trip."""
        keys = {address: f"pb:history:{address}" for address in addresses}
        rows = self._rows.hgetall_many(list(keys.values()), reader_for(Delivery))
        return {
            address: sorted(rows[key].values(), key=lambda delivery: delivery.at)
            for address, key in keys.items()
        }

    def delivered_dates(
        self, pairs: Iterable[tuple[Address, str]]
    ) -> dict[tuple[Address, str], set[date]]:
        """For channels and profiles (names), the dates that were delivered completely."""
        pairs = list(pairs)
        deliveries = self.of_many(address for address, _ in pairs)
        dates = {}
        for address, profile in pairs:
            own = [d for d in deliveries[address] if d.profile == profile and d.complete]
            dates[address, profile] = {day for d in own for day in (*d.earlier, d.date)}
        return dates

    def last(self, address: Address, profile: str) -> Delivery | None:
        """A channel's last delivery of a profile (a name)."""
        return next((d for d in reversed(self.of(address)) if d.profile == profile), None)

    def delivery(self, address: Address, day: str) -> Delivery | None:
        return self._rows.hget(f"pb:history:{address}", day, reader_for(Delivery))

    def delivered_before(self, request: DigestRequest) -> Delivery | None:
        """The delivery of the requested day, if it was made before the request was, or nothing more
        of it can be posted."""
        list_result = self._lists.result(request.wanted)
        if list_result is None:
            return None
        day, asked = digest_name(request, list_result), request.asked or request.since
        found = [each for each in self.of(request.address) if day in (each.day, *each.days)]
        return next((each for each in reversed(found) if each.ended or each.at < asked), None)

    # -- a day as a channel got it

    def channel_view(self, name: str) -> ChannelView | None:
        """How a delivery (a name) differs from its day; None before it was prepared."""
        return self._rows.get(f"pb:chosen:{name}", reader_for(ChannelView))

    def digest(self, name: str) -> Digest | None:
        """The digest of a delivery (a name); None before it was prepared, and after
        LOOKING_BACK."""
        view = self.channel_view(name)
        if view is None:
            return None
        days = list(filter(None, map(self._days.get_cached, view.days or (_day(name),))))
        if not days:
            return None
        return view.apply_to(days[0] if len(view.days) < 2 else merge_digests(days, view.left_out))

    def digest_given_to(self, address: Address, day: str) -> Digest | None:
        """The digest of a day (a name) as this channel got it; None as in `digest`."""
        return self.digest(f"{address}:{day}")


def _delivery(
    day: str,
    digest: Digest,
    basis: DeliveryBasis,
    at: datetime,
    message: str,
    ended: ChannelReason | None,
) -> Delivery:
    return Delivery(
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
        judge=_judge(digest),
        ranked_locally=len(digest.stand_ins),
    )


def _day(name: str) -> str:
    """The day (a name) of a delivery (a name)."""
    return name.rpartition(":")[2]


def _prepared(address: Address) -> str:
    """Days (names) by when they were first about to be posted."""
    return f"pb:prepared:{address}"


def _judge(digest: Digest) -> str:
    return f"{digest.judge.model}, prompt {digest.prompt_id}" if digest.judge.model else ""
