"""What people discuss: their replies in the threads of a channel's digests, counted as they are
read; of what they say nothing is kept."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.readers.best import Discussed, Discussion, PersonReply
from bot.domain.request import Address, Delivery
from bot.errors import PaperboyError, Refused
from bot.runtime.expiring_cache import ExpiringCache
from bot.runtime.posting import Poster
from bot.store.outbox import Outbox
from bot.store.store import Store
from bot.views.keeping import best as views

log = structlog.get_logger()

# Seconds for all threads together: a person waits.
_PATIENCE: Final = 6.0
# Threads that are looked at, the newest; Slack takes fifty such questions a minute.
_THREADS: Final = 40
# Digests that are named.
_NAMED: Final = 5
# Who asks again, or in another way, asks the platform nothing.
_KEPT: Final = timedelta(minutes=2)
_MOST: Final = 1_000


class Discussions:
    """Asks one platform."""

    def __init__(self, store: Store, poster: Poster) -> None:
        self._store, self._poster = store, poster
        self._threads: ExpiringCache[tuple[Address, str], list[PersonReply]] = ExpiringCache(
            _KEPT, _MOST
        )

    async def since(self, address: Address, since: datetime, now: datetime) -> Discussion:
        """The papers and the digests that people replied to, of the digests that a channel got
        since then; without those threads that can't be read now. Raises RedisError."""
        deliveries = await asyncio.to_thread(self._deliveries, address, since)
        found, unread = list[tuple[Delivery, list[PersonReply]]](), len(deliveries)
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        for delivery in deliveries[:_THREADS]:
            try:
                async with asyncio.timeout_at(deadline):
                    found.append((delivery, await self._replies(address, delivery.message, now)))
            except Refused:  # that thread is gone
                pass
            except (PaperboyError, TimeoutError) as error:
                log.warning("threads not read", channel=str(address), why=str(error) or "time")
                break
            unread -= 1
        papers, digests = await asyncio.to_thread(self._counted, address, found)
        named = [await self._linked(address, *each) for each in digests[:_NAMED]]
        return Discussion(papers, named + [each for each, _ in digests[_NAMED:]], unread)

    def _deliveries(self, address: Address, since: datetime) -> list[Delivery]:
        """Those with a thread, the newest first."""
        every = self._store.history.of(address)
        found = [each for each in every if each.message and not each.ended and each.at >= since]
        return sorted(found, key=lambda each: each.at, reverse=True)

    async def _replies(self, address: Address, thread: str, now: datetime) -> list[PersonReply]:
        known = self._threads.get((address, thread), now)
        if known is None:
            known = await self._poster.replies(address, thread)
            self._threads.put((address, thread), known, now)
        return known

    def _counted(
        self, address: Address, found: Sequence[tuple[Delivery, list[PersonReply]]]
    ) -> tuple[list[Discussed], list[tuple[Discussed, str]]]:
        """Papers whose cards people replied to, and digests with the replies to no card, each with
        its thread."""
        by_paper: dict[str, list[PersonReply]] = defaultdict(list)
        titles, digests = dict[str, str](), list[tuple[Discussed, str]]()
        for delivery, replies in found:
            digest = replies and self._store.history.digest_given_to(address, delivery.day)
            if not digest:
                continue
            cards = Outbox(self._store.trips, f"{address}:{delivery.day}").entries()
            paper_of = {entry.message: slot for slot, entry in cards.items() if entry.message}
            rest = list[PersonReply]()
            for reply in replies:  # in order: one may answer another
                decision = digest.decision_for(paper_of.get(reply.to, ""))
                if decision is None:
                    rest.append(reply)
                    continue
                paper_of[reply.message] = decision.paper.id
                by_paper[decision.paper.id].append(reply)
                titles[decision.paper.id] = decision.paper.title
            if rest:
                digests.append((_summed(views.digest_name(digest), rest), delivery.message))
        papers = [_summed(titles[id], rows, id) for id, rows in by_paper.items()]
        most = sorted(digests, key=lambda each: _rank(each[0]))
        return sorted(papers, key=_rank), most

    async def _linked(self, address: Address, digest: Discussed, thread: str) -> Discussed:
        try:
            async with asyncio.timeout(_PATIENCE):
                url = await self._poster.link(address, thread)
        except (PaperboyError, TimeoutError):
            return digest
        return digest.model_copy(update={"url": url})


def _summed(title: str, replies: Sequence[PersonReply], paper: str = "") -> Discussed:
    people = {reply.by for reply in replies}
    return Discussed(paper=paper, title=title, replies=len(replies), people=len(people))


def _rank(each: Discussed) -> tuple[int, int]:
    """Most people first, then most replies: two who talk are no crowd."""
    return -each.people, -each.replies
