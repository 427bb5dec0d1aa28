"""Answers in Slack: to a person, in a form, on the home tab, in the channel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import redis
import structlog
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.commands import dispatch, subscriptions
from bot.commands.context import HOME, Answer, Invocation
from bot.commands.dispatch import Action
from bot.domain.message import File, Form, Message, Post
from bot.domain.papers import fingerprint
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address, DigestRequest
from bot.errors import PaperboyError, Refused, Unavailable
from bot.runtime.answers import Answers, Interaction, Services
from bot.slack import forms, render
from bot.slack.errors import CLIENT_ERRORS, ERRORS, to_paperboy_error
from bot.slack.places import Places
from bot.slack.poster import SlackPoster
from bot.slack.workspaces import Workspace
from bot.views import refusals

log = structlog.get_logger()

# A form opens after the person is identified, and its trigger lives for three seconds.
_IDENTIFY_SECONDS = 1.5


@dataclass(frozen=True, kw_only=True)
class SlackInteraction(Interaction):
    """`event_kind` is the kind of event, as the manifest has it, `trigger` opens a form, `site` is
    the workspace's web address; `is_public` when everybody there may read the answer. `view` is the
    modal view whose content the answer becomes, if there is one."""

    event_kind: str
    trigger: str = ""
    response_url: str = ""
    site: str = ""
    is_public: bool = False
    view: str = ""

    @property
    def is_home(self) -> bool:
        return self.address.channel == HOME

    @property
    def turn(self) -> str:
        """Buttons on a home tab, or in a private answer, come without their message."""
        return f"{self.address} {self.message}" if self.event_kind == "button" else self.event_id


def interaction_of(
    here: Workspace, kind: str, body: Mapping[str, Any], channel: str, person: str
) -> SlackInteraction:
    """What an event of this kind asks for; without a channel (an id), on the home tab."""
    return SlackInteraction(
        event_kind=kind,
        address=Address(platform="slack", workspace=here.team, channel=channel or HOME),
        person=person,
        event_id=fingerprint(json.dumps(body, sort_keys=True)),
        trigger=str(body.get("trigger_id") or ""),
        response_url=str(body.get("response_url") or ""),
        site=here.site,
    )


class SlackAnswers(Answers[SlackInteraction]):
    """Answers in every Slack workspace that Paperboy acts in."""

    def __init__(self, poster: SlackPoster, services: Services) -> None:
        super().__init__(poster, services)
        self.poster, self.workspaces = poster, poster.workspaces
        self.places = Places(self.workspaces)
        self.find_person = self.places.find_person
        self.find_reader = self.places.find_reader
        self.find_site = self.workspaces.site
        self.why_unserved = self.workspaces.why_unserved

    async def act(self, interaction: SlackInteraction, action: Action) -> None:
        await super().act(interaction, action)
        with suppress(redis.RedisError):  # act() has said so
            await self._put_event_seen(interaction)

    async def give(self, interaction: SlackInteraction, answer: Answer) -> None:
        """The one reader of a direct message is told once: the answer to it stays there, as the
        answer to a command does not."""
        here = answer.announcement_address in (None, interaction.address)
        if interaction.event_kind == "message" and here:
            answer = replace(answer, announcement=None)
        await super().give(interaction, answer)

    async def identify(
        self, interaction: SlackInteraction, action: Action, seconds: float | None = None
    ) -> Invocation:
        """Asks Slack for at most so many seconds."""
        now, address = datetime.now(UTC), interaction.address
        is_private = address.channel.startswith("D")
        direct = is_private or interaction.is_home or action.channel.startswith("D")
        person, zone = await self.places.people(address.workspace).identify(
            interaction.person,
            address.workspace,
            action.right,
            direct,
            now,
            _IDENTIFY_SECONDS if seconds is None else seconds,
        )
        return Invocation(
            "", address, now, interaction.person, zone, is_private, interaction.site, person
        )

    async def cannot_post_reason(self, interaction: SlackInteraction, action: Action) -> str:
        if interaction.is_home or await self.can_post(interaction.address):
            return ""
        return refusals.cannot_post_here()

    async def respond(self, interaction: SlackInteraction, answer: Answer) -> None:
        if interaction.view:
            await self.show_task(interaction, answer, is_done=True)
            return
        if answer.form:
            await self._open(interaction, answer.form, answer.head)
            return
        if interaction.is_home:
            await self.publish(interaction)
        elif answer.head:
            await self._reply(interaction, answer.head, "reply")
        if answer.file:
            await self._give_file(interaction, answer.file)
        if answer.update and interaction.message:
            try:
                await self.poster.edit(interaction.address, interaction.message, answer.update)
            except PaperboyError as error:
                log.warning("message not updated", why=str(error))

    def can_edit_answer(self, interaction: SlackInteraction) -> bool:
        """Nobody can edit an ephemeral message but by a press on a button in it: a command's
        response_url posts another one (bolt-python issue 1268, bolt-js issue 2287)."""
        return interaction.is_public

    async def follow_up(self, interaction: SlackInteraction, answer: Answer) -> None:
        if interaction.is_public and isinstance(answer.update, Message):
            name = f"{interaction.event_id} reply"
            if await self.announcer.change(interaction.address, answer.update, name):
                return
        if answer.head:
            await self._reply(interaction, answer.head, "more")

    async def show_refusal(self, interaction: SlackInteraction, refused: Refused) -> None:
        await super().show_refusal(interaction, refused)
        if interaction.is_home:  # its buttons may be out of date
            await self.publish(interaction)

    async def show_task(self, interaction: SlackInteraction, answer: Answer, is_done: bool) -> None:
        """Who has closed the view meanwhile is told in a message."""
        channel, views = (
            interaction.address.channel,
            self.places.views(interaction.address.workspace),
        )
        view = forms.panel(answer.head, channel) if answer.head else None
        if answer.form:
            view = await views.of(answer.form, channel)
        if interaction.view and view and await views.update(interaction.view, view):
            return
        if is_done and answer.head:
            await self._reply(replace(interaction, view=""), answer.head, "task")

    async def say(self, interaction: SlackInteraction, head: Message) -> None:
        panel = forms.panel(head, interaction.address.channel)
        views = self.places.views(interaction.address.workspace)
        if interaction.view and await views.update(interaction.view, panel):
            return
        without_url = interaction.thread or not interaction.response_url
        if without_url and not await self._tell(
            interaction.address, interaction.person, head, interaction.thread
        ):
            return
        if interaction.response_url:  # works where the bot is no member; knows no threads
            content = {**render.message(head), "response_type": "ephemeral"}
            hook = AsyncWebhookClient(interaction.response_url, timeout=10, retry_handlers=[])
            try:
                await hook.send_dict({**content, "replace_original": False})
            except CLIENT_ERRORS as error:
                log.warning("could not answer", why=str(to_paperboy_error(error)))
        elif interaction.event_kind == "message":  # again, at the conversation's pace
            name = f"{interaction.event_id} {fingerprint(head.model_dump_json())}"
            await self.announcer.say(interaction.address, head, name, interaction.thread or None)

    async def link(self, address: Address, message: str) -> str:
        try:
            return await self.poster.link(address, message)
        except PaperboyError as error:
            log.info("no link to a message", why=str(error))
            return ""

    async def tell_requester(self, request: DigestRequest, *posts: Post) -> bool:
        for post in posts:
            if isinstance(await self._tell(request.address, request.by, post), Unavailable):
                return False
        return True

    async def publish(self, interaction: SlackInteraction) -> None:
        """Show the subscriptions of a person's channels on the home tab."""
        try:
            await self._put_event_seen(interaction)
            invocation = await self.identify(interaction, dispatch.typed_action("list"))
            head = await asyncio.to_thread(subscriptions.home, invocation, self.context)
        except redis.RedisError:
            head = refusals.database_unreachable()
        try:
            web = await self.workspaces.web(interaction.address.workspace)
            await web.views_publish(user_id=interaction.person, view=render.home(head))
        except ERRORS as error:
            log.warning("could not show the home tab", why=str(to_paperboy_error(error)))

    async def can_post(self, address: Address) -> bool:
        """Whether the bot can post there, as far as Slack says; when it does not say, yes."""
        try:
            web = await self.workspaces.web(address.workspace)
            channel = (await web.conversations_info(channel=address.channel))["channel"]
        except ERRORS as error:
            # Another Gone is a scope that this question needs and posting does not.
            return to_paperboy_error(error).reason is not ChannelReason.CHANNEL_GONE
        return bool(channel.get("is_member") or channel.get("is_im"))

    async def _put_event_seen(self, interaction: SlackInteraction) -> None:
        """Remember that events of this kind reach us, for `paperboy doctor`. Raises RedisError."""
        put = self.context.store.events.put_kind_seen
        await asyncio.to_thread(put, "slack", interaction.event_kind)

    async def _open(
        self, interaction: SlackInteraction, form: Form, how_to_type: Message | None
    ) -> None:
        """Open a form, which brings the channel back with it; where it cannot be opened, say how
        to type the same. Only a command or a press can open one."""
        if not interaction.trigger and how_to_type:
            await self._reply(interaction, how_to_type, "reply")
            return
        channel, views = (
            interaction.address.channel,
            self.places.views(interaction.address.workspace),
        )
        if not await views.open_form(interaction.trigger, form, channel) and how_to_type:
            await self._reply(interaction, how_to_type, "reply")

    async def _reply(self, interaction: SlackInteraction, head: Message, part: str) -> None:
        """In the thread for all to read where the answer is public, otherwise in private."""
        if interaction.is_public:
            name = f"{interaction.event_id} {part}"
            thread = interaction.thread or None
            await self.announcer.say(interaction.address, head, name, thread)
        else:
            await self.say(interaction, head)

    async def _give_file(self, interaction: SlackInteraction, file: File) -> None:
        """In the direct messages with the person: a file can't be shown to one person of a
        channel."""
        is_direct = interaction.address.channel.startswith("D")
        try:
            await self.poster.upload(interaction.address, interaction.person, file)
        except PaperboyError as error:
            log.warning("could not give a file", why=str(error))
            lacks = error.reason is ChannelReason.NO_SCOPE
            why = refusals.no_file(file.noun, "files:write" * lacks)
            await self.say(interaction, Message(title=why))
            return
        if not is_direct:
            await self.say(interaction, Message(title=refusals.file_sent(file.noun)))

    async def _tell(
        self, address: Address, person: str, post: Post, thread: str = ""
    ) -> PaperboyError | None:
        """Say something to one person, in the channel where they are or in a direct message; why it
        could not be said, if it could not."""
        content = render.message(post)
        try:
            web = await self.workspaces.web(address.workspace)
            if address.channel[:1] in "CG":
                await web.chat_postEphemeral(
                    channel=address.channel, user=person, thread_ts=thread or None, **content
                )
            else:
                await web.chat_postMessage(channel=person, thread_ts=thread or None, **content)
        except ERRORS as error:
            why = to_paperboy_error(error)
            log.warning("could not answer", why=str(why))
            return why
        return None
