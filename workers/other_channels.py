"""What a channel's cards point to: the thread of the workspace that had a paper first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import structlog
from redis import RedisError

from bot.domain.channel_view import Pointer
from bot.domain.digest import Digest
from bot.domain.readers.elsewhere import Audience
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.errors import PaperboyError
from bot.runtime.expiring_cache import ExpiringCache
from bot.runtime.posting import HEAD, Poster
from bot.store.outbox import Outbox, OutboxEntry
from bot.store.store import Store
from bot.views.permalinks import permalink

log = structlog.get_logger()

# Seconds that a delivery waits for all of this together.
_PATIENCE: Final = 2.0
_POLL_SECONDS: Final = 0.1
# Many channels may point to one thread on the same morning: its platform is asked once.
_KEPT: Final = timedelta(minutes=1)
_MOST: Final = 2_000


class _Thread(NamedTuple):
    """A thread of another channel: its day (a name), and when its head was begun."""

    address: Address
    day: str
    at: datetime


class OtherChannels:
    """Asks a platform, for all deliveries of one job."""

    def __init__(self, store: Store, poster: Poster) -> None:
        self._store, self._poster = store, poster
        self._audiences: ExpiringCache[str, Audience] = ExpiringCache(_KEPT, _MOST)
        self._links: ExpiringCache[str, str] = ExpiringCache(_KEPT, _MOST)

    async def look(
        self, address: Address, digest: Digest, day: str, begin: Callable[[], Awaitable[object]]
    ) -> Mapping[str, Collection[Address]]:
        """Find out where the papers of a digest were posted first in the workspace, and store it
        for their cards; returns the other channels that have each paper, as far as there are any.
        `begin` posts the head of their own thread: of two that are posted at once the one with the
        earlier head is first.

        Neither a platform that doesn't answer nor a fault of ours holds up or fails a delivery:
        its cards point to nothing then, until it is looked again. Raises what `begin` does, and
        RedisError.
        """
        await begin()  # first of all: while the platform is away, nobody need look further
        papers = [decision.paper.id for decision in digest.posted]
        places = await asyncio.to_thread(self._places, address, papers)
        if not places:
            return {}
        pointers = dict[str, Pointer | None].fromkeys(papers)
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._find(address, day, places, pointers)
        except RedisError:
            raise
        except TimeoutError:
            log.info("other channels not known in time", channel=str(address))
        except Exception:
            log.exception("other channels not known", channel=str(address))
        await asyncio.to_thread(self._store.cards.put_pointers, address, pointers)
        return places

    def _places(self, address: Address, papers: Sequence[str]) -> dict[str, dict[Address, str]]:
        """By paper, the other channels that have it, with the day (a name) that brought it there;
        neither from nor to one that wants nothing of this."""
        found = self._store.shown_papers.in_other_channels(address, papers)
        apart = self._store.cards.apart() if found else set[str]()
        if str(address) in apart:
            return {}
        kept = {
            paper: {at: day for at, day in places.items() if str(at) not in apart}
            for paper, places in found.items()
        }
        return {paper: places for paper, places in kept.items() if places}

    async def _find(
        self,
        address: Address,
        day: str,
        places: Mapping[str, Mapping[Address, str]],
        pointers: dict[str, Pointer | None],
    ) -> None:
        """Fill in the pointers, by paper: each to the first thread that everybody may read and
        that is there. Where outsiders read along, nothing of the workspace is pointed to."""
        if await self._audience(address) not in (Audience.EVERYONE, Audience.MEMBERS):
            return
        left = dict(places)
        for thread in await asyncio.to_thread(self._begun_before, address, day, places):
            papers = [id for id, at in left.items() if at.get(thread.address) == thread.day]
            if not papers or await self._audience(thread.address) is not Audience.EVERYONE:
                continue
            head = await self._head(thread)
            if link := await self._link(thread.address, head):
                urls = await asyncio.to_thread(_urls, self._store, thread, papers, head, link)
                for id in papers:
                    pointers[id] = Pointer(channel=thread.address.channel, url=urls[id])
                    del left[id]

    def _begun_before(
        self, address: Address, day: str, places: Mapping[str, Mapping[Address, str]]
    ) -> list[_Thread]:
        """The other channels' threads that were begun before this one's, the oldest first."""
        known = dict.fromkeys(pair for at in places.values() for pair in at.items())
        names = {f"{other}:{name}": (other, name) for other, name in known}
        mine = f"{address}:{day}"
        heads = Outbox.entries_in(self._store.trips, [mine, *names], HEAD)
        own = heads.pop(mine, None)
        if own is None:
            return []
        first = (own.at, str(address))
        threads = [
            _Thread(*names[name], entry.at)
            for name, entry in heads.items()
            if entry.refused is not ChannelReason.MESSAGE_GONE
        ]
        return sorted(
            (each for each in threads if (each.at, str(each.address)) < first),
            key=lambda each: (each.at, str(each.address)),
        )

    async def _head(self, thread: _Thread) -> str:
        """The id of a thread's head, once it is there."""
        while True:
            entry = await asyncio.to_thread(_entry, self._store, thread.address, thread.day)
            if entry is None or entry.message or entry.refused:
                return entry.message if entry else ""
            await asyncio.sleep(_POLL_SECONDS)

    async def _audience(self, address: Address) -> Audience | None:
        """None where the platform doesn't say."""
        key, now = str(address), datetime.now(UTC)
        if found := self._audiences.get(key, now):
            return found
        try:
            found = await self._poster.audience(address)
        except PaperboyError as error:
            log.info("audience not known", channel=key, why=str(error))
            return None
        self._audiences.put(key, found, now)
        await asyncio.to_thread(self._store.cards.put_audience, address, found)
        return found

    async def _link(self, address: Address, head: str) -> str:
        """Empty where the thread was deleted, and where nobody can say."""
        key, now = f"{address} {head}", datetime.now(UTC)
        if not head:
            return ""
        if found := self._links.get(key, now):
            return found
        try:
            found = await self._poster.link(address, head)
        except PaperboyError as error:
            log.info("nothing to point to", channel=str(address), why=str(error))
            return ""
        self._links.put(key, found, now)
        return found


def _entry(store: Store, address: Address, day: str) -> OutboxEntry | None:
    return Outbox(store.trips, f"{address}:{day}").entry(HEAD)


def _urls(
    store: Store, thread: _Thread, papers: Sequence[str], head: str, link: str
) -> dict[str, str]:
    """The web addresses of papers' cards in a thread; of one that isn't there yet, the thread's."""
    site, urls = link.partition("/archives/")[0], dict[str, str]()
    entries = Outbox(store.trips, f"{thread.address}:{thread.day}").entries()
    for id in papers:
        card = entries[id].message if id in entries else ""
        urls[id] = (card and permalink(thread.address, card, head, site)) or link
    return urls
