"""One simulated run, its figures and what was not kept; and the shortest story of a failure."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from bot.domain.message import Card
from tests.simulation.plan import Plan, make_plan
from tests.simulation.promises import broken
from tests.simulation.world import World


@dataclass(frozen=True)
class Size:
    """How much a run simulates."""

    days: int = 10
    workspaces: int = 3
    channels: int = 16  # of each workspace
    moments: int | None = None  # different times of day when digests are due; None: any


@dataclass(frozen=True)
class Result:
    """What came of a run. `seconds` are of CPU; `trace` is the same for the same seed and size."""

    seed: int
    size: Size
    channel_days: int
    threads: int
    cards: int
    killed: int
    effects: int
    seconds: float
    trace: str
    broken: tuple[str, ...]
    story: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.channel_days} channel-days, {self.threads} threads with "
            f"{self.cards} papers, {self.killed} deaths, {self.effects} effects, "
            f"{self.seconds:.1f} s, trace {self.trace[:16]}, {len(self.broken)} broken"
        )


def run(seed: int, size: Size, only: Sequence[int] | None = None) -> Result:
    """Run a seed; with only some of its plan's parts, by number, where these are given."""
    plan = make_plan(seed, *astuple(size))
    if only is not None:
        parts = plan.parts
        plan = plan.with_only([parts[n] for n in only])
    return run_plan(plan, size)


def run_plan(plan: Plan, size: Size) -> Result:
    begun = time.process_time()
    gc.disable()  # a tenth of the time would go there, for nothing: hardly anything is circular
    world = World(plan)
    wrong: tuple[str, ...]
    try:
        world.run()
        wrong = tuple(broken(world))
    except Exception as fault:  # noqa: BLE001  # a process ended so, which is what is told
        wrong = (f"a process ended: {type(fault).__name__}: {fault}",)
    finally:
        gc.enable()
    messages = [m for chat in world.chats.values() for rows in chat.channels.values() for m in rows]
    cards = sum(isinstance(m.post, Card) for m in messages)
    return Result(
        seed=plan.seed,
        size=size,
        channel_days=plan.days * len(plan.channels),
        threads=len({m.under for m in messages if m.under}),
        cards=cards,
        killed=world.scheduler.killed,
        effects=world.scheduler.effects,
        seconds=time.process_time() - begun,
        trace=world.trace,
        broken=wrong,
        story=tuple(world.story),
    )


def shortened(failed: Result, most_runs: int) -> tuple[list[int], Result]:
    """The parts (by number) of a failed run's plan that are enough to break the same promise, and
    the run with these alone; found in at most so many runs (delta debugging: leave out halves,
    quarters and so on, as long as it still fails)."""
    runs = 0
    size, kind = failed.size, _kind(failed.broken[0])
    parts = make_plan(failed.seed, *astuple(size)).parts
    kept, best, step = list(range(len(parts))), failed, max(1, len(parts) // 2)
    while step and runs < most_runs:
        begin, shorter = 0, False
        while begin < len(kept) and runs < most_runs:
            tried = kept[:begin] + kept[begin + step :]
            result, runs = run(failed.seed, size, tried), runs + 1
            if any(_kind(sentence) == kind for sentence in result.broken):
                kept, best, shorter = tried, result, True
            else:
                begin += step
        step = step if shorter and step > 1 else step // 2
    return kept, best


def _kind(sentence: str) -> str:
    """A broken promise without whom and what it is about: its plain words."""
    words = sentence.partition(": ")[2] or sentence
    return " ".join(word for word in words.split() if word.isalpha())
