"""What people were promised, checked against what they were shown; told apart from the code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from bot.arxiv.calendar import NEW_YORK, is_weekend
from bot.domain.digest import Digest, Outcome
from bot.domain.message import Card
from bot.domain.papers import AnnounceType, Paper, Profile
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address, Delivery
from bot.domain.subscription import Subscription
from bot.store.quarantine import QUARANTINE_KEY
from tests.simulation.chat_edge import Shown
from tests.simulation.world import CALM, World


def broken(world: World) -> list[str]:
    """What was not kept, a sentence each."""
    with world.redis.unobserved():
        return list(dict.fromkeys(_broken(world)))


def _broken(world: World) -> Iterator[str]:
    yield from (f"a job failed through our fault: {fault}" for fault in world.lanes.faults)
    for address, messages in _channels(world):
        yield from _said_once(world, address, messages)
        yield from _kept_apart(world, address, messages)
    yield from _bought_once(world)
    yield from _within_limits(world)
    yield from _answered(world)
    for subscription in world.store().subscriptions.all():
        yield from _every_day(world, subscription)
    for address in world.plan.channels:
        for delivery in world.store().history.of(address):
            yield from _adds_up(world, address, delivery)
    for outage in world.store().outages.all():
        yield f"an outage did not end: {outage}"
    for request in world.store().requests.all():
        yield f"{request.address}: {request.by}'s request of {request.since} is still waiting"
    for key, row in world.store().redis.hgetall(QUARANTINE_KEY).items():  # type: ignore[union-attr]
        yield f"set aside as unreadable: {key}: {row}"


def _channels(world: World) -> Iterator[tuple[Address, list[Shown]]]:
    for chat in world.chats.values():
        yield from sorted(chat.channels.items(), key=str)


def _said_once(world: World, address: Address, messages: list[Shown]) -> Iterator[str]:
    """No paper twice, no message twice; but for what a restored backup did not know."""
    remembered = [m for m in messages if m.removed != "by us" and not _forgotten(world, m.at)]
    cards = Counter(m.post.url for m in remembered if isinstance(m.post, Card))
    yield from (f"{address}: {url} shown {n} times" for url, n in cards.items() if n > 1)
    keys = Counter(m.key for m in remembered if m.key)
    yield from (f"{address}: said {n} times: {key}" for key, n in keys.items() if n > 1)


def _forgotten(world: World, at: float) -> bool:
    return any(begin <= at <= end for begin, end in world.troubles.forgotten)


def _kept_apart(world: World, address: Address, messages: list[Shown]) -> Iterator[str]:
    """Nobody is told of what is another workspace's."""
    foreign = [t for t, owner in world.model.titles.items() if owner != address.workspace_key]
    for shown in messages:
        text = shown.post.model_dump_json()
        yield from (f"{address} was shown {t!r}" for t in foreign if t in text)
    for event in world.people.events:
        if event.address == address:
            heard = "".join(event.heard)
            yield from (f"{address}: {event.person} heard {t!r}" for t in foreign if t in heard)


def _bought_once(world: World) -> Iterator[str]:
    """No score is bought twice, but for one whose buyer died or failed before it was stored, and
    for one that a restored backup did not know."""
    yield from world.model.saw_foreign
    for (_, paper), bought in world.model.purchases.items():
        for before, after in pairwise(bought):
            known = before.by not in world.lanes.disturbed and not _forgotten(world, before.at)
            if known:
                yield f"{paper} was scored for {after.profile!r} twice"


def _within_limits(world: World) -> Iterator[str]:
    limit = world.plan.day_tokens
    for (workspace, day), tokens in world.model.tokens.items():
        if limit is not None and tokens > limit and not world.troubles.forgotten:
            yield f"{workspace} spent {tokens} tokens on {day}, the limit is {limit}"


def _answered(world: World) -> Iterator[str]:
    """Everybody who did something was answered, once for all its deliveries."""
    for event in world.people.events:
        if not event.heard and event.deliveries and not event.interrupted:
            yield f"{event.address}: {event.person} was not answered: {event.text}"


def _every_day(world: World, subscription: Subscription) -> Iterator[str]:
    """Every day since the subscription was made is delivered, or the channel was told why not."""
    states = world.audit.seen.get(subscription.key, [])
    if len(states) != 1 or subscription.paused or world.troubles.forgotten:
        return  # somebody changed it: which days are due hangs on when exactly
    store, address = world.store(), subscription.address
    deliveries = [d for d in store.history.of(address) if d.profile == subscription.profile]
    covered = {day for d in deliveries for day in (d.date, *_earlier(world, address, d))}
    for day in _owed(world, subscription):
        if day not in covered and not _skipped(world, address, deliveries, day):
            yield f"{subscription.key}: {day} never came"


