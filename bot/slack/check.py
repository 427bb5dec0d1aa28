"""Checks Slack's tokens for `paperboy doctor`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.watching.checkup import SlackCheckup
from bot.settings import Settings
from bot.slack.client import client
from bot.slack.errors import CLIENT_ERRORS, ERRORS, to_paperboy_error
from bot.slack.installed import Installed
from bot.store.store import Store
from bot.views.watching import doctor

# manifest.json has the same; a test compares them.
SCOPES = (
    *("app_mentions:read", "channels:history", "channels:read", "chat:write", "commands"),
    *("files:read", "files:write", "groups:history", "groups:read", "im:history", "im:write"),
    *("mpim:read", "users:read"),
)
# By typing a command, pressing a button, a mention, opening the home tab.
EVENTS = ("command", "button", "app_mention", "app_home_opened")


async def check(token: SecretStr, settings: Settings, seen: Collection[str]) -> SlackCheckup:
    """Ask Slack who we are, what we may do, and whether events can arrive; posts nothing.

    `seen` are the kinds of events that the bot has received.
    """
    web = client(token, settings.slack_api_url.get_secret_value())
    found = SlackCheckup(unseen_events=tuple(kind for kind in EVENTS if kind not in seen))
    if not token.get_secret_value().startswith("xoxb-"):
        token_error = doctor.not_this_kind("SLACK_BOT_TOKEN", "xoxb-")
        found = found.model_copy(update={"bot_token_error": token_error})
    else:
        try:
            me = await web.auth_test()
            granted = str(me.headers.get("X-OAuth-Scopes") or "").replace(" ", "").split(",")
            missing = tuple(scope for scope in SCOPES if scope not in granted)
            found = found.model_copy(
                update={
                    "team": str(me["team"] or "?"),
                    "bot": str(me["user"] or "?"),
                    "missing_scopes": missing,
                }
            )
        except CLIENT_ERRORS as error:
            found = found.model_copy(update={"bot_token_error": str(to_paperboy_error(error))})
    return await _with_events(found, web, settings)


async def check_installed(
    installed: Installed, settings: Settings, store: Store, seen: Collection[str]
) -> SlackCheckup:
    """Ask Slack about each workspace that installed it, and whether events can arrive."""
    good, unserved = list[str](), list[tuple[str, str]]()
    for each in await asyncio.to_thread(store.installations.all):
        name = each.name or each.team
        try:
            await (await installed.web(each.team)).auth_test()
            good.append(name)
        except ERRORS as error:
            unserved.append((name, str(to_paperboy_error(error))))
    found = SlackCheckup(
        installed=tuple(good),
        unserved=tuple(unserved),
        unseen_events=tuple(kind for kind in EVENTS if kind not in seen),
    )
    web = client(SecretStr(""), settings.slack_api_url.get_secret_value())
    return await _with_events(found, web, settings)


async def _with_events(
    found: SlackCheckup, web: AsyncWebClient, settings: Settings
) -> SlackCheckup:
    if settings.slack_app_token is not None:
        app_token = settings.slack_app_token.get_secret_value()
        token_error = ""
        if not app_token.startswith("xapp-"):
            token_error = doctor.not_this_kind("SLACK_APP_TOKEN", "xapp-")
        else:
            try:
                await web.apps_connections_open(app_token=app_token)
            except CLIENT_ERRORS as error:
                token_error = doctor.app_token_refused(str(to_paperboy_error(error)))
        return found.model_copy(update={"by": "Socket Mode", "app_token_error": token_error})
    if settings.slack_signing_secret is not None:
        by = f"HTTP: let Slack send to https://.../slack/events, here on port {settings.port}"
        return found.model_copy(update={"by": by})
    return found.model_copy(update={"app_token_error": doctor.slack_not_set_up()})
