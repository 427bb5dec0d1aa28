"""Tells people of papers they follow: in a thread, or in a direct message; each once.

Where somebody is told is stored before anything is sent, and an outbox entry before each message:
whoever is killed in between finds both, and looks before sending again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import redis
import structlog

from bot.commands.context import HOME, Context
from bot.commands.permissions import Person
from bot.domain.message import Message
from bot.domain.papers import fingerprint
from bot.domain.readers.following import Follow, Telling, Unreachable, Untellable
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.errors import Gone, PaperboyError, Refused
from bot.planning.following import placed
from bot.runtime import telling
from bot.runtime.answers import Answers
from bot.runtime.posting import ThreadPoster
from bot.store.values.lease import Lease, LeaseLost
from bot.views.readers import following as views

log = structlog.get_logger()

_LEASE_SECONDS: Final = 15.0
# Between two rounds in which nothing new was delivered.
_REST_SECONDS: Final = 20.0
# Mentions of one person in a (UTC) day; what is more is told in one direct message.
MENTIONS: Final = 5
# What could not be told for so long is no news any more.
_STALE: Final = timedelta(days=2)
# Somebody who could not be told is tried again after this.
_UNREACHABLE_FOR: Final = timedelta(days=30)
# Not about one person: they may be over when whoever runs the bot has seen to them.
_OURS: Final = (ChannelReason.BAD_TOKEN, ChannelReason.NO_SCOPE)
_SLOT: Final = "told"


class Teller:
    """One round after the other on each platform, none of which waits for another."""

    def __init__(self, context: Context, platforms: Mapping[str, Answers[Any]]) -> None:
        self._context, self._platforms = context, platforms
        self._running: dict[str, asyncio.Task[None]] = {}
        self._rested: dict[str, float] = {}

    def start(self) -> None:
        """Begin a round wherever none is under way."""
        for name, answers in self._platforms.items():
            running = self._running.get(name)
            if running is None or running.done():
                self._running[name] = asyncio.create_task(self._guarded(name, answers))

    async def _guarded(self, platform: str, answers: Answers[Any]) -> None:
        try:
            untold = self._context.store.tellings.untold
            is_new = bool(await asyncio.to_thread(untold, platform))
            if is_new or time.monotonic() >= self._rested.get(platform, 0):
                self._rested[platform] = time.monotonic() + _REST_SECONDS
                await tell(self._context, platform, answers, datetime.now(UTC))
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)
        except Exception:  # our own fault must not end the clock
            log.exception("people could not be told", platform=platform)


async def tell(context: Context, platform: str, answers: Answers[Any], now: datetime) -> None:
    """One round: find what people of a platform are owed at a moment (UTC), and tell them what is
    due. Does nothing while another process is at it. Raises RedisError."""
    store = context.store
    if await asyncio.to_thread(store.tellings.is_idle):
        return
    lease = await asyncio.to_thread(store.lease, f"tell:{platform}", _LEASE_SECONDS, 0)
    if lease is None:
        return
    renewing = asyncio.create_task(_keep_renewing(lease))
    try:
        await asyncio.to_thread(telling.find, context, platform, now)
        owed = await asyncio.to_thread(store.tellings.owed, platform)
        everything = await asyncio.to_thread(store.follows.all)
        undecided = [e for tellings in owed.values() for e in tellings if not e.place]
        settled = await asyncio.to_thread(telling.settled, context, undecided, now)
        for (workspace, by), tellings in owed.items():
            await asyncio.to_thread(lease.renew)
            mine = [each for each in everything if (each.workspace, each.by) == (workspace, by)]
            try:
                person = _Person(context, answers, lease, workspace, by, now)
                await person.tell(tellings, mine, settled)
            except (LeaseLost, redis.RedisError):
                raise
            except Exception:  # a fault of ours about one person keeps nothing from the others
                log.exception("person could not be told", workspace=workspace)
    except LeaseLost:
        log.warning("lease lost while telling people", platform=platform)
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError, LeaseLost, redis.RedisError):
            await renewing
        await asyncio.to_thread(lease.release)


async def _keep_renewing(lease: Lease) -> None:
    """While a message waits for its turn, or for a platform that is away."""
    while True:
        await asyncio.sleep(_LEASE_SECONDS / 3)
        await asyncio.to_thread(lease.renew)


class _Person:
    """One person of a workspace, who follows something."""

    def __init__(
        self,
        context: Context,
        answers: Answers[Any],
        lease: Lease,
        workspace: str,
        by: str,
        now: datetime,
    ) -> None:
        self._context, self._answers, self._lease, self._now = context, answers, lease, now
        self._tellings = context.store.tellings
        self._workspace, self._by = workspace, by
        platform, _, team = workspace.partition(":")
        self._place = Address(platform=platform, workspace=team, channel=HOME)

    async def tell(
        self, owed: Sequence[Telling], mine: Sequence[Follow], settled: Collection[str]
    ) -> None:
        """Tell what is due of what the person is owed, by what they follow; the rest is left for a
        later round. `settled` are those (keys) that no digest may still show. A failure of the
        platform is logged."""
        follows = {each.token: each for each in mine}
        tellings = await asyncio.to_thread(self._wanted, owed, follows)
        undecided = [each for each in tellings if not each.place]
        decided = [each for each in tellings if each.place]
        # Of who only waits for other digests nobody is asked: there may be many, for hours.
        if not decided and not any(each.posted or each.key in settled for each in undecided):
            return
        person = await self._found(tellings)
        if person is None:
            return
        if undecided:
            given = undecided, decided, settled, person.channels
            decided += await asyncio.to_thread(self._placed, *given)
        try:
            for each in decided:
                if not each.batch:
                    await self._mention(each, follows, person.channels)
            for batch in dict.fromkeys(each.batch for each in decided if each.batch):
                await self._direct(batch, [e for e in decided if e.batch == batch], follows)
        except PaperboyError as error:
            log.warning("person not told", workspace=self._workspace, why=str(error))

    def _wanted(self, owed: Sequence[Telling], follows: Mapping[str, Follow]) -> list[Telling]:
        """What is owed that they still want to be told of, by what they follow (by token); the rest
        is dropped."""
        store = self._tellings
        told = store.told(self._workspace, self._by)
        kept = [
            each
            for each in owed
            if each.subject not in told
            and follows.keys() & set(each.follows)
            and self._now - each.at < _STALE
        ]
        known = store.unreachable(self._workspace, self._by)
        is_over = known and self._now - known.at >= _UNREACHABLE_FOR
        if known and known.why is Untellable.LEFT:
            kept = kept if is_over else []
        elif is_over:
            store.drop_unreachable(self._workspace, self._by)
        store.drop_owed([each for each in owed if each not in kept])
        return kept

    async def _found(self, tellings: Sequence[Telling]) -> Person | None:
        """Who they are by now; None when that is not known, or they have left, which is stored. Who
        is still away after a month follows nothing any more."""
        person = await self._answers.find_person(self._place.workspace, self._by)
        if person is None:
            return None
        whose = self._workspace, self._by
        known = await asyncio.to_thread(self._tellings.unreachable, *whose)
        had_left = known is not None and known.why is Untellable.LEFT
        if person.may_use:
            if had_left:
                await asyncio.to_thread(self._tellings.drop_unreachable, *whose)
            return person
        if had_left:
            await asyncio.to_thread(self._context.store.follows.erase, *whose)
        else:
            await asyncio.to_thread(self._give_up, Untellable.LEFT, tellings)
        return None

    def _placed(
        self,
        undecided: Sequence[Telling],
        decided: Sequence[Telling],
        settled: Collection[str],
        channels: frozenset[str],
    ) -> Sequence[Telling]:
        """What can be told now, and where the person is told, who is in these channels; stored."""
        told = self._tellings.told(self._workspace, self._by).values()
        mentions = sum(each.mention and each.at.date() == self._now.date() for each in told)
        mentions += sum(not each.batch for each in decided)
        found = placed(undecided, channels, settled, max(0, MENTIONS - mentions))
        return [each for each in self._tellings.put_owed(found) if each.place]

    async def _mention(
        self, told: Telling, follows: Mapping[str, Follow], channels: frozenset[str]
    ) -> None:
        """In the thread that shows the paper. Where that is gone, or the person has left the
        channel, it is left to a direct message; unless it may have been said there already. Raises
        Unavailable, and Gone for a fault of the installation."""
        channel, _, day = told.place.partition(" ")
        address = self._place.model_copy(update={"channel": channel})
        papers = await asyncio.to_thread(self._context.store.papers.by_ref, [told.ref])
        delivery = await asyncio.to_thread(self._context.store.history.delivery, address, day)
        paper, met = papers.get(told.ref), [follows[t] for t in told.follows if t in follows]
        if paper is None or delivery is None:
            await asyncio.to_thread(self._tellings.drop_owed, [told])
            return
        name = f"told:{fingerprint(told.key)}"
        thread = self._answers.announcer.thread(address, name, self._lease)
        is_over = False
        try:
            if channel in channels or await thread.was_sent(_SLOT, delivery.message):
                message = views.mention(told, paper, met)
                entry = await thread.post_one(_SLOT, message, delivery.message)
                is_refused = entry.refused is ChannelReason.BAD_MESSAGE
                is_over = bool(entry.message) or is_refused or await self._may_be_said(thread)
        except Gone as gone:
            if gone.reason in _OURS:
                raise
            log.warning("thread out of reach", channel=str(address), why=str(gone))
            is_over = await self._may_be_said(thread)
        if is_over:
            await asyncio.to_thread(self._tellings.settle, [told], self._now)
            return
        elsewhere = told.model_copy(update={"place": "", "posted": ()})
        await asyncio.to_thread(self._tellings.put_owed, [elsewhere])

    async def _may_be_said(self, thread: ThreadPoster) -> bool:
        """Whether a mention may have been sent where nobody can look any more: once is enough."""
        return await asyncio.to_thread(thread.outbox.entry, _SLOT) is not None

    async def _direct(
        self, batch: str, tellings: Sequence[Telling], follows: Mapping[str, Follow]
    ) -> None:
        """In one direct message. Raises Unavailable, and Gone for a fault of the installation."""
        store = self._context.store
        known = await asyncio.to_thread(self._tellings.unreachable, self._workspace, self._by)
        if known:
            await asyncio.to_thread(self._tellings.drop_owed, tellings)
            return
        papers = await asyncio.to_thread(store.papers.by_ref, [each.ref for each in tellings])
        try:
            await self._send(batch, views.direct(tellings, papers, follows))
        except (Gone, Refused) as refused:
            if refused.reason in _OURS:
                raise
            log.warning("person takes no messages", workspace=self._workspace, why=str(refused))
            await asyncio.to_thread(self._give_up, Untellable.NO_DIRECT, tellings)
            return
        await asyncio.to_thread(self._tellings.settle, tellings, self._now)

    async def _send(self, batch: str, message: Message) -> None:
        there = await self._answers.announcer.poster.open_direct(self._place, self._by)
        name = f"told:{fingerprint(self._workspace, self._by, batch)}"
        await self._answers.announcer.thread(there, name, self._lease).post_one(_SLOT, message)

    def _give_up(self, why: Untellable, tellings: Sequence[Telling]) -> None:
        person = Unreachable(workspace=self._workspace, by=self._by, why=why, at=self._now)
        self._tellings.put_unreachable(person)
        self._tellings.drop_owed(tellings)
