"""Installing Paperboy in a workspace by OAuth: bolt's flow, on our store, with our pages."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Final
from uuid import uuid4

import redis
import structlog
from pydantic import SecretStr, ValidationError
from slack_bolt.error import BoltError
from slack_bolt.oauth.async_callback_options import (
    AsyncCallbackOptions,
    AsyncFailureArgs,
    AsyncSuccessArgs,
)
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store import Installation as GivenInstallation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore

from bot.errors import Unavailable
from bot.logs import LINES_A_MINUTE, RateLimitedLog
from bot.sealing import Sealer
from bot.settings import Settings
from bot.slack import tokens
from bot.slack.check import SCOPES
from bot.slack.client import client
from bot.slack.errors import CLIENT_ERRORS, to_paperboy_error
from bot.store.chats.installations import STATE_LIFETIME, Installation, Installations, InstallStates
from bot.store.store import Store
from bot.views.watching import installing as words

log = structlog.get_logger()

INSTALL: Final = "/slack/install"
REDIRECT: Final = "/slack/oauth_redirect"
_STATE: Final = re.compile("([0-9a-f]{8})([0-9a-f]{32})[0-9a-f]{64}")
# How far the clocks of our hosts may differ.
_SKEW: Final = timedelta(minutes=1)
# Each asks Slack, which then asks us for fewer.
_EXCHANGES_A_MINUTE: Final = 60
_SITE: Final = "site"  # the workspace's web address, in bolt's Installation
# Slack's own names for what is wrong, as the reasons of words.failed().
_REASONS: Final = {
    "invalid_client_id": "bad_client",
    "bad_client_secret": "bad_client",
    "bad_redirect_uri": "bad_redirect",
    "invalid_code": "invalid_code",
    "code_already_used": "invalid_code",
}
# The address of a page has Slack's code in it: it is kept and told nowhere.
_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
    ),
}


class InstallFlow(AsyncOAuthFlow):
    """The two pages: where it begins, and where Slack sends people back to."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        installed: Callable[[str], Awaitable[None]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`installed` hears of each workspace (an id) that was installed."""
        client_id, client_secret, sealer = settings.slack_client
        self._installed, self._clock = installed, clock
        self._exchanges = 0, 0  # the minute, and how many in it
        self._log = RateLimitedLog(log, LINES_A_MINUTE, time.monotonic)
        api = settings.slack_api_url.get_secret_value()
        redirect = settings.slack_redirect_uri
        quiet = logging.getLogger("slack")
        quiet.setLevel(logging.ERROR)  # it would log Slack's code
        super().__init__(
            client=client(SecretStr(""), api),
            logger=quiet,
            settings=AsyncOAuthSettings(
                client_id=client_id,
                client_secret=client_secret,
                scopes=SCOPES,
                user_scopes=(),
                redirect_uri=redirect.get_secret_value() if redirect else None,
                install_path=INSTALL,
                redirect_uri_path=REDIRECT,
                authorization_url=api.removesuffix("api/") + "oauth/v2/authorize",
                installation_store=_Kept(store.installations, sealer, clock),
                state_store=_States(store.install_states, client_secret, clock),
                state_expiration_seconds=int(STATE_LIFETIME.total_seconds()),
                callback_options=AsyncCallbackOptions(self._succeeded, self._failed),
            ),
        )

    async def respond(self, path: str, query: str, headers: dict[str, Any]) -> BoltResponse:
        """The page at one of the two paths."""
        request = AsyncBoltRequest(body="", query=query, headers=headers)
        try:
            if path == INSTALL:
                return await self.handle_installation(request)
            return await self.handle_callback(request)
        except _NotInstalled as why:
            return _page(words.failed(why.reason, INSTALL), why.status)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)
            return _page(words.failed("storage_error", INSTALL), 503)

    async def build_authorize_url(self, state: str, request: AsyncBoltRequest) -> str:
        return self.settings.authorize_url_generator.generate(state=state)  # whatever was asked for

    async def build_install_page_html(self, url: str, request: AsyncBoltRequest) -> str:
        return _html(words.install(url))

    async def append_set_cookie_headers(
        self, headers: dict[str, Any], set_cookie_value: str | None
    ) -> dict[str, Any]:
        return {**headers, **_HEADERS, "Set-Cookie": [set_cookie_value or ""]}

    async def run_installation(self, code: str) -> GivenInstallation:
        """As bolt's, which takes an answer that never came for a wrong code."""
        minute = int(self._clock().timestamp() // 60)
        self._exchanges = minute, self._exchanges[1] + 1 if self._exchanges[0] == minute else 1
        if self._exchanges[1] > _EXCHANGES_A_MINUTE:
            raise _NotInstalled("busy", 503)
        try:
            given = await self.client.oauth_v2_access(
                code=code,
                client_id=self.settings.client_id,
                client_secret=self.settings.client_secret,
                redirect_uri=self.settings.redirect_uri,
            )
            token = str(given.get("access_token") or "")
            if given.get("is_enterprise_install"):
                await self.client.auth_revoke(token=token)
                raise _NotInstalled("organization", 400)
            me = await self.client.auth_test(token=token)
        except CLIENT_ERRORS as error:
            raise _NotInstalled.because(error) from error
        team = given.get("team") or {}
        return GivenInstallation(
            app_id=given.get("app_id"),
            team_id=me["team_id"],  # of the token itself
            team_name=team.get("name"),
            bot_token=token,
            bot_id=me.get("bot_id"),
            bot_user_id=me["user_id"],
            bot_scopes=str(given.get("scope") or ""),
            bot_refresh_token=given.get("refresh_token"),
            bot_token_expires_in=given.get("expires_in"),
            user_id="",  # of who installs it nothing is kept
            custom_values={_SITE: str(me.get("url") or "")},
        )

    async def store_installation(
        self, request: AsyncBoltRequest, installation: GivenInstallation
    ) -> None:
        await super().store_installation(request, installation)
        team = str(installation.team_id)
        log.info("installed", workspace=f"slack:{team}")
        await self._installed(team)

    async def _succeeded(self, args: AsyncSuccessArgs) -> BoltResponse:
        given = args.installation
        link = f"https://slack.com/app_redirect?app={given.app_id}&team={given.team_id}"
        return self._ended(words.installed(str(given.team_name or ""), link), 200)

    async def _failed(self, args: AsyncFailureArgs) -> BoltResponse:
        self._log.warning("not installed", why=args.reason[:40])
        return self._ended(words.failed(args.reason, INSTALL), args.suggested_status_code)

    def _ended(self, page: words.Page, status: int) -> BoltResponse:
        response = _page(page, status)
        response.headers["set-cookie"] = [self.settings.state_utils.build_set_cookie_for_deletion()]
        return response


class _NotInstalled(Exception):
    """Why, as one of words.failed()'s reasons, and the page's status."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status

    @classmethod
    def because(cls, error: Exception) -> _NotInstalled:
        why = to_paperboy_error(error)
        log.warning("not installed", why=str(why))
        if isinstance(why, Unavailable):
            is_busy = why.retry_after is not None
            return cls("slack_busy" if is_busy else "slack_away", 503)
        data = error.response.data if isinstance(error, SlackApiError) else {}
        code = str(data.get("error")) if isinstance(data, dict) else ""
        return cls(_REASONS.get(code, code), 400)


class _Kept(AsyncInstallationStore):
    """bolt's store of installations, on ours: tokens are sealed before they are stored."""

    def __init__(
        self, installations: Installations, sealer: Sealer, clock: Callable[[], datetime]
    ) -> None:
        self._installations, self._sealer, self._clock = installations, sealer, clock

    async def async_save(self, installation: GivenInstallation) -> None:
        """Raises BoltError for what Slack can't have meant, and RedisError."""
        found, at, team = installation, self._clock(), str(installation.team_id)
        expire = found.bot_token_expires_at
        given = tokens.Tokens(str(found.bot_token), found.bot_refresh_token or "")
        try:
            kept = Installation(
                team=team,
                name=str(found.team_name or ""),
                site=str(found.custom_values.get(_SITE) or ""),
                bot_user_id=str(found.bot_user_id),
                at=at,
                sealed=tokens.seal(self._sealer, team, given),
                expire=tokens.expiry(expire, at) if expire else None,
            )
        except ValidationError as error:
            raise BoltError("no workspace of Slack's") from error
        await asyncio.to_thread(self._installations.put, kept)


class _States(AsyncOAuthStateStore):
    """bolt's store of states, on ours. A state is signed: who begins an installation leaves nothing
    here, and what was not begun here asks nobody."""

    def __init__(
        self, states: InstallStates, client_secret: str, clock: Callable[[], datetime]
    ) -> None:
        self._states, self._secret, self._clock = states, client_secret, clock

    async def async_issue(self, *args: Any, **kwargs: Any) -> str:
        return signed_state(self._secret, self._clock(), uuid4().hex)

    async def async_consume(self, state: str) -> bool:
        found = _STATE.fullmatch(state)
        if found is None:
            return False
        begun, name = datetime.fromtimestamp(int(found[1], 16), UTC), found[2]
        if not hmac.compare_digest(state, signed_state(self._secret, begun, name)):
            return False
        if not -_SKEW <= self._clock() - begun <= STATE_LIFETIME:
            return False
        return await asyncio.to_thread(self._states.take, name)


def signed_state(secret: str, at: datetime, name: str) -> str:
    """The state of an installation that was begun at a moment, to the second; its `name` has 32
    hexadecimal digits, and is new each time."""
    said = f"{int(at.timestamp()):08x}{name}"
    return said + hmac.new(secret.encode(), f"install {said}".encode(), "sha256").hexdigest()


def _page(page: words.Page, status: int) -> BoltResponse:
    return BoltResponse(status=status, body=_html(page), headers={**_HEADERS})


def _html(page: words.Page) -> str:
    rows = "".join(f"<p>{escape(row)}</p>" for row in page.text)
    link = f'<p><a href="{escape(page.link)}">{escape(page.button)}</a></p>' if page.link else ""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(page.title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(page.title)}</h1>{rows}{link}</main></body></html>"
    )


_STYLE: Final = (
    "body{font:17px/1.5 system-ui,sans-serif;color:#222;background:#fff;margin:15vh auto 0;"
    "max-width:34em;padding:0 1.5em}h1{font-size:1.5em;line-height:1.2}"
    "a{display:inline-block;padding:.5em 1.2em;border-radius:4px;background:#8c1d18;color:#fff;"
    "text-decoration:none}a:focus{outline:3px solid #222}"
)
