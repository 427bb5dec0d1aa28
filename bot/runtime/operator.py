"""Tells the operator's channel of each trouble once, and of its end, over restarts and kills."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import redis
import structlog

from bot.commands.context import Context
from bot.domain.message import Message
from bot.domain.papers import fingerprint
from bot.domain.reasons import ModelReason
from bot.domain.request import Address
from bot.domain.watching.trouble import Trouble, TroubleKind
from bot.errors import Gone, PaperboyError
from bot.runtime.answers import Answers
from bot.runtime.tick import TickResult
from bot.store.queues import Queues
from bot.views.watching import troubles as words
from bot.watch.troubles import follow, see

log = structlog.get_logger()

# A database that is back sooner is told to nobody.
_SHORT: Final = timedelta(seconds=10)
# While something is under way the clock ticks twice a second; this is enough for troubles.
_PAUSE: Final = timedelta(seconds=15)
# A channel that takes no messages is tried again after this; what it could not be told of for so
# long is no news any more.
_AGAIN, _NEWS = timedelta(minutes=10), timedelta(days=7)


class Operator:
    """Without a channel nobody is told, and nothing is looked at."""

    def __init__(
        self,
        channel: Address | None,
        context: Context,
        queues: Queues,
        platforms: Mapping[str, Answers[Any]],
    ) -> None:
        self._channel, self._context, self._queues = channel, context, queues
        self._platforms = platforms
        self._looking: asyncio.Task[None] | None = None
        self._looked: datetime | None = None
        self._closed: datetime | None = None  # when the channel took no message
        # The subscriptions (keys) whose channel was told why a digest is late, and its time: that
        # stays the reason while it is judged and posted at last.
        self._explained = dict[str, datetime]()

    def start(self, ticked: TickResult, now: datetime) -> None:
        """Look and tell in the background, unless that is under way or was done a moment ago."""
        if self._channel is None or (self._looked and now - self._looked < _PAUSE):
            return
        if self._looking is None or self._looking.done():
            self._looked = now
            self._explained |= {
                found.key: request.at
                for found, request, why in ticked.late
                if request.at and why is not ModelReason.STILL_AT_IT
            }
            self._looking = asyncio.create_task(self._look(self._explained, now))

    def database_was_away(self, since: datetime, until: datetime) -> None:
        """Remember that the database was away, to tell that it is back. Raises RedisError."""
        if self._channel is None or until - since < _SHORT:
            return
        moment = f"{since:%Y%m%d-%H%M%S}"
        trouble = Trouble(kind=TroubleKind.DATABASE, what=moment, since=since, quiet=until)
        self._context.store.troubles.change(trouble.name, lambda _: trouble)

    async def _look(self, explained: Mapping[str, datetime], now: datetime) -> None:
        try:
            await self.look(explained, now)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)
        except Exception:  # our own fault must not stop the clock
            log.exception("the operator could not be told")

    async def look(self, explained: Mapping[str, datetime], now: datetime) -> None:
        """See what is wrong at a moment, and tell what was not told yet. Raises RedisError."""
        store = self._context.store
        seen = await asyncio.to_thread(see, self._context, self._queues, explained, now)
        await asyncio.to_thread(follow, store.troubles, seen, now)
        for trouble in await asyncio.to_thread(store.troubles.all):
            if trouble.is_over(now):
                await self._tell_over(trouble, trouble.quiet or now, now)
            elif not trouble.told and trouble.quiet is None and trouble.is_tellable(now):
                await self._tell_begun(trouble, now)

    async def _tell_begun(self, trouble: Trouble, now: datetime) -> None:
        """Whoever is killed before it is noted that this was said says it again: under the same
        name, so nobody hears it twice."""
        if await self._say(words.begun(trouble), f"begun {trouble.name} {trouble.since}", now):
            change = self._context.store.troubles.change
            await asyncio.to_thread(change, trouble.name, _told)

    async def _tell_over(self, trouble: Trouble, ended: datetime, now: datetime) -> None:
        """One that could not be told while it lasted is told at its end, unless it was short. A
        digest that is late once more is over once: it has the name of its begin. Whoever hears of
        that begin only after such an end hears of an end again."""
        is_heard = trouble.told or trouble.is_tellable(ended)
        is_news = is_heard and now - ended < _NEWS
        name = f"over {'' if trouble.told else 'unheard '}{trouble.name} {trouble.since}"
        if not is_news or await self._say(words.over(trouble, ended), name, now):
            change = self._context.store.troubles.change
            await asyncio.to_thread(change, trouble.name, lambda _: None)

    async def _say(self, message: Message, about: str, now: datetime) -> bool:
        """False where it is to be tried again: the chat is away, or takes nothing in this channel
        for now."""
        answers = self._platforms.get(self._channel.platform) if self._channel else None
        if answers is None or self._channel is None:
            return False
        if self._closed and now - self._closed < _AGAIN:
            return False
        try:
            await answers.announcer.post(self._channel, message, fingerprint("trouble", about))
        except PaperboyError as error:
            self._closed = now if isinstance(error, Gone) else None
            log.error("the operator could not be told", what=message.title, why=str(error))
            return False
        self._closed = None
        return True


def _told(trouble: Trouble | None) -> Trouble | None:
    return trouble and trouble.model_copy(update={"told": True})
