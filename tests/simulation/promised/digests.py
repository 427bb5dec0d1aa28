"""What people were promised of each digest: every announced paper has one outcome, the right one,
and what is picked was posted, once, as what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from math import floor, inf
from statistics import fmean
from typing import TYPE_CHECKING

from bot.arxiv.calendar import is_weekend, weekday_before
from bot.domain.digest import Digest, Outcome, Score
from bot.domain.message import Card, Post
from bot.domain.papers import AnnounceType, Paper, Profile, fingerprint
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address, Delivery
from bot.store.values.stored_forms import LOOKING_BACK
from tests.simulation.promised.days import earlier

if TYPE_CHECKING:
    from tests.simulation.world import World

_LOCALLY = "ranked locally: "
_A_FEW_DAYS = timedelta(days=3)
# How often it is written down who is subscribed (audit.Audit).
_LOOKED = 7200.0


def broken(world: World) -> Iterator[str]:
    """What was not kept, a sentence each."""
    paused = {each.address for each in world.store().subscriptions.all() if each.paused}
    for address in world.plan.channels:
        for delivery in world.store().history.of(address):
            yield from _adds_up(world, address, delivery, is_paused=address in paused)


def _adds_up(world: World, address: Address, delivery: Delivery, is_paused: bool) -> Iterator[str]:
    """Every announced paper has one outcome, the right one, and what is picked was posted."""
    name = f"{address}:{delivery.day}"
    if {f"pb:digest:{day}" for day in (delivery.day, *delivery.days)} & world.troubles.garbled:
        return  # nobody knows any more what was in it
    digest = world.store().history.digest(name)
    where = f"{address}: {delivery.profile} of {delivery.date}"
    if digest is None and world.scheduler.datetime() - delivery.at > LOOKING_BACK - _A_FEW_DAYS:
        return  # it was judged before it was delivered, and is forgotten as much sooner
    if digest is None:
        yield f"{where}: nobody knows any more what was in it"
        return
    counted = Counter(d.paper.id for d in digest.decisions)
    yield from (f"{where}: {id} has {n} outcomes" for id, n in counted.items() if n > 1)
    days = [delivery.date, *earlier(world, address, delivery)]
    announced = papers_of(world, digest.profile, days)
    if digest.listed.problem is None and not _asked_for_early(world, address, delivery, digest):
        missing = announced.keys() - counted.keys()
        if digest.listed.archive:  # the feed here lists these in all their categories
            missing -= {id for day in days for id in _crossed_elsewhere(world, digest.profile, day)}
        yield from (f"{where}: {id} has no outcome" for id in sorted(missing))
    # What the feed still shows at a weekend, and was missing on Friday.
    before = [weekday_before(day) for day in days if is_weekend(day)]
    unknown = counted.keys() - announced.keys() - papers_of(world, digest.profile, before).keys()
    yield from (f"{where}: {id} was not announced" for id in sorted(unknown))
    yield from _judged_right(world, where, digest)
    yield from _dealt_right(world, where, name, digest)
    yield from _seen_before(world, where, address, digest)
    if not is_paused:  # nothing more comes before a person resumes it
        yield from _posted(world, where, address, delivery, digest)


def _asked_for_early(world: World, address: Address, delivery: Delivery, digest: Digest) -> bool:
    """Whether a list could still grow, and only a person had asked for its digest: nobody goes on
    with it there."""
    if digest.listed.settled:
        return False
    states = world.audit.seen.get(f"{address} {delivery.profile}") or [(-inf, None)]
    ends = [*(since for since, _ in states[1:]), inf]
    return not any(
        subscription
        and not subscription.paused
        and since <= delivery.at.timestamp() + _LOOKED <= end
        for (since, subscription), end in zip(states, ends, strict=True)
    )


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


def papers_of(world: World, profile: Profile, days: list[date]) -> dict[str, Paper]:
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
    titles = {decision.paper.title: decision.paper.id for decision in digest.posted}
    missing = [id for t, id in titles.items() if t not in cards and t not in chat.refused_titles]
    if (
        missing
        and not is_damaged
        and not _was_given_up(world, address, delivery, len(digest.posted))
    ):
        yield from (f"{where}: {id} is picked and not posted" for id in missing)
    own = [m.post for m in messages if m.under == head.id and not m.removed]
    if not world.troubles.forgotten:
        is_told = not is_damaged and _is_newest(world, f"{address}:{delivery.day}")
        yield from _shown_as(world, where, digest, own, is_told)
    if delivery.ended not in (None, ChannelReason.MESSAGE_GONE, ChannelReason.THREAD_LOCKED):
        yield f"{where}: ended by {delivery.ended}"
