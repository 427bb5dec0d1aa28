"""Acting on what people ask in a chat: the half that all platforms share."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import WeakSet, WeakValueDictionary

import redis
import structlog

from bot.commands import digests
from bot.commands.context import HOME, Answer, Context, FormAgain, Invocation
from bot.commands.dispatch import Action
from bot.commands.permissions import Person
from bot.domain.message import Message, Post
from bot.domain.papers import fingerprint
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address, DigestRequest
from bot.errors import Refused
from bot.runtime.announcements import Announcer, Wakeup
from bot.runtime.discussions import Discussions
from bot.runtime.lookup_waiter import LookupWaiter
from bot.runtime.posting import ChannelRateLimit, Poster
from bot.runtime.task_waiter import TaskWaiter
from bot.runtime.waiting import Waiting
from bot.views import conversation, refusals, subscriptions

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """An event by which a person asks for something. `event_id` is the same when the platform
    delivers the event again, `message` the message whose button was pressed, `thread` the thread
    the person is in."""

    address: Address
    person: str
    event_id: str
    message: str = ""
    thread: str = ""

    @property
    def turn(self) -> str:
        """Interactions with the same turn run one after another: presses on one message do, so
        that vote counts never go backwards."""
        return self.message or self.event_id


class Services(NamedTuple):
    """What the platforms of one process share."""

    context: Context
    rate_limit: ChannelRateLimit
    wakeup: Wakeup
    lookup_waiter: LookupWaiter
    task_waiter: TaskWaiter


I = TypeVar("I", bound=Interaction)  # noqa: E741


class Answers(ABC, Generic[I]):
    """Runs the action a person asked for and answers. A platform adds how it finds out who asks,
    and how it says something.

    `find_person` says who somebody of a workspace is by now (both by id), with the channels they
    are in; a guest where they have left, and None when the platform does not say. `find_reader` is
    the same for a program of theirs: with their direct messages with the bot, and barred where the
    server's settings deny them /digest. `find_site` gives the web address of a workspace (by id),
    empty where there is none. `why_unserved` says why no workspace can be served, though events
    come in; nothing where some can."""

    find_person: Callable[[str, str], Awaitable[Person | None]]
    find_reader: Callable[[str, str], Awaitable[Person | None]]
    find_site: Callable[[str], Awaitable[str]]
    why_unserved: Callable[[], str]

    def __init__(self, poster: Poster, services: Services) -> None:
        self.context, self.wakeup = services.context, services.wakeup
        self.announcer = Announcer(poster, self.context.store.trips, services.rate_limit)
        self.find_site, self.why_unserved = _no_site, str
        self.listens = False  # whether events come in
        self.discussions = Discussions(self.context.store, poster)
        self.waiting = Waiting(self, services.lookup_waiter, services.task_waiter)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # What answers now: its event was acknowledged, so that nobody would do it again.
        self.under_way = WeakSet[asyncio.Task[Any]]()

    @abstractmethod
    async def identify(self, interaction: I, action: Action) -> Invocation:
        """Who asks, and where, as far as the action needs to know. Raises RedisError."""

    @abstractmethod
    async def cannot_post_reason(self, interaction: I, action: Action) -> str:
        """Why the digest the action asks for could not be posted; empty when it could."""

    @abstractmethod
    async def respond(self, interaction: I, answer: Answer) -> None:
        """Show the person the form, or else the head, the file and the updated message, of an
        answer. A file that can't be given is a sentence that says why."""

    @abstractmethod
    async def say(self, interaction: I, head: Message) -> None:
        """Answer in private."""

    @abstractmethod
    def can_edit_answer(self, interaction: I) -> bool:
        """Whether follow_up() can edit the first answer."""

    @abstractmethod
    async def follow_up(self, interaction: I, answer: Answer) -> None:
        """Show the person what a lookup brought: `update` in place of the first answer, or `head`
        after it."""

    @abstractmethod
    async def show_task(self, interaction: I, answer: Answer, is_done: bool) -> None:
        """Show the person what came of a task, a head or a form, in the place of the first answer
        or after it; before it `is_done`, only in its place."""

    @abstractmethod
    async def link(self, address: Address, message: str) -> str:
        """The web address of a message; empty when it is not to be had."""

    @abstractmethod
    async def tell_requester(self, request: DigestRequest, *posts: Post) -> bool:
        """Say something in private to the person who asked for a digest. False when it may be tried
        again: the platform is away."""

    async def act(self, interaction: I, action: Action) -> None:
        """Run an action once, however often the platform delivers its event, and answer in any
        case. A lookup is waited for apart: the next press on the message does not wait for it."""
        if task := asyncio.current_task():
            self.under_way.add(task)
        async with self._turn(interaction.turn):
            try:
                if not await asyncio.to_thread(
                    self.context.store.events.is_first_delivery, interaction.event_id
                ):
                    return
                invocation = await self.identify(interaction, action)
                await self._require_postable(interaction, invocation, action)
                if action.prepare:
                    await asyncio.to_thread(action.authorise, invocation, self.context)
                    action = await action.prepare()
                answer = await asyncio.to_thread(action, invocation, self.context)
                if counting := answer.counting:
                    given = invocation.address, counting.since, invocation.at
                    answer = counting.show(await self.discussions.since(*given))
                if answer.lookup is None or self.can_edit_answer(interaction):
                    await self.give(interaction, answer)
            except Refused as refused:
                await self.show_refusal(interaction, refused)
                return
            except redis.RedisError as error:
                log.error("redis unreachable", error=type(error).__name__)
                await self.say(interaction, refusals.database_unreachable())
                return
            except Exception:  # ours; who asked waits for no answer
                log.exception("could not answer")
                await self.say(interaction, refusals.our_fault())
                return
        self.waiting.start(interaction, invocation, answer)

    async def give(self, interaction: I, answer: Answer) -> None:
        """Say and do everything an answer holds. Raises RedisError."""
        if answer.request:
            await asyncio.to_thread(self.context.store.requests.put, answer.request)
            self.wakeup.wake()
        await self.respond(interaction, answer)
        address, name = interaction.address, interaction.event_id
        if answer.shared:
            await self.announcer.say(address, answer.shared, name, interaction.thread or None)
        target = answer.announcement_address or address
        if answer.announcement and target.channel != HOME:
            await self.announcer.say(target, answer.announcement, name)
        await asyncio.gather(
            *(self.announcer.say(at, head, f"{name} told") for at, head in answer.broadcasts)
        )

    async def show_refusal(self, interaction: I, refused: Refused) -> None:
        """Say why an action was refused, above the form where that is to be shown again."""
        why = Message(title=str(refused))
        if isinstance(refused, FormAgain):
            await self.respond(interaction, Answer(why, form=refused.form))
        else:
            await self.say(interaction, why)

    async def reactivate(
        self, platform: str, workspace: str, channel: str | None, reasons: set[ChannelReason]
    ) -> None:
        """Resume the subscriptions paused for one of these reasons, in a channel or the whole
        workspace, and say so there. Raises RedisError."""
        now, resume = datetime.now(UTC), self.context.store.subscriptions.reactivate
        resumed = await asyncio.to_thread(resume, platform, workspace, channel, reasons)
        for each in resumed:
            log.info("subscription reactivated", channel=str(each.address), profile=each.profile)
            note = subscriptions.reactivated(each, now)
            await self.announcer.say(each.address, note, fingerprint(each.key, now.isoformat()))

    async def welcome(self, address: Address, name: str) -> None:
        """Say in a channel that the bot was invited into what it does, once under this name; a
        channel that has subscriptions knows."""
        try:
            if not await asyncio.to_thread(self.context.store.subscriptions.of, address):
                await self.announcer.say(address, conversation.welcome(), f"{name} welcome")
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)

    async def listening(self, platform: str, how: str) -> None:
        """Log that events come in, end the outage of the platform's login, if there was one, and
        tell those who waited for an answer when the bot was stopped."""
        log.info("listening", how=how)
        self.listens = True
        with suppress(redis.RedisError):  # the clock logs that; the outage is shown a while longer
            await asyncio.to_thread(self.context.store.outages.end, f"{platform} login")
        self.waiting.tell_interrupted(platform.lower(), datetime.now(UTC))

    async def tell_delivered_before(self, request: DigestRequest) -> bool:
        """Tell the person who asked for a digest that it was delivered before, with a link. Returns
        what tell_requester does. Raises RedisError."""
        delivery = await asyncio.to_thread(self.context.store.history.delivered_before, request)
        link = ""
        if delivery and delivery.message:
            link = await self.link(request.address, delivery.message)
        ended = delivery.ended if delivery else None
        return await self.tell_requester(request, refusals.delivered_before(link, ended))

    async def show_preview(self, request: DigestRequest) -> bool:
        """Show a private look to the person who asked for it. Returns what tell_requester does.
        Raises RedisError."""
        posts = await asyncio.to_thread(digests.preview_posts, request, self.context)
        return await self.tell_requester(request, *posts)

    async def _require_postable(
        self, interaction: I, invocation: Invocation, action: Action
    ) -> None:
        """Raises Refused when the action asks for a digest where none can be posted; a person who
        may not ask for it is told that instead."""
        if not action.posts:
            return
        if reason := await self.cannot_post_reason(interaction, action):
            await asyncio.to_thread(action.authorise, invocation, self.context)
            raise Refused(reason)

    def _turn(self, name: str) -> asyncio.Lock:
        lock = self._turns.get(name)
        if lock is None:
            lock = self._turns[name] = asyncio.Lock()
        return lock


async def _no_site(workspace: str) -> str:
    return ""
