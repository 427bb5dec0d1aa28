"""What people were promised of what they follow: told once, they alone, and soon."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.commands.permissions import PersonKind
from bot.domain.digest import Digest
from bot.domain.message import Message
from bot.domain.papers import Paper
from bot.domain.request import Address
from tests.simulation.arxiv_edge import TERMS, Morning
from tests.simulation.chat_edge import Shown
from tests.simulation.promised.timelines import Timelines, Who, followed

if TYPE_CHECKING:
    from tests.simulation.world import World

# Where somebody is told is decided before it is sent, and a chat may be slow.
_ON_ITS_WAY = 900.0
# A direct message waits half a day for other digests; the clock looks every half hour, and whoever
# waits is looked for every two hours.
_SOON = timedelta(hours=16)
# What could not be told for two days is no news; what goes wrong with a chat lasts for less.
_NO_NEWS = timedelta(days=2)
_TITLE = "from what you follow"
_CHANNEL = re.compile(r"\bC\d+\b")


@dataclass(frozen=True)
class Told:
    """A person was told of a paper, or of a `version` of it, by a message in a place."""

    who: Who
    paper: str
    version: str
    shown: Shown
    place: Address

    @property
    def subject(self) -> tuple[Who, str, str]:
        return self.who, self.paper, self.version

    def __str__(self) -> str:
        what = f"{self.paper} {self.version}".strip()
        return (
            f"{self.place}: {self.who[1]} of {what} at {datetime.fromtimestamp(self.shown.at, UTC)}"
        )


def broken(world: World) -> Iterator[str]:
    """What was not kept, a sentence each."""
    told, follows = list(_told(world)), followed(world)
    brought = _brought(world)
    yield from _once(world, told)
    for each in told:
        yield from _wanted(world, each, follows)
        yield from _brought_there(world, each, brought)
        yield from _in_place(world, each)
    yield from _everybody(world, told, follows, brought)


def _told(world: World) -> Iterator[Told]:
    """Everything that anybody was told of what they follow."""
    for chat in world.chats.values():
        for address, messages in sorted(chat.channels.items(), key=str):
            for shown in messages:
                post = shown.post
                if not isinstance(post, Message) or not post.title.endswith(_TITLE):
                    continue
                person = post.to if shown.under else address.channel.removeprefix("D")
                who = address.workspace_key, person
                if post.paper:
                    yield Told(who, _id(post.paper.url), "", shown, address)
                for item in post.items:
                    version = re.search(r"Version \d+(?= is out)", " ".join(item.text))
                    yield Told(who, _id(item.url), version[0] if version else "", shown, address)


def _id(url: str) -> str:
    return url.rpartition("/")[2].partition("v")[0]


def _once(world: World, told: list[Told]) -> Iterator[str]:
    """Nobody is told twice of a paper, in whatever channel or message; but for what a restored
    backup, or who wanted to be forgotten meanwhile, had forgotten."""
    before = dict[tuple[Who, str, str], Told]()
    for each in sorted(told, key=lambda row: row.shown.at):
        first = before.setdefault(each.subject, each)
        if first is not each and not _is_forgotten(world, first, each):
            yield f"told twice: {first}, {each}"


def _is_forgotten(world: World, first: Told, second: Told) -> bool:
    begin, end = first.shown.at, second.shown.at
    if any(since <= begin <= until + _ON_ITS_WAY for since, until in world.troubles.forgotten):
        return True
    return any(
        event.text.startswith("forget-me") and begin - _ON_ITS_WAY < event.at < end
        for event in world.people.events
        if (event.address.workspace_key, event.person) == first.who
    )


def _wanted(world: World, told: Told, follows: Timelines) -> Iterator[str]:
    """Who is told follows it, is in the workspace, and takes messages."""
    at = told.shown.at
    if not any(
        follows.may_hold(told.who, what, at - _ON_ITS_WAY, at) for what in _names(world, told)
    ):
        yield f"told without following it: {told}"
    stays = world.people.stays.get(told.who, [])
    lately = [s for s in stays if s.at <= at - _ON_ITS_WAY][-1:]
    lately += [s for s in stays if at - _ON_ITS_WAY < s.at <= at]
    if not any(stay.kind is PersonKind.MEMBER for stay in lately):
        yield f"told though they are no member: {told}"
    if told.shown.under and not any(told.place.channel in stay.channels for stay in lately):
        yield f"told in a channel they are not in: {told}"


def _names(world: World, told: Told) -> set[str]:
    """What somebody may follow, to be told of this."""
    if told.version:
        return {told.paper}
    paper = next((paper for paper in world.arxiv.known() if paper.id == told.paper), None)
    return _meant_by(paper) if paper else set()


def _meant_by(paper: Paper) -> set[str]:
    return {*paper.authors, *(term for term in TERMS if term in paper.abstract)}


def _in_place(world: World, told: Told) -> Iterator[str]:
    """A mention is in the thread that shows the paper; no message says what another channel is."""
    text = told.shown.post.model_dump_json()
    for channel in sorted(set(_CHANNEL.findall(text))):
        yield f"told of {channel}: {told}"
    if not told.shown.under:
        return
    messages = world.chats[told.place.platform].channels[told.place]
    same = [m.post for m in messages if m.under == told.shown.under]
    title = f"On the matter of {told.paper}"
    is_refused = title in world.chats[told.place.platform].refused_titles
    if not is_refused and not any(post.title == title for post in same):
        yield f"told in a thread without it: {told}"


@dataclass(frozen=True)
class _Brought:
    """A digest that a workspace's channel got, and when it was last delivered."""

    at: datetime
    digest: Digest


