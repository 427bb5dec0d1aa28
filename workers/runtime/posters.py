"""A platform's poster, on connections of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.runtime.posting import Poster
from bot.settings import Settings
from bot.store.store import Store


@asynccontextmanager
async def open_poster(platform: str, settings: Settings, store: Store) -> AsyncIterator[Poster]:
    """Open while the block runs. Raises ValueError where there is no token for the platform. In
    Slack each workspace that installed Paperboy has its own, which the store has."""
    if platform == "slack" and (settings.slack_bot_token or settings.has_many_workspaces):
        from bot.slack import poster as poster_slack

        async with poster_slack.open_for(settings, store) as poster:
            yield poster
    elif platform == "discord" and settings.discord_token:
        from bot.discord import poster as poster_discord  # imports for most of a second

        token, url = settings.discord_token, settings.discord_api_url.get_secret_value()
        async with poster_discord.open_poster(token, url) as poster:
            yield poster
    else:
        raise ValueError(f"this worker has no token for {platform}")
