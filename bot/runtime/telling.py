"""What people are to be told of by what they follow: found, and ready to be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from bot.commands.context import Context
from bot.commands.due import take_snapshot
from bot.domain.digest import Decision, Digest, Outcome
from bot.domain.papers import Change
from bot.domain.readers.following import Follow, FollowKind, Telling
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address, Delivery
from bot.domain.subscription import Subscription
from bot.planning.due_days import due_days
from bot.planning.following import matching, merged
from bot.store.papers import paper_ref

# A digest of an older day brings nothing that anybody still waits for.
_NEWS: Final = timedelta(days=10)
_DAY: Final = timedelta(days=1)
# A direct message waits this long for the other digests of its day.
_WAITS: Final = timedelta(hours=12)


def find(context: Context, platform: str, now: datetime) -> None:
    """Owe people what a platform's deliveries since the last time have for them, also what they
    were told before. Each delivery is looked through once; whoever dies in between looks through it
    again, to the same end."""
    tellings = context.store.tellings
    deliveries = tellings.untold(platform)
    everything = context.store.follows.all() if deliveries else []
    for (address, day), at in deliveries.items():
        mine = [each for each in everything if each.workspace == address.workspace_key]
        for telling in _found(context, address, day, mine, now) if mine else ():
            tellings.owe(telling, merged)
        tellings.drop_untold(address, day, at)


def settled(context: Context, tellings: Sequence[Telling], now: datetime) -> set[str]:
    """The tellings (keys) whose papers no digest may still show: none of that day is to come in
    their workspace, or they have waited long enough."""
    young = [each for each in tellings if now < each.at + _WAITS]
    coming = _coming(context, young, now) if young else {}
    pairs = dict.fromkeys(pair for theirs in coming.values() for pair in theirs)
    delivered = context.store.history.delivered_dates(pairs) if pairs else {}
    return {
        each.key
        for each in tellings
        if all(each.date in delivered[pair] for pair in coming.get(each.key, ()))
    }


def _coming(
    context: Context, tellings: Sequence[Telling], now: datetime
) -> dict[str, list[tuple[Address, str]]]:
    """By telling (its key), the channels and profiles that are due a digest of its day while it
    waits."""
    snapshot = take_snapshot(context)
    theirs: dict[str, list[Subscription]] = {each.workspace: [] for each in tellings}
    for each in snapshot.subscriptions:
        place = each.address.workspace_key
        if place in theirs and not each.paused and snapshot.profile(each):
            theirs[place].append(each)
    due = {
        (each.key, day): due_days(each.schedule, day - _DAY, (), now, context.catch_up_days)
        for day in {telling.date for telling in tellings}
        for each in chain.from_iterable(theirs.values())
    }
    return {
        telling.key: [
            (each.address, each.profile)
            for each in theirs[telling.workspace]
            if (days := due[each.key, telling.date])
            and telling.date in days.days
            and each.since <= days.at <= telling.at + _WAITS
        ]
        for telling in tellings
    }


def _found(
    context: Context, address: Address, day: str, follows: Sequence[Follow], now: datetime
) -> Iterator[Telling]:
    """What one delivery has for the people of its workspace."""
    digest = context.store.history.digest_given_to(address, day)
    delivery = context.store.history.delivery(address, day)
    if digest is None or delivery is None or now.date() - digest.date > _NEWS:
        return
    papers = {decision.paper.id: decision for decision in digest.decisions}
    for paper, met in matching(follows, (d.paper for d in digest.decisions)):
        place = _shown(context, address, delivery, digest, papers[paper.id])
        for by in dict.fromkeys(each.by for each in met):
            yield Telling(
                workspace=address.workspace_key,
                by=by,
                paper=paper.id,
                ref=paper_ref(paper),
                follows=tuple(each.token for each in met if each.by == by),
                date=digest.date,
                at=now,
                posted=(place,) if place else (),
            )
    for change, followers in _changes(context, digest, follows):
        for each in followers:
            yield Telling(
                workspace=each.workspace,
                by=each.by,
                paper=change.paper,
                change=change,
                follows=(each.token,),
                date=digest.date,
                at=now,
            )


def _shown(
    context: Context, address: Address, delivery: Delivery, digest: Digest, decision: Decision
) -> str:
    """The digest that shows a paper in this channel, as Telling.posted has it; empty where none
    does. A repeat is shown by an earlier one."""
    if decision.outcome is Outcome.REPEAT:
        day = context.store.shown_papers.day_that_brought(address, decision.paper.id)
        earlier = context.store.history.delivery(address, day) if day else None
        if earlier is None:
            return ""
        delivery = earlier
    elif decision not in digest.posted:
        return ""
    is_there = delivery.message and delivery.ended is not ChannelReason.MESSAGE_GONE
    return f"{address.channel} {delivery.day}" if is_there else ""


def _changes(
    context: Context, digest: Digest, follows: Sequence[Follow]
) -> Iterator[tuple[Change, list[Follow]]]:
    """What a digest's lists say of followed papers, and who follows them."""
    followed = [each for each in follows if each.kind is FollowKind.PAPER]
    ids = list(dict.fromkeys(each.what for each in followed))
    batches = [*map(str, digest.earlier), digest.listed.batch]
    for batch in batches if ids else ():
        for change in context.store.lists.changes(batch, ids, digest.profile.categories):
            yield change, [each for each in followed if each.what == change.paper]
