"""Redis: what each channel was given: its deliveries, and each day as the channel got it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from datetime import date, datetime, timedelta

from redis import Redis
from redis.client import Pipeline

from bot.domain.channel_view import ChannelView
from bot.domain.digest import (
    CHANNEL_OUTCOMES,
    DeliveryBasis,
    Digest,
    merge_digests,
)
from bot.domain.papers import fingerprint
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address, Delivery, DigestRequest, RecentDeliveries, digest_name
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
        had: Set[str] | None = None,
    ) -> None:
        """Store what a channel is about to get: a delivery resumed after an interruption posts the
        same, and a button pressed meanwhile is answered. Without a `basis` it is the day that
        `name` ends with, unchanged. `had` as in ShownPapers.put."""
        with self._redis.pipeline(transaction=False) as pipe:
            self._put_view(name, digest, basis, LOOKING_BACK, pipe)
            self._shown.begin(address, _day(name), at, pipe)
            pipe.execute()
        self._shown.put(address, digest, _day(name), had)

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
        it was made of, by name: whoever asks for one of them alone has it already. The records are
        the last: without them all of this is done again."""
        has_memory = address.platform != "stdout"
        keep = LOOKING_BACK if has_memory else SHORT_RETENTION
        basis = basis or _own_basis(name, digest)
        delivery = _delivery(_day(name), digest, basis, at, message, ended)
        with self._redis.pipeline(transaction=False) as pipe:
            self._put_view(name, digest, basis, keep, pipe)
            if has_memory:
                pipe.hset(f"pb:history:{address}", delivery.day, serialise(delivery))
            pipe.execute()
        is_settled = has_memory and self._remember(address, delivery, digest)
        with self._redis.pipeline(transaction=False) as pipe:
            if has_memory:
                self._extend(address, pipe)
                if address.platform != "terminal":  # nobody is told at a terminal
                    self._tellings.put_untold(address, delivery.day, at, pipe)
            if is_settled:
                self._shown.settle(address, delivery.day, pipe)
            records = _records(address, name, digest, delivery, basis, days or {})
            for each_name, record in records.items():
                pipe.set(f"pb:delivered:{each_name}", serialise(record), ex=min(keep, MESSAGES))
            pipe.execute()

    def _remember(self, address: Address, delivery: Delivery, digest: Digest) -> bool:
        """Of a stored delivery, also what is read without its day; returns whether all it was to
        bring is known."""
        before = self._put_recent(address, delivery)
        if before is None or _week(address, before.last.at) != _week(address, delivery.at):
            self._drop_before(address, delivery.at)
        ended, message = delivery.ended, delivery.message
        if ended and not message:  # not even a head: another delivery may bring the papers
            self._shown.drop(address, delivery.day)
            return True
        left = self._shown.put(address, digest, delivery.day)
        # What it was to post before it was judged again: the next one looks whether it did.
        return bool(ended or left <= {decision.paper.id for decision in digest.posted})

    def put_preview(self, name: str, digest: Digest, basis: DeliveryBasis, at: datetime) -> None:
        """Store what one person is about to be shown, for a while: nothing is remembered of it."""
        self._put_view(name, digest, basis, SHORT_RETENTION, self._redis)
        record = StepRecord(at=at, complete=digest.complete, version=basis.version)
        self._redis.set(f"pb:delivered:{name}", serialise(record), ex=SHORT_RETENTION)

    def _drop_before(self, address: Address, at: datetime) -> None:
        """Forget deliveries when their days are forgotten, and papers RETENTION after their list.
        All is read for that, so it is done by the first delivery of a week."""
        old = [each.day for each in self.of(address) if each.at < at - LOOKING_BACK]
        if old:
            self._redis.hdel(f"pb:history:{address}", *old)
        self._shown.drop_before(address, (at - RETENTION).date())

    def _put_recent(self, address: Address, delivery: Delivery) -> RecentDeliveries | None:
        """After the delivery itself, since that is what it is made of where there is none yet.
        Returns what there was."""

        def updated(before: RecentDeliveries | None) -> RecentDeliveries | None:
            if before:
                return before.then(delivery)
            return RecentDeliveries.of(
                each for each in self.of(address) if each.profile == delivery.profile
            )

        return self._rows.change(_recent(address), delivery.profile, RecentDeliveries, updated)[0]

    def _extend(self, address: Address, pipe: Pipeline) -> None:
        """Keep what is remembered of a channel until nothing comes for as long."""
        pipe.expire(f"pb:history:{address}", LOOKING_BACK)
        pipe.expire(_recent(address), LOOKING_BACK)
        self._shown.extend(address, pipe)

    def _put_view(
        self,
        name: str,
        digest: Digest,
        basis: DeliveryBasis | None,
        keep: timedelta,
        redis: Redis | Pipeline,
    ) -> None:
        """Store only how a channel's digest differs from the day, which is stored once for all."""
        basis = basis or _own_basis(name, digest)
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
        redis.set(f"pb:chosen:{name}", serialise_packed(view), ex=keep)

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
        """For channels and profiles (names), the dates that were delivered completely in the last
        weeks."""
        return {
            pair: {day for dates in recent.dates.values() for day in dates} if recent else set()
            for pair, recent in self._recent(pairs).items()
        }

    def lasts(self, pairs: Iterable[tuple[Address, str]]) -> dict[tuple[Address, str], Delivery]:
        """The last deliveries to channels of profiles (names)."""
        return {pair: recent.last for pair, recent in self._recent(pairs).items() if recent}

    def last(self, address: Address, profile: str) -> Delivery | None:
        """A channel's last delivery of a profile (a name)."""
        return self.lasts([(address, profile)]).get((address, profile))

    def _recent(
        self, pairs: Iterable[tuple[Address, str]]
    ) -> dict[tuple[Address, str], RecentDeliveries | None]:
        """In one round trip, and without reading half a year of each channel."""
        pairs = list(pairs)
        keys = {address: _recent(address) for address, _ in pairs}
        rows = self._rows.hgetall_many(list(keys.values()), reader_for(RecentDeliveries))
        found = {(address, name): rows[keys[address]].get(name) for address, name in pairs}
        # What was delivered before November 2026 has none, until the next delivery.
        missing = [pair for pair, recent in found.items() if recent is None]
        histories = self.of_many(dict.fromkeys(a for a, _ in missing)) if missing else {}
        return found | {
            (address, name): RecentDeliveries.of(d for d in histories[address] if d.profile == name)
            for address, name in missing
        }

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


