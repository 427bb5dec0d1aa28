"""What goes wrong in the simulation, when its time has come."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, TypeAlias

from bot.domain.request import Address
from tests.simulation.chat_edge import Chat, Event, Shown
from tests.simulation.plan import WAITS_SECONDS, Trouble
from tests.simulation.scheduler import Process
from tests.simulation.troubled import chats, machines, models, stores, threads, workspaces

if TYPE_CHECKING:
    from tests.simulation.world import World

# Timely troubles that wait for another moment than the begin of a job.
_OWN_MOMENT = (
    *("head deleted", "shared head deleted", "locked", "list grows", "dies at a pause"),
    *("asks again", "away when asked", "uninstalled", "token revoked", "away at expiry"),
    "freeze at a renewal",
)


@dataclass
class Span:
    """When a trouble was there, in seconds from the begin; one that still is has no end."""

    kind: str
    at: float
    end: float = math.inf


@dataclass
class Departure:
    """A workspace (an id) removed Paperboy `at` a moment and was `back` at another (monotonic).
    `heard`: it was told so and ended the workspace; `left` is what was there all the same, before
    it was back. `gone_again`: a late event ended what was installed anew."""

    team: str
    at: float
    back: float = math.inf
    heard: bool = False
    left: tuple[str, ...] = ()
    gone_again: bool = False


class Troubles:
    """Each begins at its time and ends after its seconds; `end` ends them all, and from then on it
    `is_over`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.is_over = False
        self.spans: list[Span] = []
        # From when to when (monotonic) what was stored is forgotten again.
        self.forgotten: list[tuple[float, float]] = []
        self.closed_until: dict[Address, float] = {}
        self.closings = Counter[Address]()  # how often a channel was closed
        self.damaged_threads: set[str] = set()
        self.departures: list[Departure] = []
        self.repaired: list[str] = []  # workspaces (ids) that had to install it again
        self.garbled: set[str] = set()  # keys whose value was made unreadable

    def start(self) -> None:
        for trouble in self.world.plan.troubles:
            self.add(trouble, trouble.at)

    def add(self, trouble: Trouble, after: float = 0.0) -> None:
        """It begins after so many seconds."""
        process = Process("trouble", lambda: self._happen(trouble), is_mortal=False)
        self.world.scheduler.spawn(process, after)

    def end(self) -> None:
        world = self.world
        self.is_over = True
        for span in self.spans:
            span.end = min(span.end, self._seconds())
        world.tell("calm")
        scheduler = world.scheduler
        scheduler.deaths, world.redis.lost, world.model.rate = 0.0, 0.0, 0.0
        world.model.babbles = world.model.is_gone = False
        world.redis.renewing = None
        scheduler.set_clock(0.0)
        world.arxiv.is_calm = True
        for chat in world.chats.values():
            chat.trouble, chat.is_away, chat.refuses_edits = 0.0, False, False
            for address in list(chat.closed):
                self.reopen(chat, address)
        workspaces.repair(self)

    def _happen(self, trouble: Trouble) -> None:
        random = Random(trouble.chance)
        if trouble.is_timely and trouble.kind not in _OWN_MOMENT:
            if trouble.kind in ("model", "babbles"):
                self.world.lanes.scoring.wait(WAITS_SECONDS)
            else:
                self.busy_lane(random)
            if self.is_over:
                return
        span = Span(trouble.kind, self._seconds())
        self.spans.append(span)
        _HANDLERS[trouble.kind](self, trouble, random)
        span.end = self._seconds()

    def _seconds(self) -> float:
        """Seconds from the begin."""
        return self.world.scheduler.now - self.world.plan.begin.timestamp()

    def is_forgotten(self, at: float) -> bool:
        """Whether what happened at a moment (monotonic) is unknown to the backup that was restored
        since."""
        return any(begin <= at <= end for begin, end in self.forgotten)

    # -- for those that go wrong

    def lasts(self, trouble: Trouble) -> bool:
        """Whether it is this trouble, not the end of all, that ends after its time."""
        self.world.scheduler.sleep(trouble.seconds)
        return not self.is_over

    def chat(self, random: Random) -> Chat:
        return random.choice(list(self.world.chats.values()))

    def busy_lane(self, random: Random) -> str:
        """A lane whose worker is at a job, as soon as there is one, or was a moment ago."""
        lane = self.world.lanes.begun.wait(WAITS_SECONDS)
        self.world.scheduler.sleep(random.choice((0.0, 0.5, 2.0, 8.0)) * random.random())
        return lane or random.choice(list(self.world.lanes.workers))

    def next_head(self, random: Random, chat: Chat | None = None) -> list[tuple[Address, Shown]]:
        """The next message that may become a thread's head, at once or after its first reply; in a
        chat, or in any."""
        chat, scheduler = chat or self.chat(random), self.world.scheduler
        id, replies = chat.headed.wait(WAITS_SECONDS), random.choice((0, 1, 1, 2))
        heads = self.live(lambda m: m.under is None and m.id == id)
        found = [row for row in heads if row[0].platform == chat.platform]
        for address, head in found:
            for _ in range(10):
                if sum(m.under == head.id for m in chat.channels[address]) >= replies:
                    break
                scheduler.sleep(0.3)
        return found

    def depart(self, team: str) -> Departure:
        """A workspace of Slack's removes Paperboy now."""
        departure = Departure(team, self.world.scheduler.now)
        self.departures.append(departure)
        for address in self.world.plan.channels:
            if (address.platform, address.workspace) == ("slack", team):
                self.closings[address] += 1
                self.closed_until[address] = self.world.scheduler.now
        return departure

    def live(self, wanted: Callable[[Shown], bool]) -> list[tuple[Address, Shown]]:
        """The messages in channels that people see, the newest last."""
        rows = [
            (address, shown)
            for chat in self.world.chats.values()
            for address, messages in chat.channels.items()
            if not address.channel.startswith("D")
            for shown in messages
            if not shown.removed and wanted(shown)
        ]
        return sorted(rows, key=lambda row: row[1].at)

    def reopen(self, chat: Chat, address: Address) -> None:
        """The platform tells the bot until the bot has heard it."""
        chat.closed.pop(address, None)
        self.closed_until[address] = self.world.scheduler.now
        event = Event(f"open {address}", self.world.scheduler.now, address, "U1", "", "reactivate")
        self.world.people.events.append(event)
        chat.write(event)


Handlers: TypeAlias = Mapping[str, Callable[[Troubles, Trouble, Random], None]]
_HANDLERS: Handlers = {
    **chats.KINDS,
    **threads.KINDS,
    **machines.KINDS,
    **stores.KINDS,
    **models.KINDS,
    **workspaces.KINDS,
}
