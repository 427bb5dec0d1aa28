"""What observers write down during a run: the subscriptions as they are every two hours, and what
Paperboy knew to be wrong."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from bot.domain.subscription import Subscription
from bot.domain.watching.trouble import SIGHT_LASTS
from tests.simulation.scheduler import Process

if TYPE_CHECKING:
    from tests.simulation.world import World

_EVERY_SECONDS = 7200.0
_KNOWN_SECONDS = 600.0


class Known(NamedTuple):
    """Something outside that Paperboy knew to be wrong: arXiv, the model, a chat; since when."""

    what: str
    since: datetime


class Audit:
    """`seen` has each subscription's states, by key: since when (monotonic), and the subscription
    (None: there is none). `known`, where somebody is to hear of it: from when to when (monotonic)
    it was."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.seen: dict[str, list[tuple[float, Subscription | None]]] = {}
        self.known: dict[Known, tuple[float, float]] = {}
        self._is_over = False

    def start(self) -> None:
        self._world.scheduler.spawn(Process("audit", self._run, is_mortal=False))
        if self._world.plan.operator:
            self._world.scheduler.spawn(Process("watch", self._watch, is_mortal=False))

    def end(self) -> None:
        self._is_over = True

    def _run(self) -> None:
        while not self._is_over:
            self._look()
            self._world.scheduler.sleep(_EVERY_SECONDS)

    def _look(self) -> None:
        world = self._world
        with world.redis.unobserved():
            current = {each.key: each for each in world.store().subscriptions.all()}
        for key in {**dict.fromkeys(self.seen), **current}:
            states = self.seen.setdefault(key, [])
            found = current.get(key)
            if not states or states[-1][1] != found:
                states.append((world.scheduler.now, found))

    def _watch(self) -> None:
        while not self._is_over:
            now = self._world.scheduler.now
            for each in self._wrong():
                self.known[each] = self.known.get(each, (now, now))[0], now
            self._world.scheduler.sleep(_KNOWN_SECONDS)

    def _wrong(self) -> list[Known]:
        world, at = self._world, self._world.scheduler.datetime()
        with world.redis.unobserved():
            sighted = world.store().sightings.all().items()
            rows = [Known(k, each.since) for k, each in sighted if at - each.at < SIGHT_LASTS]
            return rows + [Known(each.what, each.since) for each in world.store().outages.all()]