def _owed(world: World, subscription: Subscription) -> Iterator[date]:
    """The days since the subscription was made whose digest was due before the end."""
    plan, schedule = world.plan, subscription.schedule
    zone = ZoneInfo(schedule.tz)
    first = max(plan.begin, subscription.since).astimezone(NEW_YORK).date()
    last = plan.end + CALM - timedelta(hours=14)  # a list may be waited for twelve hours
    day = first + timedelta(days=1)
    while day < plan.end.date():
        moment = datetime.combine(day - timedelta(days=1), schedule.at, zone)
        while moment.astimezone(NEW_YORK).date() < day or moment.weekday() not in schedule.days:
            moment += timedelta(days=1)
        if not is_weekend(day) and moment < last:
            yield day
        day += timedelta(days=1)


def _earlier(world: World, address: Address, delivery: Delivery) -> tuple[date, ...]:
    view = world.store().history.channel_view(f"{address}:{delivery.day}")
    return (*delivery.earlier, *(view.earlier if view else ()))


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


def _adds_up(world: World, address: Address, delivery: Delivery) -> Iterator[str]:
    """Every announced paper has one outcome, the right one, and what is picked was posted."""
    name = f"{address}:{delivery.day}"
    digest = world.store().history.digest(name)
    where = f"{address}: {delivery.profile} of {delivery.date}"
    if digest is None:
        yield f"{where}: nobody knows any more what was in it"
        return
    counted = Counter(d.paper.id for d in digest.decisions)
    yield from (f"{where}: {id} has {n} outcomes" for id, n in counted.items() if n > 1)
    days = [delivery.date, *_earlier(world, address, delivery)]
    announced = _announced(world, digest.profile, days)
    if digest.listed.problem is None:
        missing = announced.keys() - counted.keys()
        yield from (f"{where}: {id} has no outcome" for id in sorted(missing))
    yield from (
        f"{where}: {id} was not announced" for id in sorted(counted.keys() - announced.keys())
    )
    yield from _judged_right(world, where, digest)
    yield from _posted(world, where, address, delivery, digest)


def _announced(world: World, profile: Profile, days: list[date]) -> dict[str, Paper]:
    return {
        a.paper.id: a.paper
        for day in days
        for a in world.arxiv.papers(day)
        if set(a.paper.categories) & set(profile.categories)
        and (profile.cross_lists or a.announce_type is AnnounceType.NEW)
    }


def _judged_right(world: World, where: str, digest: Digest) -> Iterator[str]:
    cutoffs = digest.profile.cutoffs
    for decision in digest.decisions:
        score, id = decision.score, decision.paper.id
        if score is None:
            if not (decision.outcome is Outcome.UNSCORED and decision.trouble):
                yield f"{where}: {id} has no score and no reason"
            continue
        expected = world.model.score(digest.profile.title, id)
        if (score.relevance, score.novelty) != expected:
            yield f"{where}: {id} has {score.relevance}, {score.novelty}; the model said {expected}"
        passes = expected[0] >= cutoffs.relevance and expected[1] >= cutoffs.novelty
        if passes == (decision.outcome is Outcome.BELOW_CUTOFF):
            yield f"{where}: {id} is {decision.outcome} with {expected}"
    if len(digest.picked) > digest.profile.maximum:
        yield f"{where}: {len(digest.picked)} picked, the limit is {digest.profile.maximum}"


def _posted(
    world: World, where: str, address: Address, delivery: Delivery, digest: Digest
) -> Iterator[str]:
    chat = world.chats[address.platform]
    messages = chat.channels[address]
    head = next((m for m in messages if m.id == delivery.message), None)
    if head is None:
        if not delivery.ended and delivery.message:
            yield f"{where}: its message {delivery.message} is not there"
        elif not delivery.ended:
            yield f"{where}: it has no message and no reason"
        return
    cards = {m.post.title for m in messages if isinstance(m.post, Card) and m.removed != "by us"}
    is_damaged = head.id in world.troubles.damaged_threads or delivery.ended is not None
    for decision in digest.picked:
        title = decision.paper.title
        if title not in cards and not is_damaged and title not in chat.refused_titles:
            yield f"{where}: {decision.paper.id} is picked and not posted"
    if delivery.ended not in (None, ChannelReason.MESSAGE_GONE, ChannelReason.THREAD_LOCKED):
        yield f"{where}: ended by {delivery.ended}"
