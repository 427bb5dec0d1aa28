"""Slack's events by HTTP: few connections, each soon done; nothing is read that is not signed."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.web_protocol import RequestHandler
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.signature import Clock, SignatureVerifier

from bot.domain.reasons import ChannelReason
from bot.errors import Refused, Unavailable
from bot.logs import RateLimitedLog
from bot.network import describe_error
from bot.runtime.closing import finish_closing

log = structlog.get_logger()

# Slack opens a handful; with more than these, whoever waits longest without having signed goes.
_CONNECTIONS = 100
# From connecting to the end of the headers, and again between two requests.
_HEADER_SECONDS = 15.0
_BODY_SECONDS = 5.0
# A body may have 1 MiB, aiohttp's own bound; Slack's largest, a form, stays under 300 kB.
_LINES_A_MINUTE = 10


class _Server(web.Server):
    """aiohttp's server with a bound on its connections."""

    def __init__(self, door: _EventHandler, sparing: RateLimitedLog) -> None:
        errors = logging.getLogger("paperboy.http")
        errors.filters = [_MalformedRequestFilter(sparing)]
        super().__init__(
            door.answer,
            logger=errors,
            access_log=None,
            keepalive_timeout=_HEADER_SECONDS,
            lingering_time=1.0,
            auto_decompress=False,  # Slack does not compress, and what is signed is what was sent
        )
        self._door, self._sparing = door, sparing

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        there = [each for each in self.connections if each.transport is not None]
        if len(there) > _CONNECTIONS:
            idle = (each for each in there if each not in self._door.at_work)
            next(idle, handler).force_close()
            self._sparing.warning("connections closed, there are too many")


class _EventHandler:
    """What may come in: Slack's signed requests, and a load balancer's look."""

    def __init__(self, app: AsyncApp, secret: str, sparing: RateLimitedLog, clock: Clock) -> None:
        self._app, self._sparing = app, sparing
        self._clock = clock
        self._verifier = SignatureVerifier(secret, clock)
        self.at_work = set[RequestHandler]()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if (request.method, request.path) == ("GET", "/healthz"):
            return web.json_response({"ok": True})
        if (request.method, request.path) != ("POST", "/slack/events"):
            return _over(404)
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await request.read() if self._recent(request) else None
        except TimeoutError:
            return _over(408)
        if body is None or not self._signed(body, request):
            self._sparing.warning("unsigned or outdated request", peer=request.remote)
            return _over(401)
        self.at_work.add(request.protocol)
        try:
            return await self._dispatched(request, body)
        finally:
            self.at_work.discard(request.protocol)

    def _recent(self, request: web.BaseRequest) -> bool:
        """Whether the body is worth reading; slack_sdk takes any time stamp for a number."""
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not re.fullmatch("[0-9]{1,12}", stamp, re.ASCII) or not signature.isascii():
            return False
        return abs(self._clock.now() - int(stamp)) <= 300 and bool(signature)

    def _signed(self, body: bytes, request: web.BaseRequest) -> bool:
        try:
            return self._verifier.is_valid_request(body, dict(request.headers))
        except UnicodeDecodeError:  # Slack signs text
            return False

    async def _dispatched(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        headers: dict[str, str | Sequence[str]] = dict(request.headers.items())
        try:
            event = AsyncBoltRequest(
                body=body.decode(), query=request.query_string, headers=headers
            )
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            log.error("unreadable Slack event", error=type(error).__name__)
            return _over(400)
        return await to_aiohttp_response(await self._app.async_dispatch(event))


def _over(status: int) -> web.Response:
    """An answer after which the connection is closed."""
    answer = web.Response(status=status)
    answer.force_close()
    return answer


class _MalformedRequestFilter(logging.Filter):
    """aiohttp tells every malformed request with its traceback: here a line, and not too often. A
    fault of ours passes."""

    def __init__(self, sparing: RateLimitedLog) -> None:
        super().__init__()
        self._sparing = sparing

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, HttpProcessingError):
            return True
        self._sparing.warning(
            "malformed HTTP request", error=type(error).__name__ if error else record.msg
        )
        return False


@asynccontextmanager
async def serving(
    app: AsyncApp, secret: str, host: str, port: int, clock: Clock | None = None
) -> AsyncIterator[None]:
    """Answer Slack on this port while the block runs.

    Raises Unavailable when another program has the port, Refused when it can never be ours.
    """
    sparing = RateLimitedLog(log, _LINES_A_MINUTE, time.monotonic)
    server = _Server(_EventHandler(app, secret, sparing, clock or Clock()), sparing)
    runner = web.ServerRunner(server)
    try:
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            why = f"It cannot listen on {host}, port {port}: {describe_error(error)}."
            if isinstance(error, PermissionError):
                raise Refused(f"PAPERBOY_PORT: {why}") from error
            raise Unavailable(why, ChannelReason.CHAT_DOWN) from error
        yield
    finally:
        await finish_closing(runner.cleanup())
