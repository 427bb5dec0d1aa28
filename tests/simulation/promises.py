"""What people were promised, checked against what they were shown; told apart from the code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from math import floor
from statistics import fmean
from zoneinfo import ZoneInfo

import structlog
import time_machine

from bot.arxiv.calendar import NEW_YORK, is_weekend
from bot.domain.digest import Decision, Digest, Outcome, Score
from bot.domain.message import Card, Message, Post
from bot.domain.papers import AnnounceType, Paper, Profile, fingerprint
from bot.domain.reasons import AWAY, ChannelReason, ModelReason
from bot.domain.request import Address, Delivery
from bot.domain.subscription import Subscription
from bot.store.values.quarantine import QUARANTINE_KEY
from bot.views.digest import count
from bot.views.reasons import REASON_TEXTS
from tests.simulation.arxiv_edge import Morning
from tests.simulation.chat_edge import Event, Shown
from tests.simulation.plan import UNHEARD
from tests.simulation.promised import answers, keeping, tellings
from tests.simulation.promised import times as promised_times
from tests.simulation.world import CALM, World
from workers.gate import local_ranking

# The clock looks every half an hour; then a thread takes some minutes.
_LATE = timedelta(minutes=75)
# Its deliveries under way may each find out that a channel is closed, for each of its profiles.
_TRIED = 4
_LOCALLY = "ranked locally: "


def broken(world: World) -> list[str]:
    """What was not kept, a sentence each."""
    at = world.scheduler.datetime()  # or what is stored would have expired by today
    silent = structlog.testing.capture_logs()  # what cannot be read is told here
    with world.redis.unobserved(), time_machine.travel(at, tick=False), silent:
        return list(dict.fromkeys(_broken(world)))


def _broken(world: World) -> Iterator[str]:
    yield from (f"a job failed through our fault: {fault}" for fault in world.lanes.faults)
    yield from (f"a fault of ours was logged: {fault}" for fault in world.faults)
    for address, messages in _channels(world):
        yield from _said_once(world, address, messages)
        yield from _kept_apart(world, address, messages)
    yield from _bought_once(world)
    yield from _within_limits(world)
    yield from _answered(world)
    yield from _outages_told(world)
    for subscription in world.store().subscriptions.all():
        yield from _every_day(world, subscription)
        yield from _in_time(world, subscription)
        yield from _still_a_morning(world, subscription)
    paused = {each.address for each in world.store().subscriptions.all() if each.paused}
    asked = {e.address for e in world.people.events if e.text.startswith("now")}
    for address in world.plan.channels:
        if address not in asked and not world.troubles.forgotten:
            yield from _one_a_day(world, address)
        yield from _nothing_again(world, address)
        for delivery in world.store().history.of(address):
            yield from _adds_up(world, address, delivery, is_paused=address in paused)
    for outage in world.store().outages.all():
        yield f"an outage did not end: {outage}"
    for request in world.store().requests.all():
        yield f"{request.address}: {request.by}'s request of {request.since} is still waiting"
    for key, row in world.store().redis.hgetall(QUARANTINE_KEY).items():  # type: ignore[union-attr]
        if key not in world.troubles.garbled:
            yield f"set aside as unreadable: {key}: {row}"
    yield from _ledger_explains(world)
    yield from promised_times.broken(world)
    yield from answers.broken(world)
    yield from tellings.broken(world)
    yield from keeping.broken(world)
    yield from _left_alone(world)


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


def _left_alone(world: World) -> Iterator[str]:
    """A channel that cannot be posted to is not tried again and again."""
    if world.lanes.disturbed or world.redis.ever_lost or world.troubles.forgotten:
        return
    asked = Counter(event.address for event in world.people.events)
    for chat in world.chats.values():
        for address, times in chat.turned_away.items():
            if times > _TRIED * (world.troubles.closings[address] + asked[address]):
                yield f"{address} was tried {times} times while it was closed"


def _channels(world: World) -> Iterator[tuple[Address, list[Shown]]]:
    for chat in world.chats.values():
        yield from sorted(chat.channels.items(), key=str)


def _said_once(world: World, address: Address, messages: list[Shown]) -> Iterator[str]:
    """No paper twice, no message twice; but for what a restored backup did not know."""
    remembered = [m for m in messages if m.removed != "by us" and not _forgotten(world, m.at)]
    cards = Counter(m.post.url for m in remembered if isinstance(m.post, Card))
    yield from (f"{address}: {url} shown {n} times" for url, n in cards.items() if n > 1)
    keys = Counter(m.key for m in remembered if m.key and not _never_known(world, m))
    yield from (f"{address}: said {n} times: {key}" for key, n in keys.items() if n > 1)


def _never_known(world: World, shown: Shown) -> bool:
    """Whether somebody deleted a message while its sender may not have known that it was there: it
    was cut short a moment later, or stood still while it was on its way; or the answer was lost."""
    if shown.removed != "by hand":
        return False
    was_cut_short = any(-10.0 < at - shown.at < 60.0 for at in world.lanes.disturbed.values())
    return was_cut_short or any(t.kind in UNHEARD for t in world.plan.troubles)


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
            cut_short = {before.by, after.by} & world.lanes.disturbed.keys()
            if not cut_short and not _forgotten(world, before.at):
                yield f"{paper} was paid for twice for {after.profile!r}"


def _within_limits(world: World) -> Iterator[str]:
    limit = world.plan.day_tokens
    for (workspace, day), tokens in world.model.tokens.items():
        if limit is not None and tokens > limit and not world.troubles.forgotten:
            yield f"{workspace} spent {tokens} tokens on {day}, the limit is {limit}"


def _answered(world: World) -> Iterator[str]:
    """Everybody who did something was answered, once for all its deliveries."""
    for event in world.people.events:
        is_person = event.button != "reactivate"
        if is_person and not event.heard and event.deliveries and not event.interrupted:
            yield f"{event.address}: {event.person} was not answered: {event.text}"
        # On Slack a slow look-up answers twice; a message that can't be updated is told of.
        slow = event.address.platform == "slack" and event.text.startswith("why")
        most = 2 if event.button or slow or event.text.startswith("search") else 1
        is_known = not world.redis.ever_lost and not _forgotten(world, event.at)
        if len(event.heard) > most and is_known:
            yield f"{event.address}: {event.person} was answered {len(event.heard)} times"
        if event.requested and not _fulfilled(world, event):
            yield f"{event.address}: {event.person} waits in vain: {event.text}"


def _fulfilled(world: World, event: Event) -> bool:
    """Whether the digest somebody asked for came, or the person was told why not."""
    if world.troubles.forgotten or event.address in world.troubles.closed_until:
        return True  # the request was forgotten, or given up with the channel
    words, begun = event.text.split(), datetime.fromtimestamp(event.at - 3700, UTC)
    came = any(
        delivery.at >= begun and (len(words) < 2 or delivery.profile == words[1])
        for delivery in world.store().history.of(event.address)
    )
    direct = event.address.model_copy(update={"channel": f"D{event.person}"})
    messages = world.chats[event.address.platform].channels.get(direct, [])
    return came or any(message.at >= event.at for message in messages)


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
        days = {delivery.date, *_earlier(world, address, delivery)}
        before = had.setdefault(delivery.profile, set())
        view = world.store().history.channel_view(f"{address}:{delivery.day}")
        is_empty = not any(m.under == delivery.message for m in messages)
        tells_nothing = is_empty and not (view and view.left_out)
        if delivery.message and tells_nothing and days <= before:
            yield f"{address}: {delivery.profile} of {delivery.date} came again, without a paper"
        before |= days if delivery.complete else set()


def _in_time(world: World, subscription: Subscription) -> Iterator[str]:
    """Where nothing went wrong, a digest comes at its time: within two looks of the clock."""
    if world.troubles.spans or world.people.events:
        return
    store, address, zone = world.store(), subscription.address, ZoneInfo(subscription.schedule.tz)
    for delivery in store.history.of(address):
        day, kind = delivery.date, world.plan.mornings.get(delivery.date, Morning()).kind
        view = store.history.channel_view(f"{address}:{delivery.day}")
        days = [day, *_earlier(world, address, delivery)]
        if delivery.profile != subscription.profile or view is None or kind != "normal":
            continue
        profile = world.profile(address, delivery.profile)
        if not all(_announced(world, profile, [d]) for d in days):
            continue  # arXiv might still have announced something
        listed = datetime.combine(day, time(0, 10), NEW_YORK)
        moment = datetime.combine(day - timedelta(days=1), subscription.schedule.at, zone)
        while (
            moment.astimezone(NEW_YORK).date() < day
            or moment.weekday() not in subscription.schedule.days
        ):
            moment += timedelta(days=1)
        posted = world.posted_at(address, delivery.message)
        if posted and posted - max(moment, listed) > _LATE:
            yield f"{subscription.key}: {day} came at {posted}, its time was {moment}"


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


def _adds_up(world: World, address: Address, delivery: Delivery, is_paused: bool) -> Iterator[str]:
    """Every announced paper has one outcome, the right one, and what is picked was posted."""
    name = f"{address}:{delivery.day}"
    if {f"pb:digest:{day}" for day in (delivery.day, *delivery.days)} & world.troubles.garbled:
        return  # nobody knows any more what was in it
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
        if digest.listed.archive:  # the feed here lists these in all their categories
            missing -= {id for day in days for id in _crossed_elsewhere(world, digest.profile, day)}
        yield from (f"{where}: {id} has no outcome" for id in sorted(missing))
    yield from (
        f"{where}: {id} was not announced" for id in sorted(counted.keys() - announced.keys())
    )
    yield from _judged_right(world, where, digest)
    yield from _dealt_right(world, where, name, digest)
    yield from _seen_before(world, where, address, digest)
    if not is_paused:  # nothing more comes before a person resumes it
        yield from _posted(world, where, address, delivery, digest)


def _shown_as(
    world: World, where: str, digest: Digest, posts: list[Post], is_told: bool
) -> Iterator[str]:
    """Nothing is posted but what was picked or ranked locally; a paper that no model judged says
    so, and shows no score; once it was judged and the channel `is_told`, its card says that."""
    posted = {decision.paper.title: decision for decision in digest.posted}
    is_told = is_told and not any(t.kind == "edits refused" for t in world.plan.troubles)
    for post in posts:
        if not isinstance(post, Card):
            continue
        decision, is_marked = posted.get(post.title), post.mark.startswith(_LOCALLY)
        if decision is None:
            yield f"{where}: {post.title!r} is posted and not picked"
            continue
        if (decision.score is None and not is_marked) or (decision.score and is_marked and is_told):
            yield f"{where}: {decision.paper.id} is {decision.outcome}; its card says {post.mark!r}"
        if is_marked and (post.relevance, post.rank) != (None, None):
            yield f"{where}: {decision.paper.id} was not judged; its card has a score or a number"


def _still_a_morning(world: World, subscription: Subscription) -> Iterator[str]:
    """Where the model was away until a day's window ended, or the money was gone before a paper of
    it was judged, the channel was shown what the local ranking picks, as far as there was room."""
    store, address = world.store(), subscription.address
    states = world.audit.seen.get(subscription.key, [])
    # A day that only a person asked for is given up as it is.
    asked = any(e.address == address and e.text.startswith("now") for e in world.people.events)
    # What was judged with criteria that somebody has changed since is left as it is.
    edited = any(
        event.address.workspace_key == address.workspace_key
        and event.text.startswith(f"edit {subscription.profile} ")
        for event in world.people.events
    )
    if len(states) != 1 or subscription.paused or world.troubles.forgotten or asked or edited:
        return
    for delivery in store.history.of(address):
        digest = store.history.digest(f"{address}:{delivery.day}")
        is_own = delivery.profile == subscription.profile and not delivery.ended
        if digest is None or not is_own or digest.earlier or digest.left_out:
            continue
        if promised_times.is_judged_later(world, subscription, delivery):
            continue
        if len(digest.picked) + len(digest.stand_ins) >= digest.profile.maximum:
            continue
        is_bare = _says_that_none_was_scored(world, address, delivery, len(digest.decisions))
        left = {d.paper.id for d in digest.decisions if is_bare or _is_left(digest, d)}
        left -= {decision.paper.id for decision in digest.posted}
        left -= store.shown_papers.ids_from_other_deliveries(address, delivery.day)
        for row in local_ranking.rank(digest.profile, [d.paper for d in digest.decisions], None):
            if row.id in left and row.relevance >= digest.profile.cutoffs.relevance:
                yield f"{subscription.key}: {delivery.date} was not judged, and {row.id} not shown"


def _says_that_none_was_scored(
    world: World, address: Address, delivery: Delivery, papers: int
) -> bool:
    """Whether a digest's head says so to this day, whatever was judged since for other channels."""
    messages = world.chats[address.platform].channels.get(address, [])
    head = next((m.post for m in messages if m.id == delivery.message), None)
    if not isinstance(head, Message) or head.others:
        return False
    reasons = (REASON_TEXTS[reason] for reason in (*AWAY, ModelReason.NO_BUDGET))
    return any(f"{count(papers, 'paper')} not scored: {why}." in head.notices for why in reasons)


