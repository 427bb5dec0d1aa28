"""`/healthz`, `/readyz` and `/metrics`, on a port of their own in every mode."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import structlog
from aiohttp import web
from redis import RedisError

from bot.domain.watching.figures import Vitals
from bot.network import describe_error
from bot.store.queues import Queues
from bot.store.store import Store
from bot.views.watching import pages as words
from bot.watch.figures import gather
from bot.watch.metrics import exposition

log = structlog.get_logger()

# The clock ticks every thirty seconds; a tick of many subscriptions takes its time.
_STANDS: Final = 90.0
# Whoever asks more often gets the same page again.
_FRESH: Final = 5.0
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


class Pages:
    """Answers from what is stored, and from this process's `vitals`."""

    def __init__(
        self, store: Store, queues: Queues, vitals: Callable[[], Vitals], window_hours: float
    ) -> None:
        self._store, self._queues, self._window_hours = store, queues, window_hours
        self._vitals = vitals
        self._reading = asyncio.Lock()
        self._page: tuple[float, bytes] | None = None

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Only these three pages, and only to be read."""
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, headers={"Allow": "GET, HEAD"})
        match request.path:
            case "/healthz":
                return web.json_response({"ok": True})
            case "/readyz":
                why = await self._why_not_ready()
                return web.Response(text=f"{why or 'ready'}\n", status=503 if why else 200)
            case "/metrics":
                return await self._metrics()
        return web.Response(status=404)

    async def _why_not_ready(self) -> str:
        """A sentence; empty when it is ready."""
        try:
            await asyncio.to_thread(self._store.redis.ping)
        except RedisError:
            return words.NO_DATABASE
        vitals, now = self._vitals(), datetime.now(UTC)
        if vitals.stands_by:
            return words.STANDS_BY
        if out := [name for name, is_up in vitals.chats.items() if not is_up]:
            return words.not_logged_in(out)
        if vitals.unserved:
            return " ".join(vitals.unserved)
        ago = (now - vitals.ticked_at).total_seconds() if vitals.ticked_at else None
        return words.clock_stands(ago) if ago is None or ago > _STANDS else ""

    async def _metrics(self) -> web.Response:
        async with self._reading:
            if self._page is None or time.monotonic() - self._page[0] > _FRESH:
                about = self._queues, self._store, datetime.now(UTC), self._window_hours
                try:
                    figures = await asyncio.to_thread(gather, *about)
                except RedisError:
                    return web.Response(text=f"{words.NO_DATABASE}\n", status=503)
                self._page = time.monotonic(), exposition(figures, self._vitals())
            body = self._page[1]
        return web.Response(body=body, headers={"Content-Type": _TEXT})


@asynccontextmanager
async def serving(pages: Pages, host: str, port: int) -> AsyncIterator[None]:
    """Serve the pages while the block runs; not at all with port 0. A port that is taken is logged:
    digests are posted all the same."""
    if port == 0:
        yield
        return
    server = web.Server(pages.answer, access_log=None)
    runner = web.ServerRunner(server)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            why = describe_error(error)
            log.warning("health and metrics are not served", host=host, port=port, why=why)
        yield
    finally:
        await runner.cleanup()
