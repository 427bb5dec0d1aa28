"""Redis clients: one that waits, one for whoever has a person waiting."""

from __future__ import annotations

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect(url: str) -> Redis:
    """A client whose answers are str. Raises nothing yet: redis connects at the first command."""
    return Redis.from_url(url, decode_responses=True)


def connect_briefly(url: str) -> Redis:
    """The same for whoever has a person waiting: it fails within two seconds, without a second
    try, and the person is told."""
    once = Retry(NoBackoff(), 0)
    return Redis.from_url(
        url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2, retry=once
    )
