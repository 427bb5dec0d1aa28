"""What a channel's cards point to: the thread of the workspace that had a paper first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, NamedTuple, TypeVar

import structlog
from redis import RedisError

from bot.domain.channel_view import CardState, Pointer
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
from workers.runtime.found_lately import Found, FoundLately, Voted

log = structlog.get_logger()

T = TypeVar("T")

# Seconds that a delivery waits for all of this together.
_PATIENCE: Final = 2.0
_POLL_SECONDS: Final = 0.1
# Where outsiders read along, nothing of the workspace is pointed to.
_INSIDE: Final = (Audience.EVERYONE, Audience.MEMBERS)
# Many channels may point to one thread on the same morning: its platform is asked once.
_KEPT: Final = timedelta(minutes=1)
_MOST: Final = 2_000

# By paper, the channels that have it, each with the day (a name) that brought it there.
_Places = Mapping[str, Mapping[Address, str]]

# Who may read channels, as their platform has just said.
_Heard = dict[Address, Audience]


class _Thread(NamedTuple):
    """A thread of another channel: its day (a name), and the entry of its head."""

    address: Address
    day: str
    head: OutboxEntry


class OtherChannels:
    """Asks a platform, for all deliveries of one job."""

    def __init__(self, store: Store, poster: Poster) -> None:
        self._store, self._poster = store, poster
        self._audiences: ExpiringCache[str, Audience] = ExpiringCache(_KEPT, _MOST)
        self._links: ExpiringCache[str, str] = ExpiringCache(_KEPT, _MOST)
        self._lately = FoundLately()

    async def look(
        self,
        address: Address,
        digest: Digest,
        day: str,
        begin: Callable[[], Awaitable[OutboxEntry]],
    ) -> Mapping[str, CardState]:
        """Find out where the papers of a digest were posted first in the workspace, and store it
        for their cards; returns what each card says. `begin` posts the head of their own thread: of
        two that are posted at once the one with the earlier head is first.

        Neither a platform that doesn't answer nor a fault of ours holds up or fails a delivery:
        its cards point to nothing then, until it is looked again. Raises what `begin` does, and
        RedisError.
        """
        head = await begin()  # first of all: while the platform is away, nobody need look further
        papers = tuple(decision.paper.id for decision in digest.posted)
        asked = address.workspace_key, papers
        if found := await self._lately.get(asked, address, head.at):
            return await self._as_found(address, found)
        with self._lately.looking(asked) as over:
            places, apart, threads = await asyncio.to_thread(self._places, address, day, papers)
            if not threads:
                over()
            pointers, begun = dict[str, Pointer | None].fromkeys(papers), None
            heard: _Heard = {}
            if places:
                looked = self._find(address, places, threads, pointers, heard)
                begun = await _in_time(address, looked)
            put = partial(self._put, address, places, pointers, heard)
            voted, states = await asyncio.to_thread(put)
            if voted and begun and all(pointers.values()):
                self._lately.put(asked, Found(places, apart, pointers, voted, begun))
            return states

    async def _as_found(self, address: Address, found: Found) -> Mapping[str, CardState]:
        """The same by what another delivery has found."""
        heard: _Heard = {}
        audience = await _in_time(address, self._audience(address, heard))
        pointers, voted = (
            (found.pointers, found.voted)
            if audience in _INSIDE
            else (dict[str, Pointer | None].fromkeys(found.pointers), None)
        )
        put = partial(self._put, address, found.places, pointers, heard, voted)
        _, states = await asyncio.to_thread(put)
        return states

    def _put(
        self,
        address: Address,
        places: Mapping[str, Collection[Address]],
        pointers: Mapping[str, Pointer | None],
        heard: _Heard,
        elsewhere: Voted | None = None,
    ) -> tuple[Voted | None, Mapping[str, CardState]]:
        """Store what cards point to, and what was heard of channels. Returns how people voted in
        the other places, which may be known, or None where somebody voted here, too; and what the
        cards say."""
        cards = self._store.cards
        for each, audience in heard.items():
            cards.put_audience(each, audience)
        if places:
            cards.put_pointers(address, pointers)
        if elsewhere is None:
            elsewhere = cards.voted_elsewhere(address, places) if places else {}
        here = self._store.votes.by_person(dict.fromkeys(pointers, (address,)))
        voted = {paper: {**elsewhere.get(paper, {}), **own} for paper, own in here.items()}
        return None if any(here.values()) else elsewhere, cards.said(address, voted, pointers)

    def _places(
        self, address: Address, day: str, papers: Sequence[str]
    ) -> tuple[_Places, Collection[str], list[_Thread]]:
        """By paper, the other channels that have it, with the day (a name) that brought it there;
        neither from nor to one that wants nothing of this. Where there are any, also those that
        do, and the threads that may be pointed to."""
        found = self._store.shown_papers.in_other_channels(address, papers)
        apart = self._store.cards.apart() if found else set[str]()
        if str(address) in apart:
            return {}, apart, []
        kept = {
            paper: {at: day for at, day in places.items() if str(at) not in apart}
            for paper, places in found.items()
        }
        left = {paper: places for paper, places in kept.items() if places}
        return left, apart, self._begun_before(address, day, left) if left else []

    async def _find(
        self,
        address: Address,
        places: _Places,
        threads: Sequence[_Thread],
        pointers: dict[str, Pointer | None],
        heard: _Heard,
    ) -> datetime | None:
        """Fill in the pointers, by paper: each to the first thread that everybody may read and
        that is there. Returns when the last of these threads was begun."""
        if await self._audience(address, heard) not in _INSIDE:
            return None
        left, begun = dict(places), None
        for thread in threads:
            papers = [id for id, at in left.items() if at.get(thread.address) == thread.day]
            if not papers:
                continue
            if await self._audience(thread.address, heard) is not Audience.EVERYONE:
                continue
            head = await self._head(thread)
            if link := await self._link(thread.address, head):
                urls = await asyncio.to_thread(_urls, self._store, thread, papers, head, link)
                for id in papers:
                    pointers[id] = Pointer(channel=thread.address.channel, url=urls[id])
                    del left[id]
                begun = thread.head.at
        return begun

    def _begun_before(self, address: Address, day: str, places: _Places) -> list[_Thread]:
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
            _Thread(*names[name], entry)
            for name, entry in heads.items()
            if entry.refused is not ChannelReason.MESSAGE_GONE
        ]
        return sorted(
            (each for each in threads if (each.head.at, str(each.address)) < first),
            key=lambda each: (each.head.at, str(each.address)),
        )

    async def _head(self, thread: _Thread) -> str:
        """The id of a thread's head, once it is there."""
        entry: OutboxEntry | None = thread.head
        while entry and not entry.message and not entry.refused:
            await asyncio.sleep(_POLL_SECONDS)
            outbox = Outbox(self._store.trips, f"{thread.address}:{thread.day}")
            entry = await outbox.entry_together(HEAD)
        return entry.message if entry else ""

    async def _audience(self, address: Address, heard: _Heard) -> Audience | None:
        """None where the platform doesn't say. What it does is added to what was `heard`."""
        key, now = str(address), datetime.now(UTC)
        if found := self._audiences.get(key, now):
            return found
        try:
            found = await self._poster.audience(address)
        except PaperboyError as error:
            log.info("audience not known", channel=key, why=str(error))
            return None
        self._audiences.put(key, found, now)
        heard[address] = found
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


async def _in_time(address: Address, asked: Awaitable[T]) -> T | None:
    """An answer, or None where there is none in time. Raises RedisError."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await asked
    except RedisError:
        raise
    except TimeoutError:
        log.info("other channels not known in time", channel=str(address))
    except Exception:
        log.exception("other channels not known", channel=str(address))
    return None


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
