"""`python -m bot`: the bot process; it serves who waits, until it is told to stop."""

from __future__ import annotations

import signal
import sys
import threading
from datetime import UTC, datetime

import redis
import structlog
from redis import Redis

from bot import clock, logs, settings
from bot.errors import PaperboyError, Refused
from bot.store import Store, connect
from bot.store_channels import Channels
from bot.tasks import Tasks

log = structlog.get_logger()

_TICK_SECONDS = 30.0


def serve(url: str, stop: threading.Event) -> None:
    """Tick until `stop` is set. Redis being away is said once, and so is its return."""
    channels, tasks = Channels(Store(connect(url))), Tasks(Redis.from_url(url))
    away = False
    log.info("bot started", platforms="none: this version serves Slack and Discord not yet")
    while not stop.is_set():
        try:
            clock.tick(channels, tasks, datetime.now(UTC))
        except redis.RedisError as error:
            if not away:
                log.error("redis is away, trying again", error=type(error).__name__)
            away = True
        else:
            if away:
                log.info("redis is back")
            away = False
        stop.wait(_TICK_SECONDS)
    log.info("bot stopped")


def main(url: str | None = None) -> int:
    """Serve on this server, or on REDIS_URL's; returns the exit status."""
    if url is None:
        config = settings.load()
        if config.redis_url is None:
            raise Refused(
                "Set REDIS_URL, or start `paperboy bot`, which finds the embedded server."
            )
        url = config.redis_url.get_secret_value()
    logs.to_stderr()
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    serve(url, stop)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PaperboyError as error:
        print(f"paperboy: {error}", file=sys.stderr)
        sys.exit(2)
