"""What people were promised when they asked: one answer, to them alone, and what it announced."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from bot.arxiv.calendar import NEW_YORK
from bot.commands.permissions import PersonKind
from bot.domain.message import Message
from bot.domain.request import Address
from bot.views import refusals
from tests.simulation.arxiv_edge import Morning
from tests.simulation.chat_edge import Event
from tests.simulation.plan import UNHEARD

if TYPE_CHECKING:
    from tests.simulation.world import World

# Somebody who asked for a digest gets it or is told within so many seconds.
_PATIENCE = 14 * 3600.0
# What somebody does is done within so many seconds, however often it is delivered.
_ANSWERED = 1000.0
# What anybody may do in a channel without being its member.
_FREE = ("why", "up", "down", "follows", "unfollow", "saved", "me")
# A request goes with its channel, and a clock that jumps gives up what it waited for.
_EXCUSES = ("clock", "closed", "revoked", "long closed", "dies at a pause")
# What keeps nobody from hearing that a digest is there already; it may be later then.
_HARMLESS = (*UNHEARD, "edits refused", "card refused", "model", "babbles")


def broken(world: World) -> Iterator[str]:
    """What was not kept, a sentence each."""
    for event in world.people.events:
        where = f"{event.address}: {event.person}"
        if event.answers > 1 and not (event.interrupted or world.troubles.is_forgotten(event.at)):
            yield f"{where} was answered {event.answers} times: {event.text}"
        is_free = event.button or event.text.startswith(_FREE)
        if event.was_done and not (is_free or _was_member(world, event)):
            yield f"{where} is not in the channel and did it: {event.text}"
    yield from _answered(world)
    yield from _searched(world)
    yield from _got_it(world)
    yield from _nothing_new(world)
    yield from _nothing_fails(world)
    yield from _awake(world)
    yield from _told_of_pause(world)


def _answered(world: World) -> Iterator[str]:
    """Everybody who did something was answered, once for all its deliveries."""
    for event in world.people.events:
        is_person = event.button != "reactivate"
        if is_person and not event.heard and event.deliveries and not event.interrupted:
            yield f"{event.address}: {event.person} was not answered: {event.text}"
        # On Slack a slow look-up answers twice; a message that can't be updated is told of.
        slow = event.address.platform == "slack" and event.text.startswith("why")
        most = 2 if event.button or slow or event.text.startswith("search") else 1
        is_known = not world.redis.ever_lost and not world.troubles.is_forgotten(event.at)
        # Each delivery to a workspace whose token is dead is answered so.
        heard = [said for said in event.heard if said != refusals.not_installed_here()]
        if len(heard) > most and is_known:
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


def _was_member(world: World, event: Event) -> bool:
    """Whether who did something was a member of its channel at some time until it was done."""
    stays = world.people.stays[event.address.workspace_key, event.person]
    ends = [*(later.at for later in stays[1:]), math.inf]
    return any(
        stay.kind is PersonKind.MEMBER and event.address.channel in stay.channels
        for stay, end in zip(stays, ends, strict=True)
        if stay.at <= event.at + _ANSWERED and end >= event.at
    )


def _searched(world: World) -> Iterator[str]:
    """Whoever searches is told what was found, once, or why nothing was."""
    for event in world.people.events:
        if not event.was_done or not event.text.startswith(("search", "like ")):
            continue
        where = f"{event.address}: {event.person}"
        if event.findings != 1 and not (event.interrupted or world.troubles.is_forgotten(event.at)):
            yield f"{where} was told {event.findings} times what was found: {event.text}"
        here = world.people.stays[event.address.workspace_key, event.person][0].channels
        for channel in re.findall(r"\bC\d+\b", "".join(event.heard)):
            if channel not in here:
                yield f"{where} was told of {channel}: {event.text}"


def _got_it(world: World) -> Iterator[str]:
    """Who asks for a digest gets it, or hears why not; of several the last."""
    last = dict[tuple[Address, str], Event]()
    for event in world.people.events:
        if event.requested:
            last[event.address, event.text] = event
    for (address, text), event in last.items():
        chat, profile = world.chats[address.platform], text.split()[-1]
        if event.interrupted or _is_excused(world, event):
            continue
        direct = address.model_copy(update={"channel": f"D{event.person}"})
        heard = [m.at for m in chat.channels.get(direct, ())]
        notes = (refusals.failed(), refusals.given_up())
        heard += [m.at for m in chat.channels.get(address, ()) if m.post in notes]
        for delivery in world.store().history.of(address):
            if delivery.profile == profile:
                heard.append(delivery.at.timestamp())  # when it was completed
                heard += [m.at for m in chat.channels[address] if m.id == delivery.message]
        if not any(0 <= at - event.at < _PATIENCE for at in heard):
            yield f"{address}: {event.person} asked and got nothing: {text}"


def _is_excused(world: World, event: Event) -> bool:
    """Whether something went wrong, while the digest was waited for, that may have lost it."""
    begin = event.at - world.plan.begin.timestamp()
    if _had_left(world, event):
        return True
    return world.troubles.is_forgotten(event.at) or any(
        t.kind in _EXCUSES and t.at < begin + _PATIENCE and t.end > begin - 3600.0
        for t in world.troubles.spans
    )


def _had_left(world: World, event: Event) -> bool:
    """Whether the workspace removed Paperboy while it was waited for: then nobody waits there."""
    return any(
        f"slack:{each.team}" == event.address.workspace_key
        and each.at < event.at + _PATIENCE
        and each.back > event.at
        for each in world.troubles.departures
    )


def _nothing_new(world: World) -> Iterator[str]:
    """Who asks for a digest that is there already hears so; tomorrow's is no answer to that."""
    for event in world.people.events:
        if not event.requested or event.interrupted or not _knows_the_day(world, event):
            continue
        if world.troubles.is_forgotten(event.at) or _had_left(world, event):
            continue
        chat, profile = world.chats[event.address.platform], event.text.split()[-1]
        asked = datetime.fromtimestamp(event.at, UTC)
        direct = event.address.model_copy(update={"channel": f"D{event.person}"})
        is_told = any(m.at > event.at for m in chat.channels.get(direct, ()))
        came = any(
            delivery.profile == profile
            and delivery.at > asked
            and delivery.date <= asked.astimezone(NEW_YORK).date()
            for delivery in world.store().history.of(event.address)
        )
        notes = (refusals.failed(), refusals.given_up())
        is_over = any(m.post in notes for m in chat.channels[event.address] if m.at > event.at)
        if not (is_told or came or is_over):
            yield f"{event.address}: {event.person} was not told of it: {event.text}"


