"""What people do in the simulation: they type, press and vote; platforms repeat their events."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from bot.domain.message import Card
from bot.domain.request import Address
from tests.simulation.chat_edge import Event
from tests.simulation.plan import Act
from tests.simulation.scheduler import Process

if TYPE_CHECKING:
    from tests.simulation.world import World

PERSONS = ("U1", "U2", "U3")


class People:
    """Everybody is in every channel of their workspace, but for U3, who is in its first only."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.events: list[Event] = []
        self._acts = 0

    def start(self) -> None:
        for act in self._world.plan.acts:
            self.add(act, act.at)

    def add(self, act: Act, after: float = 0.0) -> None:
        """It is done after so many seconds."""
        self._acts += 1
        number = self._acts
        process = Process("people", lambda: self._do(act, number), is_mortal=False)
        self._world.scheduler.spawn(process, after)

    def join(self) -> None:
        """Everybody becomes a member of their channels."""
        plan = self._world.plan
        for address in plan.channels:
            chat = self._world.chats[address.platform]
            mine = [a.channel for a in plan.channels if a.workspace_key == address.workspace_key]
            for person in PERSONS:
                channels = mine[:1] if person == "U3" else mine
                direct = (*channels, f"D{person}")
                chat.members[f"{address.workspace}/{person}"] = frozenset(direct)

    def _do(self, act: Act, number: int) -> None:
        """The event happens, and happens again where the platform repeats it."""
        world = self._world
        address = world.plan.channels[act.channel]
        random = Random(act.chance)
        event = self._event(act, address, random, f"{world.plan.seed}-{number}")
        if event is None:
            return
        self.events.append(event)
        world.chats[address.platform].write(event)
        said = event.text if not event.button else f"presses {event.text}"
        world.tell(f"{address}: {event.person} {said}")
        for later in act.again:
            world.scheduler.sleep(later)
            world.chats[address.platform].write(event)

    def _event(self, act: Act, address: Address, random: Random, id: str) -> Event | None:
        world = self._world
        anybody, now = random.choice(PERSONS), world.scheduler.now
        person = act.person or anybody
        text, message = act.text, ""
        chat = world.chats[address.platform]
        cards = [m for m in chat.channels[address] if isinstance(m.post, Card) and not m.removed]
        if text == "vote":
            buttons = [(m, b) for m in cards[-5:] for b in m.post.buttons if b.action == "up"]
            if not buttons:
                return None
            shown, button = random.choice(buttons)
            text, message = f"{random.choice(('up', 'down'))} {button.value}", shown.id
        elif text == "why":
            day = world.scheduler.datetime().date() - timedelta(days=random.randrange(5))
            papers = world.arxiv.papers(day)
            text = f"why {random.choice(papers).paper.id if papers else '2401.99999'}"
        elif text == "nonsense":
            text = random.choice(("", "suscribe", "now nobody-has-this", "why", "<!channel> up"))
        return Event(id, now, address, person, text, message)
