"""What the bot has of Slack where workspaces install Paperboy: bolt, tokens and pages are real."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web import async_base_client
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.permissions import Person
from bot.domain.message import Post
from bot.runtime.answers import Services
from bot.settings import Settings
from bot.slack import listening, render, tokens
from bot.slack.errors import ERRORS
from bot.slack.events import SlackApp
from bot.slack.installed import Installed
from bot.slack.places import Places
from bot.slack.poster import SlackPoster
from bot.store.chats.installations import Installation
from bot.store.store import Store
from bot.views import refusals
from tests.simulation.chat_edge import Chat, Edge, Event
from tests.simulation.scheduler import Scheduler
from tests.simulation.slack_wire import SlackWire

# What Slack tells of a workspace that removes Paperboy; and what somebody does who installs it.
LEFT, REVOKED, INSTALL = "app_uninstalled", "tokens_revoked", "install"


class InstalledEdge(Edge):
    """Each event is its workspace's, and answered with that one's token."""

    _app: AsyncApp

    def __init__(
        self,
        chat: Chat,
        scheduler: Scheduler,
        services: Services,
        settings: Settings,
        wire: SlackWire,
    ) -> None:
        self.workspaces = Installed(services.context.store, settings)
        super().__init__(chat, scheduler, services, SlackPoster(self.workspaces))
        self.places = Places(self.workspaces)
        self._settings, self._wire = settings, wire

    async def receive(self) -> None:
        given: Any = self  # in place of SlackAnswers
        await listening._listen_to_many(given, self.workspaces, self._settings)

    async def receive_events(self, slack: SlackApp) -> None:
        self._app = slack.app(None)
        await super().receive()

    async def _take(self, event: Event) -> None:
        team = event.address.workspace
        if event.button in (LEFT, REVOKED):
            event.deliveries += 1
            request = AsyncBoltRequest(mode="socket_mode", body=_of_leaving(event))
            await self._app.async_dispatch(request)
        elif event.button == INSTALL:
            event.heard.append("installed" if await self._wire.install(team) else "not installed")
        elif await self.workspaces.of_event(team, False) is None:
            event.deliveries += 1
            event.bots.append(self._scheduler.current)
            event.heard.append(refusals.not_installed_here())
        else:
            await super()._take(event)

    async def _find_person(self, workspace: str, id: str) -> Person | None:
        try:
            await (await self.workspaces.web(workspace)).users_info(user=id)
        except ERRORS:
            return None
        return self._chat.person(workspace, id)


def _of_leaving(event: Event) -> dict[str, Any]:
    about = {"tokens": {"oauth": [], "bot": ["B1"]}} if event.button == REVOKED else {}
    return {
        "type": "event_callback",
        "team_id": event.address.workspace,
        "api_app_id": "A1",
        "event_id": event.id,
        "event_time": int(float(event.text)),
        "event": {"type": event.button, **about},
    }


def install_from_the_begin(
    store: Store, settings: Settings, wire: SlackWire, team: str, at: datetime
) -> None:
    """As if the page had been there before the run began."""
    given = wire.grant(team)
    found = tokens.Tokens(given["access_token"], given.get("refresh_token", ""))
    lives = given.get("expires_in")
    store.installations.put(
        Installation(
            team=team,
            name=f"Testers {team}",
            site=f"https://{team}.example/",
            bot_user_id=f"B{team}",
            at=at,
            sealed=tokens.seal(settings.slack_client[2], team, found),
            expire=at + timedelta(seconds=lives) if lives else None,
        )
    )


@contextmanager
def wired(wire: SlackWire) -> Iterator[None]:
    """While it lasts, slack_sdk's requests go to the simulated Slack, with what they say as we mean
    it; and the bot opens no socket and no port."""

    def with_post(made: Any) -> Any:
        def rendered(post: Post) -> dict[str, Any]:
            return {**made(post), "post": post}

        return rendered

    async def receive(slack: SlackApp, settings: Settings, flow: object = None) -> None:
        given: Any = slack.answers
        await given.receive_events(slack)

    @asynccontextmanager
    async def serving(*_: object, flow: Any) -> AsyncIterator[None]:
        wire.flow = flow
        yield

    of_team = Installed.web

    async def web(self: Installed, team: str) -> AsyncWebClient:
        found = await of_team(self, team)
        owner = wire.team_of(str(found.token))
        if owner not in (None, team):
            wire.strays.append(f"{team} was to be asked with the token of {owner}")
        return found

    with ExitStack() as stack:
        patch = lambda *args: stack.enter_context(mock.patch.object(*args))  # noqa: E731
        patch(async_base_client, "_request_with_session", wire.request)
        patch(render, "message", with_post(render.message))
        patch(render, "plain", with_post(render.plain))
        patch(listening, "_receive", receive)
        patch(listening.events_http, "serving", serving)
        patch(Installed, "web", web)
        yield
