"""Waits for a request, with progress on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from bot.store.lookups import Lookups
from bot.store.queues import Queues
from bot.store.store import Store
from bot.views import digest as digest_views
from workers.runtime.environment import Environment

_STEP_POLL_SECONDS, _POLL_SECONDS = 0.1, 0.2
_PATIENCE_SECONDS = 120.0


class WorkerFault(Exception):
    """The workers gave up a step: a fault in Paperboy, described in their log."""


@dataclass(frozen=True)
class DeliveredDigest:
    """A delivery: its name, its digest, and whether it was there before it was requested."""

    name: str
    digest: Digest
    already_delivered: bool


@contextmanager
def show_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, where that is a terminal; the function gets how many of how many
    papers are done, and a bar begins with the first call."""
    with _bars(Console(stderr=True)) as bars:
        tasks: list[TaskID] = []

        def beat(done: int, total: int) -> None:
            tasks[:] = tasks or [bars.add_task(what, papers="")]
            bars.update(tasks[0], completed=done, total=total, papers=f"{done}/{total}")

        yield beat


def _bars(console: Console) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[papers]}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def wait_for_digest(request: DigestRequest, here: Environment, console: Console) -> DeliveredDigest:
    """Wait until a request is fulfilled. Raises WorkerFault."""
    with _bars(console) as progress:
        bars: dict[StepKind, TaskID] = {}

        def show(step: Step) -> None:
            done, total = here.store.progress(step.id)
            if step.kind not in bars:
                bars[step.kind] = progress.add_task(
                    digest_views.STEPS[step.kind], total=None, papers=""
                )
            papers = f"{done}/{total}" if total else ""
            progress.update(bars[step.kind], completed=done, total=total or None, papers=papers)

        fulfil(request, here.store, here.queues, show)
    list_result = here.store.lists.result(request.wanted)
    assert list_result is not None, "a fulfilled request has a list"
    name = delivery_name(request, list_result)
    digest = here.store.history.digest(name)
    assert digest is not None, "a fulfilled request has a digest"
    return DeliveredDigest(name, digest, already_delivered=not bars)


def wait_for_list(request: DigestRequest, here: Environment, console: Console) -> None:
    """Wait for the result of a request's list query. Raises WorkerFault."""
    with console.status(digest_views.STEPS[StepKind.FETCH] + " ..."):
        while (
            step := next_step(request, here.store.requests.state(request))
        ) and step.kind is StepKind.FETCH:
            _queue_step(step, here.queues)
            time.sleep(_POLL_SECONDS)


def wait_for_lookup(lookup: Lookup, lookups: Lookups, here: Environment, console: Console) -> None:
    """Wait until the workers have answered. Raises WorkerFault when they do not."""
    lookups.put(lookup)
    with console.status("Looking closer ..." if lookup.ref else "Looking it up ..."):
        for _ in range(int(_PATIENCE_SECONDS / _POLL_SECONDS)):
            if not lookups.is_waiting(lookup):
                return
            here.queues.enqueue_lookups()
            time.sleep(_POLL_SECONDS)
    raise WorkerFault("lookup")


def fulfil(
    request: DigestRequest,
    store: Store,
    queues: Queues,
    meanwhile: Callable[[Step], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Advance a request until it is fulfilled, calling `meanwhile` with the step under way.

    Raises WorkerFault. When interrupted, the steps stay queued, and another call continues.
    """
    while (step := advance(request, store, queues)) is not None:
        meanwhile(step)
        sleep(_STEP_POLL_SECONDS)


def advance(request: DigestRequest, store: Store, queues: Queues) -> Step | None:
    """Queue the next missing step of a request and return it; None when it is fulfilled. Raises
    WorkerFault."""
    step = next_step(request, store.requests.state(request))
    if step is not None:
        _queue_step(step, queues)
    return step


def _queue_step(step: Step, queues: Queues) -> None:
    """Queue a step, unless it is queued or under way. Raises WorkerFault."""
    missing, given_up = queues.missing_and_failed([step])
    if given_up:
        raise WorkerFault(step.id)
    for each in missing:
        queues.enqueue_step(each)
