"""What people were promised of what they keep: theirs alone, as they left it, gone when forgotten;
and that a channel is told the best of its week once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.simulation.chat_edge import Event
from tests.simulation.promised.timelines import SETTLED, Timelines, Who, kept

if TYPE_CHECKING:
    from tests.simulation.world import World

_BEST = "The best of this week"
_ID = re.compile(r"arxiv\.org/abs/(\d{4}\.\d{5})")
# A page of a list has so many papers.
_PAGE = 6


def broken(world: World) -> Iterator[str]:
    """What was not kept, a sentence each."""
    lines = kept(world)
    yield from _as_left(world, lines)
    yield from _shared(world, lines)
    for event in world.people.events:
        if event.was_done and event.text == "saved":
            yield from _own_list(event, lines)
        if event.was_done and event.text == "saved shared":
            yield from _channels_list(event, lines)
    yield from _forgotten(world)
    yield from _best_once(world)


def _as_left(world: World, lines: Timelines) -> Iterator[str]:
    """Everybody's list has what they saved, and nothing else."""
    end = world.scheduler.now
    for who in world.people.stays:
        rows = world.store().saved.of(*who)
        papers = {row.paper for row in rows}
        for row in rows:
            if row.by != who[1] or not lines.may_hold(who, row.paper, end, end):
                yield f"{who[0]}: {row.paper} is in the list of {who[1]}, who did not save it"
        for paper in lines.things(who):
            if " " not in paper and paper not in papers and lines.must_hold(who, paper, end, end):
                yield f"{who[0]}: {who[1]} saved {paper}, and it is not in the list"


def _shared(world: World, lines: Timelines) -> Iterator[str]:
    """A channel sees what its people share with it, and nothing else."""
    end, at = world.scheduler.now, world.scheduler.datetime()
    for address in world.plan.channels:
        seen = {(row.by, row.paper) for row in world.store().saved.shared_with(str(address), at)}
        for person, paper in sorted(seen):
            if not lines.may_hold((address.workspace_key, person), f"{paper} {address}", end, end):
                yield f"{address}: {person} did not share {paper}"
        for who in lines.everybody():
            for paper in lines.things(who) if who[0] == address.workspace_key else ():
                is_shared = lines.must_hold(who, f"{paper} {address}", end, end)
                if is_shared and (who[1], paper) not in seen:
                    yield f"{address}: {who[1]} shares {paper}, and nobody sees it"


def _answer(event: Event) -> str:
    """What was answered in the end: an earlier delivery may have found a workspace without a good
    token."""
    return next(said for said in event.heard if said.startswith("{"))


def _own_list(event: Event, lines: Timelines) -> Iterator[str]:
    """Whoever looks at their list sees what they saved."""
    who, until = (event.address.workspace_key, event.person), event.at + SETTLED
    shown = set(_ID.findall(_answer(event)))
    for paper in sorted(shown):
        if not lines.may_hold(who, paper, event.at, until):
            yield f"{event.address}: {event.person} was shown {paper} and had not saved it"
    sure = {
        p for p in lines.things(who) if " " not in p and lines.must_hold(who, p, event.at, until)
    }
    if len(lines.things(who)) <= _PAGE and not sure <= shown:
        yield f"{event.address}: {event.person} was not shown {sorted(sure - shown)}"


def _channels_list(event: Event, lines: Timelines) -> Iterator[str]:
    """Whoever looks at what a channel shares sees nobody who does not share it."""
    workspace, until = event.address.workspace_key, event.at + SETTLED
    for item in json.loads(_answer(event))["items"]:
        paper = _ID.findall(item["url"])[0]
        for person in (id for people in item["people"] for id in people["ids"]):
            if not lines.may_hold((workspace, person), f"{paper} {event.address}", event.at, until):
                yield f"{event.address}: {person} is shown as sharing {paper}"


def _forgotten(world: World) -> Iterator[str]:
    """Of who wanted to be forgotten, and did nothing since, nothing is there."""
    if world.troubles.forgotten:
        return
    for who in world.people.stays:
        theirs = [e for e in world.people.events if (e.address.workspace_key, e.person) == who]
        done = [e.at for e in theirs if e.text.startswith("forget-me") and e.was_done]
        since = max(done, default=0.0) - SETTLED
        if done and not any(_leaves(event) and event.at >= since for event in theirs):
            yield from _left(world, who)


def _leaves(event: Event) -> bool:
    """Whether what somebody did may leave something behind."""
    return event.text.startswith(("follow ", "follow-", "save ", "share", "up", "down"))


def _left(world: World, who: Who) -> Iterator[str]:
    store = world.store()
    for each in store.left_behind:
        for trace in each.traces(*who):
            what = f"{trace.kind} {trace.text}"
            yield f"{who[0]}: {who[1]} wanted to be forgotten, and {what} is there"
    if who in store.tellings.owed(who[0].partition(":")[0]):
        yield f"{who[0]}: {who[1]} wanted to be forgotten, and is still to be told of something"


def _best_once(world: World) -> Iterator[str]:
    """A channel is told the best of its week once a week."""
    if world.troubles.forgotten:
        return
    for chat in world.chats.values():
        for address, messages in sorted(chat.channels.items(), key=str):
            told = [m.at for m in messages if m.post.title == _BEST and m.removed != "by us"]
            for before, after in pairwise(told):
                if after - before < timedelta(days=6).total_seconds():
                    yield f"{address} was told the best of its week twice"
