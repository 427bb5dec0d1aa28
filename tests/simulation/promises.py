"""What people were promised, checked against what they were shown; told apart from the code. Each
kind of promise has a page in `promised`; here is the rest."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import structlog
import time_machine

from bot.store.values.quarantine import QUARANTINE_KEY
from tests.simulation.promised import (
    answers,
    channels,
    days,
    digests,
    keeping,
    mornings,
    openings,
    operators,
    tellings,
    times,
    workspaces,
)
from tests.simulation.world import World

_PAGES = (
    *(channels, answers, days, times, mornings, digests, tellings, keeping),
    *(operators, workspaces, openings),
)


def broken(world: World) -> list[str]:
    """What was not kept, a sentence each."""
    at = world.scheduler.datetime()  # or what is stored would have expired by today
    silent = structlog.testing.capture_logs()  # what cannot be read is told here
    with world.redis.unobserved(), time_machine.travel(at, tick=False), silent:
        return list(dict.fromkeys(_broken(world)))


def _broken(world: World) -> Iterator[str]:
    yield from (f"a job failed through our fault: {fault}" for fault in world.lanes.faults)
    yield from (f"a fault of ours was logged: {fault}" for fault in world.faults)
    yield from _bought_once(world)
    yield from _within_limits(world)
    yield from _outages_told(world)
    for page in _PAGES:
        yield from page.broken(world)
    yield from _ledger_explains(world)
    for outage in world.store().outages.all():
        yield f"an outage did not end: {outage}"
    for request in world.store().requests.all():
        yield f"{request.address}: {request.by}'s request of {request.since} is still waiting"
    for key, row in world.store().redis.hgetall(QUARANTINE_KEY).items():  # type: ignore[union-attr]
        if key not in world.troubles.garbled:
            yield f"set aside as unreadable: {key}: {row}"


def _ledger_explains(world: World) -> Iterator[str]:
    """Every delivery that was owed is made, excused or still to come."""
    if world.troubles.forgotten or world.troubles.garbled:
        return
    now, ledger = world.scheduler.datetime(), world.store().ledger
    for month in {world.plan.begin.date().replace(day=1), now.date().replace(day=1)}:
        found = ledger.month(month, now, world.config.window_hours)
        if found.unexplained:
            yield f"deliveries never came, and nobody said why: {ledger.open_deliveries()}"
        explained = found.made + sum(found.excused.values()) + found.waiting
        if found.owed != explained:
            yield f"{found.owed} deliveries were owed, and {explained} explained: {found}"


def _bought_once(world: World) -> Iterator[str]:
    """No score is bought twice, but for one whose buyer died or failed before it was stored, and
    for one that a restored backup did not know."""
    yield from world.model.saw_foreign
    for (_, paper), bought in world.model.purchases.items():
        for before, after in pairwise(bought):
            cut_short = {before.by, after.by} & world.lanes.disturbed.keys()
            if not cut_short and not world.troubles.is_forgotten(before.at):
                yield f"{paper} was paid for twice for {after.profile!r}"


def _within_limits(world: World) -> Iterator[str]:
    limit = world.plan.day_tokens
    for (workspace, day), tokens in world.model.tokens.items():
        if limit is not None and tokens > limit and not world.troubles.forgotten:
            yield f"{workspace} spent {tokens} tokens on {day}, the limit is {limit}"


def _outages_told(world: World) -> Iterator[str]:
    """An outage is told once, and its end, unless the teller died or its words were lost."""
    disturbed = world.scheduler.killed or world.troubles.forgotten or world.redis.ever_lost
    open_now = set[str]()
    for name, what, _ in () if disturbed else world.logged:
        if name == "outage began" and what in open_now:
            yield f"the outage of {what} was told twice"
        if name == "outage ended" and what not in open_now:
            yield f"the outage of {what} ended without a begin"
        open_now = open_now | {what} if name == "outage began" else open_now - {what}
