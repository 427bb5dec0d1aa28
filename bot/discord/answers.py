"""Answers on Discord: to a person, in a form, in the channel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

import discord as discord_py
import structlog
from discord.http import Route

from bot.commands import dispatch
from bot.commands.context import Answer, Context, FormAgain, InvalidForm, Invocation
from bot.commands.dispatch import Action
from bot.commands.permissions import Person, Right
from bot.discord import forms
from bot.discord.check import cannot_post_reason
from bot.discord.commands import RawInteraction
from bot.discord.people import People
from bot.discord.poster import DiscordPoster
from bot.discord.reply import Reply
from bot.discord.written import Written, WrittenReply
from bot.domain.message import Button, Form, GivenFile, Message, Post
from bot.domain.papers import fingerprint
from bot.domain.request import Address, DigestRequest
from bot.errors import PaperboyError, Refused, Unavailable
from bot.runtime.answers import Answers, Interaction, Services
from bot.runtime.given_files import FileReader, with_files
from bot.runtime.waiting import with_buttons
from bot.views import discord, refusals
from bot.views.making import files as files_views
from bot.views.permalinks import permalink

log = structlog.get_logger()

# An answer that takes longer is deferred first: Discord waits for three seconds.
_DEFER_SECONDS: Final = 0.7
_FORMS_KEPT: Final = 200


@dataclass(frozen=True, kw_only=True)
class DiscordInteraction(Interaction):
    """`raw` is the interaction as discord.py has it, or what a person wrote; `reply` the answer."""

    raw: RawInteraction | Written
    reply: Reply | WrittenReply


class DiscordAnswers(Answers[DiscordInteraction]):
    """Answers on every Discord server that the bot is in."""

    def __init__(self, poster: DiscordPoster, services: Services) -> None:
        super().__init__(poster, services)
        self.poster, self.people = poster, People(poster)
        self.find_person = self.people.find
        self.find_reader = self.people.find_reader
        self.files = FileReader(
            "Discord", Route.BASE, "discord.com", "cdn.discordapp.com", files_views.gone(), {}
        )
        self._requesters: dict[str, Reply | WrittenReply] = {}
        self._forms: dict[tuple[str, str], Form] = {}

    async def act(self, interaction: DiscordInteraction, action: Action) -> None:
        """An answer that takes longer is deferred, but not at once: a form must come first."""
        acting = asyncio.create_task(super().act(interaction, action))
        await asyncio.wait({acting}, timeout=_DEFER_SECONDS)
        if not acting.done():
            await interaction.reply.defer()
        await acting

    async def hear(self, raw: Written, address: Address, message: str, text: str) -> None:
        """Answer what a person wrote (`text`), in a direct message or in a mention: a command in a
        mention is answered with its button, because only that can be answered in private."""
        name, person = fingerprint("discord", message), str(raw.user.id)
        action, button = dispatch.typed_action(text), None
        if raw.guild and (button := dispatch.button_for(text)):
            action = Action(Right.ASK, "", lambda invocation, context: Answer(button))
        is_public = bool(button) or action.is_public or dispatch.is_social(text)
        thread = ""
        channel = raw.guild.get_channel_or_thread(int(address.channel)) if raw.guild else None
        if isinstance(channel, discord_py.Thread):
            thread = address.channel
            address = address.model_copy(update={"channel": str(channel.parent_id)})
        reply = WrittenReply(self.poster, self.announcer, address, person, name, thread, is_public)
        interaction = DiscordInteraction(
            address=address, person=person, event_id=name, thread=thread, raw=raw, reply=reply
        )
        await self.act(interaction, action)

    async def submit(
        self,
        interaction: DiscordInteraction,
        name: str,
        about: str,
        answers: Mapping[str, str],
        files: Mapping[str, GivenFile],
    ) -> None:
        """Take a form's answers. What is wrong is said, and what was typed is not lost. The first
        step of two leads to the second."""
        submitted = partial(self._submitted, interaction.person, name, about)
        action = with_files(submitted(answers), answers, files, self.files, submitted)
        await self.act(interaction, action)

    def _submitted(self, person: str, name: str, about: str, answers: Mapping[str, str]) -> Action:
        key = fingerprint(name, about)
        opened = self._forms.get((person, key))
        if opened and forms.has_steps(opened):
            answers = {field.name: field.value for field in opened.fields} | dict(answers)
        submitted = dispatch.form_action(name, about, answers)

        def do(invocation: Invocation, context: Context) -> Answer:
            form = opened.filled(answers) if opened else None
            if form:
                self._forms[person, key] = form
            if forms.AREA in answers:
                return self._second_step(person, form, answers[forms.AREA])
            if form and form.also:  # a modal has one button, so what it does is shown first
                return _tried(form.also, about, answers, invocation, context, key)
            return _done(submitted, invocation, context, key if form else "")

        return replace(submitted, do=do)

    async def use_form(self, interaction: DiscordInteraction, key: str, is_saved: bool) -> None:
        """Save a form as it was submitted, or filled in for somebody; or do what else it does."""

        def do(invocation: Invocation, context: Context) -> Answer:
            form = self._forms.get((interaction.person, key))
            if form is None:
                raise Refused(discord.form_gone())
            answers = {field.name: field.value for field in form.fields}
            if not is_saved and form.also:
                return _tried(form.also, form.metadata, answers, invocation, context, key)
            action = dispatch.form_action(form.name, form.metadata, answers)
            return _done(action, invocation, context, key)

        await self.act(interaction, Action(Right.CHANGE, "", do))

    def _second_step(self, person: str, form: Form | None, areas: str) -> Answer:
        """A button that opens the second step: Discord opens no form in answer to a form."""
        if form is None:
            raise Refused(discord.form_gone())
        key = fingerprint(form.name, form.metadata, "2")
        self._forms[person, key] = forms.second_step(form, areas.split(","))
        return Answer(discord.next_step(key))

    async def reopen_form(self, interaction: DiscordInteraction, key: str) -> None:
        """Show a form once more, with the answers as they were submitted."""

        def do(invocation: Invocation, context: Context) -> Answer:
            if form := self._forms.get((interaction.person, key)):
                return Answer(form=form)
            raise Refused(discord.form_gone())

        await self.act(interaction, Action(Right.CHANGE, "", do))

    async def identify(self, interaction: DiscordInteraction, action: Action) -> Invocation:
        """Discord tells nobody's time zone: the channel's first subscription has the one that
        people there go by. Where everybody may do something, Discord is not asked who it is."""
        address, is_private = interaction.address, not interaction.address.workspace
        needed = is_private or action.right is not Right.ASK
        person = await self._person(interaction) if needed else None
        own = await asyncio.to_thread(self.context.store.subscriptions.of, address)
        zone = own[0].schedule.tz if own else "UTC"
        now = datetime.now(UTC)
        return Invocation("", address, now, interaction.person, zone, is_private, person=person)

    async def cannot_post_reason(self, interaction: DiscordInteraction, action: Action) -> str:
        channel = action.channel or interaction.address.channel
        return cannot_post_reason(interaction.raw.guild, channel)

    async def give(self, interaction: DiscordInteraction, answer: Answer) -> None:
        if answer.request:
            waiting = {key: reply for key, reply in self._requesters.items() if reply.is_open}
            self._requesters = waiting | {_request_key(answer.request): interaction.reply}
        await super().give(interaction, answer)

    async def respond(self, interaction: DiscordInteraction, answer: Answer) -> None:
        if answer.form:
            if notes := answer.form.notes:  # a modal has no room for them
                form = answer.form.model_copy(update={"notes": ()})
                self._keep_form(interaction.person, form)
                key = fingerprint(form.name, form.metadata)
                await interaction.reply.say(discord.form_again(notes, key, form.also))
                return
            self._keep_form(interaction.person, answer.form)
            if not await interaction.reply.open(answer.form):
                written = isinstance(interaction.reply, WrittenReply)
                instead = (written and answer.head) or refusals.database_unreachable()
                await interaction.reply.say(instead)
            return
        if answer.update:
            await interaction.reply.update(answer.update)
        if answer.head:
            await interaction.reply.say(answer.head)
        if answer.file and not await interaction.reply.show(answer.file):
            await interaction.reply.say(Message(title=refusals.no_file(answer.file.noun)))

    async def say(self, interaction: DiscordInteraction, head: Message) -> None:
        await interaction.reply.say(head)

    def can_edit_answer(self, interaction: DiscordInteraction) -> bool:
        return True

    async def follow_up(self, interaction: DiscordInteraction, answer: Answer) -> None:
        """In the message that holds the first answer, where there is one."""
        if answer.head is None:
            return
        if isinstance(answer.update, Message):
            await interaction.reply.amend(answer.update, answer.head)
        else:
            await interaction.reply.say(answer.head)

    async def show_task(
        self, interaction: DiscordInteraction, answer: Answer, is_done: bool
    ) -> None:
        head = answer.head
        if answer.form:
            form = answer.form.model_copy(update={"notes": ()})
            self._keep_form(interaction.person, form)
            key = fingerprint(form.name, form.metadata)
            head = discord.form_again(answer.form.notes, key, form.also)
        if head:
            await interaction.reply.amend(head, head if is_done else None)

    async def link(self, address: Address, message: str) -> str:
        return permalink(address, message, message)

    async def tell_requester(self, request: DigestRequest, *posts: Post) -> bool:
        """In the answer to the request while Discord takes one, otherwise in a direct message."""
        reply = self._requesters.pop(_request_key(request), None)
        left = list(posts)
        while left and reply and reply.is_open and await reply.say(left[0]):
            left.pop(0)
        if not left:
            return True
        try:
            direct = await self.poster.open_direct(request.address, request.by)
        except PaperboyError as error:
            log.warning("could not notify subscriber", person=request.by, why=str(error))
            return not isinstance(error, Unavailable)
        name = fingerprint(request.model_dump_json())
        for post in left:
            once = f"{name} {fingerprint(post.model_dump_json())}"
            if not await self.announcer.say(direct, post, once):
                return False
        return True

    async def _person(self, interaction: DiscordInteraction) -> Person | None:
        """Who asks; None when Discord does not say."""
        raw, now = interaction.raw, datetime.now(UTC)
        if raw.guild_id is not None:
            return None if isinstance(raw, Written) else await self.people.member(raw, now)
        every = await asyncio.to_thread(self.context.store.subscriptions.all)
        subscribed = [
            each.address
            for each in every
            if each.by == interaction.person and each.address.platform == "discord"
        ]
        here = interaction.address.channel
        return await self.people.in_direct_messages(raw.client, raw.user.id, here, subscribed, now)

    def _keep_form(self, person: str, form: Form) -> None:
        if any(form is kept for kept in self._forms.values()):
            return  # it is shown once more, or is a second step
        self._forms[person, fingerprint(form.name, form.metadata)] = form
        while len(self._forms) > _FORMS_KEPT:
            del self._forms[next(iter(self._forms))]


def _tried(
    also: Button,
    about: str,
    answers: Mapping[str, str],
    invocation: Invocation,
    context: Context,
    key: str,
) -> Answer:
    """What else is done with a form, with buttons to save it or go on with it below."""
    action = dispatch.form_action(also.action, about, answers)
    answer, more = _done(action, invocation, context, key), discord.save_or_edit(key)
    if answer.task is None or answer.head is None:
        return answer
    return replace(answer, head=with_buttons(answer.head, more), more=more)


def _done(action: Action, invocation: Invocation, context: Context, key: str) -> Answer:
    """What a form leads to; what is wrong with it is said, with a button to correct it where it is
    kept (under `key`)."""
    try:
        return action.do(invocation, context)
    except InvalidForm as invalid:
        return Answer(discord.invalid_form(invalid.field_errors.values(), key))
    except FormAgain as again:
        return Answer(form=again.form)


def _request_key(request: DigestRequest) -> str:
    """The same however often it is tried."""
    return fingerprint(request.key)
