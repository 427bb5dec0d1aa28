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
from bot.domain.lookup import Inquiry
from bot.domain.request import Wish, delivery_name
from bot.planning.plan import Kind, Step, due
from bot.runtime import clock
from bot.store.lookups import Inquiries
from bot.views import digest as digest_views
from workers.runtime.environment import House

_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Arrived:
    """A delivery: its name, what it shows, and whether it was there before it was asked for."""

    name: str
    digest: Digest
    before: bool


def fulfilled(wish: Wish, house: House, console: Console) -> Arrived:
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
        bars: dict[Kind, TaskID] = {}

        def show(step: Step) -> None:
            done, total = house.store.progress(step.id)
            if step.kind not in bars:
                bars[step.kind] = progress.add_task(
                    digest_views.STEPS[step.kind], total=None, papers=""
                )
            papers = f"{done}/{total}" if total else ""
            progress.update(bars[step.kind], completed=done, total=total or None, papers=papers)

        clock.fulfil(wish, house.channels, house.tasks, show)
    listed = house.store.listed(wish.wanted)
    assert listed is not None, "a fulfilled wish has a list"
    name = delivery_name(wish, listed)
    digest = house.channels.delivered(name)
    assert digest is not None, "a fulfilled wish has a digest"
    return Arrived(name, digest, before=not bars)


def fetched(wish: Wish, house: House, console: Console) -> None:
    """Wait until the wish's list is there, or why it is not. Raises clock.WorkerFault."""
    with console.status(digest_views.STEPS[Kind.FETCH] + " ..."):
        while (step := due(wish, house.channels.facts(wish))) and step.kind is Kind.FETCH:
            clock.ask(step, house.tasks)
            time.sleep(_POLL_SECONDS)


def answered(inquiry: Inquiry, inquiries: Inquiries, house: House, console: Console) -> None:
    """Wait until the workers have answered. Raises clock.WorkerFault when they do not."""
    inquiries.put(inquiry)
    with console.status("Looking closer ..." if inquiry.ref else "Looking it up ..."):
        for _ in range(int(_PATIENCE_SECONDS / _POLL_SECONDS)):
            if not inquiries.waits(inquiry):
                return
            house.tasks.inquire()
            time.sleep(_POLL_SECONDS)
    raise clock.WorkerFault("inquire")
