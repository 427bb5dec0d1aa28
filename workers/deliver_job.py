"""DELIVER to a chat platform: many channels at once, each in order and exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial

import structlog

from bot import logs
from bot.domain.digest import DeliveryBasis, Digest, ListResult, merge_digests
from bot.domain.reasons import ChannelReason, Reason
from bot.domain.request import Address, DigestRequest, delivery_name
from bot.errors import Gone, PaperboyError, Unavailable
from bot.planning import plan
from bot.runtime.posting import HEAD, ChannelRateLimit, PostedThread, Poster, ThreadPoster
from bot.settings import Settings
from bot.store.outbox import Outbox, OutboxEntry, Turns
from bot.store.requests import DueDeliveries
from bot.store.store import Store
from bot.store.values.lease import Lease, LeaseLost
from bot.store.values.primary import NotCopied
from bot.store.values.round_trips import RoundTrips
from bot.views import digest as digest_views
from bot.views import refusals
from bot.watch.outages import record_outage
from workers.channel_votes import digest_by_votes
from workers.embedding.embeddings import Embeddings
from workers.given_up import give_back
from workers.judging import outcomes
from workers.judging.stand_ins import Shown, with_stand_ins
from workers.other_channels import OtherChannels
from workers.posted_cards import PostedCards
from workers.runtime.delivery_run import ChannelResult, DeliveryRun
from workers.runtime.posters import open_poster

log = structlog.get_logger()

_LEASE_SECONDS = 15.0


def deliver(
    platform: str,
    store: Store,
    settings: Settings,
    clock: Callable[[], datetime],
    should_stop: Callable[[], bool] = lambda: False,
    part: int = 0,
    parts: int = 1,
) -> None:
    """Post and store all deliveries due on a platform, or one of some `parts` of them, including
    those that come meanwhile, until this `should_stop`: messages under way arrive, and the rest is
    left to the next job.

    Where the platform is away, the clock tries again later; a channel that cannot be posted to any
    more is paused and its subscriber notified; after a fault of ours a delivery is tried again, and
    then given up. None holds up the others.
    """
    deliveries = DueDeliveries(store.redis, platform, part, parts)
    asyncio.run(_all(platform, deliveries, store, settings, clock, should_stop))


async def _all(
    platform: str,
    deliveries: DueDeliveries,
    store: Store,
    settings: Settings,
    clock: Callable[[], datetime],
    should_stop: Callable[[], bool],
) -> None:
    async with open_poster(platform, settings, store) as poster:
        turn = ChannelRateLimit(Turns(store.trips)).acquire
        embeddings = Embeddings(store.vectors) if settings.meaning else None
        others = OtherChannels(store, poster)

        def delivery_for(request: DigestRequest) -> _ChannelDelivery:
            return _ChannelDelivery(request, store, poster, turn, clock, others, embeddings)

        async def deliver_one(due: DigestRequest) -> ChannelResult:
            with logs.about(**due.log_fields):
                return await delivery_for(due).deliver()

        await DeliveryRun(deliveries, deliver_one, clock, should_stop).serve()


class _ChannelDelivery:
    """The delivery to one channel."""

    def __init__(
        self,
        request: DigestRequest,
        store: Store,
        poster: Poster,
        wait_for_turn: Callable[[Address], Awaitable[None]],
        clock: Callable[[], datetime],
        others: OtherChannels,
        embeddings: Embeddings | None = None,
    ) -> None:
        self.request, self.store, self.poster = request, store, poster
        self.wait_for_turn, self.clock = wait_for_turn, clock
        self.others, self.embeddings = others, embeddings

    async def deliver(self) -> ChannelResult:
        async with self._hold_lease() as lease:
            if lease is None:
                log.info("locked by another worker", channel=str(self.request.address))
                return ChannelResult.LOCKED
            try:
                try:
                    await self._deliver(lease)
                    self._record_outage("")
                except Gone as gone:
                    await self._pause_channel(gone, lease)
            except Unavailable as away:
                log.warning(
                    "platform unavailable, delivery postponed",
                    channel=str(self.request.address),
                    why=str(away),
                )
                self._record_outage(str(away), away.reason)
                return ChannelResult.UNAVAILABLE
            except NotCopied as alone:
                log.warning("delivery postponed", why=str(alone))
                return ChannelResult.AGAIN
            except LeaseLost:
                log.warning("channel lease lost", channel=str(self.request.address))
                return ChannelResult.LOCKED
        return ChannelResult.DONE

    async def _deliver(self, lease: Lease) -> None:
        request, store = self.request, self.store
        # Read before the days: a day decided from here on is another version, to be delivered next.
        facts = store.requests.state(request)
        list_result = facts.listed
        step = plan.next_action(request, facts, self.clock()).step
        if list_result is None or step is None or step.kind is not plan.StepKind.DELIVER:
            return
        name = delivery_name(request, list_result)
        day = name.rpartition(":")[2]
        listed = [day.listed for day in (*facts.earlier, facts)]
        days = store.days.for_request(request, listed)
        if len(days) <= len(request.earlier) and not self._is_due():
            return  # a stored day is unreadable; it is judged again first
        decided, basis = (
            self._merged(list(days.values())),
            DeliveryBasis(tuple(days), facts.version),
        )
        thread = partial(self._thread, lease=lease)
        await give_back(store, request, day, days, thread, self.clock())
        is_last_try = plan.is_last_try(request, self.clock())
        outbox = Outbox(store.trips, name)
        entries = outbox.entries()
        digest = self._digest(name, list_result, decided, basis, is_last_try, entries)
        cards = PostedCards(store, request.address, thread)
        posted = await self._posted(digest, day, thread(outbox), cards, entries)
        if posted.ended:
            log.warning("thread ended early", channel=str(request.address), why=posted.ended)
        else:
            await cards.tell_judged(digest, day, posted.message)
            await cards.add_profile(digest)
        at, message, ended = self.clock(), posted.message, posted.ended
        self._count(name, len(digest.posted) - len(posted.refused), at)
        store.history.put_delivered(request.address, name, digest, at, message, basis, ended, days)
        if request.until and is_last_try and request.wanted.date:
            # Its window is over: a list that somebody asks for from now on makes no other digest.
            store.subscriptions.put_last_served(request.subscription, request.wanted.date)

    def _count(self, name: str, posted: int, at: datetime) -> None:
        """Count a delivery; before it is stored, because the same one is counted once."""
        request, store = self.request, self.store
        late = round((at - request.at).total_seconds()) if request.at else None
        log.info("posted", papers=posted, seconds_late=late)
        store.counts.raise_to(name, {"posted": posted})
        if request.subscription and request.at:
            oldest = request.queries[0].date if request.left_out else None
            store.ledger.settle(request.subscription, request.at, at, oldest)

    def _digest(
        self,
        name: str,
        list_result: ListResult,
        decided: Digest | None,
        basis: DeliveryBasis,
        is_last_try: bool,
        entries: Mapping[str, OutboxEntry],
    ) -> Digest:
        """What the channel gets in this delivery (a name), stored before it is posted: what it was
        about to get, unless other decisions were made or a last try adds to it. `entries` are those
        of its messages. Raises KeyError when nothing was decided."""
        request, store, day = self.request, self.store, name.rpartition(":")[2]
        begun = store.history.channel_view(name)
        given = store.history.digest(name) if begun else None
        is_same = given and begun and decided and begun.version == basis.version
        if given and decided and is_same and (given.ranked_locally is not None or not is_last_try):
            # Its posting has begun; only the state of the list may have changed.
            return given.model_copy(update={"listed": decided.listed})
        had = store.shown_papers.ids_from_other_deliveries(request.address, day)

        def chosen_from(decided: Digest | None) -> Digest:
            return outcomes.digest_for_channel(request, list_result, decided, lambda *_: had, given)

        by_votes = digest_by_votes(
            store, request.address, self.embeddings, decided, given, chosen_from
        )
        digest = by_votes or chosen_from(decided)
        shown = Shown(given, entries, had)
        digest = with_stand_ins(digest, shown, is_last_try)
        if request.subscription:
            store.requests.put_begun(request)
        store.history.put_prepared(request.address, name, digest, self.clock(), basis, had)
        return digest

    async def _posted(
        self,
        digest: Digest,
        day: str,
        thread: ThreadPoster,
        cards: PostedCards,
        entries: Mapping[str, OutboxEntry],
    ) -> PostedThread:
        """Post the thread, of which there are `entries`; its head names the papers whose message
        the platform refuses."""
        ids = [decision.paper.id for decision in digest.posted]
        refused = {id: e.refused for id, e in entries.items() if not e.message}
        unposted = {id: reason for id in ids if (reason := refused.get(id))}
        head = digest_views.head(digest, day, unposted)
        states = await self.others.look(
            self.request.address, digest, day, lambda: thread.post_one(HEAD, head)
        )
        replies = cards.as_posted(digest, day, states)
        posted = await thread.post(head, replies)
        if posted.refused != unposted and not posted.ended:
            await thread.post_one(HEAD, digest_views.head(digest, day, posted.refused))
        return posted

    def _thread(self, outbox: Outbox, lease: Lease, address: Address | None = None) -> ThreadPoster:
        """A thread in this channel, unless another is named."""
        return ThreadPoster(
            self.poster,
            outbox,
            address or self.request.address,
            self.wait_for_turn,
            self.clock,
            lease.number,
            partial(lease.renew_together, self.store.trips),
        )

    def _record_outage(self, why: str, reason: Reason | None = None) -> None:
        """A platform is away for everybody; whatever else is wrong concerns one workspace of
        several: its pace, its token, its network. What was posted ends both."""
        address, at = self.request.address, self.clock()
        if not why or reason is ChannelReason.CHAT_DOWN:
            record_outage(self.store, address.platform, why, at)
        if not why or reason is not ChannelReason.CHAT_DOWN:
            record_outage(self.store, address.workspace_key, why, at)

    def _is_due(self) -> bool:
        step = plan.next_action(
            self.request, self.store.requests.state(self.request), self.clock()
        ).step
        return step is not None and step.kind is plan.StepKind.DELIVER

    def _merged(self, days: Sequence[Digest]) -> Digest | None:
        if self.request.earlier and days:
            return merge_digests(days, self.request.left_out)
        # A channel may have missed more days than are caught up, down to this one alone.
        left_out = {"left_out": self.request.left_out}
        return days[0].model_copy(update=left_out) if days else None

    async def _pause_channel(self, gone: Gone, lease: Lease) -> None:
        """Notify the channel's subscribers, then pause it. In this order a worker killed in between
        notifies nobody twice, and everybody once. Raises LeaseLost."""
        request, subscriptions = self.request, self.store.subscriptions
        stops = [found for found in subscriptions.of(request.address) if not found.paused]
        people = dict.fromkeys(filter(None, [*(found.by for found in stops), request.by]))
        note = refusals.stopped(request.address, stops, gone.reason)
        for person in people:
            try:
                there = await self.poster.open_direct(request.address, person)
                outbox = Outbox(self.store.trips, f"{there}:stopped:{request.address}")
                slot = f"{gone.reason} {request.since}"
                await self._thread(outbox, lease, there).post_one(slot, note)
            except PaperboyError as error:  # /digest list shows the pause as well
                log.error("could not notify subscriber", person=person, why=str(error))
        subscriptions.pause_channel(request.address, gone.reason, self.clock())
        self.store.requests.drop(request)
        log.error("channel paused", channel=str(request.address), why=str(gone))

    @asynccontextmanager
    async def _hold_lease(self) -> AsyncIterator[Lease | None]:
        """Hold the channel's lease, renewed while a message waits for its turn; None while another
        worker holds it."""
        lease = self.store.lease(f"deliver:{self.request.address}", _LEASE_SECONDS, 0)
        if lease is None:
            yield None
            return
        renewing = asyncio.create_task(_keep_renewing(lease, self.store.trips))
        try:
            yield lease
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError, LeaseLost):
                await renewing
            lease.release()


async def _keep_renewing(lease: Lease, trips: RoundTrips) -> None:
    while True:
        await asyncio.sleep(_LEASE_SECONDS / 3)
        await lease.renew_together(trips)
