"""The Slack workspaces that Paperboy acts in, each with a client of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.reasons import ChannelReason
from bot.errors import Unavailable
from bot.slack.errors import CLIENT_ERRORS, to_paperboy_error

# Gives one workspace's client, with a token that is good now. Raises Gone and Unavailable.
WebOf: TypeAlias = Callable[[], Awaitable[AsyncWebClient]]


@dataclass(frozen=True)
class Workspace:
    """A workspace: its id and web address, and the bot's user there."""

    team: str
    site: str
    bot_user_id: str


class Workspaces(Protocol):
    """The one that a token of the environment is for, or those that installed Paperboy."""

    async def web(self, team: str) -> AsyncWebClient:
        """The client for a workspace (an id). Raises Gone where Paperboy is not installed there,
        and Unavailable."""

    async def site(self, team: str) -> str:
        """The web address of a workspace (an id), empty where it is not known."""

    async def of_event(self, team: str | None, is_org_install: bool) -> Workspace | None:
        """The workspace that an event names; None where its events are not ours to answer. An
        event of an app that an organization installed names the person's workspace."""

    def why_unserved(self) -> str:
        """Why none of them can be served, as far as is known; empty where some can."""


class OneWorkspace:
    """The workspace that a token is for. Whatever is posted is posted there."""

    def __init__(self, web: AsyncWebClient, own: Workspace | None = None) -> None:
        self._web, self._own = web, own

    async def web(self, team: str) -> AsyncWebClient:
        return self._web

    async def site(self, team: str) -> str:
        return self._own.site if self._own and self._own.team == team else ""

    async def of_event(self, team: str | None, is_org_install: bool) -> Workspace | None:
        """An app may be installed elsewhere, too: such an event is about people and channels that
        this token knows nothing of."""
        own = self._own
        return own if own and team in (None, own.team) else None

    def why_unserved(self) -> str:
        return ""

    async def find_own(self) -> Workspace:
        """Ask Slack which workspace the token is for. Raises Gone or Unavailable."""
        try:
            me = await self._web.auth_test()
        except CLIENT_ERRORS as error:
            raise to_paperboy_error(error) from error
        if not (isinstance(me["team_id"], str) and isinstance(me["user_id"], str)):
            raise Unavailable("Slack does not say who we are.", ChannelReason.CHAT_DOWN)
        self._own = Workspace(me["team_id"], str(me["url"] or ""), me["user_id"])
        return self._own
