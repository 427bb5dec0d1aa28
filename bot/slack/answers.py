"""Answers in Slack: to a person, in a form, on the home tab, in the channel."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import redis
import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.commands import dispatch, subscriptions
from bot.commands.context import HOME, Answer, Ask, Desk
from bot.commands.dispatch import Act
from bot.commands.permissions import Right
from bot.domain.lookup import Inquiry
from bot.domain.message import Head
from bot.domain.papers import Trouble
from bot.domain.request import Address, Wish
from bot.errors import PaperboyError, Refused
from bot.runtime.announcements import Bell, Chat
from bot.runtime.lookup_waiter import Inquirer
from bot.slack import forms, render
from bot.slack.people import People
from bot.slack.poster import FAULTS, SlackPoster, error_of
from bot.views import refusals

log = structlog.get_logger()

# What ends in a message to the channel is asked only where the bot can post.
_POSTS = {"subscribe", "now", "resume"}
# Who asks is found out before a form can open, and a form's trigger lives for three seconds.
_WHO_SECONDS = 1.5


@dataclass(frozen=True)
class Where:
    """The place an event of a kind came from, and the ways to answer there. `thread` is the
    thread's parent, `message` the message whose button was pressed, `public` when others may see
    an answer to what everybody there may ask."""

    kind: str
    address: Address
    person: str
    event: str
    trigger: str = ""
    response_url: str = ""
    thread: str = ""
    message: str = ""
    public: bool = False

    @property
    def home(self) -> bool:
        return self.address.channel == HOME


class Answers:
    """Acting on what was asked, and saying what came of it."""

    def __init__(
        self, web: AsyncWebClient, desk: Desk, chat: Chat, bell: Bell, inquirer: Inquirer
    ) -> None:
        self.web, self.desk, self.chat, self.bell = web, desk, chat, bell
        self.inquirer, self.poster = inquirer, SlackPoster(web)
        self.site = ""  # the workspace's web address, once it is known
        self.people = People(web)
        self._later: set[asyncio.Task[None]] = set()

    async def act(self, where: Where, word: str, act: Act) -> None:
        """Do it once, however often Slack delivers the event, and answer in any case."""
        try:
            if not await asyncio.to_thread(self.desk.subscriptions.first_time, where.event):
                return
            await asyncio.to_thread(self.desk.subscriptions.put_heard, "slack", where.kind)
            if word in _POSTS and not where.home and not await self.reachable(where.address):
                raise Refused(refusals.unreachable())
            ask = await self.ask(where, act)
            answer = await asyncio.to_thread(act, ask, self.desk)
            where = replace(where, public=where.public and act.right is Right.ASK)
            await self.give(where, answer)
            if answer.inquiry:  # not waited for: the same message's other buttons take turns
                later = asyncio.create_task(self._learnt(where, ask, answer.inquiry))
                self._later.add(later)
                later.add_done_callback(self._later.discard)
        except Refused as refused:
            await self._reply(replace(where, public=False), Head(title=str(refused)))
            if where.home:  # what it shows may be over
                await self.publish(where)
        except redis.RedisError as error:
            log.error("redis is away", error=type(error).__name__)
            # Openly would be through the outbox, which is away as well.
            await self._reply(replace(where, public=False), refusals.one_moment())

    async def ask(self, where: Where, act: Act, seconds: float | None = None) -> Ask:
        """Who asks, and where: found out only as far as what is asked takes it, in `seconds`."""
        seconds = _WHO_SECONDS if seconds is None else seconds
        now, here = datetime.now(UTC), where.address
        alone = here.channel.startswith("D")
        direct = alone or where.home or act.channel.startswith("D")
        who, zone = await self.people.person(where.person, act.right, direct, now, seconds)
        return Ask("", here, now, where.person, zone, alone, self.site, who)

    async def _learnt(self, where: Where, ask: Ask, inquiry: Inquiry) -> None:
        """The rest of an answer, in a second message: Slack tells of no way to change the first."""
        try:
            answer = await self.inquirer.learnt(ask, inquiry)
        except redis.RedisError as error:
            log.error("redis is away", error=type(error).__name__)
            where, answer = replace(where, public=False), Answer(refusals.one_moment())
        assert answer.head is not None, "something is said of it"
        await self._reply(where, answer.head, "more")

    async def give(self, where: Where, answer: Answer) -> None:
        """Say and do all that an answer holds."""
        if answer.form:
            await self._open(where, answer)
            return
        if answer.wish:
            await asyncio.to_thread(self.desk.channels.put_wish, answer.wish)
            self.bell.ring()
        if where.home:
            await self.publish(where)
        elif answer.head:
            await self._reply(where, answer.head)
        if answer.update and where.message:
            try:
                await self.poster.edit(where.address, where.message, answer.update)
            except PaperboyError as error:
                log.warning("a message keeps its old count", why=str(error))
        if answer.shared:
            await self.chat.say(where.address, answer.shared, where.event, where.thread or None)
        place = answer.place or where.address
        if answer.said and place.channel != HOME:
            await self.chat.say(place, answer.said, where.event)
        name = f"{where.event} told"
        await asyncio.gather(*(self.chat.say(at, head, name) for at, head in answer.told))

    async def before(self, wish: Wish) -> None:
        """Tell who asked that the day was delivered before, with a link."""
        found = await asyncio.to_thread(self.desk.channels.delivered_before, wish)
        link = ""
        if found and found.message:
            try:
                link = await self.poster.link(wish.address, found.message)
            except PaperboyError as error:
                log.info("no link to a message", why=str(error))
        await self.tell(
            wish.address, wish.by, refusals.before(link, found.ended if found else None)
        )

    async def tell(self, address: Address, person: str, head: Head, thread: str = "") -> bool:
        """Say something to one person, in the channel where they are or else alone; False when
        it could not be said."""
        content = render.message(head)
        try:
            if address.channel[:1] in "CG":
                await self.web.chat_postEphemeral(
                    channel=address.channel, user=person, thread_ts=thread or None, **content
                )
            else:
                await self.web.chat_postMessage(channel=person, **content)
        except FAULTS as error:
            log.warning("could not answer", why=str(error_of(error)))
            return False
        return True

    async def publish(self, where: Where) -> None:
        """Show the subscriptions of a person's channels on his or her home tab."""
        try:
            await asyncio.to_thread(self.desk.subscriptions.put_heard, "slack", where.kind)
            ask = await self.ask(where, dispatch.typing("list"))
            head = await asyncio.to_thread(subscriptions.home, ask, self.desk)
        except redis.RedisError:
            head = refusals.one_moment()
        try:
            await self.web.views_publish(user_id=where.person, view=render.home(head))
        except FAULTS as error:
            log.warning("could not show the home tab", why=str(error_of(error)))

    async def reachable(self, address: Address) -> bool:
        """Whether the bot can post there, as far as Slack says; when it does not say, yes."""
        try:
            found = (await self.web.conversations_info(channel=address.channel))["channel"]
        except FAULTS as error:
            # Another Gone is a scope that this question needs and posting does not.
            return error_of(error).trouble is not Trouble.CHANNEL_GONE
        return bool(found.get("is_member") or found.get("is_im"))

    async def _open(self, where: Where, answer: Answer) -> None:
        """A form; where it was asked for comes back with it."""
        assert answer.form is not None, "asked to open one"
        view = forms.opened(answer.form, where.address.channel)
        try:
            await self.web.views_open(trigger_id=where.trigger, view=view)
        except FAULTS as error:
            log.warning("could not open a form", why=str(error_of(error)))
            if answer.head:
                await self._reply(where, answer.head)

    async def _reply(self, where: Where, head: Head, part: str = "reply") -> None:
        """Privately, to who asked; openly in the thread where the bot was mentioned."""
        if where.public:
            await self.chat.say(where.address, head, f"{where.event} {part}", where.thread)
            return
        alone = where.thread or not where.response_url
        if alone and await self.tell(where.address, where.person, head, where.thread):
            return
        if where.response_url:  # where the bot is not, this alone works; it knows no threads
            content = {**render.message(head), "response_type": "ephemeral"}
            hook = AsyncWebhookClient(where.response_url, timeout=10, retry_handlers=[])
            try:
                await hook.send_dict({**content, "replace_original": False})
            except FAULTS as error:
                log.warning("could not answer", why=str(error_of(error)))
