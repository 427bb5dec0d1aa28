"""The tick: ask what is due for everyone who waits, and queue it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.desk import Ask, Desk, newest_day
from bot.ledger import Wish
from bot.plan import Step, due
from bot.store_channels import Channels
from bot.tasks import Tasks

log = structlog.get_logger()

_POLL_SECONDS = 0.1
# An outage of a model or of arXiv lasts minutes to hours; asking costs nothing while it does.
_AGAIN = timedelta(minutes=10)


class WorkerFault(Exception):
    """The workers gave a step up: a fault in Paperboy, which their log describes."""


@dataclass(frozen=True)
class Ticked:
    """What came of a tick: whether something is under way, whose day had been delivered before
    they asked, and whose wish failed through a fault of ours."""

    under_way: bool
    before: tuple[Wish, ...]
    failed: tuple[Wish, ...]


def advance(wish: Wish, channels: Channels, tasks: Tasks) -> Step | None:
    """Queue the next missing step of a wish and return it; None when it is fulfilled."""
    step = due(wish, channels.facts(wish))
    if step is not None:
        if tasks.failed(step):
            raise WorkerFault(step.id)
        tasks.ask(step, [wish])
    return step


def tick(desk: Desk, tasks: Tasks, now: datetime) -> Ticked:
    """Wish what the subscriptions are due, and advance every wish; a fulfilled one is dropped.

    Wishes whose next step is the same share it. One that ended short of its papers (arXiv away,
    model down) is wished anew after a while.
    """
    channels = desk.channels
    _wish_scheduled(desk, now)
    steps: dict[str, tuple[Step, list[Wish]]] = {}
    before, failed = [], []
    for wish in channels.wishes():
        step = due(wish, channels.facts(wish))
        if step is not None:
            steps.setdefault(step.id, (step, []))[1].append(wish)
        elif (done := channels.facts(wish).delivered) is None or done.complete:
            channels.drop_wish(wish)
            if wish.by and channels.delivered_before(wish):
                before.append(wish)
        elif now - done.at >= _AGAIN:
            channels.put_wish(wish.model_copy(update={"since": now}))
    for step, wishes in steps.values():
        if tasks.failed(step):
            log.error("the workers gave up", step=step.id, channels=len(wishes))
            failed += wishes
            for wish in wishes:
                channels.drop_wish(wish)
        else:
            tasks.ask(step, wishes)
    return Ticked(bool(steps), tuple(before), tuple(failed))


def _wish_scheduled(desk: Desk, now: datetime) -> None:
    """A wish for every subscription whose moment has come since it was last seen to; of several
    moments that were missed only the last counts: it brings the newest day."""
    seen = desk.subscriptions.scheduled()
    for found in desk.subscriptions.all():
        moment = found.schedule.last(now)
        if found.paused or moment <= seen.get(found.key, found.since) or moment <= found.since:
            continue
        profile = desk.profiles(found.address).get(found.profile)
        if profile is None:
            log.error("a subscription's profile is gone", subscription=found.key)
        else:
            ask = Ask("", found.address, moment)
            desk.channels.put_wish(newest_day(profile, ask, desk, found.top))
        desk.subscriptions.put_scheduled(found, moment)


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