def _is_left(digest: Digest, decision: Decision) -> bool:
    """Whether no model judged a paper, and not because of what it said."""
    reasons = {each.trouble for each in digest.decisions}
    if decision.trouble is ModelReason.NO_BUDGET:
        return reasons == {ModelReason.NO_BUDGET}
    return decision.trouble is not None and (decision.trouble in AWAY or None not in reasons)


def _announced(world: World, profile: Profile, days: list[date]) -> dict[str, Paper]:
    return {
        a.paper.id: a.paper
        for day in days
        for a in world.arxiv.papers(day)
        if set(a.paper.categories) & set(profile.categories)
        and (profile.cross_lists or a.announce_type is AnnounceType.NEW)
    }


def _crossed_elsewhere(world: World, profile: Profile, day: date) -> Iterator[str]:
    """Papers of a profile that were cross-listed on a day in a category that it does not have."""
    for each in world.arxiv.papers(day):
        is_cross = each.announce_type is AnnounceType.CROSS
        if is_cross and each.paper.categories[-1] not in profile.categories:
            yield each.paper.id


def _judged_right(world: World, where: str, digest: Digest) -> Iterator[str]:
    cutoffs = digest.profile.cutoffs
    for decision in digest.decisions:
        score, id = decision.score, decision.paper.id
        if score is None:
            if not (decision.outcome is Outcome.UNSCORED and decision.trouble):
                yield f"{where}: {id} has no score and no reason"
            continue
        looks = _looks(world, digest.profile, score, id)
        if score.close_call and list(score.close_call.looks) != looks:
            yield f"{where}: {id} was looked at as {score.close_call}; the model said {looks}"
        above = min(looks[0][0] - cutoffs.relevance, looks[0][1] - cutoffs.novelty)
        if (abs(above) <= 1) != (score.close_call is not None):
            yield f"{where}: {id} has {looks[0]} at first, and its close call is {score.close_call}"
        relevance, novelty = (floor(fmean(axis) + 0.5) for axis in zip(*looks, strict=True))
        expected = relevance, novelty
        # Scores that the judge bunched are spread; its own are kept beside them.
        given = score.given or (score.relevance, score.novelty)
        if given != expected:
            yield f"{where}: {id} has {given}; the model said {expected}"
        passes = expected[0] >= cutoffs.relevance and expected[1] >= cutoffs.novelty
        if passes == (decision.outcome is Outcome.BELOW_CUTOFF):
            yield f"{where}: {id} is {decision.outcome} with {expected}"
    if len(digest.picked) > digest.profile.maximum:
        yield f"{where}: {len(digest.picked)} picked, the limit is {digest.profile.maximum}"


