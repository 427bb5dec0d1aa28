"""What became of one paper, gathered from the store into one value for `/why`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bot.arxiv.calendar import new_york_date
from bot.commands.context import SHOWN_ONCE, Context, Invocation
from bot.domain.digest import Decision, Digest, Outcome, Source
from bot.domain.judge import Judge
from bot.domain.lookup import ArxivAnswer
from bot.domain.paper_status import (
    CloserLook,
    PaperReport,
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

# How many of a channel's digests are searched: a quarter of a year of two profiles.
_LOOK_BACK = 130
# How many of them may have the id that a mistyped one was meant to be.
_LOOK_BACK_FOR_SIMILAR = 5


def paper_report(
    invocation: Invocation,
    context: Context,
    id: str,
    version: int | None = None,
    closer_look: CloserLook = CloserLook.WANTED,
    profile: Profile | None = None,
    fallback: Profile | None = None,
    channels: Sequence[Address] | None = None,
) -> PaperReport:
    """All that is known of a paper by now; nothing is changed.

    It is about the profiles of the channel that asks or, in a private conversation, of the
    channels that this person subscribed; or about `profile` alone, subscribed or not; where there
    is none, about `fallback`; or about the profiles of these `channels`, all of which the person
    may read. `version` is the one that was named.

    Raises Refused where it cannot be found out whose channels the question is about.
    """
    place = invocation.address
    places = _places(invocation, context) if channels is None else list(channels)
    profiles = context.profiles_at(places)
    arxiv = context.lookups.arxiv_answer(id)
    statuses = [
        status
        for at in places
        for status in _statuses_at(
            invocation.at, context, at, profiles[at.workspace_key], id, arxiv
        )
    ]
    statuses = _completed(statuses, context)
    if place.platform == "terminal":
        statuses = _of_terminal(statuses, profile)
    if profile:
        statuses = [status for status in statuses if status.profile.name == profile.name]
    if not statuses and (about := profile or fallback):
        status = _undelivered_status(invocation.at, context, place, about, id, arxiv)
        statuses = [_with_assessment(status, context)]
    unknown = statuses and statuses[0].paper is None and arxiv is not None
    return PaperReport(
        id=id,
        version=version,
        statuses=tuple(statuses),
        arxiv=arxiv,
        closer_look=closer_look,
        today=new_york_date(invocation.at),
        zone=invocation.zone,
        site=invocation.site,
        similar_id=_similar_id(place, context, id) if unknown else "",
        is_private=invocation.is_private,
        can_share=not invocation.is_private
        and place.platform != "terminal"
        and (invocation.person is None or invocation.person.may_use),
    )


def _completed(statuses: list[PaperStatus], context: Context) -> list[PaperStatus]:
    """With what the others' lists and the judges say of the paper; decided ones first."""
    listed = next((status for status in statuses if status.listed), None)
    complete = [_with_assessment(_with_listing(status, listed), context) for status in statuses]
    return sorted(complete, key=lambda status: status.stage is not Stage.DECIDED)


def _of_terminal(statuses: list[PaperStatus], profile: Profile | None) -> list[PaperStatus]:
    """Once for each profile; where one of a terminal's two places decided, the other has nothing
    to add. A file that was changed since its `paperboy day` is another `profile`."""
    known = [
        status
        for status in statuses
        if status.address != SHOWN_ONCE or profile in (None, status.profile)
    ]
    deciding = {status.address for status in known if status.stage is Stage.DECIDED}
    kept = [status for status in known if status.address in deciding] or known
    by_name = {status.profile.name: status for status in reversed(kept)}
    return list(reversed(by_name.values()))


def _places(invocation: Invocation, context: Context) -> list[Address]:
    """The channel that asks; in a private conversation also the channels that this person
    subscribed and is a member of, in a terminal also what was shown there once.

    Raises Refused when the memberships are unknown."""
    if invocation.address.platform == "terminal":
        return [invocation.address, SHOWN_ONCE]
    if not invocation.is_private:
        return [invocation.address]
    if invocation.person is None:
        raise Refused(refusals.identity_unknown())
    own = [
        subscription.address
        for subscription in context.store.subscriptions.all()
        if subscription.by == invocation.by and _in_workspace(subscription, invocation)
    ]
    memberships = invocation.person.channels
    return [at for at in dict.fromkeys([invocation.address, *own]) if at.channel in memberships]


