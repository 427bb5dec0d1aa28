"""Papers that a delivery was about to bring and never will: the next one may bring them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from bot.domain.request import Address, DigestRequest, delivery_name
from bot.runtime.posting import ThreadPoster
from bot.store.outbox import Outbox
from bot.store.store import Store


async def give_back(
    store: Store,
    request: DigestRequest,
    day: str,
    days: Collection[str],
    thread: Callable[[Outbox], ThreadPoster],
    now: datetime,
) -> None:
    """Let papers come with the delivery of a `day` (a name), made of these `days` (names), that
    others were about to bring here and never will: what was only prepared counts as shown while it
    may still be posted, and no longer. That is over for each of the days, which are delivered with
    this one; and for all that nobody waits for, the platform having been away until the next digest
    was due. Raises Unavailable and Gone."""
    address = request.address
    begun = store.shown_papers.begun(address, now) - {day}
    if not begun:
        return
    for name in sorted(begun - (_awaited(store, address, now) - set(days))):
        sent = await thread(Outbox(store.trips, f"{address}:{name}")).replies_sent()
        store.shown_papers.drop(address, name, sent)
        store.shown_papers.settle(address, name)


def _awaited(store: Store, address: Address, now: datetime) -> set[str]:
    """The days (names) that somebody asked for in a channel and still waits for, and those that its
    schedules have begun to post and may go on with."""
    schedules = {each.key: each.schedule for each in store.subscriptions.of(address)}
    begun = [each for each in store.requests.begun(list(schedules)) if each]
    # After its window it is tried, too, as long as no other is due.
    on = [b for b in begun if b.at is None or schedules[b.subscription].last(now) <= b.at]
    waiting = [each for each in store.requests.all() if each.address == address]
    names = set()
    for each in (*waiting, *on):
        if listed := store.lists.result(each.wanted):
            names.add(delivery_name(each, listed).rpartition(":")[2])
    return names
