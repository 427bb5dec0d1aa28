"""The Slack workspaces that installed Paperboy, each with its own token from the store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import aiohttp
import redis
import structlog
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.reasons import ChannelReason
from bot.errors import Gone, PaperboyError, Unavailable
from bot.settings import Settings
from bot.slack import tokens
from bot.slack.client import SECONDS, Web, client
from bot.slack.errors import CLIENT_ERRORS
from bot.slack.renewing import Renewing
from bot.slack.workspaces import Workspace
from bot.store.chats.installations import Installation
from bot.store.store import Store
from bot.views.watching import installing as words
from bot.watch.outages import record_outage

log = structlog.get_logger()

# How long what is stored is believed: another process may have renewed a token, or ended it.
_BELIEVED: Final = 2.0
# So often a dead token is tried whose workspace goes on sending events.
_AGAIN: Final = 60.0
# What Slack says of a token that is never good again.
_DEAD: Final = ("invalid_auth", "account_inactive", "token_revoked")


class _Kept(NamedTuple):
    installation: Installation
    at: float


class Installed:
    """workspaces.Workspaces of those that installed Paperboy. For one event loop. Redis is called
    from threads."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        session: aiohttp.ClientSession | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Connections of the `session` are used where there is one."""
        _, _, self._sealer = settings.slack_client
        self._store, self._clock = store, clock
        self._api, self._session = settings.slack_api_url.get_secret_value(), session
        self._renewing = Renewing(store, settings, clock, self._keep)
        self._kept: dict[str, _Kept] = {}
        self._webs: dict[str, _InstalledWeb] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._tried: dict[str, float] = {}
        self._tests: dict[str, asyncio.Task[None]] = {}
        self._opens: dict[str, bool] = {}  # whether a key opens their tokens
        # Hears of a workspace (an id) whose token is good again.
        self.on_revival: Callable[[str], Awaitable[None]] | None = None

    # -- workspaces.Workspaces

    async def web(self, team: str) -> AsyncWebClient:
        """Raises Gone where it is not installed, or Slack says that its token is dead; Unavailable
        where no key opens the token, and where the store is away."""
        async with self._locks.setdefault(team, asyncio.Lock()):
            try:
                return await self._web(team)
            except redis.RedisError as error:
                raise Unavailable(words.store_away(), ChannelReason.CHAT_DOWN) from error

    async def site(self, team: str) -> str:
        installation = await self._installation(team)
        return installation.site if installation else ""

    async def of_event(self, team: str | None, is_org_install: bool) -> Workspace | None:
        """Asks Slack nothing, because the event waits to be acknowledged. No organization has
        installed it."""
        if not team or is_org_install:
            return None
        try:
            installation = await self._installation(team)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)
            return None
        if installation is None:
            return None
        if installation.refused:  # and yet Slack sends its events
            self._test_later(installation)
            return None
        try:
            self._client(installation)
        except PaperboyError as error:
            log.error("workspace can't be served", workspace=f"slack:{team}", why=str(error))
            return None
        return Workspace(installation.team, installation.site, installation.bot_user_id)

    def why_unserved(self) -> str:
        is_locked_out = self._opens and not any(self._opens.values())
        return words.key_lost() if is_locked_out else ""

    # -- what becomes of an installation

    def forget(self, team: str) -> None:
        """Look the installation up again: it has changed."""
        self._kept.pop(team, None)
        self._webs.pop(team, None)
        self._tried.pop(team, None)
        self._renewing.forget(team)
        self._opens.pop(team, None)

    async def came(self, team: str) -> None:
        """It was installed, or its token is good again."""
        self.forget(team)
        try:
            if installation := await self._installation(team):
                self._client(installation)  # opens its token
                await self._put_outage(installation, "")
        except PaperboyError as error:
            log.error("workspace can't be served", workspace=f"slack:{team}", why=str(error))
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)

    async def is_good(self, installation: Installation) -> bool | None:
        """Whether Slack still takes its token, which is stored where it has changed; None when
        Slack does not say. Raises RedisError."""
        try:
            await self._client(installation, watched=False).auth_test()
        except CLIENT_ERRORS as error:
            if not isinstance(error, SlackApiError) or _code(error) not in _DEAD:
                return None
            good = False
        except PaperboyError:
            return None
        else:
            good = True
        if installation.refused is good:
            await self._put_refused(installation, not good)
        return good

    async def look_after(self) -> list[Installation]:
        """At the start: tokens are sealed with the first key, so that an older one can be ended,
        and dead ones are tried once more. Returns the installations that are good again. Raises
        RedisError."""
        revived = []
        for installation in await asyncio.to_thread(self._store.installations.all):
            found = tokens.opened(self._sealer, installation)
            self._opens[installation.team] = found is not None
            # What else was wrong is found anew.
            await self._put_outage(installation, words.key_lost() if found is None else "")
            if found is None:
                where = installation.key
                log.error("workspace can't be served", workspace=where, why=words.key_lost())
            elif not self._sealer.is_of_first_key(installation.sealed):
                sealed = tokens.seal(self._sealer, installation.team, found)
                after = installation.model_copy(update={"sealed": sealed})
                replace = self._store.installations.replace
                stored = await asyncio.to_thread(replace, installation, after)
                installation = stored or after
            if installation.refused and await self.is_good(installation):
                revived.append(installation)
            elif installation.refused:
                await self._put_outage(installation, words.token_refused())
        return revived

    # -- within

    async def _put_outage(self, installation: Installation, why: str) -> None:
        """Whoever runs Paperboy hears of it; without a `why`, of its end. Raises RedisError."""
        at = self._clock()
        await asyncio.to_thread(record_outage, self._store, installation.key, why, at)

    async def _web(self, team: str) -> AsyncWebClient:
        installation = await self._installation(team)
        if installation is None:
            raise Gone(words.not_installed(), ChannelReason.BAD_TOKEN)
        if installation.refused:
            raise Gone(words.token_refused(), ChannelReason.BAD_TOKEN)
        return self._client(await self._renewing.renewed(installation))

    async def _installation(self, team: str) -> Installation | None:
        """As it is stored, or was a moment ago; where the store is away, as far as is known."""
        kept = self._kept.get(team)
        if kept and time.monotonic() - kept.at < _BELIEVED:
            return kept.installation
        try:
            if unstored := await self._renewing.unstored(team):
                return unstored
            found = await asyncio.to_thread(self._store.installations.get, team)
        except redis.RedisError:
            if kept is None:
                raise
            return kept.installation
        self._keep(team, found)
        return found

    def _keep(self, team: str, found: Installation | None) -> None:
        if found is None:
            self.forget(team)
        else:
            self._kept[team] = _Kept(found, time.monotonic())

    def _client(self, installation: Installation, watched: bool = True) -> AsyncWebClient:
        """Raises Unavailable."""
        known = self._webs.get(installation.team)
        if watched and known and known.installation.sealed == installation.sealed:
            return known
        found = tokens.opened(self._sealer, installation)
        self._opens[installation.team] = found is not None
        if found is None:
            raise Unavailable(words.key_lost(), ChannelReason.BAD_TOKEN)
        if not watched:
            return client(SecretStr(found.access), self._api)
        web = self._webs[installation.team] = _InstalledWeb(self, installation, found, self._api)
        web.session = self._session
        return web

    async def _put_refused(self, installation: Installation, refused: bool) -> None:
        after = installation.model_copy(update={"refused": refused})
        replace = self._store.installations.replace
        self._keep(installation.team, await asyncio.to_thread(replace, installation, after))
        await self._put_outage(installation, words.token_refused() if refused else "")

    async def put_dead(self, installation: Installation, code: str) -> None:
        """Slack has said this of its token."""
        log.error("token refused", workspace=f"slack:{installation.team}", why=code)
        try:
            if code == "token_expired" and installation.expire:
                after = installation.model_copy(update={"expire": self._clock()})
                replace = self._store.installations.replace
                stored = await asyncio.to_thread(replace, installation, after)
                self._keep(installation.team, stored)
            else:
                await self._put_refused(installation, True)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)

    def _test_later(self, installation: Installation) -> None:
        task, tried = self._tests.get(installation.team), self._tried.get(installation.team)
        if task and not task.done():
            return
        if tried is None or time.monotonic() - tried >= _AGAIN:
            self._tried[installation.team] = time.monotonic()
            self._tests[installation.team] = asyncio.create_task(self._test(installation))

    async def _test(self, installation: Installation) -> None:
        try:
            if await self.is_good(installation) and self.on_revival:
                await self.on_revival(installation.team)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)


class _InstalledWeb(Web):
    """A client that says when its token is dead."""

    def __init__(
        self, owner: Installed, installation: Installation, given: tokens.Tokens, api: str
    ) -> None:
        super().__init__(token=given.access, base_url=api, timeout=SECONDS, retry_handlers=[])
        self._owner, self.installation = owner, installation

    async def api_call(self, *args: Any, **kwargs: Any) -> AsyncSlackResponse:
        try:
            return await super().api_call(*args, **kwargs)
        except SlackApiError as error:
            if (code := _code(error)) in (*_DEAD, "token_expired"):
                await self._owner.put_dead(self.installation, code)
            raise


def _code(error: SlackApiError) -> str:
    data = getattr(error.response, "data", None)
    return str(data.get("error") or "") if isinstance(data, dict) else ""
