"""Serves the doors out while the bot runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from bot.doors.admission import Admission
from bot.doors.answers import ProgramAnswers
from bot.doors.assistants import assisting
from bot.doors.pages import Doors
from bot.logs import LINES_A_MINUTE, RateLimitedLog
from bot.network import describe_error
from bot.runtime.connections import one_too_many
from bot.runtime.http_logs import errors_logger

log = structlog.get_logger()

# A search may be under way; the bot ends within ten seconds.
_CLOSING_SECONDS: Final = 2.0
_IDLE_SECONDS: Final = 30.0
# Beyond these, the oldest connection on which nobody with a token waits is closed.
_CONNECTIONS: Final = 100


@asynccontextmanager
async def serving(
    answers: ProgramAnswers, admission: Admission, host: str, port: int
) -> AsyncIterator[None]:
    """Serve the API and assistants while the block runs. A port that is taken is logged: digests
    are posted all the same."""
    doors = Doors(answers, admission, answers.context.api_url)
    async with assisting(answers) as assistants:
        limited_log = RateLimitedLog(log, LINES_A_MINUTE, time.monotonic)
        runner = web.AppRunner(
            doors.app(assistants),
            logger=errors_logger("api", limited_log),
            access_log=None,
            handle_signals=False,
            keepalive_timeout=_IDLE_SECONDS,
            lingering_time=1.0,
            shutdown_timeout=_CLOSING_SECONDS,
        )
        await runner.setup()
        server, listener = runner.server, None
        assert server is not None, "it is set up"

        def connection() -> RequestHandler:
            if idle := one_too_many(server, doors.busy, _CONNECTIONS - 1):
                idle.force_close()
                limited_log.warning("too many programs' connections, closing the oldest")
            return server()

        try:
            try:
                loop = asyncio.get_running_loop()
                listener = await loop.create_server(connection, host, port)
                log.info("programs are served", host=host, port=port)
            except OSError as error:
                why = describe_error(error)
                log.warning("programs are not served", host=host, port=port, why=why)
            yield
        finally:
            if listener:
                listener.close()
            await runner.cleanup()
