"""What somebody follows, has saved or shares, as far as what they did and were told says so."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.views import refusals
from tests.simulation.arxiv_edge import AUTHORS, TERMS
from tests.simulation.chat_edge import Event

if TYPE_CHECKING:
    from tests.simulation.world import World

# A workspace (Address.workspace_key) and a person of it.
Who = tuple[str, str]
# An event is acted on within so many seconds, however often it is delivered.
SETTLED = 1000.0
# Everything that a person ever had.
ALL = "*"


@dataclass(frozen=True)
class Change:
    """Between two moments (monotonic) something began to hold, or ended; None: nobody knows."""

    begin: float
    end: float
    holds: bool | None


class Timelines:
    """By person and what they have (an author, a term, a paper, or a paper and a channel)."""

    def __init__(self, world: World) -> None:
        self._forgotten = min((begin for begin, _ in world.troubles.forgotten), default=math.inf)
        self._changes = defaultdict[Who, dict[str, list[Change]]](lambda: defaultdict(list))

    def add(self, who: Who, what: str, change: Change) -> None:
        """`what` may be ALL."""
        self._changes[who][what].append(change)

    def everybody(self) -> list[Who]:
        return list(self._changes)

    def things(self, who: Who) -> list[str]:
        return [what for what in self._changes[who] if what != ALL]

    def may_hold(self, who: Who, what: str, begin: float, end: float) -> bool:
        """Whether it may have held at some moment between these two."""
        return True in self._values(who, what, begin, end)

    def must_hold(self, who: Who, what: str, begin: float, end: float) -> bool:
        """Whether it held from one moment to the other for sure."""
        return self._values(who, what, begin, end) == {True}

    def _values(self, who: Who, what: str, begin: float, end: float) -> set[bool]:
        """What may have been so between two moments."""
        steps = self._steps(who, what)
        ends = [*(at for at, _ in steps[1:]), math.inf]
        there = (
            values
            for (at, values), over in zip(steps, ends, strict=True)
            if at <= end and over >= begin
        )
        unsure = {True, False} if end >= self._forgotten else set[bool]()
        return unsure.union(*there)

    def _steps(self, who: Who, what: str) -> list[tuple[float, set[bool]]]:
        """From when on what may be so. Of what was done at about the same time nobody knows which
        came last."""
        rows = self._changes[who]
        steps, now, last = [(-math.inf, {False})], {False}, -math.inf
        for change in sorted((*rows.get(what, ()), *rows.get(ALL, ())), key=lambda row: row.begin):
            after = {True, False} if change.holds is None else {change.holds}
            if change.begin < last:
                after |= now
            steps = [step for step in steps if step[0] <= change.begin]
            last = max(last, change.end)
            steps += [(change.begin, steps[-1][1] | now | after), (last, after)]
            now = after
        return steps


def followed(world: World) -> Timelines:
    """What people follow, by author, term and paper."""
    lines = Timelines(world)
    for event in world.people.events:
        who = event.address.workspace_key, event.person
        for what, holds in _followed_by(world, event):
            _add(lines, who, what, holds, event)
    return lines


def kept(world: World) -> Timelines:
    """What people have saved (by paper) and share (by paper and channel)."""
    lines = Timelines(world)
    for event in world.people.events:
        who = event.address.workspace_key, event.person
        for what, holds in _kept_by(world, event):
            _add(lines, who, what, holds, event)
    return lines


def _add(lines: Timelines, who: Who, what: str, holds: bool | None, event: Event) -> None:
    """Add what an event changed, or may have changed: its bot died, or lost the database."""
    if not event.deliveries or (event.heard and not event.was_done and not _is_lost(event)):
        return
    sure = holds if event.was_done else None
    lines.add(who, what, Change(event.at, event.at + SETTLED, sure))


def _is_lost(event: Event) -> bool:
    return any(refusals.database_unreachable().title in said for said in event.heard)


def _followed_by(world: World, event: Event) -> Iterator[tuple[str, bool | None]]:
    word, _, rest = event.text.partition(" ")
    said = "".join(event.heard)
    match word:
        case "follow" if rest:
            kind, _, name = rest.partition(" ")
            yield (name.strip('"') if kind in ("author", "term") else rest), True
        case "follow-author":
            id = rest.split()[-2]
            paper = next((p for p in world.arxiv.known() if p.id == id), None)
            if paper:
                yield paper.authors[0], True
        case "unfollow" if event.button:  # the button names nothing: what was said does
            mine = [what for what in (*AUTHORS, *TERMS, *_papers(said)) if what in said]
            yield from ((what, False) for what in mine) if event.was_done else ((ALL, None),)
        case "unfollow":
            yield (ALL if rest == "all" else rest), False
        case "forget-me":
            yield ALL, False


def _kept_by(world: World, event: Event) -> Iterator[tuple[str, bool | None]]:
    word, _, rest = event.text.partition(" ")
    said, paper = "".join(event.heard), rest.rpartition(" ")[2]
    is_saved, is_removed = '"Saved, only for you."' in said, '"No longer saved."' in said
    match word:
        case "save":  # pressed again, no longer
            yield paper, is_saved if is_saved != is_removed else None
            if not is_saved or is_removed:
                yield from ((f"{paper} {each}", False) for each in world.plan.channels)
        case "unsave":
            yield paper, False
            yield from ((f"{paper} {each}", False) for each in world.plan.channels)
        case "share-saved":
            yield f"{paper} {event.address}", True
        case "unshare-saved":
            yield f"{paper} {event.address}", False
        case "forget-me":
            yield ALL, False


def _papers(said: str) -> list[str]:
    """The arXiv ids in an answer."""
    return [word.strip('",.\\') for word in said.split() if word[:4].isdigit() and "." in word]