def _brought(world: World) -> dict[str, list[_Brought]]:
    """By workspace."""
    found, history = defaultdict[str, list[_Brought]](list), world.store().history
    for address in world.plan.channels:
        for delivery in history.of(address):
            if digest := history.digest(f"{address}:{delivery.day}"):
                found[address.workspace_key].append(_Brought(delivery.at, digest))
    return found


def _brought_there(world: World, told: Told, brought: dict[str, list[_Brought]]) -> Iterator[str]:
    """Nobody is told of what no digest of their workspace brought."""
    if world.troubles.forgotten or world.troubles.garbled or told.version:
        return  # some digests are not known any more
    rows = brought[told.who[0]]
    if not any(row.digest.decision_for(told.paper) for row in rows):
        yield f"told of what no digest there brought: {told}"


def _everybody(
    world: World, told: list[Told], follows: Timelines, brought: dict[str, list[_Brought]]
) -> Iterator[str]:
    """Whoever follows what a digest of their workspace brought is told of it."""
    if world.troubles.garbled or world.troubles.forgotten:
        return
    subjects, end = {each.subject for each in told}, world.scheduler.datetime()
    gone = {f"slack:{each.team}" for each in world.troubles.departures}  # and what was followed
    for who in [each for each in follows.everybody() if each[0] not in gone]:
        for row in brought[who[0]]:
            if row.at > end - _SOON or _is_away(world, who, row.at):
                continue
            for paper, version, names in _news(world, row):
                is_told = (who, paper, version) in subjects
                if not is_told and _follows(follows, who, names, row.at, end):
                    what = f"{paper} {version}".strip()
                    yield f"{who[0]}: {who[1]} was not told of {what}, brought at {row.at}"


def _news(world: World, row: _Brought) -> Iterator[tuple[str, str, set[str]]]:
    """What a digest has for followers: a paper, its version where that is what is told, and what
    they may follow."""
    for decision in row.digest.decisions:
        yield decision.paper.id, "", _meant_by(decision.paper)
    day = row.digest.date
    is_whole = world.plan.mornings.get(day, Morning()).kind == "normal" and not row.digest.earlier
    if not is_whole or any(t.kind == "upgrade" for t in world.plan.troubles):
        return  # its list may have come in parts, or from a release that kept no versions
    asked = set(row.digest.profile.categories)
    if not any(asked & set(each.paper.categories) for each in world.arxiv.papers(day)):
        return
    for paper in world.arxiv.replaced(day):
        if asked & set(paper.categories):
            yield paper.id, "Version 2", {paper.id}


def _follows(follows: Timelines, who: Who, names: set[str], at: datetime, end: datetime) -> bool:
    since = at.timestamp() - _ON_ITS_WAY
    return any(follows.must_hold(who, name, since, end.timestamp()) for name in names)


def _is_away(world: World, who: Who, at: datetime) -> bool:
    """Whether somebody was no member or took no messages then or later, until they asked to be told
    again; or the chat was not well for so long that it was no news any more."""
    stays = world.people.stays[who]
    lost = [s.at for s in stays if s.kind is not PersonKind.MEMBER or not s.takes_messages]
    back = [
        event.at
        for event in world.people.events
        if (event.address.workspace_key, event.person) == who
        and event.text.startswith("follow")
        and event.was_done
    ]
    last = max((stay.at for stay in stays), default=0.0) if lost else 0.0
    if lost and not any(last < each < at.timestamp() - _ON_ITS_WAY for each in back):
        return True
    begin = (at - world.plan.begin).total_seconds()
    unwell = sum(
        max(0.0, min(t.end, begin + _NO_NEWS.total_seconds()) - max(t.at, begin - 3600.0))
        for t in world.troubles.spans
    )
    return unwell > _NO_NEWS.total_seconds() / 2
