"""Gathering what became of a paper, for every profile that a question is about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.commands.context import Context, Invocation
from bot.domain.digest import Digest, Outcome, Source
from bot.domain.paper_status import (
    PaperStatus,
    Posted,
    Stage,
    judging_criteria,
    stage_by_categories,
)
from bot.domain.papers import Profile
from bot.domain.reasons import ChannelReason, ModelReason
from bot.domain.request import Address, Delivery
from bot.domain.subscription import Subscription
from bot.errors import Refused
from bot.planning.due_days import subscription_due_days
from bot.planning.plan import RETRY_AFTER
from bot.store.outbox import Outbox
from bot.views import refusals

# A channel's days that are looked through: a quarter of a year of two profiles.
_LOOK_BACK = 130


def paper_statuses(invocation: Invocation, context: Context, id: str) -> list[PaperStatus]:
    """What became of a paper for the profiles of the channel that asks, or, where a person asks
    alone, of the channels that this person subscribed; with what judges have said of it by now."""
    found = [
        s
        for address in _places(invocation, context)
        for s in _of_channel(invocation, context, address, id)
    ]
    known = next((status for status in found if status.listed), None)
    told = [_judged(_with_listing(status, known), context) for status in found]
    return sorted(told, key=lambda status: status.stage is not Stage.DECIDED)


def paper_status(
    invocation: Invocation, context: Context, profile: Profile, id: str
) -> PaperStatus:
    """What became of a paper for one profile, be it this channel's or not."""
    return _judged(
        _undelivered_status(invocation.at, context, invocation.address, profile, id), context
    )


def _places(invocation: Invocation, context: Context) -> list[Address]:
    """Alone with the bot, of the channels that a person subscribed those that he or she is in.

    Raises Refused when that could not be found out."""
    if not invocation.is_private or invocation.address.platform == "terminal":
        return [invocation.address]
    if invocation.person is None:
        raise Refused(refusals.identity_unknown())
    own = [
        s.address
        for s in context.subscriptions.all()
        if s.by == invocation.by and _same(s, invocation)
    ]
    inside = invocation.person.channels
    return [at for at in dict.fromkeys([invocation.address, *own]) if at.channel in inside]


def _same(found: Subscription, invocation: Invocation) -> bool:
    """In the same workspace; on Discord a person alone is in none, and is the same in all."""
    there, here = found.address, invocation.address
    anywhere = here.platform == "discord" and not here.workspace
    return there.platform == here.platform and (anywhere or there.workspace == here.workspace)


def _of_channel(
    invocation: Invocation, context: Context, address: Address, id: str
) -> Iterator[PaperStatus]:
    """By profile: those subscribed, and others that brought or left out the paper here; where
    nothing is subscribed, all that the channel ever had."""
    known = context.profiles(address)
    subscribed = {found.profile: found for found in context.subscriptions.of(address)}
    history = list(reversed(context.channels.history(address)))[:_LOOK_BACK]
    ledger = _ledger(context, address, history, id)
    names = [*dict.fromkeys([*subscribed, *ledger])]
    for name in names or dict.fromkeys(delivery.profile for delivery in history):
        if name in ledger:
            delivery, digest = ledger[name]
            found = _decided(context, address, known.get(name), delivery, digest, id)
            decision = found.decision
            missing = decision and decision.outcome is Outcome.UNSCORED and decision.trouble
            if missing and missing is not ModelReason.NO_BUDGET:
                again = _again(invocation.at, context, address, subscribed.get(name), digest)
                found = found.model_copy(update={"retry_at": again})
            yield found
        elif name in known:
            yield _undelivered_status(invocation.at, context, address, known[name], id)


def _ledger(
    context: Context, address: Address, history: list[Delivery], id: str
) -> dict[str, tuple[Delivery, Digest]]:
    """The newest day of each profile on which this channel's ledger names the paper."""
    days = {delivery.day: delivery.days or (delivery.day,) for delivery in history}
    named = set(
        context.lookups.days_mentioning([day for names in days.values() for day in names], id)
    )
    found = dict[str, tuple[Delivery, Digest]]()
    for delivery in history:
        if named.intersection(days[delivery.day]) and delivery.profile not in found:
            digest = context.channels.digest_given_to(address, delivery.day)
            if digest is not None and digest.decision_for(id):
                found[delivery.profile] = delivery, digest
    return found


