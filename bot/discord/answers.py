"""Answers on Discord: acting on what was asked, and saying what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from weakref import WeakValueDictionary

import redis
import structlog

from bot.commands import dispatch
from bot.commands.context import Answer, Context, InvalidForm, Invocation
from bot.commands.dispatch import Action
from bot.commands.permissions import Person, Right
from bot.discord.people import People
from bot.discord.poster import DiscordPoster
from bot.discord.reply import Reply
from bot.domain.lookup import Lookup
from bot.domain.message import Form, Message
from bot.domain.papers import fingerprint
from bot.domain.request import Address, DigestRequest
from bot.errors import PaperboyError, Refused
from bot.runtime.announcements import Announcer, Wakeup
from bot.runtime.lookup_waiter import LookupWaiter
from bot.views import discord, refusals
from bot.views.permalinks import permalink

log = structlog.get_logger()

# An answer that is not there by then is announced: Discord itself waits for three seconds.
_SOON: Final = 0.7
_FORMS_KEPT: Final = 200


@dataclass(frozen=True)
class Interaction:
    """The place an interaction came from. `message` is the one whose button was pressed, `thread`
    the channel's thread it is in; a reason why no digest could be posted there is a `hindrance`.
    `who` finds out who asks, None when Discord does not say."""

    address: Address
    person: str
    event_id: str
    reply: Reply
    identify: Callable[[], Awaitable[Person | None]]
    message: str = ""
    thread: str = ""
    cannot_post_reason: str = ""


class DiscordAnswers:
    """Acting on what was asked, and saying what came of it."""

    def __init__(
        self,
        poster: DiscordPoster,
        context: Context,
        announcer: Announcer,
        wakeup: Wakeup,
        lookup_waiter: LookupWaiter,
    ) -> None:
        self.poster, self.context, self.announcer, self.wakeup = poster, context, announcer, wakeup
        self.lookup_waiter, self.people = lookup_waiter, People(poster)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._waiting: dict[str, Reply] = {}
        self._forms: dict[tuple[str, str], Form] = {}
        self._later: set[asyncio.Task[None]] = set()

    async def act(self, interaction: Interaction, act: Action) -> None:
        """Do it once, however often Discord delivers it, and answer in any case: a promise of an
        answer goes out before anybody has to wait, except before a form, which must come first."""
        work = asyncio.create_task(self._acted(interaction, act))
        await asyncio.wait({work}, timeout=_SOON)
        if not work.done():
            await interaction.reply.defer()
        await work

    async def submit(
        self, interaction: Interaction, name: str, about: str, answers: Mapping[str, str]
    ) -> None:
        """Take a form's answers. What is wrong is said, and what was typed is not lost."""
        key = (interaction.person, f"{name} {about}")

        sent = dispatch.form_action(name, about, answers)

        def do(invocation: Invocation, context: Context) -> Answer:
            try:
                return sent.do(invocation, context)
            except InvalidForm as unfit:
                if form := self._forms.get(key):
                    self._forms[key] = _filled(form, answers)
                return Answer(
                    discord.invalid_form(unfit.field_errors.values(), key[1] if form else "")
                )

        await self.act(interaction, replace(sent, do=do))

    async def reopen_form(self, interaction: Interaction, value: str) -> None:
        """The form once more, as it was sent."""

        def do(invocation: Invocation, context: Context) -> Answer:
            if form := self._forms.get((interaction.person, value)):
                return Answer(form=form)
            raise Refused(discord.form_gone())

        await self.act(interaction, Action(Right.CHANGE, "", do))

    async def tell_delivered_before(self, request: DigestRequest) -> None:
        """Tell who asked that the day was delivered before, with a link."""
        found = await asyncio.to_thread(self.context.channels.delivered_before, request)
        message = found.message if found else ""
        there = permalink(request.address, message, message) if message else ""
        head = refusals.delivered_before(there, found.ended if found else None)
        reply = self._waiting.pop(_request_key(request), None)
        if reply and reply.is_open and await reply.say(head):
            return
        try:
            alone = await self.poster.open_direct(request.address, request.by)
        except PaperboyError as error:
            log.warning("could not notify subscriber", person=request.by, why=str(error))
            return
        await self.announcer.say(alone, head, fingerprint(request.model_dump_json()))

    async def _acted(self, interaction: Interaction, act: Action) -> None:
        who: Person | None = None
        async with self._turn(
            interaction.message or interaction.event_id
        ):  # so that a count never goes back
            try:
                # What everybody may do waits for nobody's word on who they are.
                needed = act.right is not Right.ASK or not interaction.address.workspace
                who = await interaction.identify() if needed else None
                answer = await asyncio.to_thread(self._done, interaction, act, who)
            except Refused as refused:
                answer = Answer(Message(title=str(refused)))
            except redis.RedisError as error:
                log.error("redis unreachable", error=type(error).__name__)
                answer = Answer(refusals.database_unreachable())
            if answer is not None:
                await self._give(interaction, answer)
        if answer is not None and answer.lookup:  # the message's other buttons take turns
            later = asyncio.create_task(self._lookup_result(interaction, answer.lookup, who))
            self._later.add(later)
            later.add_done_callback(self._later.discard)

    def _done(self, interaction: Interaction, act: Action, who: Person | None) -> Answer | None:
        """None when it was done before."""
        if not self.context.subscriptions.is_first_delivery(interaction.event_id):
            return None
        invocation = self._ask(interaction, who)
        if (
            interaction.cannot_post_reason
            and act.authorise(invocation, self.context)
            and act.right is not Right.ASK
        ):
            raise Refused(interaction.cannot_post_reason)
        answer = act(invocation, self.context)
        if answer.request:
            self._waiting[_request_key(answer.request)] = interaction.reply
            self.context.channels.put_request(answer.request)
        return answer

    def _ask(self, interaction: Interaction, who: Person | None) -> Invocation:
        """Discord tells no one's time zone: the channel's first subscription has the one that
        people here go by."""
        own = self.context.subscriptions.of(interaction.address)
        zone = own[0].schedule.tz if own else "UTC"
        alone = not interaction.address.workspace
        return Invocation(
            "", interaction.address, datetime.now(UTC), interaction.person, zone, alone, person=who
        )

    async def _lookup_result(
        self, interaction: Interaction, lookup: Lookup, who: Person | None
    ) -> None:
        """The rest of an answer, in the message that holds its beginning."""
        try:
            invocation = await asyncio.to_thread(self._ask, interaction, who)
            answer = await self.lookup_waiter.wait_for(invocation, lookup)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)
            answer = Answer(refusals.database_unreachable())
        assert answer.head is not None, "something is said of it"
        if isinstance(answer.update, Message):
            await interaction.reply.amend(answer.update, answer.head)
        else:
            await interaction.reply.say(answer.head)

    async def _give(self, interaction: Interaction, answer: Answer) -> None:
        if answer.form:
            self._forms[interaction.person, f"{answer.form.name} {answer.form.metadata}"] = (
                answer.form
            )
            while len(self._forms) > _FORMS_KEPT:
                del self._forms[next(iter(self._forms))]
            if not await interaction.reply.open(answer.form):
                await interaction.reply.say(refusals.database_unreachable())
            return
        if answer.request:
            self._waiting = {n: reply for n, reply in self._waiting.items() if reply.is_open}
            self.wakeup.wake()
        if answer.update:
            await interaction.reply.update(answer.update)
        if answer.head:
            await interaction.reply.say(answer.head)
        if answer.shared:
            await self.announcer.say(
                interaction.address, answer.shared, interaction.event_id, interaction.thread or None
            )
        if answer.announcement:
            await self.announcer.say(
                answer.announcement_address or interaction.address,
                answer.announcement,
                interaction.event_id,
            )
        name = f"{interaction.event_id} told"
        await asyncio.gather(
            *(self.announcer.say(at, head, name) for at, head in answer.broadcasts)
        )

    def _turn(self, name: str) -> asyncio.Lock:
        lock = self._turns.get(name)
        if lock is None:
            lock = self._turns[name] = asyncio.Lock()
        return lock


def _filled(form: Form, answers: Mapping[str, str]) -> Form:
    said = (f.model_copy(update={"value": answers.get(f.name, f.value)}) for f in form.fields)
    return form.model_copy(update={"fields": tuple(said)})


def _request_key(request: DigestRequest) -> str:
    """The same however often it is tried."""
    return fingerprint(str(request.address), request.by, request.profile, request.wanted.key)
