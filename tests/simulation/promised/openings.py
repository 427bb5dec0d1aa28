"""What channels that are not everybody's were promised: no card elsewhere names them or counts
their votes, and where outsiders read along nothing of the workspace is named or counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import inf
from typing import TYPE_CHECKING

from bot.domain.message import Card
from bot.domain.readers.elsewhere import Audience
from bot.domain.request import Address
from tests.simulation.chat_edge import Chat, Naming, votes_on
from tests.simulation.promised.times import calm

if TYPE_CHECKING:
    from tests.simulation.world import World

# Paperboy looks each half an hour who may read its channels, and takes some seconds for each.
_LOOKED_AT, _FOR_EACH = timedelta(hours=1), timedelta(seconds=3)


def broken(world: World) -> Iterator[str]:
    """What was not kept, a sentence each."""
    late = _LOOKED_AT + _FOR_EACH * len(world.plan.channels)
    for chat in world.chats.values():
        for naming in chat.namings if chat.audiences else ():
            at = datetime.fromtimestamp(naming.at, UTC)
            if calm(world, at - late, at):  # or nobody could look
                yield from _kept_to_itself(world, chat, naming, late.total_seconds())


def _kept_to_itself(world: World, chat: Chat, naming: Naming, late: float) -> Iterator[str]:
    here, card = naming.address, naming.card
    begin = naming.at - late
    is_for_outsiders = _all_the_while(
        chat, here, begin, naming.at, Audience.EVERYONE, Audience.MEMBERS
    )
    if card.elsewhere:
        there = here.model_copy(update={"channel": card.elsewhere.channel})
        if is_for_outsiders:
            yield f"{here}: outsiders were told of {there}"
        if _all_the_while(chat, there, begin, naming.at, Audience.EVERYONE):
            yield f"{here} names {there}, which is not everybody's"
    counted = [here]
    if not is_for_outsiders:
        counted += [
            other
            for other in world.plan.channels
            if other.workspace_key == here.workspace_key
            and not _all_the_while(chat, other, begin, naming.at, Audience.EVERYONE)
        ]
    voters = _voters(world, card, counted, naming.at)
    if votes_on(card) > len(voters):
        yield f"{here}: {votes_on(card)} votes on {card.title!r}, {len(voters)} may be counted"


def _all_the_while(chat: Chat, address: Address, begin: float, end: float, *but: Audience) -> bool:
    """Whether a channel had none of these audiences from one moment to the other."""
    rows = [(-inf, Audience.EVERYONE), *chat.audiences.get(address, ())]
    over = [*(at for at, _ in rows[1:]), inf]
    return not any(
        audience in but and since <= end and until >= begin
        for (since, audience), until in zip(rows, over, strict=True)
    )


def _voters(world: World, card: Card, places: list[Address], at: float) -> set[str]:
    """Who had voted on a paper in some channels by a moment, as far as their votes may count."""
    papers = {b.value.rpartition(" ")[2] for b in card.buttons if b.action == "up"}
    return {
        event.person
        for event in world.people.events
        if event.at <= at
        and event.address in places
        and event.text.partition(" ")[0] in ("up", "down", "like")
        and event.text.rpartition(" ")[2] in papers
    }
