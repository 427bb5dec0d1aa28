"""The tick: ask what is due for everyone who waits, and queue it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.ledger import Wish
from bot.plan import Step, due
from bot.store_channels import Channels
from bot.tasks import Tasks

_POLL_SECONDS = 0.1
# An outage of a model or of arXiv lasts minutes to hours; asking costs nothing while it does.
_AGAIN = timedelta(minutes=10)


class WorkerFault(Exception):
    """The workers gave a step up: a fault in Paperboy, which their log describes."""


def advance(wish: Wish, channels: Channels, tasks: Tasks) -> Step | None:
    """Queue the next missing step of a wish and return it; None when it is fulfilled."""
    step = due(wish, channels.facts(wish))
    if step is not None:
        if tasks.failed(step):
            raise WorkerFault(step.id)
        tasks.ask(step)
    return step


def tick(channels: Channels, tasks: Tasks, now: datetime) -> None:
    """Advance every wish that was left with us; a fulfilled one is dropped.

    One that ended short of its papers (arXiv away, model down) is wished anew after a while.
    """
    for wish in channels.wishes():
        if advance(wish, channels, tasks) is not None:
            continue
        done = channels.facts(wish).delivered
        if done is None or done.complete:
            channels.drop_wish(wish)
        elif now - done.at >= _AGAIN:
            channels.put_wish(wish.model_copy(update={"since": now}))


def fulfil(
    wish: Wish,
    channels: Channels,
    tasks: Tasks,
    meanwhile: Callable[[Step], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Advance a wish until it is fulfilled, calling `meanwhile` with the step under way.

    Raises WorkerFault. Interrupted, it leaves the steps queued: asking again finds what is done.
    """
    while (step := advance(wish, channels, tasks)) is not None:
        meanwhile(step)
        sleep(_POLL_SECONDS)
