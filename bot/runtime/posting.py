"""Posts a thread completely, in order and once, whatever happens in between.

The intent is stored before a message is sent, and the message's id afterwards. An intent without
an id means that the reply was lost, or the worker killed: then the channel is searched before the
message is sent again. Redis is asked from threads, because the bot posts from the event loop that
has to acknowledge events; what many channels ask at once, together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import NamedTuple, Protocol, TypeVar

import structlog

from bot.domain.message import Message, Post
from bot.domain.papers import fingerprint
from bot.domain.readers.best import PersonReply
from bot.domain.readers.elsewhere import Audience
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.errors import Gone, Refused, Unavailable
from bot.runtime.closing import finish
from bot.store.outbox import Outbox, OutboxEntry, Turns

log = structlog.get_logger()

T = TypeVar("T")

HEAD = "head"
_THREAD = "thread"  # where the replies go

# Seconds between the tries of one message; a platform that asks for longer is left for later.
_WAITS = (1.0, 2.0, 4.0, 8.0)
_LONGEST = 60.0
# Seconds between an answer and the next message in a channel; milliseconds between two turns there.
_GAP, _APART = 1.0, 1000
# A message under way may take so long to arrive after its process was told to stop.
_LAST_SECONDS = 4.0
# So long after a lease was renewed a message may begin, in seconds: well before it expires.
_FRESH = 5.0


# Refusals after which nothing can be added to the thread.
_ENDS = (ChannelReason.MESSAGE_GONE, ChannelReason.THREAD_LOCKED)


class PostedThread(NamedTuple):
    """The result of posting a thread: the head's id, empty when there is none; the replies that
    the platform refused, by slot; and the reason the thread ended early, if it did."""

    message: str
    refused: dict[str, ChannelReason]
    ended: ChannelReason | None


# What is to happen right before a message goes.
Before = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """Whoever holds no lease has none to renew."""


class Poster(Protocol):
    """A platform's messages. Every method raises Unavailable, Gone, or, for what concerns only this
    message or its thread, Refused with a reason: BAD_MESSAGE, NOT_EDITABLE, MESSAGE_GONE or
    THREAD_LOCKED. No method retries by itself."""

    async def send(
        self, address: Address, post: Post, key: str, under: str | None, before: Before = nothing
    ) -> str:
        """Post to the channel, or into a thread, marked with `key`; returns the message's id. A
        layout that the platform refuses is sent again as plain text. What is to happen right
        `before` a message goes does so when nothing else has to be waited for, a token say."""

    async def open_thread(self, address: Address, message: str, head: Message) -> str:
        """The thread of a message, to pass as `under`; the same when it was opened before."""

    async def find(
        self, address: Address, key: str, since: datetime, under: str | None
    ) -> list[str]:
        """Ids of our messages marked with `key` since a moment (UTC), the oldest first."""

    async def edit(
        self, address: Address, message: str, post: Post, under: str | None = None, key: str = ""
    ) -> None:
        """Change a message of ours; pass its `key` so that find() still finds it."""

    async def remove(self, address: Address, message: str, under: str | None) -> None:
        """Delete a message of ours."""

    async def open_direct(self, address: Address, person: str) -> Address:
        """The address of direct messages to a person of this workspace."""

    async def audience(self, address: Address) -> Audience:
        """Who may read a channel. What the platform does not call open is its members' alone."""

    async def replies(self, address: Address, under: str) -> list[PersonReply]:
        """What people wrote in a thread, the oldest first."""

    async def link(self, address: Address, message: str) -> str:
        """The web address of a message in a channel. Refused with MESSAGE_GONE says that there is
        none any more."""


class ChannelRateLimit:
    """One message a second and channel, over all processes: Slack's limit, a calm one elsewhere
    (docs.slack.dev, "rate limits": chat.postMessage)."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def acquire(self, address: Address) -> None:
        """Wait for this channel's next turn."""
        if milliseconds := await self._turns.take(address, _APART):
            await asyncio.sleep(milliseconds / 1000)


