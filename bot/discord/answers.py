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
from bot.commands.context import Answer, Ask, Desk, Unfit
from bot.commands.dispatch import Act
from bot.commands.permissions import Person, Right
from bot.discord.people import People
from bot.discord.poster import DiscordPoster
from bot.discord.reply import Reply
from bot.domain.lookup import Inquiry
from bot.domain.message import Form, Head
from bot.domain.papers import fingerprint
from bot.domain.request import Address, Wish
from bot.errors import PaperboyError, Refused
from bot.runtime.announcements import Bell, Chat
from bot.runtime.lookup_waiter import Inquirer
from bot.views import discord, refusals
from bot.views.permalinks import permalink

log = structlog.get_logger()

# An answer that is not there by then is announced: Discord itself waits for three seconds.
_SOON: Final = 0.7
_FORMS_KEPT: Final = 200


@dataclass(frozen=True)
class Where:
    """The place an interaction came from. `message` is the one whose button was pressed, `thread`
    the channel's thread it is in; a reason why no digest could be posted there is a `hindrance`.
    `who` finds out who asks, None when Discord does not say."""

    address: Address
    person: str
    event: str
    reply: Reply
    who: Callable[[], Awaitable[Person | None]]
    message: str = ""
    thread: str = ""
    hindrance: str = ""


