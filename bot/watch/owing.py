"""What the ledger records at a tick: deliveries that became owed, and those that are excused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from bot.commands.due import Snapshot
from bot.domain.watching.ledger import Excuse
from bot.planning.owed import newly_owed
from bot.store.watching.ledger import Ledger


def ledger_changes(
    ledger: Ledger, snapshot: Snapshot, now: datetime
) -> Iterator[Callable[[], object]]:
    """The changes to make, each of which may be made twice."""
    rows = ledger.rows() if snapshot.subscriptions else {}
    for subscription in snapshot.subscriptions:
        key, row = subscription.key, rows.pop(subscription.key, None)
        if owing := newly_owed(subscription, row.mark if row else None, now):
            yield partial(ledger.open, key, owing.moments, owing.until)
        if row and row.open and subscription.paused:
            yield partial(ledger.excuse, key, row.open, Excuse.PAUSED)
        elif row and row.open and snapshot.profile(subscription) is None:
            yield partial(ledger.excuse, key, row.open, Excuse.ENDED)
    for key, row in rows.items():  # nobody is subscribed any more
        yield partial(ledger.excuse, key, row.open, Excuse.ENDED)
        yield partial(ledger.forget, key)
