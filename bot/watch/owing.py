"""What the ledger records at a tick: deliveries that became owed, and those that are excused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial

from bot.commands.due import Snapshot
from bot.domain.watching.ledger import Excuse
from bot.planning.owed import newly_owed
from bot.store.watching.ledger import Ledger, OwedRow


def ledger_changes(
    ledger: Ledger, rows: Mapping[str, OwedRow], snapshot: Snapshot, now: datetime
) -> Iterator[Callable[[], object]]:
    """The changes to make, each of which may be made twice; `rows` are the ledger's."""
    left = dict(rows)
    for subscription in snapshot.subscriptions:
        key, row = subscription.key, left.pop(subscription.key, None)
        if owing := newly_owed(subscription, row.mark if row else None, now):
            yield partial(ledger.open, key, owing.moments, owing.until)
        if row and row.open and subscription.paused:
            yield partial(ledger.excuse, key, row.open, Excuse.PAUSED)
        elif row and row.open and snapshot.profile(subscription) is None:
            yield partial(ledger.excuse, key, row.open, Excuse.ENDED)
    for key, row in left.items():  # nobody is subscribed any more
        yield partial(ledger.excuse, key, row.open, Excuse.ENDED)
        yield partial(ledger.forget, key)
