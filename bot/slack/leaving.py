"""A workspace uninstalls Paperboy, or revokes its token: the events mean the same, in any order."""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog

from bot.runtime.ending import end_workspace
from bot.slack.answers import SlackAnswers
from bot.slack.installed import Installed

log = structlog.get_logger()


class Leaving:
    """Ends workspaces that installed Paperboy."""

    def __init__(self, answers: SlackAnswers, installed: Installed) -> None:
        self._store, self._places = answers.context.store, answers.places
        self._installed = installed
        self._one = asyncio.Lock()  # both events come at once

    async def left(self, team: str, at: datetime) -> None:
        """End a workspace that left at a moment (UTC), unless Slack still takes its token: then it
        was installed again since. Where Slack doesn't say, the later counts. Raises RedisError."""
        async with self._one:
            await self._end(team, at)

    async def _end(self, team: str, at: datetime) -> None:
        installation = await asyncio.to_thread(self._store.installations.get, team)
        if installation is None:
            return  # the other event was faster
        good = await self._installed.is_good(installation)
        if good or (good is None and installation.at > at):
            log.info("left before it was installed again", workspace=f"slack:{team}")
            return
        await asyncio.to_thread(end_workspace, self._store, "slack", team)
        # Last: who is killed before it has a token that is dead, and nothing to do with it.
        drop = self._store.installations.change
        await asyncio.to_thread(
            drop, team, lambda now: now if now and now.at > installation.at else None
        )
        self._installed.forget(team)
        self._places.forget(team)
        log.info("uninstalled", workspace=f"slack:{team}")
