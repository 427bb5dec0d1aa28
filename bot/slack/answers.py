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
from bot.commands.context import HOME, Answer, Context, Invocation
from bot.commands.dispatch import Action
from bot.commands.permissions import Right
from bot.domain.lookup import Lookup
from bot.domain.message import Message
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address, DigestRequest
from bot.errors import PaperboyError, Refused
from bot.runtime.announcements import Announcer, Wakeup
from bot.runtime.lookup_waiter import LookupWaiter
from bot.slack import forms, render
from bot.slack.people import People
from bot.slack.poster import CLIENT_ERRORS, SlackPoster, to_paperboy_error
from bot.views import refusals

log = structlog.get_logger()

# What ends in a message to the channel is asked only where the bot can post.
_POSTS = {"subscribe", "now", "resume"}
# Who asks is found out before a form can open, and a form's trigger lives for three seconds.
_WHO_SECONDS = 1.5


@dataclass(frozen=True)
class Interaction:
    """The place an event of a kind came from, and the ways to answer there. `thread` is the
    thread's parent, `message` the message whose button was pressed, `public` when others may see
    an answer to what everybody there may ask."""

    event_kind: str
    address: Address
    person: str
    event_id: str
    trigger: str = ""
    response_url: str = ""
    thread: str = ""
    message: str = ""
    is_public: bool = False

    @property
    def is_home(self) -> bool:
        return self.address.channel == HOME


