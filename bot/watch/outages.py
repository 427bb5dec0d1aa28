"""Something outside is away: stored and logged once when it begins and once when it ends."""

from __future__ import annotations

from datetime import datetime

import structlog

from bot.store.store import Store

log = structlog.get_logger()


def record_outage(store: Store, what: str, why: str, at: datetime) -> None:
    """Record that it is away, or (without a `why`) that it is there, for however many who ask."""
    if why and store.outages.put(what, why, at):
        log.error("outage began, retried every minute", what=what, why=why)
    elif not why and store.outages.end(what):
        log.info("outage ended", what=what)
