"""Redis: messages of a delivery, written down before and after they are sent, and when they may."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.domain.papers import Value
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.store.values.lease import LeaseLost
from bot.store.values.quarantine import ValueReader
from bot.store.values.round_trips import RoundTrips
from bot.store.values.stored_forms import MESSAGES, Unreadable, deserialise, serialise

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A message that may have been sent is looked for this far back.
_LOOK_BACK = timedelta(days=2)

# Writes an entry before the message. Refuses a writer whose lease number is older than the newest.
_BEGIN = """
local newest = tonumber(redis.call('hget', KEYS[1], '#') or '0')
if tonumber(ARGV[2]) < newest then return false end
redis.call('hset', KEYS[1], '#', ARGV[2])
local known = redis.call('hget', KEYS[1], ARGV[1])
if known then return known end
redis.call('hset', KEYS[1], ARGV[1], ARGV[3])
redis.call('expire', KEYS[1], ARGV[4])
return ''
"""

# Deletes an entry that is as it was begun, unless a later holder of the lease has written: somebody
# else may have sent the message.
_WITHDRAW = """
local newest = tonumber(redis.call('hget', KEYS[1], '#') or '0')
if tonumber(ARGV[2]) < newest then return 0 end
if redis.call('hget', KEYS[1], ARGV[1]) ~= ARGV[3] then return 0 end
return redis.call('hdel', KEYS[1], ARGV[1])
"""

# Milliseconds. Turns further ahead than that are from before the server's clock was set back.
_FURTHEST: Final = 60_000

# Takes the next turn, by the server's own clock, and says how long it is until then. Taken again
# by a caller whose answer was lost, one turn goes by unused.
_TAKE_TURN: Final = """
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local turn = tonumber(redis.call('get', KEYS[1]) or '0')
if turn < now or turn > now + tonumber(ARGV[2]) then turn = now end
local ahead = string.format('%d', turn + tonumber(ARGV[1]))
redis.call('set', KEYS[1], ahead, 'px', string.format('%d', turn - now + tonumber(ARGV[1])))
return turn - now
"""


class OutboxEntry(Value):
    """One message: begun `at`, and sent once it has the platform's id (`message`). `body`
    identifies its content, so that an outdated message is noticed. `refused` is why the platform
    does not take this content, as a message or as a change to it: it is not tried again."""

    at: datetime
    message: str = ""
    body: str = ""
    refused: ChannelReason | None = None


def write_entry(entry: OutboxEntry) -> str:
    """An entry as it is stored: microseconds and what there is of the rest, in fewer than the 64
    characters up to which Redis keeps a small hash in one piece."""
    since = (entry.at - _EPOCH) // timedelta(microseconds=1)
    rest = (entry.message, entry.body, entry.refused.value if entry.refused else "")
    if any(" " in word for word in rest):  # no platform's id has one
        return serialise(entry)
    return " ".join((str(since), *rest)).rstrip(" ")


def read_entry(text: str) -> OutboxEntry:
    """The inverse; JSON is what form 3 wrote. Raises ValueError."""
    if text.startswith("{"):
        return deserialise(OutboxEntry, text)
    since, *rest = text.split(" ")
    if not since.isdecimal() or len(since) > 17 or len(rest) > 3:
        raise Unreadable("it is no message")
    message, body, refused = (*rest, "", "", "")[:3]
    return OutboxEntry(
        at=_EPOCH + timedelta(microseconds=int(since)),
        message=message,
        body=body,
        refused=ChannelReason(refused) if refused else None,
    )


class Outbox:
    """The messages of one delivery to one channel, by slot (`head`, or a paper's id)."""

    def __init__(self, trips: RoundTrips, name: str) -> None:
        self._trips, self._redis, self._rows = trips, trips.redis, ValueReader(trips.redis)
        self._key, self.name = f"pb:outbox:{name}", name

    async def begin(self, slot: str, number: int, at: datetime) -> OutboxEntry | None:
        """Record that a message is about to be sent; None when nobody did before.

        An entry without a message was begun by a writer that may or may not have sent it: look
        into the channel.
        Raises LeaseLost when a holder with a later number has written here, and RedisError when
        what was written might be lost with the server (NotCopied).
        """
        entry = write_entry(OutboxEntry(at=at))
        seconds = int(MESSAGES.total_seconds())
        begun = ("EVAL", _BEGIN, 1, self._key, slot, number, entry, seconds)
        stored = await self._trips.ask(*begun, copied=True)
        if stored is None:
            raise LeaseLost(self._key)
        return self._read(slot, stored)

    async def put_result(self, slot: str, entry: OutboxEntry) -> None:
        """Record that the message was sent or refused, whoever holds the lease by now."""
        await self._trips.ask("HSET", self._key, slot, write_entry(entry))

    async def withdraw(self, slot: str, number: int, at: datetime) -> None:
        """Record that what was begun `at` was certainly not sent, so that nobody looks for it;
        `number` is the lease's. Where a later holder has begun it, or somebody has sent it, the
        entry is theirs, and stays."""
        begun = write_entry(OutboxEntry(at=at))
        await self._trips.ask("EVAL", _WITHDRAW, 1, self._key, slot, number, begun)

    def entries(self) -> dict[str, OutboxEntry]:
        """By slot."""
        rows: dict[str, str] = self._redis.hgetall(self._key)  # type: ignore[assignment]
        entries = {slot: self._read(slot, row) for slot, row in rows.items() if slot != "#"}
        return {slot: entry for slot, entry in entries.items() if entry is not None}

    @classmethod
    def entries_in(
        cls, trips: RoundTrips, names: Sequence[str], slot: str
    ) -> dict[str, OutboxEntry]:
        """The entries of one slot in several deliveries, by their names, in one round trip."""
        boxes = {name: cls(trips, name) for name in names}
        with trips.redis.pipeline(transaction=False) as pipe:
            for box in boxes.values():
                pipe.hget(box._key, slot)
            rows = zip(boxes, pipe.execute() if boxes else [], strict=True)
        found = {name: boxes[name]._read(slot, row) for name, row in rows}
        return {name: entry for name, entry in found.items() if entry}

    def entry(self, slot: str) -> OutboxEntry | None:
        return self._read(slot, self._redis.hget(self._key, slot))

    async def entry_together(self, slot: str) -> OutboxEntry | None:
        """The same from an event loop."""
        return self._read(slot, await self._trips.ask("HGET", self._key, slot))

    def _read(self, slot: str, value: Any) -> OutboxEntry | None:
        """An entry that cannot be read becomes one without a message: it may have been sent."""
        entry = self._rows.decode(self._key, slot, value, read_entry)
        if entry is None and value:
            entry = OutboxEntry(at=datetime.now(UTC) - _LOOK_BACK)
            self._redis.hsetnx(self._key, slot, write_entry(entry))
        return entry


class Turns:
    """When a channel's next message may go, for all processes; by channel."""

    def __init__(self, trips: RoundTrips) -> None:
        self._trips = trips

    async def take(self, address: Address, apart: int) -> int:
        """Take a channel's next turn, so many milliseconds after the last one; returns how many
        there are until then."""
        asked = "EVAL", _TAKE_TURN, 1, f"pb:turn:{address}", apart, _FURTHEST
        return int(await self._trips.ask(*asked))
