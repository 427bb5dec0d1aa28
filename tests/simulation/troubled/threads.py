"""People delete messages, and lock threads."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from bot.domain.message import Card
from bot.domain.request import Address
from tests.simulation.chat_edge import Shown
from tests.simulation.plan import Trouble

if TYPE_CHECKING:
    from tests.simulation.troubles import Handlers, Troubles


def deleted(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """A person deletes a card, or the head of a thread."""
    is_head = trouble.kind == "head deleted"
    rows = troubles.live(lambda m: m.under is None if is_head else isinstance(m.post, Card))
    if trouble.is_timely:
        rows = troubles.next_head(random)
    if rows:
        _remove(troubles, [random.choice(rows[-20:])], "head" if is_head else "card")


def shared_head_deleted(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """In a channel with two profiles, which may show the same papers."""
    world, numbers = troubles.world, Counter(row.channel for row in troubles.world.plan.subscribed)
    shared = {world.plan.channels[number] for number, n in numbers.items() if n > 1}
    for _ in range(20):
        rows = [row for row in troubles.next_head(random) if row[0] in shared]
        if rows or troubles.is_over:
            _remove(troubles, rows, "head")
            return


def _remove(troubles: Troubles, rows: list[tuple[Address, Shown]], what: str) -> None:
    for address, shown in rows:
        shown.removed = "by hand"
        troubles.damaged_threads.add(shown.id)
        troubles.world.tell(f"{address}: {what} deleted by hand")


def locked(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    rows = troubles.live(lambda m: m.under is None)
    if trouble.is_timely:
        rows = troubles.next_head(random)
    if rows:
        address, shown = random.choice(rows[-20:])
        troubles.world.chats[address.platform].locked.add(shown.id)
        troubles.damaged_threads.add(shown.id)
        troubles.world.tell(f"{address}: thread locked")


KINDS: Handlers = {
    "deleted": deleted,
    "head deleted": deleted,
    "shared head deleted": shared_head_deleted,
    "locked": locked,
}