def _looks(world: World, profile: Profile, score: Score, id: str) -> list[tuple[int, int]]:
    """What the model said of a paper: once, or again where that was near the line."""
    first = world.model.score(profile.title, id)
    if score.close_call is None:
        return [first]
    second = world.model.second_score(profile.title, id)
    return [first, *[second] * (len(score.close_call.looks) - 1)]


def _dealt_right(world: World, where: str, name: str, digest: Digest) -> Iterator[str]:
    """No paper is over a limit that is not reached, as far as the delivery is of the latest
    decisions."""
    over = [d for d in digest.decisions if d.outcome is Outcome.OVER_LIMIT]
    if over and _is_newest(world, name) and len(digest.picked) < digest.profile.maximum:
        yield f"{where}: {over[0].paper.id} is over the limit, {len(digest.picked)} are picked"


def _seen_before(world: World, where: str, address: Address, digest: Digest) -> Iterator[str]:
    """What a digest leaves out because the channel had it already, it had."""
    chat, store = world.chats[address.platform], world.store()
    shown = {m.post.title for m in chat.channels[address] if isinstance(m.post, Card)}
    for decision in digest.decisions:
        title, id = decision.paper.title, decision.paper.id
        if decision.outcome is Outcome.REPEAT and title not in shown | chat.refused_titles:
            day = store.shown_papers.day_that_brought(address, id)
            brought = day and store.history.delivery(address, day)
            if not brought or brought.ended is None:
                yield f"{where}: {id} is left out as shown before, and was not"


