"""A Discord on loopback, and a bot that is connected to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.store.store import Store
from tests.bot.discord.conversations import BotSession, at_work
from tests.factories import profile
from tests.servers.fake_discord import FakeDiscord, run_fake_discord


@pytest.fixture
def fake_discord(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDiscord]:
    async def at_once(client: Any, shard: Any, *, initial: bool = False) -> None:
        """No pause of 5 s before the second time."""

    for where, name in ((Route, "BASE"), (DiscordWebSocket, "DEFAULT_GATEWAY")):
        monkeypatch.setattr(where, name, getattr(where, name))  # so that it is put back
    monkeypatch.setattr(discord.Client, "before_identify_hook", at_once)
    monkeypatch.setattr(discord.backoff.ExponentialBackoff, "delay", lambda backoff: 0.01)
    with run_fake_discord() as server:
        yield server


@pytest.fixture
def run_session(
    fake_discord: FakeDiscord, store: Store, redis_url: str
) -> Callable[[Callable[[BotSession], Awaitable[None]]], None]:
    """Let people talk to a bot on an empty store, which has one day listed."""
    store.profiles.put_shared(profile())

    def run(talk: Callable[[BotSession], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with at_work(fake_discord, redis_url) as bot:
                await talk(bot)

        asyncio.run(whole())

    return run
