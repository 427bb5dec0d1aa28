"""What workspaces that install Paperboy were promised: none is told anything with another's
token; one that removes it hears nothing more, and begins anew when it installs it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.troubles import Departure
    from tests.simulation.world import World

# What is on its way when a workspace goes.
_ON_ITS_WAY = 60.0


def broken(world: World) -> Iterator[str]:
    """What was not kept, a sentence each."""
    if world.wire is None:
        return
    yield from world.wire.strays
    is_quiet = not (world.redis.ever_lost or world.lanes.disturbed or world.scheduler.killed)
    if is_quiet and not world.troubles.forgotten:
        for team in world.troubles.repaired:
            yield f"{team} had to install Paperboy again, and had not removed it"
        yield from (f"a dead token was used again: {each}" for each in world.wire.late)
    for departure in world.troubles.departures:
        yield from _nothing_more(world, departure)
        if departure.gone_again and not world.troubles.forgotten:
            yield f"{departure.team} had installed Paperboy again, and a late event ended it"
        if departure.heard and not world.troubles.forgotten:
            yield from _ended(world, departure)
            yield from _begins_anew(world, departure)
    yield from _installed(world)


def _nothing_more(world: World, departure: Departure) -> Iterator[str]:
    """While a workspace is without Paperboy nothing appears there."""
    for address, messages in sorted(world.chats["slack"].channels.items(), key=str):
        for shown in messages if address.workspace == departure.team else ():
            if departure.at + 1.0 < shown.at < departure.back - _ON_ITS_WAY:
                yield f"{address} had removed Paperboy, and was told: {shown.post.title}"


def _ended(world: World, departure: Departure) -> Iterator[str]:
    """What acts there has ended when it is back."""
    for left in departure.left:
        yield f"{departure.team} had removed Paperboy, and there is still {left}"


def _begins_anew(world: World, departure: Departure) -> Iterator[str]:
    """Nothing is said there before somebody asks for it."""
    asked = [
        event.at
        for event in world.people.events
        if event.address.workspace_key == f"slack:{departure.team}"
        and event.at > departure.back - _ON_ITS_WAY
        and event.button != "reactivate"
    ]
    first = min(asked, default=world.scheduler.now)
    for address, messages in sorted(world.chats["slack"].channels.items(), key=str):
        if address.workspace != departure.team or address == world.plan.operator:
            continue
        for shown in messages:
            if departure.back - _ON_ITS_WAY < shown.at < first:
                yield f"{address} had installed Paperboy anew, and was told: {shown.post.title}"


def _installed(world: World) -> Iterator[str]:
    """In the end each is installed, with the newest of its tokens."""
    if world.wire is None:
        return
    for team in world.plan.installing:
        found = world.store().installations.get(team)
        if not world.wire.takes(found):
            state = "refused" if found and found.refused else "there" if found else "not there"
            yield f"{team} has installed Paperboy, and what is stored of it is {state}"
