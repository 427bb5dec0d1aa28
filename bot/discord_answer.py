"""Answers on Discord: to one interaction, at once or a little later, and to the channel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from weakref import WeakValueDictionary

import redis
import structlog

from bot import actions, discord_forms, discord_render, words_discord, words_wrong
from bot.actions import Act
from bot.chat import Bell, Chat
from bot.desk import Answer, Ask, Desk, Unfit
from bot.discord_post import ACKNOWLEDGED, DiscordPoster, Refusal
from bot.domain import fingerprint
from bot.errors import PaperboyError, Refused, Unavailable
from bot.message import Form, Head, Post
from bot.wish import Address, Wish

log = structlog.get_logger()

Json = dict[str, Any]

# An answer that is not there by then is announced: Discord itself waits for three seconds.
_SOON: Final = 0.7
# An interaction's token serves for fifteen minutes (docs.discord.com, "Interactions").
_TOKEN_SECONDS: Final = 14 * 60
_FORMS_KEPT: Final = 200
_WAITS: Final = (0.2, 0.5)

_MESSAGE, _LATER, _UPDATE_LATER, _UPDATE, _MODAL = 4, 5, 6, 7, 9
_EPHEMERAL: Final = 1 << 6
_TOKEN = "/webhooks/{webhook_id}/{webhook_token}"


class Reply:
    """The answer to one interaction, seen by who asked alone. `mark` is the first component's id
    of the message whose button was pressed: posting.Poster.find knows the message by it."""

    def __init__(
        self, poster: DiscordPoster, ids: tuple[str, str, str], mark: int | None = None
    ) -> None:
        """`ids` are the application's, the interaction's and its token."""
        self._poster, (self._app, self._id, self._token), self._mark = poster, ids, mark
        self._begun = 0
        self._turn = asyncio.Lock()
        self.at = datetime.now(UTC)

    async def soon(self) -> None:
        """Say that the answer is coming, unless it is there."""
        async with self._turn:
            if not self._begun and self._mark is not None:
                await self._begin(_UPDATE_LATER, None)
            elif not self._begun:
                await self._begin(_LATER, {"flags": _EPHEMERAL})

    async def say(self, head: Head) -> bool:
        """Whether it could be said."""
        body = discord_render.message(head)
        whisper = body | {"flags": body["flags"] | _EPHEMERAL}
        async with self._turn:
            if not self._begun:
                return await self._begin(_MESSAGE, whisper)
            if self._begun == _LATER:
                self._begun = _MESSAGE
                return await self._sent("PATCH", f"{_TOKEN}/messages/@original", body)
            return await self._sent("POST", _TOKEN, whisper)

    async def update(self, post: Post) -> None:
        """Change the message whose button was pressed."""
        body = discord_render.message(post)
        if body["components"] and self._mark:
            body["components"][0]["id"] = self._mark
        async with self._turn:
            if not self._begun:
                await self._begin(_UPDATE, body)
            else:
                await self._sent("PATCH", f"{_TOKEN}/messages/@original", body)

    async def open(self, form: Form) -> bool:
        """Show a form, which has to be the first answer; False when it could not be shown."""
        try:
            modal = discord_forms.modal(form)
        except ValueError as error:
            log.error("a form does not fit", form=form.name, why=str(error))
            return False
        async with self._turn:
            return not self._begun and await self._begin(_MODAL, modal)

    async def _begin(self, kind: int, data: Json | None) -> bool:
        path = "/interactions/{webhook_id}/{webhook_token}/callback"
        body = {"type": kind} | ({"data": data} if data else {})
        self._begun = kind if await self._sent("POST", path, body, self._id) else 0
        return bool(self._begun)

    async def _sent(self, method: str, path: str, body: Json, id: str = "") -> bool:
        """Tried a few times, because a person waits: a whisper that comes twice is no harm."""

        ids = {"webhook_id": id or self._app, "webhook_token": self._token}
        for wait in (*_WAITS, None):
            try:
                await self._poster.ask(method, path, body, None, **ids)
                return True
            except Unavailable as away:
                if wait is None or (away.retry_after or 0) > _SOON:
                    log.warning("could not answer", why=str(away))
                    return False
                await asyncio.sleep(max(wait, away.retry_after or 0))
            except PaperboyError as error:
                if isinstance(error, Refusal) and error.code == ACKNOWLEDGED:
                    return True  # by the try before, whose answer was lost
                log.warning("could not answer", why=str(error))
                return False
        return False


@dataclass(frozen=True)
class Where:
    """The place an interaction came from. `message` is the one whose button was pressed; a reason
    why no digest could be posted there is a `hindrance`."""

    address: Address
    person: str
    event: str
    reply: Reply
    message: str = ""
    hindrance: str = ""


class Answers:
    """Acting on what was asked, and saying what came of it."""

    def __init__(self, poster: DiscordPoster, desk: Desk, chat: Chat, bell: Bell) -> None:
        self.poster, self.desk, self.chat, self.bell = poster, desk, chat, bell
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._waiting: dict[str, Reply] = {}
        self._forms: dict[tuple[str, str], Form] = {}

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

        def act(ask: Ask, desk: Desk) -> Answer:
            try:
                return actions.submit(ask, name, about, answers, desk)
            except Unfit as unfit:
                if form := self._forms.get(key):
                    self._forms[key] = _filled(form, answers)
                return Answer(words_discord.unfit(unfit.fields.values(), key[1] if form else ""))

        await self.act(where, act)

    async def again(self, where: Where, value: str) -> None:
        """The form once more, as it was sent."""
        form = self._forms.get((where.person, value))
        if form is None or not await where.reply.open(form):
            await where.reply.say(Head(title=words_discord.form_gone()))

    async def before(self, wish: Wish) -> None:
        """Tell who asked that the day was delivered before, with a link."""
        found = await asyncio.to_thread(self.desk.channels.delivered_before, wish)
        there = link(wish.address, found.message) if found and found.message else ""
        head = words_wrong.before(there)
        reply = self._waiting.pop(_name(wish), None)
        if reply and _fresh(reply) and await reply.say(head):
            return
        try:
            alone = await self.poster.direct(wish.address, wish.by)
        except PaperboyError as error:
            log.warning("could not tell", person=wish.by, why=str(error))
            return
        await self.chat.say(alone, head, fingerprint(wish.model_dump_json()))

    async def _acted(self, where: Where, act: Act) -> None:
        async with self._turn(where.message or where.event):  # so that a count never goes back
            try:
                answer = await asyncio.to_thread(self._done, where, act)
            except Refused as refused:
                answer = Answer(Head(title=str(refused)))
            except redis.RedisError as error:
                log.error("redis is away", error=type(error).__name__)
                answer = Answer(words_wrong.one_moment())
            if answer is not None:
                await self._give(where, answer)

    def _done(self, where: Where, act: Act) -> Answer | None:
        """None when it was done before. Discord tells no one's time zone: the channel's first
        subscription has the one that people here go by."""
        if not self.desk.subscriptions.first_time(where.event):
            return None
        if where.hindrance:
            raise Refused(where.hindrance)
        own = self.desk.subscriptions.of(where.address)
        zone = own[0].schedule.tz if own else "UTC"
        answer = act(Ask("", where.address, datetime.now(UTC), where.person, zone), self.desk)
        if answer.wish:
            self._waiting[_name(answer.wish)] = where.reply
            self.desk.channels.put_wish(answer.wish)
        return answer

    async def _give(self, where: Where, answer: Answer) -> None:
        if answer.form:
            self._forms[where.person, f"{answer.form.name} {answer.form.about}"] = answer.form
            while len(self._forms) > _FORMS_KEPT:
                del self._forms[next(iter(self._forms))]
            if not await where.reply.open(answer.form):
                await where.reply.say(words_wrong.one_moment())
            return
        if answer.wish:
            self._waiting = {n: reply for n, reply in self._waiting.items() if _fresh(reply)}
            self.bell.ring()
        if answer.update:
            await where.reply.update(answer.update)
        if answer.head:
            await where.reply.say(answer.head)
        if answer.said:
            await self.chat.say(answer.place or where.address, answer.said, where.event)

    def _turn(self, name: str) -> asyncio.Lock:
        lock = self._turns.get(name)
        if lock is None:
            lock = self._turns[name] = asyncio.Lock()
        return lock


def link(address: Address, message: str) -> str:
    """A web address of a message."""
    server = address.workspace or "@me"
    return f"https://discord.com/channels/{server}/{address.channel}/{message}"


def _filled(form: Form, answers: Mapping[str, str]) -> Form:
    said = (f.model_copy(update={"value": answers.get(f.name, f.value)}) for f in form.fields)
    return form.model_copy(update={"fields": tuple(said)})


def _fresh(reply: Reply) -> bool:
    return (datetime.now(UTC) - reply.at).total_seconds() < _TOKEN_SECONDS


def _name(wish: Wish) -> str:
    """The same however often it is tried."""
    return fingerprint(str(wish.address), wish.by, wish.profile, wish.wanted.key)