def _is_newest(world: World, name: str) -> bool:
    """Whether a delivery is of the latest decisions."""
    store, view = world.store(), world.store().history.channel_view(name)
    assert view is not None, "the digest was made of it"
    versions = [day.version if (day := store.days.get(each)) else "" for each in view.days]
    return view.version == (versions[0] if len(versions) == 1 else fingerprint(*versions))


def _was_given_up(world: World, address: Address, delivery: Delivery, posted: int) -> bool:
    """Whether there was more to post, too late for the channel, which was told that the day was
    skipped: its chat was away until the next one was due, say."""
    later = [
        world.store().history.channel_view(f"{address}:{each.day}")
        for each in world.store().history.of(address)
        if each.profile == delivery.profile and each.date > delivery.date
    ]
    was = delivery.picked + delivery.ranked_locally
    return was < posted and any(view and view.left_out for view in later[:1])


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
    is_excused = is_damaged or _was_given_up(world, address, delivery, len(digest.posted))
    for decision in digest.posted:
        title = decision.paper.title
        if title not in cards and not is_excused and title not in chat.refused_titles:
            yield f"{where}: {decision.paper.id} is picked and not posted"
    own = [m.post for m in messages if m.under == head.id and not m.removed]
    if not world.troubles.forgotten:
        is_told = not is_damaged and _is_newest(world, f"{address}:{delivery.day}")
        yield from _shown_as(world, where, digest, own, is_told)
    if delivery.ended not in (None, ChannelReason.MESSAGE_GONE, ChannelReason.THREAD_LOCKED):
        yield f"{where}: ended by {delivery.ended}"
