"""What one delivery found of its papers in other channels, for those that post the same at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from bot.domain.channel_view import Pointer
from bot.domain.request import Address
from bot.runtime.expiring_cache import ExpiringCache

# For so long what was found for one channel is what the next would find. A vote that is cast
# elsewhere meanwhile is not counted on its cards, as none is that is cast while they are posted.
_LATELY: Final = timedelta(seconds=5)
_MOST: Final = 2_000
# Seconds that a delivery waits for another one that looks already: as long as there are between its
# head and its first card anyway.
_PATIENCE: Final = 1.0

# A workspace (its key) and papers (ids).
Question = tuple[str, tuple[str, ...]]
# By paper, how each person (an id) voted.
Voted = Mapping[str, Mapping[str, str]]


class Found(NamedTuple):
    """Of each paper: the other channels that have it, each with the day (a name) that brought it
    there; what to point to; how people voted there. Also the channels (addresses) that stand apart;
    and when the last of the threads that are pointed to was begun."""

    places: Mapping[str, Mapping[Address, str]]
    apart: Collection[str]
    pointers: Mapping[str, Pointer | None]
    voted: Voted
    begun: datetime

    def is_for(self, address: Address, begun: datetime) -> bool:
        """Whether a delivery whose head was begun at a moment would point to the same. What was
        begun since this was found is later than the threads that are pointed to. (Its own votes
        are counted once, though it may be among the places.)"""
        is_named = any(each and each.channel == address.channel for each in self.pointers.values())
        return self.begun < begun and not is_named and str(address) not in self.apart


class FoundLately:
    """For all deliveries of one job. Of a thousand channels that begin in the same seconds one
    looks, and the others wait for it."""

    def __init__(self) -> None:
        self._found: ExpiringCache[Question, Found] = ExpiringCache(_LATELY, _MOST)
        self._under_way: dict[Question, asyncio.Event] = {}

    async def get(self, asked: Question, address: Address, begun: datetime) -> Found | None:
        """What was found for a delivery whose head was begun at a moment, or is found shortly; None
        where it has to look itself."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while (found := self._known(asked, address, begun)) is None:
                    if (other := self._under_way.get(asked)) is None:
                        break
                    await other.wait()
                return found
        return None

    @contextmanager
    def looking(self, asked: Question) -> Iterator[Callable[[], None]]:
        """While it lasts, or until what it gives is called, others wait for what is found, unless
        they wait for somebody already."""
        own = asyncio.Event()

        def over() -> None:
            own.set()
            if self._under_way.get(asked) is own:
                del self._under_way[asked]

        self._under_way.setdefault(asked, own)
        try:
            yield over
        finally:
            over()

    def put(self, asked: Question, found: Found) -> None:
        self._found.put(asked, found, datetime.now(UTC))

    def _known(self, asked: Question, address: Address, begun: datetime) -> Found | None:
        found = self._found.get(asked, datetime.now(UTC))
        return found if found and found.is_for(address, begun) else None
