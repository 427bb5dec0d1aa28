"""Discord over several connections: above 2,500 servers it takes no single one any more."""

from __future__ import annotations

from typing import Any, Final

import discord
from discord.gateway import DiscordWebSocket

from bot.discord.answers import DiscordAnswers
from bot.discord.events import GATEWAY, DiscordApp

# How long one connection may take, before it is tried again.
_CONNECT_SECONDS: Final = 30.0


def make_app(answers: DiscordAnswers, shards: int, **options: Any) -> DiscordApp:
    """With one connection, with so many, or (0) with as many as Discord recommends."""
    if shards == 1:
        return DiscordApp(answers, **options)
    return ShardedApp(answers, shard_count=shards or None, **options)


class ShardedApp(DiscordApp, discord.AutoShardedClient):
    """Each server's events come over one of the connections; it listens while all are there."""

    def __init__(self, answers: DiscordAnswers, **options: Any) -> None:
        super().__init__(answers, **{"shard_connect_timeout": _CONNECT_SECONDS} | options)
        self._lost = set[int]()

    async def connect(self, *, reconnect: bool = True) -> None:
        """At the address of the setting; discord.py would take the one that comes with Discord's
        recommendation."""
        if self.shard_count is None:
            self.shard_count, _, _ = await self.http.get_bot_gateway()
        await super().connect(reconnect=reconnect)

    async def on_connect(self) -> None:
        """Each connection says so for itself."""

    async def on_resumed(self) -> None:
        """The same."""

    async def on_shard_connect(self, shard: int) -> None:
        """As DiscordApp.on_connect."""
        if DiscordWebSocket.DEFAULT_GATEWAY != GATEWAY:
            self.shards[shard]._parent.ws.gateway = DiscordWebSocket.DEFAULT_GATEWAY

    async def on_shard_disconnect(self, shard: int) -> None:
        self._lost.add(shard)
        self.answers.listens = False

    async def on_shard_ready(self, shard: int) -> None:
        self._is_back(shard)

    async def on_shard_resumed(self, shard: int) -> None:
        self._is_back(shard)

    def _is_back(self, shard: int) -> None:
        self._lost.discard(shard)
        if self.is_ready():
            self.answers.listens = not self._lost
