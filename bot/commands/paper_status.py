"""Gathering what became of a paper, for every profile that a question is about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.commands.context import Ask, Desk
from bot.domain.digest import Digest, Outcome, Source
from bot.domain.paper_status import Posted, Stage, Standing, essence, stage_of
from bot.domain.papers import Profile, Trouble
from bot.domain.request import Address, Delivery
from bot.domain.subscription import Subscription
from bot.errors import Refused
from bot.planning.due_days import owed_by
from bot.planning.plan import AGAIN
from bot.store.outbox import Outbox
from bot.views import refusals

# A channel's days that are looked through: a quarter of a year of two profiles.
_LOOK_BACK = 130


def standings(ask: Ask, desk: Desk, id: str) -> list[Standing]:
    """What became of a paper for the profiles of the channel that asks, or, where a person asks
    alone, of the channels that this person subscribed; with what judges have said of it by now."""
    found = [s for address in _places(ask, desk) for s in _of_channel(ask, desk, address, id)]
    known = next((standing for standing in found if standing.listed), None)
    told = [_judged(_told(standing, known), desk) for standing in found]
    return sorted(told, key=lambda standing: standing.stage is not Stage.DECIDED)


def standing(ask: Ask, desk: Desk, profile: Profile, id: str) -> Standing:
    """What became of a paper for one profile, be it this channel's or not."""
    return _judged(_before(ask.at, desk, ask.address, profile, id), desk)


def _places(ask: Ask, desk: Desk) -> list[Address]:
    """Alone with the bot, of the channels that a person subscribed those that he or she is in.

    Raises Refused when that could not be found out."""
    if not ask.alone or ask.address.platform == "terminal":
        return [ask.address]
    if ask.who is None:
        raise Refused(refusals.unchecked())
    own = [s.address for s in desk.subscriptions.all() if s.by == ask.by and _same(s, ask)]
    inside = ask.who.channels
    return [at for at in dict.fromkeys([ask.address, *own]) if at.channel in inside]


def _same(found: Subscription, ask: Ask) -> bool:
    """In the same workspace; on Discord a person alone is in none, and is the same in all."""
    there, here = found.address, ask.address
    anywhere = here.platform == "discord" and not here.workspace
    return there.platform == here.platform and (anywhere or there.workspace == here.workspace)


def _of_channel(ask: Ask, desk: Desk, address: Address, id: str) -> Iterator[Standing]:
    """By profile: those subscribed, and others that brought or left out the paper here; where
    nothing is subscribed, all that the channel ever had."""
    known = desk.profiles(address)
    subscribed = {found.profile: found for found in desk.subscriptions.of(address)}
    history = list(reversed(desk.channels.history(address)))[:_LOOK_BACK]
    ledger = _ledger(desk, address, history, id)
    names = [*dict.fromkeys([*subscribed, *ledger])]
    for name in names or dict.fromkeys(delivery.profile for delivery in history):
        if name in ledger:
            delivery, digest = ledger[name]
            found = _decided(desk, address, known.get(name), delivery, digest, id)
            decision = found.decision
            missing = decision and decision.outcome is Outcome.UNSCORED and decision.trouble
            if missing and missing is not Trouble.NO_BUDGET:
                again = _again(ask.at, desk, address, subscribed.get(name), digest)
                found = found.model_copy(update={"again": again})
            yield found
        elif name in known:
            yield _before(ask.at, desk, address, known[name], id)


def _ledger(
    desk: Desk, address: Address, history: list[Delivery], id: str
) -> dict[str, tuple[Delivery, Digest]]:
    """The newest day of each profile on which this channel's ledger names the paper."""
    days = {delivery.day: delivery.days or (delivery.day,) for delivery in history}
    named = set(desk.inquiries.naming([day for names in days.values() for day in names], id))
    found = dict[str, tuple[Delivery, Digest]]()
    for delivery in history:
        if named.intersection(days[delivery.day]) and delivery.profile not in found:
            digest = desk.channels.given(address, delivery.day)
            if digest is not None and digest.decided(id):
                found[delivery.profile] = delivery, digest
    return found