class SlackAnswers:
    """Acting on what was asked, and saying what came of it."""

    def __init__(
        self,
        web: AsyncWebClient,
        context: Context,
        announcer: Announcer,
        wakeup: Wakeup,
        lookup_waiter: LookupWaiter,
    ) -> None:
        self.web, self.context, self.announcer, self.wakeup = web, context, announcer, wakeup
        self.lookup_waiter, self.poster = lookup_waiter, SlackPoster(web)
        self.site = ""  # the workspace's web address, once it is known
        self.people = People(web)
        self._later: set[asyncio.Task[None]] = set()

    async def act(self, interaction: Interaction, word: str, act: Action) -> None:
        """Do it once, however often Slack delivers the event, and answer in any case."""
        try:
            if not await asyncio.to_thread(
                self.context.subscriptions.is_first_delivery, interaction.event_id
            ):
                return
            await asyncio.to_thread(
                self.context.subscriptions.put_event_seen, "slack", interaction.event_kind
            )
            if (
                word in _POSTS
                and not interaction.is_home
                and not await self.can_post(interaction.address)
            ):
                raise Refused(refusals.cannot_post_here())
            invocation = await self.ask(interaction, act)
            answer = await asyncio.to_thread(act, invocation, self.context)
            interaction = replace(
                interaction, is_public=interaction.is_public and act.right is Right.ASK
            )
            await self.give(interaction, answer)
            if answer.lookup:  # not waited for: the same message's other buttons take turns
                later = asyncio.create_task(
                    self._lookup_result(interaction, invocation, answer.lookup)
                )
                self._later.add(later)
                later.add_done_callback(self._later.discard)
        except Refused as refused:
            await self._reply(replace(interaction, is_public=False), Message(title=str(refused)))
            if interaction.is_home:  # what it shows may be over
                await self.publish(interaction)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)
            # Openly would be through the outbox, which is away as well.
            await self._reply(
                replace(interaction, is_public=False), refusals.database_unreachable()
            )

    async def ask(
        self, interaction: Interaction, act: Action, seconds: float | None = None
    ) -> Invocation:
        """Who asks, and where: found out only as far as what is asked takes it, in `seconds`."""
        seconds = _WHO_SECONDS if seconds is None else seconds
        now, here = datetime.now(UTC), interaction.address
        alone = here.channel.startswith("D")
        direct = alone or interaction.is_home or act.channel.startswith("D")
        who, zone = await self.people.identify(interaction.person, act.right, direct, now, seconds)
        return Invocation("", here, now, interaction.person, zone, alone, self.site, who)

    async def _lookup_result(
        self, interaction: Interaction, invocation: Invocation, lookup: Lookup
    ) -> None:
        """The rest of an answer, in a second message: Slack tells of no way to change the first."""
        try:
            answer = await self.lookup_waiter.wait_for(invocation, lookup)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)
            interaction, answer = (
                replace(interaction, is_public=False),
                Answer(refusals.database_unreachable()),
            )
        assert answer.head is not None, "something is said of it"
        await self._reply(interaction, answer.head, "more")

    async def give(self, interaction: Interaction, answer: Answer) -> None:
        """Say and do all that an answer holds."""
        if answer.form:
            await self._open(interaction, answer)
            return
        if answer.request:
            await asyncio.to_thread(self.context.channels.put_request, answer.request)
            self.wakeup.wake()
        if interaction.is_home:
            await self.publish(interaction)
        elif answer.head:
            await self._reply(interaction, answer.head)
        if answer.update and interaction.message:
            try:
                await self.poster.edit(interaction.address, interaction.message, answer.update)
            except PaperboyError as error:
                log.warning("a message keeps its old count", why=str(error))
        if answer.shared:
            await self.announcer.say(
                interaction.address, answer.shared, interaction.event_id, interaction.thread or None
            )
        place = answer.announcement_address or interaction.address
        if answer.announcement and place.channel != HOME:
            await self.announcer.say(place, answer.announcement, interaction.event_id)
        name = f"{interaction.event_id} told"
        await asyncio.gather(
            *(self.announcer.say(at, head, name) for at, head in answer.broadcasts)
        )

    async def tell_delivered_before(self, request: DigestRequest) -> None:
        """Tell who asked that the day was delivered before, with a link."""
        found = await asyncio.to_thread(self.context.channels.delivered_before, request)
        link = ""
        if found and found.message:
            try:
                link = await self.poster.link(request.address, found.message)
            except PaperboyError as error:
                log.info("no link to a message", why=str(error))
        await self.tell(
            request.address,
            request.by,
            refusals.delivered_before(link, found.ended if found else None),
        )

    async def tell(self, address: Address, person: str, head: Message, thread: str = "") -> bool:
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
        except CLIENT_ERRORS as error:
            log.warning("could not answer", why=str(to_paperboy_error(error)))
            return False
        return True

    async def publish(self, interaction: Interaction) -> None:
        """Show the subscriptions of a person's channels on his or her home tab."""
        try:
            await asyncio.to_thread(
                self.context.subscriptions.put_event_seen, "slack", interaction.event_kind
            )
            invocation = await self.ask(interaction, dispatch.typed_action("list"))
            head = await asyncio.to_thread(subscriptions.home, invocation, self.context)
        except redis.RedisError:
            head = refusals.database_unreachable()
        try:
            await self.web.views_publish(user_id=interaction.person, view=render.home(head))
        except CLIENT_ERRORS as error:
            log.warning("could not show the home tab", why=str(to_paperboy_error(error)))

    async def can_post(self, address: Address) -> bool:
        """Whether the bot can post there, as far as Slack says; when it does not say, yes."""
        try:
            found = (await self.web.conversations_info(channel=address.channel))["channel"]
        except CLIENT_ERRORS as error:
            # Another Gone is a scope that this question needs and posting does not.
            return to_paperboy_error(error).reason is not ChannelReason.CHANNEL_GONE
        return bool(found.get("is_member") or found.get("is_im"))

    async def _open(self, interaction: Interaction, answer: Answer) -> None:
        """A form; where it was asked for comes back with it."""
        assert answer.form is not None, "asked to open one"
        view = forms.modal_in_channel(answer.form, interaction.address.channel)
        try:
            await self.web.views_open(trigger_id=interaction.trigger, view=view)
        except CLIENT_ERRORS as error:
            log.warning("could not open a form", why=str(to_paperboy_error(error)))
            if answer.head:
                await self._reply(interaction, answer.head)

    async def _reply(self, interaction: Interaction, head: Message, part: str = "reply") -> None:
        """Privately, to who asked; openly in the thread where the bot was mentioned."""
        if interaction.is_public:
            await self.announcer.say(
                interaction.address, head, f"{interaction.event_id} {part}", interaction.thread
            )
            return
        alone = interaction.thread or not interaction.response_url
        if alone and await self.tell(
            interaction.address, interaction.person, head, interaction.thread
        ):
            return
        if interaction.response_url:  # where the bot is not, this alone works; it knows no threads
            content = {**render.message(head), "response_type": "ephemeral"}
            hook = AsyncWebhookClient(interaction.response_url, timeout=10, retry_handlers=[])
            try:
                await hook.send_dict({**content, "replace_original": False})
            except CLIENT_ERRORS as error:
                log.warning("could not answer", why=str(to_paperboy_error(error)))
