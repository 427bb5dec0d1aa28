"""Receives Slack's events: by Socket Mode, or by HTTP."""

from __future__ import annotations

import asyncio
import re

from pydantic import SecretStr
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from bot.domain.reasons import ChannelReason
from bot.errors import Refused, Unavailable
from bot.runtime.closing import finish_closing
from bot.settings import Settings
from bot.slack import events_http
from bot.slack.answers import SlackAnswers
from bot.slack.client import client
from bot.slack.errors import CLIENT_ERRORS, to_paperboy_error
from bot.slack.events import SlackApp
from bot.slack.installed import Installed
from bot.slack.installing import InstallFlow
from bot.slack.leaving import Leaving
from bot.slack.workspaces import OneWorkspace
from bot.views.watching import doctor

# How often Slack's client checks its socket; a dropped one is back after about twice this.
_PING_SECONDS = 5.0
# How long connecting, or a lost connection, may take before everything starts over.
_OPEN_SECONDS, _LOST_SECONDS = 30.0, 60.0
# Why subscriptions were paused that go on with another token.
_ENDED_BY_A_TOKEN = {ChannelReason.BAD_TOKEN, ChannelReason.NO_SCOPE}


async def listen(answers: SlackAnswers, settings: Settings) -> None:
    """Receive events until cancelled, by Socket Mode or else by HTTP.

    Raises Refused when neither is set up, Gone when the token is not valid, and Unavailable when
    Slack is away, or its socket cannot be opened, or is lost and does not come back.
    """
    if settings.slack_app_token is None and settings.slack_signing_secret is None:
        raise Refused(doctor.slack_not_set_up())
    workspaces = answers.workspaces
    if isinstance(workspaces, Installed):
        await _listen_to_many(answers, workspaces, settings)
    elif isinstance(workspaces, OneWorkspace):
        own = await workspaces.find_own()
        slack = SlackApp(answers)
        await slack.reactivate(own.team, None, _ENDED_BY_A_TOKEN)
        await _receive(slack, settings)


async def _listen_to_many(answers: SlackAnswers, installed: Installed, settings: Settings) -> None:
    """With the pages for those who install it."""
    slack = SlackApp(answers, Leaving(answers, installed).left)

    async def begin(team: str) -> None:
        await installed.came(team)
        answers.places.forget(team)
        await slack.reactivate(team, None, _ENDED_BY_A_TOKEN)

    installed.on_revival = begin
    for installation in await installed.look_after():
        await begin(installation.team)
    flow = InstallFlow(settings, answers.context.store, begin)
    if settings.slack_app_token is None:
        await _receive(slack, settings, flow)
        return
    host, port = settings.host, settings.port
    async with events_http.serving(slack.app(None), None, host, port, flow=flow):
        await _receive(slack, settings)


async def _receive(slack: SlackApp, settings: Settings, flow: InstallFlow | None = None) -> None:
    app_token, secret = settings.slack_app_token, settings.slack_signing_secret
    if app_token is not None:
        await _socket(slack, app_token, settings)
    elif secret is not None:
        signed = secret.get_secret_value()
        host, port = settings.host, settings.port
        async with events_http.serving(slack.app(signed), signed, host, port, flow=flow):
            await slack.answers.listening("Slack", f"Slack by HTTP on {host}, port {port}")
            await asyncio.Event().wait()


async def _socket(slack: SlackApp, app_token: SecretStr, settings: Settings) -> None:
    """Slack's client retries a wrong token, or an address that is valid for some seconds, for ever
    and tells only its log. So it is watched from here."""
    token, web = app_token.get_secret_value(), client(SecretStr(""), _api(settings))
    try:
        opened = await web.apps_connections_open(app_token=token)
    except CLIENT_ERRORS as error:
        raise to_paperboy_error(error) from error
    if not re.match("wss?://.", str(opened["url"])):
        raise Unavailable("Slack gives no address for its socket.", ChannelReason.CHAT_DOWN)
    handler = AsyncSocketModeHandler(
        slack.app(None), token, web_client=web, ping_interval=_PING_SECONDS
    )
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            await handler.connect_async()  # type: ignore[no-untyped-call]
        await slack.answers.listening("Slack", "Slack by Socket Mode")
        lost = 0.0
        while lost < _LOST_SECONDS:
            await asyncio.sleep(_PING_SECONDS)
            lost = 0.0 if await handler.client.is_connected() else lost + _PING_SECONDS
        raise Unavailable(
            "Slack's socket was lost and does not come back.", ChannelReason.CHAT_DOWN
        )
    except TimeoutError as error:
        why = "Slack's socket cannot be opened: it does not answer in time."
        raise Unavailable(why, ChannelReason.CHAT_DOWN) from error
    finally:
        await finish_closing(handler.close_async())  # type: ignore[no-untyped-call]


def _api(settings: Settings) -> str:
    return settings.slack_api_url.get_secret_value()
