"""A bot's context and its queues, on an empty store."""

from __future__ import annotations

import pytest
from redis import Redis

from bot.commands.context import Context
from bot.domain.judge import Judge
from bot.runtime.status import gather
from bot.store.lookups import Lookups
from bot.store.queues import Queues
from bot.store.store import Store


@pytest.fixture
def queues(redis_url: str, store: Store) -> Queues:
    return Queues(Redis.from_url(redis_url))


@pytest.fixture
def context(store: Store, queues: Queues) -> Context:
    return Context(
        store=store,
        lookups=Lookups(store),
        judge=Judge(),
        status=lambda: gather(queues, store, Judge()),
    )
