"""Which days people were promised: each that is due once, or a word why it did not come; and
nothing that they had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.arxiv.calendar import NEW_YORK, is_weekend
from bot.domain.request import Address, Delivery
from bot.domain.subscription import Subscription
from tests.simulation.world import CALM, World


def broken(world: World) -> Iterator[str]:
    """What was not kept, a sentence each."""
    for subscription in world.store().subscriptions.all():
        yield from _every_day(world, subscription)
    asked = {e.address for e in world.people.events if e.text.startswith("now")}
    for address in world.plan.channels:
        if address not in asked and not world.troubles.forgotten:
            yield from _one_a_day(world, address)
        yield from _nothing_again(world, address)


def earlier(world: World, address: Address, delivery: Delivery) -> tuple[date, ...]:
    """The days before its own that a delivery covers."""
    view = world.store().history.channel_view(f"{address}:{delivery.day}")
    return (*delivery.earlier, *(view.earlier if view else ()))


def _every_day(world: World, subscription: Subscription) -> Iterator[str]:
    """Every day since the subscription was made is delivered, or the channel was told why not."""
    states = world.audit.seen.get(subscription.key, [])
    if len(states) != 1 or subscription.paused or world.troubles.forgotten:
        return  # somebody changed it: which days are due hangs on when exactly
    store, address = world.store(), subscription.address
    deliveries = [d for d in store.history.of(address) if d.profile == subscription.profile]
    covered = {day for d in deliveries for day in (d.date, *earlier(world, address, d))}
    for day in _owed(world, subscription):
        if day not in covered and not _skipped(world, address, deliveries, day):
            yield f"{subscription.key}: {day} never came"


def _one_a_day(world: World, address: Address) -> Iterator[str]:
    """A schedule brings one digest of a profile a day, also when the profile is changed."""
    heads = Counter((d.profile, d.date) for d in world.store().history.of(address) if d.message)
    for (profile, day), times in heads.items():
        if times > 1:
            yield f"{address}: {profile} of {day} has {times} digests"


def _nothing_again(world: World, address: Address) -> Iterator[str]:
    """Whoever asks for days that the channel has had in full gets no thread without a paper."""
    edited = any(e.text.startswith("edit ") for e in world.people.events)
    if world.troubles.forgotten or world.redis.ever_lost or edited:
        return
    messages = world.chats[address.platform].channels.get(address, [])
    had = dict[str, set[date]]()
    for delivery in world.store().history.of(address):
        days = {delivery.date, *earlier(world, address, delivery)}
        before = had.setdefault(delivery.profile, set())
        view = world.store().history.channel_view(f"{address}:{delivery.day}")
        is_empty = not any(m.under == delivery.message for m in messages)
        tells_nothing = is_empty and not (view and view.left_out)
        if delivery.message and tells_nothing and days <= before:
            yield f"{address}: {delivery.profile} of {delivery.date} came again, without a paper"
        before |= days if delivery.complete else set()


def _owed(world: World, subscription: Subscription) -> Iterator[date]:
    """The days since the subscription was made whose digest was due before the end."""
    plan, schedule = world.plan, subscription.schedule
    zone = ZoneInfo(schedule.tz)
    first = max(plan.begin, subscription.since).astimezone(NEW_YORK).date()
    last = world.calm_from + CALM - timedelta(hours=14)  # a list may be waited for twelve hours
    day = first
    while day < world.calm_from.date():
        moment = datetime.combine(day - timedelta(days=1), schedule.at, zone)
        while (
            moment.astimezone(NEW_YORK).date() < day
            or moment.weekday() not in schedule.days
            or moment <= subscription.since
        ):
            moment += timedelta(days=1)
        # Of its first day only what was still to come when it was made.
        is_owed = day > first or moment.astimezone(NEW_YORK).date() == first
        if is_owed and not is_weekend(day) and moment < last:
            yield day
        day += timedelta(days=1)


def _skipped(world: World, address: Address, deliveries: list[Delivery], day: date) -> bool:
    """Whether a digest covers the day without naming it: it had no paper, or it said that so many
    days were too many."""
    for later in (d for d in deliveries if d.date > day):
        view = world.store().history.channel_view(f"{address}:{later.day}")
        if view and view.left_out:
            return True
    return not any(
        set(a.paper.categories) & set(world.profile(address, d.profile).categories)
        for d in deliveries[:1]
        for a in world.arxiv.papers(day)
    )