def _decided(
    desk: Desk,
    address: Address,
    profile: Profile | None,
    delivery: Delivery,
    digest: Digest,
    id: str,
) -> Standing:
    decision = digest.decided(id)
    assert decision is not None, "the ledger has it"
    # What people change with a profile; the limit is a channel's own, and of the sample all is
    # shown, whatever the profile's categories.
    own: dict[str, object] = {"maximum": digest.profile.maximum}
    if digest.listed.source is Source.SAMPLE:
        own |= {"categories": digest.profile.categories}
    now = profile and profile.model_copy(update=own)
    return Standing(
        address=address,
        profile=digest.profile,
        stage=Stage.DECIDED,
        paper=decision.paper,
        date=digest.date,
        kind=decision.announced.announce_type,
        digest=digest,
        decision=decision,
        posted=_posted(desk, address, delivery, decision.outcome, id),
        most=profile.maximum if profile else 0,
        changed=now is not None and now != digest.profile,
    )


def _posted(
    desk: Desk, address: Address, delivery: Delivery, outcome: Outcome, id: str
) -> Posted | None:
    """The reply that shows a picked paper, or a repeated one's earlier."""
    if outcome is Outcome.REPEAT:
        day = desk.channels.brought(address, id)
        delivery = (day and desk.channels.delivery(address, day)) or delivery
    elif outcome is not Outcome.PICKED:
        return None
    entry = Outbox(desk.channels.store.redis, f"{address}:{delivery.day}").entry(id)
    missing = delivery.ended or (entry.refused if entry else None)
    gone = delivery.ended is Trouble.MESSAGE_GONE
    if entry is None or not entry.message or gone:
        return Posted(message="", under="", date=delivery.date, missing=missing)
    return Posted(message=entry.message, under=delivery.message, date=delivery.date)


def _again(
    now: datetime, desk: Desk, address: Address, found: Subscription | None, digest: Digest
) -> datetime | None:
    """When the clock asks for a missing score the next time; None when it does not any more."""
    soon = max(now, digest.judged_at + AGAIN)
    if found and not found.paused:
        served = desk.subscriptions.served().get(found.key)
        owed = owed_by(found, served, set(), now, desk.catch_up_days)
        until = owed and owed.at + timedelta(hours=desk.window_hours)
        if owed and until and digest.date in owed.days and now < until:
            return soon
    for wish in desk.channels.wishes():
        profile = desk.channels.store.find_profile(wish.profile)
        if wish.address == address and profile and profile.name == digest.profile.name:
            return soon
    return None


def _before(now: datetime, desk: Desk, address: Address, profile: Profile, id: str) -> Standing:
    """How far a paper came that this channel's ledger does not name."""
    inquiries, store = desk.inquiries, desk.channels.store
    for name in inquiries.naming(desk.channels.days(profile.fingerprint), id):
        digest = store.digest(name)
        if digest and (decision := digest.decided(id)):
            return Standing(
                address=address,
                profile=profile,
                stage=Stage.UNPOSTED,
                paper=decision.paper,
                date=digest.date,
                kind=decision.announced.announce_type,
                digest=digest,
                decision=decision,
            )
    if seen := inquiries.listed(id, now):
        day, announced = seen
        return Standing(
            address=address,
            profile=profile,
            stage=stage_of(profile, announced),
            paper=announced.paper,
            date=day,
            kind=announced.announce_type,
        )
    found, date = inquiries.found(id), inquiries.replaced(id, now)
    return Standing(
        address=address,
        profile=profile,
        stage=Stage.REPLACED if date else Stage.UNSEEN,
        paper=found.paper if found else None,
        date=date,
    )


def _told(standing: Standing, known: Standing | None) -> Standing:
    """What another profile's list says of a paper: saved files and the sample are looked through
    for their own profile only."""
    listed = known.listed if known else None
    if standing.stage is not Stage.UNSEEN or known is None or listed is None:
        return standing
    stage = stage_of(standing.profile, listed)
    seen = {"paper": known.paper, "date": known.date, "kind": known.kind}
    return standing.model_copy(update={"stage": stage, **seen})


def _judged(standing: Standing, desk: Desk) -> Standing:
    """With the judge's word on it."""
    if standing.paper is None:
        return standing
    asked = essence(standing.profile).fingerprint
    opinion = desk.inquiries.opinions([asked], desk.judge, standing.paper).get(asked)
    return standing.model_copy(update={"opinion": opinion})