def _in_workspace(subscription: Subscription, invocation: Invocation) -> bool:
    """Discord's private conversations belong to no workspace: they reach those of all."""
    theirs, asking = subscription.address, invocation.address
    anywhere = asking.platform == "discord" and not asking.workspace
    return theirs.platform == asking.platform and (anywhere or theirs.workspace == asking.workspace)


def _statuses_at(
    now: datetime,
    context: Context,
    address: Address,
    profiles: dict[str, Profile],
    id: str,
    arxiv: ArxivAnswer | None,
) -> Iterator[PaperStatus]:
    """One status for each profile that is subscribed in a channel, and for others whose digest
    there named the paper; where there are none, for each profile the channel ever had."""
    subscriptions = {each.profile: each for each in context.store.subscriptions.of(address)}
    history = list(reversed(context.store.history.of(address)))[:_LOOK_BACK]
    digests = _digests_naming(context, address, history, id)
    names = dict.fromkeys([*subscriptions, *digests])
    for name in names or dict.fromkeys(delivery.profile for delivery in history):
        if name in digests:
            delivery, digest = digests[name]
            status = _decided_status(context, address, profiles.get(name), delivery, digest, id)
            if _may_be_retried(status):
                retry_at = _retry_at(now, context, address, subscriptions.get(name), digest)
                status = status.model_copy(update={"retry_at": retry_at})
            yield status
        elif name in profiles:
            yield _undelivered_status(now, context, address, profiles[name], id, arxiv)


def _digests_naming(
    context: Context, address: Address, history: list[Delivery], id: str
) -> dict[str, tuple[Delivery, Digest]]:
    """The newest digest of each profile in this channel that names the paper."""
    days = {delivery.day: delivery.days or (delivery.day,) for delivery in history}
    mentioning = set(
        context.lookups.days_mentioning([day for names in days.values() for day in names], id)
    )
    newest = dict[str, tuple[Delivery, Digest]]()
    for delivery in history:
        if mentioning.intersection(days[delivery.day]) and delivery.profile not in newest:
            digest = context.store.history.digest_given_to(address, delivery.day)
            if digest is not None and digest.decision_for(id):
                newest[delivery.profile] = delivery, digest
    return newest


def _decided_status(
    context: Context,
    address: Address,
    profile: Profile | None,
    delivery: Delivery,
    digest: Digest,
    id: str,
) -> PaperStatus:
    decision = digest.decision_for(id)
    assert decision is not None, "the digest names the paper"
    # A limit belongs to the channel, and the sample is shown whole, whatever the categories:
    # neither says that somebody changed the profile.
    unchangeable: dict[str, object] = {"maximum": digest.profile.maximum}
    if digest.listed.source is Source.SAMPLE:
        unchangeable |= {"categories": digest.profile.categories}
    current = profile and profile.model_copy(update=unchangeable)
    return PaperStatus(
        address=address,
        profile=digest.profile,
        stage=Stage.DECIDED,
        paper=decision.paper,
        date=digest.date,
        announce_type=decision.announced.announce_type,
        digest=digest,
        decision=decision,
        day=delivery.day,
        posted=posted(context, address, delivery, digest, decision),
        current_maximum=profile.maximum if profile else 0,
        changed=current is not None and current != digest.profile,
    )


def posted(
    context: Context, address: Address, delivery: Delivery, digest: Digest, decision: Decision
) -> Posted | None:
    """The reply that shows a paper; of a repeat, the reply of the earlier day."""
    id = decision.paper.id
    if decision.outcome is Outcome.REPEAT:
        day = context.store.shown_papers.day_that_brought(address, id)
        delivery = (day and context.store.history.delivery(address, day)) or delivery
    elif decision not in digest.posted:
        return None
    entry = Outbox(context.store.trips, f"{address}:{delivery.day}").entry(id)
    missing = delivery.ended or (entry.refused if entry else None)
    gone = delivery.ended is ChannelReason.MESSAGE_GONE
    if entry is None or not entry.message or gone:
        return Posted(message="", thread_id="", date=delivery.date, missing_reason=missing)
    return Posted(message=entry.message, thread_id=delivery.message, date=delivery.date)


