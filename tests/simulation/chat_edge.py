"""Slack and Discord in the simulation: channels with messages, and the people who act in them.

One `Chat` is a platform's servers. `Edge` is what the bot has of it: events in, answers out.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from bot.commands.context import Answer, Context, Invocation
from bot.commands.dispatch import Action, button_action, press, submit, typed_action
from bot.commands.permissions import Person, PersonKind, Right
from bot.domain.message import Card, Message, Post
from bot.domain.readers.best import PersonReply
from bot.domain.readers.elsewhere import Audience
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address, DigestRequest
from bot.errors import Gone, PaperboyError, Refused, Unavailable
from bot.runtime.answers import Answers, Interaction, Services
from bot.runtime.posting import Before, Poster, nothing
from bot.views import refusals
from tests.simulation.scheduler import Process, Scheduler, Signal

if TYPE_CHECKING:
    from tests.simulation.people import Stay

# A platform delivers an event again for so long when nobody acknowledged it.
_REDELIVERY_SECONDS = 60.0
# An answer takes less, however slow its bot is.
_ANSWERING_SECONDS = 900.0
_HANGS = "The chat does not answer."


@dataclass
class Shown:
    """A message in a channel. `removed` is how it went: by us, by hand, or not."""

    id: str
    key: str
    under: str | None
    post: Post
    at: float
    removed: str = ""
    edits: int = 0


@dataclass(frozen=True)
class Naming:
    """A card of a channel named another one, or counted votes, when it was posted or edited."""

    at: float
    address: Address
    card: Card


@dataclass
class Event:
    """Something a person does, delivered to the bot at `at` (monotonic), maybe more than once.
    `heard` is every answer; `lost`: the bot was not there; `bots` took it. `was_done`: it was not
    refused. `findings` is how often a task's result was shown."""

    id: str
    at: float
    address: Address
    person: str
    text: str
    button: str = ""
    heard: list[str] = field(default_factory=list)
    deliveries: int = 0
    lost: bool = False
    requested: bool = False  # the answer was that a digest comes
    answers: int = 0  # how often it was acted on and answered
    was_done: bool = False
    findings: int = 0
    bots: list[Process | None] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        """Whether a bot that took it died soon; it may have died at it."""
        return any(
            bot and bot.killed_at is not None and bot.killed_at - self.at < _ANSWERING_SECONDS
            for bot in self.bots
        )


