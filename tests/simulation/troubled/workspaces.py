"""Workspaces remove Paperboy and install it again; their tokens expire while Slack is away."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING

from bot.domain.request import Address
from tests.simulation.chat_edge import Event
from tests.simulation.plan import Act, Trouble
from tests.simulation.scheduler import Process
from tests.simulation.slack_edge import INSTALL, LEFT, REVOKED
from tests.simulation.slack_wire import AHEAD
from tests.simulation.troubled.chats import be_away

if TYPE_CHECKING:
    from tests.simulation.troubles import Departure, Handlers, Troubles
    from tests.simulation.world import World

# Who could not install it tries again after so long.
_AGAIN_SECONDS = 600.0
_TRIES = 200
# Whether a page went well shows within so long.
_PAGE_SECONDS = 30.0


def uninstalled(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """A workspace removes Paperboy, perhaps in the middle of a thread, and is back later. Slack
    says so in two events in any order, or in one, which may come late."""
    world = troubles.world
    chat, teams = world.chats["slack"], world.plan.installing
    if world.wire is None or not teams:
        return
    rows = troubles.next_head(random, chat) if trouble.is_timely else []
    team = rows[0][0].workspace if rows else random.choice(teams)
    if team in chat.left or troubles.is_over:
        return
    departure = troubles.depart(team)
    chat.left.add(team)
    world.wire.remove(team)
    world.tell(f"{team} removes Paperboy")
    events = [REVOKED] if trouble.kind == "token revoked" else random.sample((LEFT, REVOKED), 2)
    for event in events:
        world.scheduler.sleep(random.choice((0.1, 1.0, 20.0)) * random.random())
        _tell_of(world, departure, event)
    world.scheduler.sleep(trouble.seconds)
    back_again(troubles, departure)
    if random.random() < 0.3:
        world.scheduler.sleep(30.0)
        _tell_of(world, departure, REVOKED)  # late
        world.scheduler.sleep(_PAGE_SECONDS)
        with world.redis.unobserved():
            is_there = world.store().installations.get(team) is not None
        departure.gone_again = not is_there and team not in chat.left
    for row in world.plan.subscribed:
        if world.plan.channels[row.channel].workspace == team and random.random() < 0.8:
            when = f"{row.schedule.at:%H:%M} {row.schedule.tz}"
            text = f"subscribe {row.profile} at {when}"
            act = Act(0.0, row.channel, text, random.random(), person="U1")
            world.people.add(act, random.uniform(10.0, 3600.0))


def _tell_of(world: World, departure: Departure, kind: str) -> None:
    _write(world, departure.team, kind, str(departure.at))


def _write(world: World, team: str, button: str, text: str = "") -> Event:
    place = Address(platform="slack", workspace=team, channel="-")
    id = f"{button} {team} {world.scheduler.now}"
    event = Event(id, world.scheduler.now, place, "U1", text, button)
    world.chats["slack"].write(event)
    return event


def back_again(troubles: Troubles, departure: Departure) -> None:
    """Somebody there installs it, and tries until it is."""
    world, team = troubles.world, departure.team
    with world.redis.unobserved():
        departure.heard = world.store().installations.get(team) is None
        departure.left = tuple(_left(world, team)) if departure.heard else ()
    world.chats["slack"].left.discard(team)
    _install(world, team)
    departure.back = world.scheduler.now
    world.tell(f"{team} has installed Paperboy again")


def _install(world: World, team: str) -> None:
    for _ in range(_TRIES):
        event = _write(world, team, INSTALL)
        world.scheduler.sleep(_PAGE_SECONDS)
        if event.heard == ["installed"]:
            return
        world.scheduler.sleep(_AGAIN_SECONDS)


def _left(world: World, team: str) -> Iterator[str]:
    """What of a workspace still acts."""
    store, place = world.store(), f"slack:{team}"
    yield from (each.key for each in store.subscriptions.of_workspace("slack", team))
    yield from (f"{r.address} {r.by}" for r in store.requests.all() if _is_in(r.address, place))
    yield from (f"{f.by} follows" for f in store.follows.all() if f.workspace == place)
    yield from (f"{by} is owed" for at, by in store.tellings.owed("slack") if at == place)


def _is_in(address: Address, place: str) -> bool:
    return address.workspace_key == place


def away_at_expiry(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """Slack is away just when a token has to be exchanged."""
    wire, scheduler = troubles.world.wire, troubles.world.scheduler
    end = wire.next_end() if wire else None
    if end is None:
        return
    scheduler.sleep(max(0.0, end - AHEAD - scheduler.now - 600.0 * random.random()))
    if not troubles.is_over:
        be_away(troubles, troubles.world.chats["slack"], trouble)


def repair(troubles: Troubles) -> None:
    """In the end whoever's token is dead installs it again: a backup had an old one, or a process
    died that had been given a new one."""
    world = troubles.world
    for team in world.plan.installing if world.wire else ():
        process = Process("repair", lambda t=team: _repair(troubles, t), is_mortal=False)
        world.scheduler.spawn(process, 600.0)


def _repair(troubles: Troubles, team: str) -> None:
    world = troubles.world
    with world.redis.unobserved():
        found = world.store().installations.get(team)
    if team not in world.chats["slack"].left and world.wire and not world.wire.takes(found):
        troubles.repaired.append(team)
        _install(world, team)


KINDS: Handlers = {
    "uninstalled": uninstalled,
    "token revoked": uninstalled,
    "away at expiry": away_at_expiry,
}