def _records(
    address: Address,
    name: str,
    digest: Digest,
    delivery: Delivery,
    basis: DeliveryBasis,
    days: Mapping[str, Digest],
) -> dict[str, StepRecord]:
    """That a delivery was made (a name), and with a message also each of its `days`."""
    ranked = digest.ranked_locally is not None
    record = StepRecord(
        at=delivery.at,
        complete=digest.complete or delivery.ended is not None,
        version=basis.version,
        problem=digest.listed.problem,
        ranked=ranked,
    )
    others = {
        f"{address}:{day}": StepRecord(
            at=delivery.at,
            complete=each.complete,
            version=each.version,
            problem=each.listed.problem,
            ranked=ranked,
        )
        for day, each in (days.items() if delivery.message else ())
        if day != delivery.day
    }
    return {name: record} | others


def _own_basis(name: str, digest: Digest) -> DeliveryBasis:
    """Of the day that a delivery is named by."""
    return DeliveryBasis((_day(name),), digest.version)


def _day(name: str) -> str:
    """The day (a name) of a delivery (a name)."""
    return name.rpartition(":")[2]


def _week(address: Address, at: datetime) -> int:
    """Counts weeks; a channel's begin on a day of its own, so that not all do on the same."""
    return (at.toordinal() + int(fingerprint(str(address)), 16)) // 7


def _recent(address: Address) -> str:
    return f"pb:recent:{address}"


def _judge(digest: Digest) -> str:
    return f"{digest.judge.model}, prompt {digest.prompt_id}" if digest.judge.model else ""
