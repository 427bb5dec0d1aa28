"""One run of DELIVER: what is due on a platform, side by side, until it is done or has to stop."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import Enum, auto

import structlog
from redis import RedisError

from bot.domain.request import Address, DigestRequest
from bot.store.requests import DueDeliveries, FailedAttempt

log = structlog.get_logger()

# The job polls for new requests, and lingers after the last delivery before it ends. After
# _LASTING_SECONDS it takes no new request: the clock queues the next job.
_POLL_SECONDS, _LINGER_SECONDS, _LASTING_SECONDS = 0.25, 1.0, 300.0
# The pause before a channel is tried again that another worker holds, or that met a fault of ours.
_REST_SECONDS = 1.0
_TRIES = 3
# Channels start one after the other, all within a second, so that their turns never coincide.
_SPREAD = 0.01
# So many begin in one turn of the loop. A thousand would hold their leases for as long as all of
# them read what they post, and renew none meanwhile; two hundred did so still, on a busy machine.
# With one at a turn those that post leave few turns for those that are still to begin.
_AT_ONCE = 32


class ChannelResult(Enum):
    """The result of one delivery: nothing is left to do, another worker holds the channel, it
    failed and is tried again, the platform is away, or we are at fault."""

    DONE = auto()
    LOCKED = auto()
    AGAIN = auto()
    UNAVAILABLE = auto()
    FAULT = auto()


class DeliveryRun:
    """All deliveries due on one platform, concurrently: one task per channel."""

    def __init__(
        self,
        deliveries: DueDeliveries,
        deliver: Callable[[DigestRequest], Awaitable[ChannelResult]],
        clock: Callable[[], datetime],
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._deliveries, self._deliver, self._clock = deliveries, deliver, clock
        self._should_stop = should_stop
        # By the deliveries' keys: tasks and their channels; until when a delivery is not retried.
        self._under_way: dict[str, asyncio.Task[ChannelResult]] = {}
        self._places: dict[str, Address] = {}
        self._resting: dict[str, float] = {}
        self._faults = Counter[str]()
        self._done: list[str] = []
        self._entrance = asyncio.Semaphore(_AT_ONCE)
        self._last = 0.0

    async def serve(self) -> None:
        """Deliver until nothing was due for a second, or this job has lasted long enough. Channels
        that another worker holds do not count; they are left to the next job."""
        begun = self._last = time.monotonic()
        while not self._should_stop():
            now = time.monotonic()
            if takes_more := now - begun < _LASTING_SECONDS:
                await self._start_newcomers(now)
            if not self._under_way and (not takes_more or now - self._last >= _LINGER_SECONDS):
                return
            # Not until the next one ends: of a thousand one ends every few milliseconds.
            await asyncio.sleep(_POLL_SECONDS)
            self._collect_finished()
        await self._hand_back()

    async def _hand_back(self) -> None:
        """Leave the deliveries under way to the next job, which finds what is missing of them."""
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        if self._under_way:
            log.info("deliveries handed back", channels=len(self._under_way))
        self._drop_done()

    async def _start_newcomers(self, now: float) -> None:
        """Start deliveries that are due and not resting, one at a time per channel."""
        resting = [key for key, until in self._resting.items() if now < until]
        ignored = [*self._under_way, *resting]
        newcomers = await asyncio.to_thread(self._deliveries.newcomers, ignored)
        begun, busy = 0, set(self._places.values())
        apart = min(_SPREAD, 1 / max(len(newcomers), 1))
        # Those of one profile after one another: what they share is read once.
        for key, request in sorted(newcomers.items(), key=lambda each: each[1].profile):
            if request.address not in busy:
                busy.add(request.address)
                self._places[key] = request.address
                self._under_way[key] = asyncio.create_task(
                    self._deliver_one(key, request, begun * apart)
                )
                begun += 1

    def _drop_done(self) -> None:
        """Those that were made wait no more. Of one whose process dies before, the next job finds
        that nothing is left to do."""
        self._deliveries.drop(self._done)
        self._done.clear()

    def _collect_finished(self) -> None:
        self._drop_done()
        for key in [key for key, task in self._under_way.items() if task.done()]:
            del self._places[key]
            if self._under_way.pop(key).result() is not ChannelResult.LOCKED:
                self._last = time.monotonic()

    async def _deliver_one(self, key: str, request: DigestRequest, after: float) -> ChannelResult:
        """Make one delivery; a fault of ours is logged and stops no other. Raises RedisError, after
        which rq runs the whole job again: nothing works without the store."""
        await asyncio.sleep(after)
        async with self._entrance:
            await asyncio.sleep(0)  # the others wait for the next turn
        try:
            result = await self._deliver(request)
        except RedisError:
            raise
        except Exception:
            log.exception("could not deliver", channel=str(request.address))
            self._faults[key] += 1
            result = ChannelResult.FAULT if self._faults[key] >= _TRIES else ChannelResult.AGAIN
        match result:
            case ChannelResult.DONE:
                self._done.append(key)
            case ChannelResult.LOCKED | ChannelResult.AGAIN:
                self._resting[key] = time.monotonic() + _REST_SECONDS
            case ChannelResult.UNAVAILABLE | ChannelResult.FAULT:
                tried = FailedAttempt(at=self._clock(), fault=result is ChannelResult.FAULT)
                self._deliveries.put_failed(key, tried)
        return result
