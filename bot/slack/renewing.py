"""Exchanges a workspace's token for a new one before it expires, where Slack rotates tokens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import redis
import structlog
from pydantic import SecretStr
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator

from bot.domain.reasons import ChannelReason
from bot.errors import Gone, PaperboyError, Unavailable
from bot.settings import Settings
from bot.slack import tokens
from bot.slack.client import client
from bot.store.chats.installations import Installation
from bot.store.store import Store
from bot.views.watching import installing as words
from bot.watch.outages import record_outage

log = structlog.get_logger()

# So long before it expires a token is exchanged, and so often that is tried.
_AHEAD: Final = timedelta(hours=2)
_AGAIN: Final = 60.0
# One process at a time exchanges; who has no token that is good meanwhile waits for it.
_LEASE_SECONDS: Final = 30.0
_PATIENCE: Final = 10.0


class Renewing:
    """For one event loop. Redis is called from threads."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Callable[[], datetime],
        keep: Callable[[str, Installation | None], None],
    ) -> None:
        """`keep` hears of what is stored of a workspace (an id) by now."""
        client_id, client_secret, self._sealer = settings.slack_client
        self._store, self._clock, self._keep = store, clock, keep
        self._rotator = AsyncTokenRotator(
            client_id=client_id,
            client_secret=client_secret,
            client=client(SecretStr(""), settings.slack_api_url.get_secret_value()),
        )
        self._unstored: dict[str, tuple[Installation, Installation]] = {}
        self._tried: dict[str, float] = {}

    async def renewed(self, installation: Installation) -> Installation:
        """With a token that is good: a new one where it is time, or the old one as long as it
        lives. Raises Gone, Unavailable, and RedisError where there is none to go on with."""
        if not self._is_expiring(installation):
            return installation
        try:
            return await self._renewed(installation)
        except redis.RedisError:
            if _is_over(installation, self._clock()):
                raise
            return installation

    async def unstored(self, team: str) -> Installation | None:
        """A workspace's new tokens that could not be stored until now, and can't be now."""
        waiting = self._unstored.get(team)
        if waiting is None or await self._put(*waiting):
            return None
        return waiting[1]

    def forget(self, team: str) -> None:
        """It may be tried at once: the installation has changed."""
        self._tried.pop(team, None)

    def _is_expiring(self, installation: Installation) -> bool:
        if installation.expire is None or installation.expire - self._clock() > _AHEAD:
            return False
        tried = self._tried.get(installation.team)
        is_over = _is_over(installation, self._clock())
        return is_over or tried is None or time.monotonic() - tried >= _AGAIN

    async def _renewed(self, installation: Installation) -> Installation:
        name = f"token:slack:{installation.team}"
        lease = await asyncio.to_thread(self._store.lease, name, _LEASE_SECONDS, 0)
        if lease is None:
            return await self._renewed_elsewhere(installation)
        try:
            stored = await asyncio.to_thread(self._store.installations.get, installation.team)
            if stored is None or not self._is_expiring(stored):
                self._keep(installation.team, stored)
                return stored or installation
            return await self._exchanged(stored)
        finally:
            await asyncio.to_thread(lease.release)

    async def _renewed_elsewhere(self, installation: Installation) -> Installation:
        until = time.monotonic() + _PATIENCE
        while _is_over(installation, self._clock()):
            if time.monotonic() > until:
                raise Unavailable(words.renewing(), ChannelReason.BAD_TOKEN)
            await asyncio.sleep(0.1)
            get = self._store.installations.get
            stored = await asyncio.to_thread(get, installation.team)
            installation = stored or installation
        self._keep(installation.team, installation)
        return installation

    async def _exchanged(self, before: Installation) -> Installation:
        """The store has the new tokens, or has them as soon as it is there."""
        team, found = before.team, tokens.opened(self._sealer, before)
        if found is None:
            raise Unavailable(words.key_lost(), ChannelReason.BAD_TOKEN)
        self._tried[team] = time.monotonic()
        try:
            after = await tokens.exchange(self._rotator, self._sealer, before, found, self._clock())
        except PaperboyError as error:
            where = f"slack:{team}"
            log.error("token not renewed", workspace=where, why=str(error), until=before.expire)
            if before.expire and before.expire > self._clock():
                return before
            if isinstance(error, Unavailable):
                raise
            dead = before.model_copy(update={"refused": True})
            replace = self._store.installations.replace
            self._keep(team, await asyncio.to_thread(replace, before, dead))
            given = before.key, words.token_refused(), self._clock()
            await asyncio.to_thread(record_outage, self._store, *given)
            raise Gone(words.token_refused(), ChannelReason.BAD_TOKEN) from error
        log.info("token renewed", workspace=f"slack:{team}")
        self._unstored[team] = before, after
        self._keep(team, after)
        await self._put(before, after)
        return after

    async def _put(self, before: Installation, after: Installation) -> bool:
        try:
            await asyncio.to_thread(self._store.installations.replace, before, after)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)
            return False  # what Slack gave us is kept here, and stored when it is looked up next
        if self._unstored.get(after.team) == (before, after):  # not one that came meanwhile
            del self._unstored[after.team]
        return True


def _is_over(installation: Installation, now: datetime) -> bool:
    """Whether its token has expired."""
    return installation.expire is not None and installation.expire <= now
