"""A workspace that removed Paperboy: what would have been done there is done no more."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from bot.domain.request import Address
from bot.store.store import Store
from bot.watch.outages import record_outage

log = structlog.get_logger()


def end_workspace(store: Store, platform: str, workspace: str) -> None:
    """End a workspace's subscriptions, with what they are owed (the ledger excuses it as ended),
    what its people asked for and follow, and their tokens. What it made, voted and saved stays for
    its own time, and is there when it installs Paperboy again; so does what its people were told:
    nobody is told it twice. May be repeated. Raises RedisError."""
    place = Address(platform=platform, workspace=workspace, channel="-").workspace_key
    ended = store.subscriptions.of_workspace(platform, workspace)
    for subscription in ended:
        store.subscriptions.drop(subscription)
    for text in store.subscriptions.with_weekly_best():
        if text.startswith(f"{place}:"):
            channel = text.removeprefix(f"{place}:")
            address = Address(platform=platform, workspace=workspace, channel=channel)
            store.subscriptions.put_weekly_best(address, False)
    requests = [each for each in store.requests.all() if each.address.workspace_key == place]
    for request in requests:
        store.requests.drop(request)
    follows = [each for each in store.follows.all() if each.workspace == place]
    for follow in follows:
        store.follows.drop(follow)
    for (where, _), tellings in store.tellings.owed(platform).items():
        if where == place:
            store.tellings.drop_owed(tellings)
    store.tokens.end_workspace(place)
    store.cards.forget_audiences(place)
    record_outage(store, place, "", datetime.now(UTC))
    counts = {"subscriptions": len(ended), "requests": len(requests), "follows": len(follows)}
    log.info("workspace ended", workspace=place, **counts)
