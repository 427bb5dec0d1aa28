"""The model fails or is gone; arXiv's list grows while it is judged."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.simulation.arxiv_edge import HALF_HOURS, Morning
from tests.simulation.model_edge import FAULTS
from tests.simulation.plan import WAITS_SECONDS, Act, Trouble

if TYPE_CHECKING:
    from tests.simulation.troubles import Handlers, Troubles


def model_fails(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    model = troubles.world.model
    model.fault, model.rate = random.choice(FAULTS), random.choice((0.3, 1.0))
    troubles.world.tell(f"the model: {model.fault}, {model.rate:.0%} of calls")
    if troubles.lasts(trouble):
        model.rate = 0.0
        troubles.world.tell("the model is well")


def no_model(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    model = troubles.world.model
    model.is_gone = True
    troubles.world.tell("the model is gone")
    if troubles.lasts(trouble):
        model.is_gone = False
        troubles.world.tell("the model is there again")


def babbles(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    model = troubles.world.model
    model.babbles = True
    troubles.world.tell("the model babbles")
    if troubles.lasts(trouble):
        model.babbles = False


def list_grows(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """Half a list becomes a whole one while it is judged, and somebody asks for it then."""
    world = troubles.world
    while True:
        lane = troubles.world.lanes.scoring.wait(WAITS_SECONDS)
        troubles.world.scheduler.sleep(4.0 * random.random())
        day, hours = world.arxiv.local_hours()
        morning = world.arxiv.mornings.get(day, Morning())
        if troubles.is_over:
            return
        is_half = morning.kind == "half" and hours < min(morning.hours, HALF_HOURS)
        if lane == "batch" and is_half:
            break
    world.arxiv.mornings[day] = Morning("half", hours)
    world.tell("arXiv's list is whole")
    row = random.choice(world.plan.subscribed)
    world.people.add(Act(0.0, row.channel, f"now {row.profile}", 0.0, person="U1"))


KINDS: Handlers = {
    "model": model_fails,
    "no model": no_model,
    "babbles": babbles,
    "list grows": list_grows,
}