class Answers:
    """Acting on what was asked, and saying what came of it."""

    def __init__(
        self, poster: DiscordPoster, desk: Desk, chat: Chat, bell: Bell, inquirer: Inquirer
    ) -> None:
        self.poster, self.desk, self.chat, self.bell = poster, desk, chat, bell
        self.inquirer, self.people = inquirer, People(poster)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._waiting: dict[str, Reply] = {}
        self._forms: dict[tuple[str, str], Form] = {}
        self._later: set[asyncio.Task[None]] = set()

    async def act(self, where: Where, act: Act) -> None:
        """Do it once, however often Discord delivers it, and answer in any case: a promise of an
        answer goes out before anybody has to wait, except before a form, which must come first."""
        work = asyncio.create_task(self._acted(where, act))
        await asyncio.wait({work}, timeout=_SOON)
        if not work.done():
            await where.reply.soon()
        await work

    async def submit(self, where: Where, name: str, about: str, answers: Mapping[str, str]) -> None:
        """Take a form's answers. What is wrong is said, and what was typed is not lost."""
        key = (where.person, f"{name} {about}")

        sent = dispatch.submitting(name, about, answers)

        def do(ask: Ask, desk: Desk) -> Answer:
            try:
                return sent.do(ask, desk)
            except Unfit as unfit:
                if form := self._forms.get(key):
                    self._forms[key] = _filled(form, answers)
                return Answer(discord.unfit(unfit.fields.values(), key[1] if form else ""))

        await self.act(where, replace(sent, do=do))

    async def again(self, where: Where, value: str) -> None:
        """The form once more, as it was sent."""

        def do(ask: Ask, desk: Desk) -> Answer:
            if form := self._forms.get((where.person, value)):
                return Answer(form=form)
            raise Refused(discord.form_gone())

        await self.act(where, Act(Right.CHANGE, "", do))

    async def before(self, wish: Wish) -> None:
        """Tell who asked that the day was delivered before, with a link."""
        found = await asyncio.to_thread(self.desk.channels.delivered_before, wish)
        message = found.message if found else ""
        there = permalink(wish.address, message, message) if message else ""
        head = refusals.before(there, found.ended if found else None)
        reply = self._waiting.pop(_name(wish), None)
        if reply and reply.fresh and await reply.say(head):
            return
        try:
            alone = await self.poster.direct(wish.address, wish.by)
        except PaperboyError as error:
            log.warning("could not tell", person=wish.by, why=str(error))
            return
        await self.chat.say(alone, head, fingerprint(wish.model_dump_json()))

    async def _acted(self, where: Where, act: Act) -> None:
        who: Person | None = None
        async with self._turn(where.message or where.event):  # so that a count never goes back
            try:
                # What everybody may do waits for nobody's word on who they are.
                needed = act.right is not Right.ASK or not where.address.workspace
                who = await where.who() if needed else None
                answer = await asyncio.to_thread(self._done, where, act, who)
            except Refused as refused:
                answer = Answer(Head(title=str(refused)))
            except redis.RedisError as error:
                log.error("redis is away", error=type(error).__name__)
                answer = Answer(refusals.one_moment())
            if answer is not None:
                await self._give(where, answer)
        if answer is not None and answer.inquiry:  # the message's other buttons take turns
            later = asyncio.create_task(self._learnt(where, answer.inquiry, who))
            self._later.add(later)
            later.add_done_callback(self._later.discard)

    def _done(self, where: Where, act: Act, who: Person | None) -> Answer | None:
        """None when it was done before."""
        if not self.desk.subscriptions.first_time(where.event):
            return None
        ask = self._ask(where, who)
        if where.hindrance and act.permitted(ask, self.desk) and act.right is not Right.ASK:
            raise Refused(where.hindrance)
        answer = act(ask, self.desk)
        if answer.wish:
            self._waiting[_name(answer.wish)] = where.reply
            self.desk.channels.put_wish(answer.wish)
        return answer

    def _ask(self, where: Where, who: Person | None) -> Ask:
        """Discord tells no one's time zone: the channel's first subscription has the one that
        people here go by."""
        own = self.desk.subscriptions.of(where.address)
        zone = own[0].schedule.tz if own else "UTC"
        alone = not where.address.workspace
        return Ask("", where.address, datetime.now(UTC), where.person, zone, alone, who=who)

    async def _learnt(self, where: Where, inquiry: Inquiry, who: Person | None) -> None:
        """The rest of an answer, in the message that holds its beginning."""
        try:
            ask = await asyncio.to_thread(self._ask, where, who)
            answer = await self.inquirer.learnt(ask, inquiry)
        except redis.RedisError as error:
            log.error("redis is away", error=type(error).__name__)
            answer = Answer(refusals.one_moment())
        assert answer.head is not None, "something is said of it"
        if isinstance(answer.update, Head):
            await where.reply.amend(answer.update, answer.head)
        else:
            await where.reply.say(answer.head)

    async def _give(self, where: Where, answer: Answer) -> None:
        if answer.form:
            self._forms[where.person, f"{answer.form.name} {answer.form.about}"] = answer.form
            while len(self._forms) > _FORMS_KEPT:
                del self._forms[next(iter(self._forms))]
            if not await where.reply.open(answer.form):
                await where.reply.say(refusals.one_moment())
            return
        if answer.wish:
            self._waiting = {n: reply for n, reply in self._waiting.items() if reply.fresh}
            self.bell.ring()
        if answer.update:
            await where.reply.update(answer.update)
        if answer.head:
            await where.reply.say(answer.head)
        if answer.shared:
            await self.chat.say(where.address, answer.shared, where.event, where.thread or None)
        if answer.said:
            await self.chat.say(answer.place or where.address, answer.said, where.event)
        name = f"{where.event} told"
        await asyncio.gather(*(self.chat.say(at, head, name) for at, head in answer.told))

    def _turn(self, name: str) -> asyncio.Lock:
        lock = self._turns.get(name)
        if lock is None:
            lock = self._turns[name] = asyncio.Lock()
        return lock


def _filled(form: Form, answers: Mapping[str, str]) -> Form:
    said = (f.model_copy(update={"value": answers.get(f.name, f.value)}) for f in form.fields)
    return form.model_copy(update={"fields": tuple(said)})


def _name(wish: Wish) -> str:
    """The same however often it is tried."""
    return fingerprint(str(wish.address), wish.by, wish.profile, wish.wanted.key)