def _may_be_retried(status: PaperStatus) -> bool:
    """A missing score is asked for again, but not when the budget was used up."""
    decision = status.decision
    if decision is None or decision.outcome is not Outcome.UNSCORED:
        return False
    return decision.trouble is not None and decision.trouble is not ModelReason.NO_BUDGET


def _retry_at(
    now: datetime,
    context: Context,
    address: Address,
    subscription: Subscription | None,
    digest: Digest,
) -> datetime | None:
    """When the clock asks for a missing score again (UTC); None when it no longer does."""
    next_try = max(now, digest.judged_at + RETRY_AFTER)
    if subscription and not subscription.paused:
        served = context.store.subscriptions.last_served_days().get(subscription.key)
        due = subscription_due_days(subscription, served, set(), now, context.catch_up_days)
        until = due and due.at + timedelta(hours=context.window_hours)
        if due and until and digest.date in due.days and now < until:
            return next_try
    for request in context.store.requests.all():
        profile = context.store.profiles.find(request.profile)
        if request.address == address and profile and profile.name == digest.profile.name:
            return next_try
    return None


def _undelivered_status(
    now: datetime,
    context: Context,
    address: Address,
    profile: Profile,
    id: str,
    arxiv: ArxivAnswer | None,
) -> PaperStatus:
    """How far a paper came that no digest in this channel names."""
    lookups, store = context.lookups, context.store
    names = store.days.names(profile.fingerprint, address.workspace_key)
    for name in lookups.days_mentioning(names, id):
        digest = store.days.get(name)
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
    if announcement := lookups.latest_announcement(id, now):
        day, announced = announcement
        return PaperStatus(
            address=address,
            profile=profile,
            stage=stage_by_categories(profile, announced),
            paper=announced.paper,
            date=day,
            announce_type=announced.announce_type,
        )
    replaced = lookups.latest_replacement(id, now)
    return PaperStatus(
        address=address,
        profile=profile,
        stage=Stage.REPLACED if replaced else Stage.UNSEEN,
        paper=arxiv.paper if arxiv else None,
        date=replaced,
    )


def _with_listing(status: PaperStatus, listed: PaperStatus | None) -> PaperStatus:
    """Saved files and the sample are searched for their own profile only: what one profile's list
    says of a paper holds for the others."""
    announced = listed.listed if listed else None
    if status.stage is not Stage.UNSEEN or listed is None or announced is None:
        return status
    stage = stage_by_categories(status.profile, announced)
    copied = {"paper": listed.paper, "date": listed.date, "announce_type": listed.announce_type}
    return status.model_copy(update={"stage": stage, **copied})


def _with_assessment(status: PaperStatus, context: Context) -> PaperStatus:
    """With what a judge was asked about the paper already, and whether one has to be asked: a
    model has claims to make about every paper, the local judge nothing but a score."""
    if status.paper is None:
        return status.model_copy(update={"needs_judging": True})
    criteria = judging_criteria(status.profile).fingerprint
    judge = judge_of(status, context)
    assessments = context.lookups.assessments({criteria: judge}, status.paper)
    assessment = assessments.get(criteria)
    scored = status.decision is not None and status.decision.score is not None
    missing = assessment is None and (context.judge.model is not None or not scored)
    return status.model_copy(update={"assessment": assessment, "needs_judging": missing})


def judge_of(status: PaperStatus, context: Context) -> Judge:
    """Who is asked about a paper: whoever judged its day, or would judge it now."""
    if status.digest:
        return context.judge.shown(status.digest.judge.examples)
    return context.judge_of(status.address, status.profile)


def _similar_id(address: Address, context: Context, id: str) -> str:
    """A paper of this channel's last days whose id is nearly this one; empty where none is."""
    ids = set[str]()
    for delivery in context.store.history.of(address)[-_LOOK_BACK_FOR_SIMILAR:]:
        if digest := context.store.history.digest_given_to(address, delivery.day):
            ids |= {decision.paper.id for decision in digest.decisions}
    similar = difflib.get_close_matches(id, sorted(ids), 1, cutoff=0.89)
    return similar[0] if similar else ""
