"""Sees what is wrong, from what is stored; and follows each trouble from its begin to its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from bot.commands.context import Context
from bot.domain.budget import Limits, Period, Scope
from bot.domain.status import Outage
from bot.domain.watching.trouble import SIGHT_LASTS, Seen, Trouble, TroubleKind
from bot.store.queues import Queues
from bot.store.spending import Spending
from bot.store.values.quarantine import quarantine_counts
from bot.store.watching.troubles import Troubles

# A digest that is so late without a known reason is told; one whose window is over by so long,
# whatever the reason: its last messages take a while.
_UNEXPLAINED, _BEYOND = timedelta(minutes=30), timedelta(minutes=15)
# As Answers.listening and deliver_job name them.
_LOGIN = " login"


def see(
    context: Context, queues: Queues, explained: Mapping[str, datetime], now: datetime
) -> list[Seen]:
    """What is wrong at a moment; `explained` are the subscriptions (keys) whose channel was told
    why the digest of a moment is late. Raises RedisError."""
    found = [*_outside(context, now), *_queues(queues), *_late(context, explained, now)]
    if reached := _limits_reached(context, now):
        found.append(Seen(kind=TroubleKind.BUDGET, number=reached))
    if unreadable := sum(quarantine_counts(context.store.redis).values()):
        found.append(Seen(kind=TroubleKind.UNREADABLE, number=unreadable))
    return found


def follow(troubles: Troubles, seen: Iterable[Seen], now: datetime) -> None:
    """Begin to follow what is new, and note what is not seen any more. What is seen again before
    its end was told goes on. Nothing is written while nothing changes. Raises RedisError."""
    known = {trouble.name: trouble for trouble in troubles.all()}
    for each in seen:
        trouble = known.pop(each.name, None)
        if trouble is None or trouble.quiet:
            troubles.change(each.name, partial(_seen_now, each, now))
    for name, trouble in known.items():
        if trouble.quiet is None:
            troubles.change(name, partial(_not_seen, now))


def _seen_now(seen: Seen, now: datetime, was: Trouble | None) -> Trouble:
    fresh = seen.model_dump() | {"since": seen.since or now}
    return was.model_copy(update={"quiet": None}) if was else Trouble.model_validate(fresh)


def _not_seen(now: datetime, was: Trouble | None) -> Trouble | None:
    return was and was.model_copy(update={"quiet": was.quiet or now})


def _outside(context: Context, now: datetime) -> Iterator[Seen]:
    for kind, sighting in context.store.sightings.all().items():
        if now - sighting.at < SIGHT_LASTS:
            yield Seen(kind=TroubleKind(kind), why=sighting.why, since=sighting.since)
    outages = context.store.outages.all()
    yield from _workspaces([each for each in outages if each.is_of_workspace])
    for outage in [each for each in outages if not each.is_of_workspace]:
        kind = TroubleKind.LOGIN if outage.what.endswith(_LOGIN) else TroubleKind.CHAT
        what = outage.what.removesuffix(_LOGIN).lower()
        yield Seen(kind=kind, what=what, since=outage.since)


def _workspaces(outages: Sequence[Outage]) -> Iterator[Seen]:
    """One for each platform, which names none of them."""
    by_platform: dict[str, list[Outage]] = {}
    for outage in outages:
        by_platform.setdefault(outage.what.partition(":")[0], []).append(outage)
    for platform, mine in by_platform.items():
        since = min(each.since for each in mine)
        yield Seen(kind=TroubleKind.WORKSPACE, what=platform, number=len(mine), since=since)


def _queues(queues: Queues) -> Iterator[Seen]:
    loads = queues.loads()
    idle = [name for name, load in loads.items() if not load.workers]
    if len(idle) == len(loads):
        yield Seen(kind=TroubleKind.WORKERS)
    else:
        yield from (Seen(kind=TroubleKind.WORKERS, what=name) for name in idle)
    if failed := sum(load.failed for load in loads.values()):
        yield Seen(kind=TroubleKind.FAULT, number=failed)


def _late(context: Context, explained: Mapping[str, datetime], now: datetime) -> Iterator[Seen]:
    beyond = timedelta(hours=context.window_hours) + _BEYOND
    late = []
    for each in context.store.ledger.open_deliveries():
        told = explained.get(each.subscription)
        if now - each.at >= (beyond if told and each.at <= told else _UNEXPLAINED):
            late.append(each)
    if late:
        yield Seen(kind=TroubleKind.LATE, number=len(late), since=late[0].at)


def _limits_reached(context: Context, now: datetime) -> int:
    """In how many workspaces a limit refuses calls, their own or a profile's."""
    own, of_profile = context.limits
    spending, scopes = Spending(context.store), dict[Scope, Limits]()
    is_limited = context.limits != (Limits(), Limits())
    for mine in context.store.subscriptions.all() if is_limited else ():
        workspace = mine.address.workspace_key
        scopes[Scope(workspace=workspace)] = own
        scopes[Scope(workspace=workspace, profile=mine.profile)] = of_profile
    reached = {
        scope.workspace
        for scope, limits in scopes.items()
        if any(
            spending.spent(scope, period, now).limit_reached(limits, period) for period in Period
        )
    }
    return len(reached)