class Chat:
    """A platform's channels; a posting.Poster for each process that asks for one."""

    def __init__(self, scheduler: Scheduler, platform: str, tell: Callable[[str], object]) -> None:
        """`tell` is told what people see."""
        self._scheduler, self.platform, self.tell = scheduler, platform, tell
        self.channels: dict[Address, list[Shown]] = defaultdict(list)
        self.closed: dict[Address, ChannelReason] = {}
        self.homes: dict[str, str] = {}  # workspaces, by channel
        self.left: set[str] = set()  # workspaces that removed Paperboy
        self.locked: set[str] = set()  # heads whose thread nobody can reply to
        self.events: list[Event] = []
        self.edges: list[Edge] = []
        self.members: dict[str, Stay] = {}  # by workspace and person
        self.trouble = 0.0
        self.is_away = False
        # Titles of papers whose card is refused, and whether edits are.
        self.refused_titles: frozenset[str] = frozenset()
        self.refuses_edits = False
        self.headed = Signal(scheduler)  # the id of a message that may become a thread's head
        self.refused = Signal(scheduler)  # a channel that could not be posted to
        self.turned_away = Counter[Address]()  # how often a channel could not
        # Who may read a channel, from when on; before that, and else, everybody.
        self.audiences: dict[Address, list[tuple[float, Audience]]] = defaultdict(list)
        self.namings: list[Naming] = []
        self._ids = 0

    # -- as posting.Poster has it

    async def send(
        self, address: Address, post: Post, key: str, under: str | None, before: Before = nothing
    ) -> str:
        await before()
        self._scheduler.effect("chat")
        way = self._scheduler.random.uniform(0.02, 0.4)
        results = list[str | PaperboyError]()

        def arrive() -> None:
            try:
                results.append(self._show(address, post, key, under))
            except PaperboyError as error:
                results.append(error)

        # Once it is on its way it arrives, whatever becomes of the sender meanwhile.
        self._scheduler.spawn(Process("network", arrive, is_mortal=False), way)
        await asyncio.sleep(way + 0.001)
        (result,) = results
        if isinstance(result, PaperboyError):
            await self._fail(result)
        self._answered()
        return str(result)

    def _show(self, address: Address, post: Post, key: str, under: str | None) -> str:
        """What the platform does with a message; raises what it answers."""
        try:
            self._try(address)
        except Gone:
            self.turned_away[address] += 1
            self.refused.give(str(address))
            raise
        self._require_taking(address, "discord")
        if isinstance(post, Card) and post.title in self.refused_titles:
            raise Refused("That message is refused.", ChannelReason.BAD_MESSAGE)
        head = next((m for m in self.channels[address] if m.id == under), None)
        if under and (head is None or head.removed):
            raise Refused("That message is gone.", ChannelReason.MESSAGE_GONE)
        if under in self.locked:
            raise Refused("That thread is locked.", ChannelReason.THREAD_LOCKED)
        self._ids += 1
        shown = Shown(str(self._ids), key, under, post, self._scheduler.now)
        self.channels[address].append(shown)
        self._note(address, post)
        self.tell(f"{address}: {shown.id} posted{f' under {under}' if under else ''}: {post.title}")
        if not under and not address.channel.startswith("D"):
            self.headed.give(shown.id)
        return shown.id

    async def open_thread(self, address: Address, message: str, head: Message) -> str:
        await self._asked(address)
        self._answered()
        return message

    async def find(
        self, address: Address, key: str, since: datetime, under: str | None
    ) -> list[str]:
        await self._asked(address)
        rows = self.channels[address]
        return [m.id for m in rows if m.key == key and not m.removed and m.under == under]

    async def edit(
        self, address: Address, message: str, post: Post, under: str | None = None, key: str = ""
    ) -> None:
        await self._asked(address)
        shown = next((m for m in self.channels[address] if m.id == message), None)
        if shown is None or shown.removed:
            raise Refused("That message is gone.", ChannelReason.MESSAGE_GONE)
        if self.refuses_edits:
            raise Refused("That message cannot be edited.", ChannelReason.NOT_EDITABLE)
        shown.post, shown.edits = post, shown.edits + 1
        self._note(address, post)
        self.tell(f"{address}: {shown.id} edited")
        self._answered()

    async def remove(self, address: Address, message: str, under: str | None) -> None:
        await self._asked(address)
        for shown in self.channels[address]:
            if shown.id == message:
                shown.removed = shown.removed or "by us"
                self.tell(f"{address}: {shown.id} removed by us")
        self._answered()

    async def open_direct(self, address: Address, person: str) -> Address:
        await self._asked(None)
        there = address.model_copy(update={"channel": f"D{person}"})
        self._require_taking(there, "slack")
        return there

    def _require_taking(self, address: Address, platform: str) -> None:
        """Whether a person takes direct messages shows on Slack when their conversation is opened,
        on Discord when something is sent. Raises Gone."""
        stay = self.members.get(f"{address.workspace}/{address.channel[1:]}")
        if platform == self.platform and stay and not stay.takes_messages:
            raise Gone("That person takes no messages.", ChannelReason.MAY_NOT_POST)

    def person(self, workspace: str, id: str) -> Person:
        """Who somebody is now."""
        stay = self.members.get(f"{workspace}/{id}")
        if stay is None:
            return Person(kind=PersonKind.STRANGER)
        return Person(kind=stay.kind, channels=stay.channels)

    async def asked(self) -> None:
        """Something about nobody's channel is asked. Raises Unavailable."""
        await self._asked(None)

    async def look(self, address: Address) -> None:
        """Something about a channel is asked. Raises Unavailable and Gone."""
        await self._asked(address)

    async def audience(self, address: Address) -> Audience:
        await self._asked(address)
        return self.readers(address)

    def readers(self, address: Address) -> Audience:
        """Who may read a channel now."""
        rows = self.audiences.get(address)
        return rows[-1][1] if rows else Audience.EVERYONE

    def let_read(self, address: Address, audience: Audience) -> None:
        """From now on these may."""
        self.audiences[address].append((self._scheduler.now, audience))

    def _note(self, address: Address, post: Post) -> None:
        if isinstance(post, Card) and (post.elsewhere or votes_on(post)):
            self.namings.append(Naming(self._scheduler.now, address, post))

    async def replies(self, address: Address, under: str) -> list[PersonReply]:
        """Nobody writes."""
        await self._asked(address)
        return []

    async def link(self, address: Address, message: str) -> str:
        await self._asked(address)
        if any(m.id == message and not m.removed for m in self.channels[address]):
            return f"https://chat.example/archives/{address.channel}/p{message}"
        raise Refused("That message is gone.", ChannelReason.MESSAGE_GONE)

    # -- what goes wrong

    async def _asked(self, address: Address | None) -> None:
        self._scheduler.effect("chat")
        await asyncio.sleep(self._scheduler.random.uniform(0.02, 0.4))
        try:
            self._try(address)
        except PaperboyError as error:
            await self._fail(error)

    def _try(self, address: Address | None) -> None:
        random = self._scheduler.random
        if self.is_away or random.random() < self.trouble:
            kind = random.choice(("busy", "down", "hangs"))
            wait = random.uniform(0.5, 90.0) if kind == "busy" else None
            reason = ChannelReason.CHAT_BUSY if kind == "busy" else ChannelReason.CHAT_DOWN
            raise Unavailable(
                _HANGS if kind == "hangs" else "The chat has trouble.", reason, retry_after=wait
            )
        if address and address.workspace in self.left:
            raise Gone("That workspace has removed Paperboy.", ChannelReason.BAD_TOKEN)
        if address and (reason := self.closed.get(address)):
            raise Gone("That channel cannot be posted to.", reason)

    async def _fail(self, error: PaperboyError) -> NoReturn:
        """The platform's refusal, which may come late."""
        if str(error) == _HANGS:
            await asyncio.sleep(10.0)
        raise error

    def _answered(self) -> None:
        """What was asked for is done, whether or not the answer arrives."""
        self._scheduler.effect("chat answered")
        if self._scheduler.random.random() < self.trouble:
            why = "The answer was lost."
            raise Unavailable(why, ChannelReason.CHAT_DOWN, outcome_unknown=True)

    # -- people

    def write(self, event: Event) -> None:
        """Somebody does something at the event's time; events are kept in their order."""
        self.events.append(event)
        self.events.sort(key=lambda each: each.at)
        for edge in self.edges:
            edge.notice()


