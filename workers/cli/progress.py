"""Waiting for a wish where a person can see it: progress on standard error."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from bot.domain.digest import Digest
from bot.domain.lookup import Lookup
from bot.domain.request import DigestRequest, delivery_name
from bot.planning.plan import Step, StepKind, next_step
from bot.runtime import clock
from bot.store.lookups import Lookups
from bot.views import digest as digest_views
from workers.runtime.environment import Environment

_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class DeliveredDigest:
    """A delivery: its name, what it shows, and whether it was there before it was asked for."""

    name: str
    digest: Digest
    already_delivered: bool


def wait_for_digest(
    request: DigestRequest, house: Environment, console: Console
) -> DeliveredDigest:
    """Wait for a wish. Raises clock.WorkerFault."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[papers]}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        bars: dict[StepKind, TaskID] = {}

        def show(step: Step) -> None:
            done, total = house.store.progress(step.id)
            if step.kind not in bars:
                bars[step.kind] = progress.add_task(
                    digest_views.STEPS[step.kind], total=None, papers=""
                )
            papers = f"{done}/{total}" if total else ""
            progress.update(bars[step.kind], completed=done, total=total or None, papers=papers)

        clock.fulfil(request, house.store, house.queues, show)
    list_result = house.store.lists.result(request.wanted)
    assert list_result is not None, "a fulfilled wish has a list"
    name = delivery_name(request, list_result)
    digest = house.store.history.digest(name)
    assert digest is not None, "a fulfilled wish has a digest"
    return DeliveredDigest(name, digest, already_delivered=not bars)


def wait_for_list(request: DigestRequest, house: Environment, console: Console) -> None:
    """Wait until the wish's list is there, or why it is not. Raises clock.WorkerFault."""
    with console.status(digest_views.STEPS[StepKind.FETCH] + " ..."):
        while (
            step := next_step(request, house.store.requests.state(request))
        ) and step.kind is StepKind.FETCH:
            clock.queue_step(step, house.queues)
            time.sleep(_POLL_SECONDS)


def wait_for_lookup(lookup: Lookup, lookups: Lookups, house: Environment, console: Console) -> None:
    """Wait until the workers have answered. Raises clock.WorkerFault when they do not."""
    lookups.put(lookup)
    with console.status("Looking closer ..." if lookup.ref else "Looking it up ..."):
        for _ in range(int(_PATIENCE_SECONDS / _POLL_SECONDS)):
            if not lookups.is_waiting(lookup):
                return
            house.queues.enqueue_lookups()
            time.sleep(_POLL_SECONDS)
    raise clock.WorkerFault("lookup")
