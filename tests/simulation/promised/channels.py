"""What a channel was promised: nothing twice, nothing of another workspace, and to be left alone
while it is closed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bot.domain.message import Card
from bot.domain.request import Address
from tests.simulation.chat_edge import Shown
from tests.simulation.plan import UNHEARD

if TYPE_CHECKING:
    from tests.simulation.world import World

# Its deliveries under way may each find out that a channel is closed, for each of its profiles.
_TRIED = 4


def broken(world: World) -> Iterator[str]:
    """What was not kept, a sentence each."""
    for address, messages in _channels(world):
        yield from _said_once(world, address, messages)
        yield from _kept_apart(world, address, messages)
    yield from _left_alone(world)


def _left_alone(world: World) -> Iterator[str]:
    """A channel that cannot be posted to is not tried again and again."""
    if world.lanes.disturbed or world.redis.ever_lost or world.troubles.forgotten:
        return
    asked = Counter(event.address for event in world.people.events)
    for chat in world.chats.values():
        for address, times in chat.turned_away.items():
            is_operators = address == world.plan.operator  # what is wrong waits until it is open
            if not is_operators and times > _TRIED * (
                world.troubles.closings[address] + asked[address]
            ):
                yield f"{address} was tried {times} times while it was closed"


def _channels(world: World) -> Iterator[tuple[Address, list[Shown]]]:
    for chat in world.chats.values():
        yield from sorted(chat.channels.items(), key=str)


def _said_once(world: World, address: Address, messages: list[Shown]) -> Iterator[str]:
    """No paper twice, no message twice; but for what a restored backup did not know."""
    remembered = [
        m for m in messages if m.removed != "by us" and not world.troubles.is_forgotten(m.at)
    ]
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
