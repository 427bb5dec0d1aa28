"""A bot's context and its queues, on an empty store."""

from __future__ import annotations

import pytest
from redis import Redis

from bot.commands.context import Context
from bot.commands.status import gather
from bot.domain.digest import Judge
from bot.store.channels import Channels
from bot.store.lookups import Lookups
from bot.store.queues import Queues
from bot.store.subscriptions import Subscriptions


@pytest.fixture
def queues(redis_url: str, channels: Channels) -> Queues:
    return Queues(Redis.from_url(redis_url))


@pytest.fixture
def context(channels: Channels, queues: Queues) -> Context:
    return Context(
        channels=channels,
        subscriptions=Subscriptions(channels.store),
        lookups=Lookups(channels.store),
        judge=Judge(),
        status=lambda: gather(queues, channels, Judge()),
    )
