"""When people were promised their digests: at its time, or with a word why it is late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.arxiv.calendar import NEW_YORK
from bot.domain.channel_view import ChannelView
from bot.domain.message import Message
from bot.domain.papers import Announced
from bot.domain.reasons import ModelReason
from bot.domain.request import Address, Delivery
from bot.domain.subscription import Subscription
from bot.views.reasons import REASON_TEXTS
from tests.simulation.arxiv_edge import Morning
from tests.simulation.chat_edge import Shown
from tests.simulation.promised.days import earlier
from tests.simulation.promised.digests import papers_of

if TYPE_CHECKING:
    from tests.simulation.world import World

# The clock looks every half hour, and a thread takes minutes.
_SOON = 75 * 60.0
_TWO_LOOKS = timedelta(seconds=_SOON)
# A list and scores are waited for and asked for again for so long after a digest's time.
_WINDOW = timedelta(hours=12)
_LATE = "The digest is late"
# Where all is well for so long, what is due has come.
_RECOVERY = timedelta(hours=3)
# What goes wrong so long before a digest's time may still delay it.
_BEFORE = timedelta(hours=15)


def broken(world: World) -> Iterator[str]:
    """What was not kept, a sentence each. After a restored backup nothing is certain."""
    for subscription in world.store().subscriptions.all():
        yield from _at_its_time(world, subscription)
    if world.troubles.forgotten:
        return
    for chat in world.chats.values():
        for address, messages in sorted(chat.channels.items(), key=str):
            yield from _late_once(world, address, messages)
    asked = defaultdict[Address, list[float]](list)
    for event in world.people.events:
        if event.text.startswith("now"):
            asked[event.address].append(event.at)
    for subscription in world.store().subscriptions.all():
        if len(world.audit.seen.get(subscription.key, [])) == 1 and not subscription.paused:
            yield from _in_time(world, subscription, asked[subscription.address])


def _at_its_time(world: World, subscription: Subscription) -> Iterator[str]:
    """Where nothing went wrong, a digest comes at its time: within two looks of the clock."""
    if world.troubles.spans or world.people.events:
        return
    store, address, zone = world.store(), subscription.address, ZoneInfo(subscription.schedule.tz)
    for delivery in store.history.of(address):
        day, kind = delivery.date, world.plan.mornings.get(delivery.date, Morning()).kind
        view = store.history.channel_view(f"{address}:{delivery.day}")
        days = [day, *earlier(world, address, delivery)]
        if delivery.profile != subscription.profile or view is None or kind != "normal":
            continue
        profile = world.profile(address, delivery.profile)
        if not all(papers_of(world, profile, [d]) for d in days):
            continue  # arXiv might still have announced something
        listed = datetime.combine(day, time(0, 10), NEW_YORK)
        moment = datetime.combine(day - timedelta(days=1), subscription.schedule.at, zone)
        while (
            moment.astimezone(NEW_YORK).date() < day
            or moment.weekday() not in subscription.schedule.days
        ):
            moment += timedelta(days=1)
        posted = world.posted_at(address, delivery.message)
        if posted and posted - max(moment, listed) > _TWO_LOOKS:
            yield f"{subscription.key}: {day} came at {posted}, its time was {moment}"


def moment_of(subscription: Subscription, day: date) -> datetime:
    """When the digest of a day (in New York) is due: the first scheduled moment from it on."""
    schedule = subscription.schedule
    moment = datetime.combine(day - timedelta(days=1), schedule.at, ZoneInfo(schedule.tz))
    while moment.astimezone(NEW_YORK).date() < day or moment.weekday() not in schedule.days:
        moment += timedelta(days=1)
    return moment


def is_judged_later(world: World, subscription: Subscription, delivery: Delivery) -> bool:
    """Whether a day was judged again, for somebody else, after its digest's window, or after it
    ended for want of money: what is stored of it is not what this channel was told."""
    address, store = subscription.address, world.store()
    end = moment_of(subscription, delivery.date) + _WINDOW
    days = [day for day in map(store.days.get, delivery.days) if day]
    if any(day.judged_at > end for day in days):
        return True
    head = world.message(address, delivery.message)
    view = store.history.channel_view(f"{address}:{delivery.day}")
    notices = head.post.notices if head and isinstance(head.post, Message) else ()
    is_bare = any(REASON_TEXTS[ModelReason.NO_BUDGET] in notice for notice in notices)
    return is_bare and view is not None and {day.version for day in days} != {view.version}


def _late_once(world: World, address: Address, messages: list[Shown]) -> Iterator[str]:
    """That a digest is late is said once for each digest."""
    late = [m for m in messages if m.post.title.startswith(_LATE) and m.removed != "by us"]
    most = len(world.plan.profiles.get(address.workspace_key, ()))
    for first in late:
        same = [m for m in late if 0 <= m.at - first.at < 10 * 3600.0]
        if len([m for m in same if m.post.title == first.post.title]) > most:
            yield f"{address}: said {len(same)} times: {first.post.title}"


def _in_time(world: World, subscription: Subscription, asked: list[float]) -> Iterator[str]:
    """A digest comes at its time; without troubles soon after it, or it is said that it is late;
    and what was missing at first is there at the end of its window. It was `asked` for then."""
    plan, address = world.plan, subscription.address
    messages = world.chats[address.platform].channels[address]
    # The wall clock may have been set by an hour.
    early = 3700.0 if any(t.kind == "clock" for t in plan.troubles) else 1.0
    for delivery in world.store().history.of(address):
        head = next((m for m in messages if m.id == delivery.message), None)
        if delivery.profile != subscription.profile or head is None:
            continue
        moment = moment_of(subscription, delivery.date)
        is_asked = any(at <= head.at for at in asked)
        if head.at < moment.timestamp() - early and not is_asked:
            yield f"{subscription.key}: {delivery.date} came before its time ({moment})"
        if moment < plan.begin + timedelta(hours=2) or _is_asked(moment, head, asked):
            continue
        is_calm = calm(world, moment - _BEFORE, moment + timedelta(hours=2))
        if is_calm and head.at > moment.timestamp() + _SOON:
            yield from _told_late(subscription, delivery, moment, head, messages)
        yield from _soon_after(world, subscription, delivery, moment, head)
        yield from _completed(world, subscription, delivery, moment)


def _is_asked(moment: datetime, head: Shown, asked: list[float]) -> bool:
    """Whether somebody asked for a digest from the day before one was due, or came, until its
    window was over, and it had come."""
    due, end = moment.timestamp(), (moment + _WINDOW).timestamp()
    begin = min(due, head.at) - timedelta(days=1).total_seconds()
    return any(begin < at < max(end, head.at) for at in asked)


def _soon_after(
    world: World, subscription: Subscription, delivery: Delivery, moment: datetime, head: Shown
) -> Iterator[str]:
    """What was late, because something went wrong, comes soon after all is well again."""
    view = world.store().history.channel_view(f"{subscription.address}:{delivery.day}")
    came = datetime.fromtimestamp(head.at, UTC)
    if view is None or view.listed.problem or delivery.earlier or view.earlier:
        return
    begin = max(moment, _whole_at(world, view))
    if not _own_papers(world, subscription, delivery):
        return  # a list that stays empty is waited for
    if came - begin > _RECOVERY and calm(world, came - _RECOVERY, came):
        yield f"{subscription.key}: {delivery.date} came at {came}, all was well long before"


def _told_late(
    subscription: Subscription,
    delivery: Delivery,
    moment: datetime,
    head: Shown,
    messages: list[Shown],
) -> Iterator[str]:
    notes = [m for m in messages if isinstance(m.post, Message) and m.post.title.startswith(_LATE)]
    if not any(0 <= note.at - moment.timestamp() < _SOON for note in notes):
        late = timedelta(seconds=round(head.at - moment.timestamp()))
        yield f"{subscription.key}: {delivery.date} came {late} late, and nobody said so"


def _completed(
    world: World, subscription: Subscription, delivery: Delivery, moment: datetime
) -> Iterator[str]:
    """The state of a single day's digest when its window ended, if all was well by then."""
    view = world.store().history.channel_view(f"{subscription.address}:{delivery.day}")
    digest = world.store().history.digest(f"{subscription.address}:{delivery.day}")
    if view is None or digest is None or delivery.earlier or view.earlier:
        return
    if is_judged_later(world, subscription, delivery):
        return
    where = f"{subscription.key}: {delivery.date}"
    is_calm = calm(world, moment + _WINDOW - timedelta(hours=3), moment + _WINDOW)
    missing = [d for d in digest.decisions if d.trouble not in (None, ModelReason.NO_BUDGET)]
    if missing and is_calm:
        yield f"{where} ended without a score for {missing[0].paper.id}: {missing[0].trouble}"
    papers = _own_papers(world, subscription, delivery)
    is_short = papers and view.listed.problem and calm(world, moment - _BEFORE, moment + _WINDOW)
    if is_short and view.listed.problem and _whole(world, view, moment):
        yield f"{where} goes on saying that papers are missing: {view.listed.problem.trouble}"


def _own_papers(world: World, subscription: Subscription, delivery: Delivery) -> list[Announced]:
    """The papers of a delivery's day in its profile's categories."""
    own = set(world.profile(subscription.address, delivery.profile).categories)
    return [a for a in world.arxiv.papers(delivery.date) if own & set(a.paper.categories)]


def _whole(world: World, view: ChannelView, moment: datetime) -> bool:
    """Whether arXiv's list was whole well before the window's end."""
    return _whole_at(world, view) + timedelta(hours=2) < moment + _WINDOW


def _whole_at(world: World, view: ChannelView) -> datetime:
    morning = world.arxiv.mornings.get(view.listed.date)
    hours = timedelta(hours=morning.hours if morning else 0)
    return datetime.combine(view.listed.date, time(0), NEW_YORK) + hours


def calm(world: World, begin: datetime, end: datetime) -> bool:
    """Whether nothing went wrong between two moments."""
    first, last = ((at - world.plan.begin).total_seconds() for at in (begin, end))
    return not any(t.at < last and t.end + 900 > first for t in world.troubles.spans)
