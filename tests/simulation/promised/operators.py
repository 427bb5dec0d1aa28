"""What whoever runs Paperboy was promised: to hear of each trouble and of its end, once each, and
no word of any group."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.domain.message import Message
from tests.simulation.audit import Known
from tests.simulation.chat_edge import Shown
from tests.simulation.plan import OPERATORS

if TYPE_CHECKING:
    from tests.simulation.world import World

# The clock looks every half an hour; what was known for so long was looked at.
_LOOKED_SECONDS = 45 * 60.0
_MINUTE = timedelta(minutes=1)
_BEGUN = re.compile(r"(?P<what>.+), since (?P<since>\d\d \w{3} \d\d:\d\d) UTC\.")
_OVER = re.compile(r"Over: (?P<what>.+)\.")
_FROM_TO = re.compile(
    r"(?P<since>\d\d \w{3} \d\d:\d\d) to (?P<day>\d\d \w{3})? ?(?P<end>\d\d:\d\d) UTC"
)
# How messages begin about what the audit calls so.
_NAMES = {
    "slack": "Slack takes no messages",
    "discord": "Discord takes no messages",
    "Slack login": "Slack does not let Paperboy in",
    "Discord login": "Discord does not let Paperboy in",
}
_NOTHING = "Nothing can be posted in of "
# What goes on after the last trouble: what is set aside stays so, and a day's limit is spent again.
_LASTING = ("can't be read", "The budget of")
# Words of a group: its people, channels, papers and profiles.
_GROUPS = re.compile(r"\b[UCD]\d+\b|\b\d{4}\.\d{5}\b|the matter of|Matters of|matters-\d")


@dataclass(frozen=True)
class Said:
    """A trouble as it was told: what it is, without numbers, since when, and its end where it is
    over."""

    what: str
    since: datetime
    end: datetime | None
    shown: Shown


def broken(world: World) -> Iterator[str]:
    """What was not kept, a sentence each."""
    for chat in world.chats.values():
        for address, messages in sorted(chat.channels.items(), key=str):
            if address not in OPERATORS:
                yield from (
                    f"{address} heard what is the operator's: {m.post.title}"
                    for m in messages
                    if _said(world, m)
                )
    operator = world.plan.operator
    if operator is None:
        return
    rows = [m for m in world.chats[operator.platform].channels[operator] if m.removed != "by us"]
    for shown in rows:
        if found := _GROUPS.search(shown.post.model_dump_json()):
            yield f"the operator was told of {found[0]}: {shown.post.title}"
        if _said(world, shown) is None:
            yield f"the operator was told what is no trouble: {shown.post.title}"
    known = [m for m in rows if not world.troubles.is_forgotten(m.at)]
    said = [found for m in known if (found := _said(world, m))]
    yield from _once(said)
    if not world.troubles.forgotten:
        yield from _in_turn(said, world.scheduler.now - _LOOKED_SECONDS)
        yield from _all(world, said)


def _said(world: World, shown: Shown) -> Said | None:
    """None where a message is about no trouble."""
    post, year = shown.post, world.plan.begin.year
    title = post.title
    if over := _OVER.fullmatch(title):
        times = _FROM_TO.match(" ".join(post.text) if isinstance(post, Message) else "")
        if times is None:
            return None
        day = times["day"] or times["since"][:6]
        end = _moment(f"{day} {times['end']}", year)
        return Said(_plain(over["what"]), _moment(times["since"], year), end, shown)
    begun = _BEGUN.fullmatch(title)
    return begun and Said(_plain(begun["what"]), _moment(begun["since"], year), None, shown)


def _moment(text: str, year: int) -> datetime:
    return datetime.strptime(f"{text} {year}", "%d %b %H:%M %Y").replace(tzinfo=UTC)


def _plain(what: str) -> str:
    """Without numbers, and in the plural that goes with many."""
    return re.sub(r"\d+ (digest|job|workspace|server|stored value)s?( is| are)?", r"\1", what)


def _once(said: list[Said]) -> Iterator[str]:
    """A begin is told once, and an end; after an end whose begin nobody had heard of, both."""
    told = set[tuple[str, datetime, bool]]()
    for each in said:
        key = each.what, each.since, each.end is None
        if key in told:
            yield f"the operator was told twice: {each.shown.post.title}"
        told.add(key)
        if each.end is None:
            told.discard((each.what, each.since, False))


def _in_turn(said: list[Said], until: float) -> Iterator[str]:
    """What was told to have begun is told to be over before it begins again, and in the end; what
    began after `until` may be over when nobody looks any more."""
    open_now = dict[str, Said]()
    for each in said:
        if each.end:
            open_now.pop(each.what, None)
            continue
        if each.what in open_now:
            yield f"the operator was not told that it was over before: {each.shown.post.title}"
        open_now[each.what] = each
    for each in open_now.values():
        is_lasting = any(lasting in each.what for lasting in _LASTING)
        if not is_lasting and each.shown.at <= until:
            yield f"the operator was not told that it is over: {each.shown.post.title}"


def _all(world: World, said: list[Said]) -> Iterator[str]:
    """What Paperboy knew for long enough, the operator heard of: while it lasted, or at its end;
    what comes and goes as one."""
    for known, (first, last) in world.audit.known.items():
        if last - first <= _LOOKED_SECONDS:
            continue
        if not any(_is_about(each, known) for each in said):
            lasted = timedelta(seconds=last - first)
            yield f"the operator was not told of {known.what}, known since {known.since}: {lasted}"


def _is_about(said: Said, known: Known) -> bool:
    chat, is_workspace, _ = known.what.partition(":")
    name = f"{_NOTHING}{chat.capitalize()}'s" if is_workspace else _NAMES.get(known.what)
    is_of_chat = said.what in _NAMES.values() or said.what.startswith("Nothing can be posted")
    is_it = (
        re.sub("in (workspace|server) of ", "in of ", said.what) == name if name else not is_of_chat
    )
    begun = said.since <= known.since
    return is_it and begun and (said.end is None or said.end >= known.since - _MINUTE)
