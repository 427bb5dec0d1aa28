"""What people do in the simulation: they type, press and vote; platforms repeat their events. Some
are not there all the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from bot.arxiv.calendar import weekday_before
from bot.commands.permissions import PersonKind
from bot.domain.message import Button, Card, Message
from bot.domain.request import Address
from tests.simulation.chat_edge import Event, Shown
from tests.simulation.plan import Act
from tests.simulation.readers_plan import FICKLE, GUEST, PARTLY, READERS, Absence, Habit, Opening
from tests.simulation.scheduler import Process, Signal

if TYPE_CHECKING:
    from tests.simulation.world import World

PERSONS = ("U1", "U2", "U3")


@dataclass(frozen=True)
class Stay:
    """From some moment on (monotonic) a person is in these channels of a workspace."""

    at: float
    kind: PersonKind
    channels: frozenset[str]
    takes_messages: bool = True


class People:
    """Everybody is in every channel of their workspace, but for U3, who is in its first only, and
    the one who comes and goes. `stays` are by workspace (Address.workspace_key) and person."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.events: list[Event] = []
        self.asked = Signal(world.scheduler)  # the platform where somebody asks for a digest
        self.stays: dict[tuple[str, str], list[Stay]] = {}
        self._acts = 0
        self._is_calm = False

    def start(self) -> None:
        for act in self._world.plan.acts:
            self.add(act, act.at)
        for habit in self._world.plan.habits:
            self.add(habit, habit.at)
        for absence in self._world.plan.absences:
            process = Process("absence", lambda each=absence: self._be_away(each), is_mortal=False)
            self._world.scheduler.spawn(process, absence.at)
        for opening in self._world.plan.openings:
            process = Process("opening", lambda each=opening: self._open(each), is_mortal=False)
            self._world.scheduler.spawn(process, opening.at)

    def end(self) -> None:
        """Whoever was away is there again, and stays."""
        self._is_calm = True
        for (workspace, person), stays in self.stays.items():
            if len(stays) > 1:
                self._stay(workspace, person, stays[0])

    def add(self, act: Act | Habit, after: float = 0.0) -> None:
        """It is done after so many seconds."""
        self._acts += 1
        number = self._acts
        process = Process("people", lambda: self._do(act, number), is_mortal=False)
        self._world.scheduler.spawn(process, after)

    def join(self) -> None:
        """Everybody becomes a member of their channels."""
        plan = self._world.plan
        for workspace in plan.profiles:
            mine = [a.channel for a in plan.channels if a.workspace_key == workspace]
            for person in READERS:
                channels = mine[:1] if person == PARTLY else mine
                kind = PersonKind.GUEST if person == GUEST else PersonKind.MEMBER
                there = frozenset((*channels, f"D{person}"))
                self._stay(workspace, person, Stay(self._world.scheduler.now, kind, there))

    # -- who is where

    def _stay(self, workspace: str, person: str, stay: Stay) -> None:
        stays = self.stays.setdefault((workspace, person), [])
        now = replace(stay, at=self._world.scheduler.now)
        stays.append(now)
        platform, _, team = workspace.partition(":")
        self._world.chats[platform].members[f"{team}/{person}"] = now

    def _be_away(self, absence: Absence) -> None:
        address = self._world.plan.channels[absence.channel]
        workspace = address.workspace_key
        before = self.stays[workspace, FICKLE][0]
        match absence.kind:
            case "leaves":
                now = replace(before, kind=PersonKind.GUEST, channels=frozenset())
            case "removed":
                now = replace(before, channels=before.channels - {address.channel})
            case _:
                now = replace(before, takes_messages=False)
        self._stay(workspace, FICKLE, now)
        where = f" from {address}" if absence.kind == "removed" else f" ({workspace})"
        self._world.tell(f"{FICKLE} {absence.kind}{where}")
        self._world.scheduler.sleep(absence.seconds)
        if not self._is_calm:
            self._stay(workspace, FICKLE, before)
            self._world.tell(f"{FICKLE} is back ({workspace})")

    def _open(self, opening: Opening) -> None:
        address = self._world.plan.channels[opening.channel]
        self._world.chats[address.platform].let_read(address, opening.audience)
        self._world.tell(f"{address} is read by {opening.audience}")

    # -- what they do

    def _do(self, act: Act | Habit, number: int) -> None:
        """The event happens, and happens again where the platform repeats it."""
        world = self._world
        address = world.plan.channels[act.channel]
        random = Random(act.chance)
        if address.workspace in world.chats[address.platform].left:
            return  # there is nothing to speak to
        id = f"{world.plan.seed}-{number}"
        if isinstance(act, Habit):
            address = self._own(address, act.person, random)
            event = self._habit(act, address, random, id)
        else:
            event = self._event(act, address, random, id)
        if event is None:
            return
        self.events.append(event)
        world.chats[address.platform].write(event)
        if event.text.startswith("now"):
            self.asked.give(address.platform)
        said = event.text if not event.button else f"presses {event.text}"
        world.tell(f"{address}: {event.person} {said}")
        for later in act.again:
            world.scheduler.sleep(later)
            world.chats[address.platform].write(event)

    def _own(self, address: Address, person: str, random: Random) -> Address:
        """Mostly a channel that a person is in."""
        here = self._world.chats[address.platform].members[f"{address.workspace}/{person}"].channels
        own = sorted(channel for channel in here if not channel.startswith("D"))
        if address.channel in here or not own or random.random() < 0.2:
            return address
        return address.model_copy(update={"channel": random.choice(own)})

    def _event(self, act: Act, address: Address, random: Random, id: str) -> Event | None:
        world = self._world
        anybody, now = random.choice(PERSONS), world.scheduler.now
        person = act.person or anybody
        text, message = act.text, ""
        if text == "vote":
            buttons = [(m, b) for m, b in self._buttons(address) if b.action == "up"]
            if not buttons:
                return None
            shown, button = random.choice(buttons)
            text, message = f"{random.choice(('up', 'down'))} {button.value}", shown.id
        elif text == "why":
            day = world.scheduler.datetime().date() - timedelta(days=random.randrange(5))
            papers = world.arxiv.papers(day)
            text = f"why {random.choice(papers).paper.id if papers else '2401.99999'}"
        elif text == "nonsense":
            text = random.choice(("", "suscribe", "now nobody-has-this", "why", "<!channel> up"))
        return Event(id, now, address, person, text, message)

    def _buttons(self, address: Address) -> Iterator[tuple[Shown, Button]]:
        """Of the last cards in a channel, menus included."""
        rows = self._world.chats[address.platform].channels[address]
        cards = [m for m in rows if isinstance(m.post, Card) and not m.removed]
        for shown in cards[-5:]:
            assert isinstance(shown.post, Card), "they were chosen so"
            yield from ((shown, button) for button in (*shown.post.buttons, *shown.post.menu))

    def _habit(self, act: Habit, address: Address, random: Random, id: str) -> Event | None:
        """None where what is to be pressed is not there, or not to be seen by this person."""
        finders: dict[str, Callable[[Habit, Address, Random], tuple[str, str] | None]] = {
            "save": self._save,
            "unsave": self._pressed("unsave", "share-saved", "save"),
            "share": self._pressed("share-saved", "save"),
            "unshare": self._pressed("unshare-saved", "share-saved"),
            "unfollow": self._unfollow,
            "like": self._like,
            "follow its author": self._follow_its_author,
            "follow paper": self._follow_paper,
            "unfollow told": self._unfollow_told,
            "forget-me": self._confirmed,
        }
        text, message = act.text, ""
        if find := finders.get(text):
            here = self._world.chats[address.platform].members[f"{address.workspace}/{act.person}"]
            found = find(act, address, random)
            if found is None or (found[1] and address.channel not in here.channels):
                return None
            text, message = found
            message = f"private {id}" if message == "private" else message
        return Event(id, self._world.scheduler.now, address, act.person, text, message)

    def _card_value(
        self, address: Address, action: str, random: Random
    ) -> tuple[Shown, str] | None:
        found = [(m, b.value) for m, b in self._buttons(address) if b.action == action]
        return random.choice(found) if found else None

    def _save(self, act: Habit, address: Address, random: Random) -> tuple[str, str] | None:
        found = self._card_value(address, "save", random)
        return (f"save {found[1]}", found[0].id) if found else None

    def _like(self, act: Habit, address: Address, random: Random) -> tuple[str, str] | None:
        found = self._card_value(address, "why", random)
        return (f"like {found[1]}", "private") if found else None

    def _follow_its_author(
        self, act: Habit, address: Address, random: Random
    ) -> tuple[str, str] | None:
        found = self._card_value(address, "follow", random)
        return (f"follow-author {found[1]} 0", "private") if found else None

    def _follow_paper(self, act: Habit, address: Address, random: Random) -> tuple[str, str] | None:
        """One that may have a second version tomorrow, or had one."""
        day = self._world.scheduler.datetime().date()
        day = weekday_before(day) if random.random() < 0.3 else day
        papers = self._world.arxiv.papers(day)
        return (f"follow {papers[0].paper.id}", "") if papers else None

    def _pressed(
        self, action: str, *after: str
    ) -> Callable[[Habit, Address, Random], tuple[str, str] | None]:
        """A button below a paper with which this person did the first of these that they did."""

        def find(act: Habit, address: Address, random: Random) -> tuple[str, str] | None:
            for word in after:
                mine = [text.split()[-1] for text in self._said(act, address, f"{word} ")]
                if mine:
                    return f"{action} {random.choice(mine)}", "private"
            return None

        return find

    def _said(self, act: Habit, address: Address, beginning: str) -> list[str]:
        """What this person typed or pressed in this workspace, as far as it begins so."""
        return [
            event.text
            for event in self.events
            if event.person == act.person
            and event.address.workspace_key == address.workspace_key
            and event.text.startswith(beginning)
        ]

    def _unfollow(self, act: Habit, address: Address, random: Random) -> tuple[str, str] | None:
        mine = self._said(act, address, "follow author ")
        return (random.choice(mine).replace("follow author", "unfollow"), "") if mine else None

    def _unfollow_told(
        self, act: Habit, address: Address, random: Random
    ) -> tuple[str, str] | None:
        """The button below what this person was told in a direct message."""
        direct = address.model_copy(update={"channel": f"D{act.person}"})
        rows = self._world.chats[address.platform].channels.get(direct, ())
        buttons = [
            button.value
            for shown in rows
            if isinstance(shown.post, Message)
            for item in shown.post.items
            for button in item.buttons
            if button.action == "unfollow"
        ]
        return (f"unfollow {random.choice(buttons)}", "private") if buttons else None

    def _confirmed(self, act: Habit, address: Address, random: Random) -> tuple[str, str] | None:
        """Whoever was asked whether all is to be forgotten presses the button."""
        asked = any(
            event.text == "me forget" and event.was_done
            for event in self.events
            if event.person == act.person and event.address.workspace_key == address.workspace_key
        )
        return ("forget-me", "private") if asked else None
