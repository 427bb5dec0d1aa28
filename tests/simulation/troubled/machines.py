"""Processes die and stand still, Redis loses messages, the clock is set."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.plan import Trouble

if TYPE_CHECKING:
    from tests.simulation.troubles import Handlers, Troubles


def redis(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    redis = troubles.world.redis
    redis.lost = random.choice((0.01, 0.1, 0.5))
    troubles.world.tell(f"redis loses {redis.lost:.0%} of messages and answers")
    if troubles.lasts(trouble):
        redis.lost = 0.0
        troubles.world.tell("redis is well")


def kill(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    world = troubles.world
    victims = [*world.lanes.workers.values(), *([world.bot] if world.bot else [])]
    victim = random.choice(victims)
    world.tell(f"{victim.name} killed")
    world.scheduler.kill(victim)


def freeze(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """A worker's machine stands still, and goes on where it was."""
    lane = troubles.busy_lane(random)
    # Another takes over after 16 s: what matters most is who comes back while it is at work.
    seconds = random.choice((10.0, *(random.uniform(16.0, 24.0),) * 3, 40.0, 120.0, 600.0))
    if troubles.is_over:
        return
    # Before it has sent something to Redis, or when Redis has done it and has answered.
    at = random.choice((("redis", "redis answered"), ("redis answered",)))
    troubles.world.lanes.freeze(lane, seconds, at)
    troubles.world.tell(f"worker {lane} stands still for {seconds:.0f} s")


def freeze_at_renewal(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """A worker's machine stands still when Redis is just telling it that it holds its channel, or
    before it asks for anything else, for so long that another takes over meanwhile."""
    world, scheduler = troubles.world, troubles.world.scheduler
    lane = random.choice([name for name in world.lanes.workers if name.startswith("post")])
    seconds, left = random.uniform(16.0, 24.0), random.choice((0, 0, 1, 2, 5))
    at = random.choice(("redis answered", "redis"))

    def renewing() -> None:
        nonlocal left
        current, worker = scheduler.current, world.lanes.workers[lane]
        if current is None or current.root is not worker:
            return
        left -= 1
        if left < 0:
            world.redis.renewing = None
            world.lanes.freeze(lane, seconds, (at,))
            world.tell(
                f"worker {lane} stands still for {seconds:.0f} s, just told that it may post"
            )

    world.redis.renewing = renewing


def orphan(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    lane = troubles.busy_lane(random)
    if troubles.is_over:
        return
    troubles.world.tell(f"worker {lane} dies, its job lives on")
    troubles.world.lanes.orphan(lane)


def deaths(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    scheduler = troubles.world.scheduler
    scheduler.deaths = random.choice((0.0005, 0.002, 0.01))
    troubles.world.tell(f"processes die at {scheduler.deaths:.2%} of their effects")
    # Where nothing is ever finished, an hour shows as much as a day.
    if troubles.lasts(replace(trouble, seconds=min(trouble.seconds, 3600.0))):
        scheduler.deaths = 0.0
        troubles.world.tell("processes live")


def clock(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    seconds = random.choice((-3600.0, -60.0, 20.0, 600.0, 3600.0))
    troubles.world.tell(f"the clock is set by {seconds:+.0f} s")
    troubles.world.scheduler.set_clock(seconds)
    if troubles.lasts(trouble):
        troubles.world.scheduler.set_clock(0.0)
        troubles.world.tell("the clock is right again")


KINDS: Handlers = {
    "redis": redis,
    "kill": kill,
    "freeze": freeze,
    "freeze at a renewal": freeze_at_renewal,
    "orphan": orphan,
    "deaths": deaths,
    "clock": clock,
}