def votes_on(card: Card) -> int:
    """How many votes a card shows."""
    labels = [button.label for button in card.buttons if button.action in ("up", "down")]
    return sum(int(label.partition(" ")[2] or 0) for label in labels)


def _edited(profile: str, relevance: str) -> Action:
    """The form of a profile, opened and at once sent with another cut-off."""

    def edit(invocation: Invocation, context: Context) -> Answer:
        form = press(invocation, "edit-profile", profile, context).form
        assert form is not None, "the button opens a form"
        answers = {field.name: field.value for field in form.fields} | {"relevance": relevance}
        return submit(invocation, form.name, form.metadata, answers, context)

    return Action(Right.CHANGE, "", edit)


@dataclass(frozen=True, kw_only=True)
class ChatInteraction(Interaction):
    event: Event


class Edge(Answers[ChatInteraction]):
    """What one bot process has of a platform."""

    def __init__(
        self, chat: Chat, scheduler: Scheduler, services: Services, poster: Poster | None = None
    ) -> None:
        """Without a `poster` all workspaces have one token."""
        self._poster = poster or chat
        super().__init__(self._poster, services)
        self._chat, self._scheduler = chat, scheduler
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived, self._bot = asyncio.Event(), scheduler.current
        self._loop = asyncio.get_running_loop()
        self.find_person = self._find_person

    def notice(self) -> None:
        """Something arrived: the bot's loop wakes."""
        if self._bot is not None and self._bot.alive:
            self._loop.call_soon(self._arrived.set)
            self._scheduler.wake(self._bot)

    async def receive(self) -> None:
        """Take the platform's events from now on, until cancelled."""
        await self.listening(self._chat.platform, "simulated")
        self._chat.edges = [self]
        while True:
            for event in [e for e in self._chat.events if e.at <= self._scheduler.now]:
                self._chat.events.remove(event)
                if self._scheduler.now - event.at > _REDELIVERY_SECONDS:
                    event.lost = True
                    continue
                task = asyncio.create_task(self._take(event))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            await self._arrived.wait()
            self._arrived.clear()

    async def _take(self, event: Event) -> None:
        event.deliveries += 1
        event.bots.append(self._scheduler.current)
        if event.button == "reactivate":
            workspace, channel = event.address.workspace, event.address.channel
            await self.reactivate(
                self._chat.platform, workspace, channel or None, set(ChannelReason)
            )
            event.heard.append("reactivated")
            return
        interaction = ChatInteraction(
            address=event.address,
            person=event.person,
            event_id=event.id,
            message=event.button,
            event=event,
        )
        pressed, _, value = event.text.partition(" ")
        if pressed == "edit":
            profile, _, relevance = value.partition(" ")
            action = _edited(profile, relevance)
        else:
            action = button_action(pressed, value) if event.button else typed_action(event.text)
        await self.act(interaction, action)

    # -- as Answers asks for it

    async def identify(self, interaction: ChatInteraction, action: Action) -> Invocation:
        address = interaction.address
        person = self._chat.person(address.workspace, interaction.person)
        return Invocation(
            "", address, self._scheduler.datetime(), interaction.person, person=person
        )

    async def _find_person(self, workspace: str, id: str) -> Person | None:
        try:
            await self._chat.asked()
        except PaperboyError:
            return None
        return self._chat.person(workspace, id)

    async def cannot_post_reason(self, interaction: ChatInteraction, action: Action) -> str:
        closed = self._chat.closed.get(interaction.address)
        return "Nothing can be posted here." if closed else ""

    async def respond(self, interaction: ChatInteraction, answer: Answer) -> None:
        event = interaction.event
        event.answers, event.was_done = event.answers + 1, True
        event.requested = event.requested or answer.request is not None
        said = answer.head.model_dump_json() if answer.head else "form" if answer.form else "done"
        self._hear(interaction, said)
        if answer.update and interaction.message:
            try:
                address, message = interaction.address, interaction.message
                await self._poster.edit(address, message, answer.update)
            except PaperboyError:
                self._hear(interaction, "the message was not updated")

    async def say(self, interaction: ChatInteraction, head: Message) -> None:
        interaction.event.answers += head != refusals.database_unreachable()
        self._hear(interaction, head.model_dump_json())

    def can_edit_answer(self, interaction: ChatInteraction) -> bool:
        """Private answers can be edited on Discord, and on Slack they can't."""
        return self._chat.platform == "discord"

    async def follow_up(self, interaction: ChatInteraction, answer: Answer) -> None:
        if self.can_edit_answer(interaction):
            interaction.event.heard.pop()
        if answer.head:
            self._hear(interaction, answer.head.model_dump_json())

    async def show_task(self, interaction: ChatInteraction, answer: Answer, is_done: bool) -> None:
        if answer.head and is_done:
            interaction.event.findings += 1
            self._hear(interaction, answer.head.model_dump_json())

    async def link(self, address: Address, message: str) -> str:
        return f"https://chat.invalid/{message}"

    async def tell_requester(self, request: DigestRequest, *posts: Post) -> bool:
        there = request.address.model_copy(update={"channel": f"D{request.by}"})
        try:
            for post in posts:
                await self._poster.send(there, post, "", None)
        except PaperboyError as error:
            return not isinstance(error, Unavailable)
        return True

    def _hear(self, interaction: ChatInteraction, what: str) -> None:
        self._scheduler.effect("answer")
        interaction.event.heard.append(what)
