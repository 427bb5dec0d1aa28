"""What an observer writes down during a run: the subscriptions as they are every two hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.subscription import Subscription
from tests.simulation.scheduler import Process

if TYPE_CHECKING:
    from tests.simulation.world import World

_EVERY_SECONDS = 7200.0


class Audit:
    """`seen` has each subscription's states, by key: since when (monotonic), and the subscription
    (None: there is none)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.seen: dict[str, list[tuple[float, Subscription | None]]] = {}
        self._is_over = False

    def start(self) -> None:
        self._world.scheduler.spawn(Process("audit", self._run, is_mortal=False))

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
