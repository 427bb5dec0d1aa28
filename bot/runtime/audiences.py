"""Looks again at who may read the channels of a workspace: those that others name and count.

A channel that was made private, or is shared with outsiders by now, is neither named nor counted in
others from then on. Slack has no event for the former that comes without every message.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import redis
import structlog

from bot.domain.readers.elsewhere import Audience
from bot.errors import Gone, PaperboyError
from bot.runtime.answers import Answers
from bot.runtime.posting import Poster
from bot.store.store import Store

log = structlog.get_logger()

_REST_SECONDS: Final = 1800.0
# Between two channels: Slack answers fifty such questions a minute, and deliveries have some, too.
_PAUSE_SECONDS: Final = 2.0


class AudienceRounds:
    """One round after the other on each platform, none of which waits for another."""

    def __init__(self, store: Store, platforms: Mapping[str, Answers[Any]]) -> None:
        self._store, self._platforms = store, platforms
        self._running: dict[str, asyncio.Task[None]] = {}
        self._rested: dict[str, float] = {}

    def start(self) -> None:
        """Begin a round wherever one is due."""
        for name, answers in self._platforms.items():
            running, now = self._running.get(name), time.monotonic()
            if (running is None or running.done()) and now >= self._rested.get(name, 0):
                self._rested[name] = now + _REST_SECONDS
                poster = answers.announcer.poster
                self._running[name] = asyncio.create_task(self._guarded(name, poster))

    async def _guarded(self, platform: str, poster: Poster) -> None:
        try:
            await look_again(self._store, poster, platform, pause=_PAUSE_SECONDS)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)
        except Exception:  # our own fault must not end the clock
            log.exception("audiences not looked at again", platform=platform)


async def look_again(
    store: Store,
    poster: Poster,
    platform: str,
    workspace: str | None = None,
    channel: str | None = None,
    pause: float = 0.0,
) -> None:
    """Store who may read a platform's channels by now, of those of whom it is stored: all, a
    workspace's, or one; `pause` seconds lie between two. A platform that is away changes nothing.
    Raises RedisError."""
    known = await asyncio.to_thread(store.cards.every_audience, platform, workspace)
    for address, before in known.items():
        if channel not in (None, address.channel):
            continue
        try:
            found = await poster.audience(address)
        except Gone:  # nobody can be sent there; it is looked at again before it is used
            found = Audience.OUTSIDERS
        except PaperboyError as error:
            log.info("audience not known", channel=str(address), why=str(error))
            continue
        if found is not before:
            log.info("another audience", channel=str(address), before=before, now=found)
            await asyncio.to_thread(store.cards.put_audience, address, found)
        await asyncio.sleep(pause)
