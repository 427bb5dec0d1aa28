"""Papers that a delivery was about to bring and never will: the next one may bring them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.domain.digest import Digest
from bot.domain.request import DigestRequest, delivery_name
from bot.runtime.posting import ThreadPoster
from bot.store.outbox import Outbox
from bot.store.store import Store


async def give_back(
    store: Store,
    request: DigestRequest,
    day: str,
    days: Mapping[str, Digest],
    thread: Callable[[Outbox], ThreadPoster],
) -> None:
    """Let papers come with the delivery of a `day` (a name), made of these `days` (by name), that
    others were about to bring here and never will: what was only prepared counts as shown while it
    may still be posted, and no longer. That is over for each of the days, which are delivered with
    this one; and when a schedule goes on, the platform having been away until its next digest was
    due, for all that nobody waits for. Raises Unavailable and Gone."""
    delivered, given_up = store.history.days(request.address), set(days)
    if request.subscription:
        profile = store.profiles.get(request.profile).name
        brought = store.shown_papers.days_that_brought(request.address, profile)
        given_up |= brought - delivered
    given_up -= delivered | {day}
    if given_up:
        given_up -= _awaited(store, request) - days.keys()
    for name in sorted(given_up):
        sent = await thread(Outbox(store.redis, f"{request.address}:{name}")).replies_sent()
        store.shown_papers.drop(request.address, name, sent)


def _awaited(store: Store, request: DigestRequest) -> set[str]:
    """The days (names) that somebody asked for in the same channel and still waits for."""
    names = set()
    for each in store.requests.all():
        listed = store.lists.result(each.wanted)
        if each.address == request.address and listed:
            names.add(delivery_name(each, listed).rpartition(":")[2])
    return names