def _knows_the_day(world: World, event: Event) -> bool:
    """Whether it is clear which list was meant: arXiv and all but the chat were well for hours."""
    begin = event.at - world.plan.begin.timestamp()
    asked = datetime.fromtimestamp(event.at, UTC).astimezone(NEW_YORK).date()
    days = [asked - timedelta(days=back) for back in range(5)]
    is_well = all(_whole_since(world, day) < event.at for day in days)
    return is_well and not any(
        t.kind not in _HARMLESS and t.at < begin + 2 * 3600.0 and t.end > begin - 2 * 3600.0
        for t in world.troubles.spans
    )


def _whole_since(world: World, day: date) -> float:
    """When a day's list had been whole for an hour (s since 1970)."""
    morning = world.plan.mornings.get(day, Morning())
    hours = 0.0 if morning.kind == "normal" else morning.hours + 1.0
    return datetime.combine(day, time(0), NEW_YORK).timestamp() + hours * 3600.0


def _nothing_fails(world: World) -> Iterator[str]:
    """Nobody is told that a digest failed through a fault of ours, where no job was cut short."""
    if world.lanes.disturbed or world.redis.ever_lost or world.troubles.forgotten:
        return
    for chat in world.chats.values():
        for address, messages in sorted(chat.channels.items(), key=str):
            if any(message.post == refusals.failed() for message in messages):
                yield f"{address} was told that a digest failed"


def _awake(world: World) -> Iterator[str]:
    """A channel that the bot heard is open again has its digests again."""
    heard = {
        event.address: event.at
        for event in world.people.events
        if event.button == "reactivate" and event.heard and not event.interrupted
    }
    if world.troubles.forgotten or any(t.kind == "clock" for t in world.plan.troubles):
        return
    for subscription in world.store().subscriptions.all():
        opened, paused = heard.get(subscription.address), subscription.paused
        if opened and paused and paused.trouble and paused.at.timestamp() < opened:
            yield f"{subscription.key} is still paused: {paused.trouble}"


def _told_of_pause(world: World) -> Iterator[str]:
    """Whoever subscribed hears of a pause, once; where the chat was well."""
    if any(t.kind in ("clock", "restore", *UNHEARD) for t in world.plan.troubles):
        return
    for key, states in world.audit.seen.items():
        for _, found in states:
            paused = found.paused if found else None
            if found is None or paused is None or paused.trouble is None:
                continue
            chat = world.chats[found.address.platform]
            direct = found.address.model_copy(update={"channel": f"D{found.by}"})
            told = [
                abs(message.at - paused.at.timestamp())
                for message in chat.channels.get(direct, ())
                if isinstance(message.post, Message)
                and any(item.channel == found.address.channel for item in message.post.items)
            ]
            if not any(apart < timedelta(hours=1).total_seconds() for apart in told):
                yield f"{key}: {found.by} was not told of its pause"
