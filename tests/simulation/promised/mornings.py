"""What people were promised of a morning without a model: what the local ranking picks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bot.domain.digest import Decision, Digest
from bot.domain.message import Message
from bot.domain.reasons import AWAY, ModelReason
from bot.domain.request import Address, Delivery
from bot.domain.subscription import Subscription
from bot.views.digest import count
from bot.views.reasons import REASON_TEXTS
from tests.simulation.promised.times import is_judged_later
from workers.gate import local_ranking

if TYPE_CHECKING:
    from tests.simulation.world import World


def broken(world: World) -> Iterator[str]:
    """What was not kept, a sentence each."""
    for subscription in world.store().subscriptions.all():
        yield from _still_a_morning(world, subscription)


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
        if is_judged_later(world, subscription, delivery):
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