class ThreadPoster:
    """One delivery to one channel. `turn` waits for the channel's rate limit, `clock` gives the
    time (UTC), `number` is the lease's and `renew` renews the lease."""

    def __init__(
        self,
        poster: Poster,
        outbox: Outbox,
        address: Address,
        turn: Callable[[Address], Awaitable[None]],
        clock: Callable[[], datetime],
        number: int = 0,
        renew: Before = nothing,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.poster, self.outbox, self.address, self.turn = poster, outbox, address, turn
        self.clock, self.number, self.renew, self.sleep = clock, number, renew, sleep
        self._free = 0.0
        self._unclear: dict[str, tuple[datetime, str | None]] = {}

    async def post(self, head: Message, replies: Sequence[tuple[str, Post]]) -> PostedThread:
        """Post what is missing of a head and its replies (slot, post).

        A head whose content has changed is edited. A refused message is stored with the reason, and
        the thread goes on; a thread that somebody deleted is not started again. Raises Unavailable
        when the tries are used up, Gone, and LeaseLost.
        """
        top, refused = await self.post_one(HEAD, head), dict[str, ChannelReason]()
        ended = (
            None if top.message and top.refused is not ChannelReason.MESSAGE_GONE else top.refused
        )
        if replies and not ended:
            opened = await self._opened(top.message, head)
            ended = opened.refused
            for slot, post in () if ended else replies:
                entry = await self.post_one(slot, post, opened.message)
                if entry.refused in _ENDS and not entry.message:
                    ended = entry.refused
                    closed = opened.model_copy(update={"refused": ended})
                    await self.outbox.put_result(_THREAD, closed)
                    break
                if entry.refused and not entry.message:
                    refused[slot] = entry.refused
        await self._delete_duplicates()
        return PostedThread(top.message, refused, ended)

    async def post_one(self, slot: str, post: Post, under: str | None = None) -> OutboxEntry:
        """Post one message, unless it is there; returns its outbox entry. Raises like post()."""
        body = _body(post)

        async def attempt() -> OutboxEntry:
            now = self.clock()
            known = await self.outbox.begin(slot, self.number, now)
            if known and (known.body == body or known.refused is ChannelReason.MESSAGE_GONE):
                return known
            if known and known.message:
                return await self._changed(slot, known, post) if slot == HEAD else known
            entry = OutboxEntry(at=known.at if known else now, body=body)
            try:
                return await self._sent(slot, post, under, known, entry)
            except Refused as refused:
                log.warning(
                    "message refused", channel=str(self.address), slot=slot, why=str(refused)
                )
                entry = entry.model_copy(update={"refused": _reason(refused)})
                if entry.refused in _ENDS:  # it ends the thread, and is not about this message
                    if known is None:
                        await self.outbox.withdraw(slot, self.number, now)
                    return entry
            except (Unavailable, Gone) as away:
                is_unclear = isinstance(away, Unavailable) and away.outcome_unknown
                if known is None and not is_unclear:
                    await self.outbox.withdraw(slot, self.number, now)
                raise
            await self.outbox.put_result(slot, entry)
            return entry

        return await self._with_retries(attempt)

    async def replies_sent(self) -> set[str]:
        """The slots of the replies that are in the channel, or were; one that may have been sent is
        looked for. Raises Unavailable and Gone."""
        entries = await asyncio.to_thread(self.outbox.entries)
        opened = entries.pop(_THREAD, None)
        entries.pop(HEAD, None)
        sent = {slot for slot, entry in entries.items() if entry.message or entry.refused}
        for slot in sorted(entries.keys() - sent):
            if await self.was_sent(slot, opened.message if opened else None):
                sent.add(slot)
        return sent

    async def was_sent(self, slot: str, under: str | None) -> bool:
        """Whether a message is in the channel, or was, or was refused; one that may have been sent
        is looked for. Raises Unavailable and Gone."""
        entry = await self.outbox.entry_together(slot)
        if entry is None or entry.message or entry.refused:
            return entry is not None
        find = partial(self.poster.find, self.address, self._key(slot), entry.at, under)
        try:
            found = await self._with_retries(find)
        except Refused:  # the thread is gone: what was in it was seen, as far as anybody knows
            return True
        if found:
            sent = entry.model_copy(update={"message": found[0]})
            await self.outbox.put_result(slot, sent)
        return bool(found)

    async def change(self, slot: str, post: Post, under: str | None = None) -> bool:
        """Edit a posted message, unless it says this already or is gone; returns whether it says
        this now. Raises like post()."""
        known = await self.outbox.entry_together(slot)
        if not known or not known.message or known.refused is ChannelReason.MESSAGE_GONE:
            return False
        if known.body != _body(post):
            known = await self._with_retries(partial(self._changed, slot, known, post, under))
        return known.refused is None

    async def _changed(
        self, slot: str, known: OutboxEntry, post: Post, under: str | None = None
    ) -> OutboxEntry:
        refused = None
        try:
            await self.poster.edit(self.address, known.message, post, under, self._key(slot))
        except Refused as error:
            log.warning("message not edited", channel=str(self.address), slot=slot, why=str(error))
            refused = _reason(error)
        entry = known.model_copy(update={"body": _body(post), "refused": refused})
        await self.outbox.put_result(slot, entry)
        return entry

    async def _opened(self, message: str, head: Message) -> OutboxEntry:
        """The entry of the opened thread, which is opened once."""
        known = await self.outbox.entry_together(_THREAD)
        if known:
            return known
        entry = OutboxEntry(at=self.clock())
        try:
            under = await self._with_retries(
                lambda: self.poster.open_thread(self.address, message, head)
            )
            entry = entry.model_copy(update={"message": under})
        except Refused as refused:
            log.warning("thread not opened", channel=str(self.address), why=str(refused))
            entry = entry.model_copy(update={"refused": _reason(refused)})
        await self.outbox.put_result(_THREAD, entry)
        return entry

    async def _sent(
        self,
        slot: str,
        post: Post,
        under: str | None,
        known: OutboxEntry | None,
        entry: OutboxEntry,
    ) -> OutboxEntry:
        """The stored entry of a message that is in the channel, now or since before."""
        key = self._key(slot)
        if known:
            self._unclear[slot] = (known.at, under)
            if found := await self.poster.find(self.address, key, known.at, under):
                return await self._stored(slot, entry, found[0])
        try:
            await self.turn(self.address)
            # A turn that was used late must not bring the next message early.
            if (early := self._free - time.monotonic()) > 0:
                await self.sleep(early)
        except asyncio.CancelledError:  # nothing went out: nobody has to look for it
            if known is None:
                await self.outbox.withdraw(slot, self.number, entry.at)
            raise

        async def send() -> OutboxEntry:
            message = await self.poster.send(self.address, post, key, under, self._renew)
            self._free = time.monotonic() + _GAP
            return await self._stored(slot, entry, message)

        return await finish(send(), _LAST_SECONDS)

    async def _stored(self, slot: str, entry: OutboxEntry, message: str) -> OutboxEntry:
        entry = entry.model_copy(update={"message": message})
        await self.outbox.put_result(slot, entry)
        return entry

    async def _renew(self) -> None:
        """Renew the lease so that it is ours when the message goes, right after this. A machine may
        have stood still while it waited for the answer, and another worker may have it by now."""
        while True:
            asked = time.monotonic()
            await self.renew()
            if time.monotonic() - asked < _FRESH:
                return

    async def _with_retries(self, attempt: Callable[[], Awaitable[T]]) -> T:
        for wait in _WAITS:
            try:
                return await attempt()
            except Unavailable as away:
                if (away.retry_after or 0) > _LONGEST:
                    raise
                log.info("message delayed", channel=str(self.address), why=str(away))
                await self.sleep(max(wait, away.retry_after or 0))
        return await attempt()

    async def _delete_duplicates(self) -> None:
        """Delete the second of two messages: the first appeared only after find() had missed it."""
        for slot, (since, under) in self._unclear.items():
            entry = await self.outbox.entry_together(slot)
            find = partial(self.poster.find, self.address, self._key(slot), since, under)
            try:
                for extra in await self._with_retries(find):
                    if entry and extra != entry.message:
                        log.warning("message arrived late, deleting the duplicate", slot=slot)
                        await self._with_retries(
                            partial(self.poster.remove, self.address, extra, under)
                        )
            except Refused as refused:
                log.warning(
                    "duplicate not deleted", channel=str(self.address), slot=slot, why=str(refused)
                )

    def _key(self, slot: str) -> str:
        return fingerprint(self.outbox.name, slot)


@lru_cache(maxsize=1 << 9)
def _body(post: Post) -> str:
    """What identifies a message's content."""
    return fingerprint(post.model_dump_json())


def _reason(refused: Refused) -> ChannelReason:
    return refused.reason_or(ChannelReason.BAD_MESSAGE)