def _decided(
    context: Context,
    address: Address,
    profile: Profile | None,
    delivery: Delivery,
    digest: Digest,
    id: str,
) -> PaperStatus:
    decision = digest.decision_for(id)
    assert decision is not None, "the ledger has it"
    # What people change with a profile; the limit is a channel's own, and of the sample all is
    # shown, whatever the profile's categories.
    own: dict[str, object] = {"maximum": digest.profile.maximum}
    if digest.listed.source is Source.SAMPLE:
        own |= {"categories": digest.profile.categories}
    now = profile and profile.model_copy(update=own)
    return PaperStatus(
        address=address,
        profile=digest.profile,
        stage=Stage.DECIDED,
        paper=decision.paper,
        date=digest.date,
        announce_type=decision.announced.announce_type,
        digest=digest,
        decision=decision,
        posted=_posted(context, address, delivery, decision.outcome, id),
        current_maximum=profile.maximum if profile else 0,
        changed=now is not None and now != digest.profile,
    )


def _posted(
    context: Context, address: Address, delivery: Delivery, outcome: Outcome, id: str
) -> Posted | None:
    """The reply that shows a picked paper, or a repeated one's earlier."""
    if outcome is Outcome.REPEAT:
        day = context.channels.day_that_brought(address, id)
        delivery = (day and context.channels.delivery(address, day)) or delivery
    elif outcome is not Outcome.PICKED:
        return None
    entry = Outbox(context.channels.store.redis, f"{address}:{delivery.day}").entry(id)
    missing = delivery.ended or (entry.refused if entry else None)
    gone = delivery.ended is ChannelReason.MESSAGE_GONE
    if entry is None or not entry.message or gone:
        return Posted(message="", thread_id="", date=delivery.date, missing_reason=missing)
    return Posted(message=entry.message, thread_id=delivery.message, date=delivery.date)


def _again(
    now: datetime, context: Context, address: Address, found: Subscription | None, digest: Digest
) -> datetime | None:
    """When the clock asks for a missing score the next time; None when it does not any more."""
    soon = max(now, digest.judged_at + RETRY_AFTER)
    if found and not found.paused:
        served = context.subscriptions.last_served_days().get(found.key)
        owed = subscription_due_days(found, served, set(), now, context.catch_up_days)
        until = owed and owed.at + timedelta(hours=context.window_hours)
        if owed and until and digest.date in owed.days and now < until:
            return soon
    for request in context.channels.requests():
        profile = context.channels.store.find_profile(request.profile)
        if request.address == address and profile and profile.name == digest.profile.name:
            return soon
    return None


def _undelivered_status(
    now: datetime, context: Context, address: Address, profile: Profile, id: str
) -> PaperStatus:
    """How far a paper came that this channel's ledger does not name."""
    lookups, store = context.lookups, context.channels.store
    for name in lookups.days_mentioning(
        context.channels.decided_day_names(profile.fingerprint), id
    ):
        digest = store.digest(name)
        if digest and (decision := digest.decision_for(id)):
            return PaperStatus(
                address=address,
                profile=profile,
                stage=Stage.UNPOSTED,
                paper=decision.paper,
                date=digest.date,
                announce_type=decision.announced.announce_type,
                digest=digest,
                decision=decision,
            )
    if seen := lookups.latest_announcement(id, now):
        day, announced = seen
        return PaperStatus(
            address=address,
            profile=profile,
            stage=stage_by_categories(profile, announced),
            paper=announced.paper,
            date=day,
            announce_type=announced.announce_type,
        )
    found, date = lookups.arxiv_answer(id), lookups.latest_replacement(id, now)
    return PaperStatus(
        address=address,
        profile=profile,
        stage=Stage.REPLACED if date else Stage.UNSEEN,
        paper=found.paper if found else None,
        date=date,
    )


def _with_listing(status: PaperStatus, known: PaperStatus | None) -> PaperStatus:
    """What another profile's list says of a paper: saved files and the sample are looked through
    for their own profile only."""
    listed = known.listed if known else None
    if status.stage is not Stage.UNSEEN or known is None or listed is None:
        return status
    stage = stage_by_categories(status.profile, listed)
    seen = {"paper": known.paper, "date": known.date, "announce_type": known.announce_type}
    return status.model_copy(update={"stage": stage, **seen})


def _judged(status: PaperStatus, context: Context) -> PaperStatus:
    """With the judge's word on it."""
    if status.paper is None:
        return status
    asked = judging_criteria(status.profile).fingerprint
    assessment = context.lookups.assessments([asked], context.judge, status.paper).get(asked)
    return status.model_copy(update={"assessment": assessment})
