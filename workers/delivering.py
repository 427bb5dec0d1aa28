"""DELIVER to a chat platform: many channels side by side, each in order and exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import redis.asyncio
import structlog

from bot import plan, views, words_wrong
from bot.chosen import Basis, merged
from bot.errors import Gone, PaperboyError, Unavailable
from bot.lease import Lease, LeaseLost
from bot.ledger import Digest
from bot.posting import HEAD, Pace, Posted, Poster, Thread
from bot.settings import Settings
from bot.store import Store
from bot.store_channels import Channels
from bot.store_outbox import Outbox
from bot.store_subscriptions import Subscriptions
from bot.wish import Address, Wish
from workers import triage

log = structlog.get_logger()

_LEASE_SECONDS = 15.0
# A worker that died keeps a channel so long at most; who comes later leaves it to the next tick.
_LEASE_TRIES = 40
# Channels start one after the other within a second, so that their turns never come all at once.
_SPREAD = 0.01


def deliver(
    wishes: Sequence[Wish],
    store: Store,
    settings: Settings,
    pace: redis.asyncio.Redis,
    clock: Callable[[], datetime],
) -> None:
    """Leave behind these channels' deliveries (all of one platform), posted.

    A channel whose platform is away is left for the next tick; one that cannot be posted to any
    more is paused, and its subscriber told. Neither holds up the others.
    """
    asyncio.run(_all(wishes, store, settings, pace, clock))


async def _all(
    wishes: Sequence[Wish],
    store: Store,
    settings: Settings,
    pace: redis.asyncio.Redis,
    clock: Callable[[], datetime],
) -> None:
    async with _poster(wishes[0].address.platform, settings) as poster, pace:
        turn = Pace(pace).turn
        rooms = [_Room(wish, store, poster, turn, clock) for wish in wishes]
        done = await asyncio.gather(
            *(room.deliver(n * _SPREAD % 1) for n, room in enumerate(rooms)),
            return_exceptions=True,
        )
    faults = [fault for fault in done if isinstance(fault, BaseException)]
    if faults:
        raise BaseExceptionGroup("channels that could not be delivered to", faults)


@asynccontextmanager
async def _poster(platform: str, settings: Settings) -> AsyncIterator[Poster]:
    if platform == "slack" and settings.slack_bot_token:
        from bot import slack_post

        url = settings.slack_api_url.get_secret_value()
        async with slack_post.poster(settings.slack_bot_token, url) as poster:
            yield poster
    elif platform == "discord" and settings.discord_token:
        from bot import discord_post  # imports for most of a second

        token, url = settings.discord_token, settings.discord_api_url.get_secret_value()
        async with discord_post.poster(token, url) as poster:
            yield poster
    else:
        raise ValueError(f"this worker has no token for {platform}")


class _Room:
    """One channel of the delivery."""

    def __init__(
        self,
        wish: Wish,
        store: Store,
        poster: Poster,
        turn: Callable[[Address], Awaitable[None]],
        clock: Callable[[], datetime],
    ) -> None:
        self.wish, self.store, self.poster, self.turn, self.clock = wish, store, poster, turn, clock
        self.channels = Channels(store)

    async def deliver(self, after: float) -> None:
        await asyncio.sleep(after)
        async with self._alone() as lease:
            if lease is None:
                log.info("another worker is at it", channel=str(self.wish.address))
                return
            try:
                await self._deliver(lease)
                self._outage(None)
            except Gone as gone:
                await self._halt(gone)
            except Unavailable as away:
                log.warning("left for later", channel=str(self.wish.address), why=str(away))
                self._outage(away)
            except LeaseLost:
                log.warning("another worker took over", channel=str(self.wish.address))

    async def _deliver(self, lease: Lease) -> None:
        wish, store, channels = self.wish, self.store, self.channels
        listed = store.listed(wish.wanted)
        # Read before the days: what is decided from here on is another version, to be delivered.
        facts = channels.facts(wish)
        step = plan.look(wish, facts, self.clock()).step
        if listed is None or step is None or step.kind is not plan.Kind.DELIVER:
            return
        name = plan.delivery_name(wish, listed)
        day = name.rpartition(":")[2]
        days = channels.decided(wish)
        decided, basis = self._as_one(list(days.values())), Basis(tuple(days), facts.version)
        given, begun = channels.given(wish.address, day), channels.chosen(name)
        if given and begun and decided and begun.version == basis.version:
            # Somebody began to post it; what is said of the list may have changed.
            digest = given.model_copy(update={"listed": decided.listed})
        else:

            def had(address: Address, _: Digest) -> set[str]:
                return channels.had_elsewhere(address, day)

            digest = triage.chosen(wish, listed, decided, had, given)
            channels.put_given(wish.address, name, digest, basis)
        posted = await self._posted(digest, day, self._thread(name, lease))
        if posted.ended:
            log.warning("the thread ended", channel=str(wish.address), why=posted.ended)
        else:
            await self._name_both(digest, lease)
        at, message, ended = self.clock(), posted.message, posted.ended
        channels.put_delivered(wish.address, name, digest, at, message, basis, ended)

    async def _posted(self, digest: Digest, day: str, thread: Thread) -> Posted:
        """The head says which papers the platform takes no message for."""
        ids = [decision.paper.id for decision in digest.picked]
        known = {id: e.refused for id, e in thread.outbox.entries().items() if not e.message}
        unposted = {id: trouble for id in ids if (trouble := known.get(id))}
        _, *cards = views.thread(digest, day)
        replies = list(zip(ids, cards, strict=True))
        posted = await thread.post(views.head(digest, unposted), replies)
        if posted.refused != unposted and not posted.ended:
            await thread.one(HEAD, views.head(digest, posted.refused))
        return posted

    def _thread(self, name: str, lease: Lease) -> Thread:
        outbox, wish = Outbox(self.store.redis, name), self.wish
        return Thread(
            self.poster, outbox, wish.address, self.turn, self.clock, lease.number, lease.renew
        )

    def _outage(self, away: Unavailable | None) -> None:
        """Said once when it begins and once when it is over, however many channels it concerns."""
        subscriptions, what = Subscriptions(self.store), self.wish.address.platform
        if away and subscriptions.put_outage(what, str(away), self.clock()):
            log.error("outage begins; it is tried again every minute", what=what, why=str(away))
        elif away is None and subscriptions.end_outage(what):
            log.info("outage is over", what=what)

    async def _name_both(self, digest: Digest, lease: Lease) -> None:
        """A paper that another profile of this channel brought from the same list is not posted
        again: its reply names both."""
        address = self.wish.address
        for id, day in self.channels.shown_today(address, digest).items():
            other, head = self.channels.given(address, day), self.channels.delivery(address, day)
            shown = other and next((d for d in other.picked if d.paper.id == id), None)
            if not (other and head and shown):
                continue  # that thread is not complete yet; it will be, without the second name
            also = self.channels.put_also(address, id, digest.profile.title)
            votes = Subscriptions(self.store).votes(address, id)
            rank = other.picked.index(shown) + 1
            card = views.card(other, rank, shown, day, votes, also)
            await self._thread(f"{address}:{day}", lease).change(id, card, head.message)

    def _as_one(self, days: Sequence[Digest]) -> Digest | None:
        if self.wish.earlier and days:
            return merged(days, self.wish.left_out)
        return days[0] if days else None

    async def _halt(self, gone: Gone) -> None:
        """Tell whoever subscribed this channel, and pause it; nothing is tried again. In this
        order: a worker killed in between tells nobody twice, and leaves nobody untold."""
        wish, subscriptions = self.wish, Subscriptions(self.store)
        stops = [found for found in subscriptions.of(wish.address) if not found.paused]
        people = dict.fromkeys(filter(None, [*(found.by for found in stops), wish.by]))
        note = words_wrong.stopped(wish.address, stops, gone.trouble)
        for person in people:
            try:
                there = await self.poster.direct(wish.address, person)
                outbox = Outbox(self.store.redis, f"{there}:stopped:{wish.address}")
                slot = f"{gone.trouble} {wish.since}"
                await Thread(self.poster, outbox, there, self.turn, self.clock).one(slot, note)
            except PaperboyError as error:  # what is paused says so in /digest list as well
                log.error("could not tell", person=person, why=str(error))
        subscriptions.halt(wish.address, gone.trouble, self.clock())
        self.channels.drop_wish(wish)
        log.error("channel paused", channel=str(wish.address), why=str(gone))

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[Lease | None]:
        """Hold the channel's lease, kept alive while a message waits for its turn."""
        lease = None
        for _ in range(_LEASE_TRIES):
            lease = self.store.lease(f"deliver:{self.wish.address}", _LEASE_SECONDS, 0)
            if lease:
                break
            await asyncio.sleep(0.5)
        if lease is None:
            yield None
            return
        keeping = asyncio.create_task(_keep(lease))
        try:
            yield lease
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError, LeaseLost):
                await keeping
            lease.release()


async def _keep(lease: Lease) -> None:
    while True:
        await asyncio.sleep(_LEASE_SECONDS / 3)
        lease.renew()
