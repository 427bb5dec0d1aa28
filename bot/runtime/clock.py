"""The clock: tick, announce what came of it, wait, and tick again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import redis
import structlog

from bot.commands.context import Context
from bot.runtime import tick
from bot.runtime.announcements import Wakeup
from bot.runtime.answers import Answers
from bot.runtime.audiences import AudienceRounds
from bot.runtime.operator import Operator
from bot.runtime.teller import Teller
from bot.runtime.tick_announcer import TickAnnouncer
from bot.store.queues import Queues
from bot.store.values.quarantine import claim_server

log = structlog.get_logger()

# Between two ticks: while something is under way, and otherwise; a request wakes the clock at once.
_BUSY_SECONDS: Final = 0.5
_TICK_SECONDS: Final = 30.0
# Ticks of many subscriptions take a tenth of the time, and leave the rest to whoever posts; one
# that stood still makes nobody wait for long.
_PAUSES: Final = 9
_LONGEST_BUSY_SECONDS: Final = 3.0


async def run_clock(
    context: Context,
    queues: Queues,
    wakeup: Wakeup,
    platforms: Mapping[str, Answers[Any]],
    ticking: Callable[[datetime], None],
    operator: Operator,
) -> None:
    """Tick until cancelled, tell people of what they follow, and look again at who reads what. Logs
    once that Redis is away, and once that it is back. `ticking` hears of each tick that was made,
    the `operator` of troubles."""
    announcer, teller = TickAnnouncer(platforms), Teller(context, platforms)
    away_since: datetime | None = None
    audiences = AudienceRounds(context.store, platforms)
    while True:
        busy, begun = False, time.monotonic()
        try:
            # Ends this process, with a message, when a newer Paperboy writes to the server.
            await asyncio.to_thread(claim_server, context.store.redis)
            now = datetime.now(UTC)
            ticked = await asyncio.to_thread(tick.tick, context, queues, now)
            ticking(now)
            announcer.announce(ticked)
            teller.start()
            if away_since:
                await asyncio.to_thread(operator.database_was_away, away_since, now)
            operator.start(ticked, now)
            audiences.start()
        except redis.RedisError as error:
            if not away_since:
                log.error("redis unreachable, retrying", error=type(error).__name__)
            away_since = away_since or datetime.now(UTC)
        else:
            if away_since:
                log.info("redis reachable again")
            away_since, busy = None, ticked.in_progress
        pause = _BUSY_SECONDS if away_since else _TICK_SECONDS
        await wakeup.wait(busy_pause(time.monotonic() - begun) if busy else pause)


def busy_pause(took: float) -> float:
    """Seconds until the next tick while something is under way, after one that `took` so long."""
    return max(_BUSY_SECONDS, min(_PAUSES * took, _LONGEST_BUSY_SECONDS))
