"""Slack's events by HTTP, and the pages to install it, on few and short connections; what is not
signed is not read."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.signature import Clock, SignatureVerifier

from bot.domain.reasons import ChannelReason
from bot.errors import Refused, Unavailable
from bot.logs import LINES_A_MINUTE, RateLimitedLog
from bot.network import describe_error
from bot.runtime.closing import finish_closing
from bot.runtime.connections import one_too_many
from bot.runtime.http_logs import errors_logger
from bot.slack.installing import INSTALL, REDIRECT, InstallFlow

log = structlog.get_logger()

# Slack opens a handful. Beyond these, the oldest connection without a signed request is closed.
_CONNECTIONS = 100
# From connecting to the end of the headers, and between two requests.
_HEADER_SECONDS = 15.0
_BODY_SECONDS = 5.0
# A body may have 1 MiB, aiohttp's own bound; Slack's largest, a form, stays under 300 kB.


class _Server(web.Server):
    """aiohttp's server with a limit on its connections."""

    def __init__(self, handler: _EventHandler, limited_log: RateLimitedLog) -> None:
        super().__init__(
            handler.answer,
            logger=errors_logger("http", limited_log),
            access_log=None,
            keepalive_timeout=_HEADER_SECONDS,
            lingering_time=1.0,
            auto_decompress=False,  # Slack does not compress, and signs the bytes it sends
        )
        self._handler, self._log = handler, limited_log

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if idle := one_too_many(self, self._handler.busy, _CONNECTIONS):
            idle.force_close()
            self._log.warning("too many connections, closing the oldest")


class _EventHandler:
    """Answers Slack's signed requests (with a `secret`), a load balancer's health check, and who
    installs it (with a `flow`)."""

    def __init__(
        self,
        app: AsyncApp,
        secret: str | None,
        limited_log: RateLimitedLog,
        clock: Clock,
        flow: InstallFlow | None = None,
    ) -> None:
        self._app, self._log = app, limited_log
        self._clock = clock
        self._verifier = SignatureVerifier(secret, clock) if secret else None
        self._flow = flow
        self.busy = set[RequestHandler]()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if (request.method, request.path) == ("GET", "/healthz"):
            return web.json_response({"ok": True})
        if self._flow and request.method == "GET" and request.path in (INSTALL, REDIRECT):
            return await self._page(self._flow, request)
        if (request.method, request.path) != ("POST", "/slack/events") or not self._verifier:
            return _closing(404)
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await request.read() if self._recent(request) else None
        except TimeoutError:
            return _closing(408)
        if body is None or not self._signed(body, request):
            self._log.warning("unsigned or outdated request", peer=request.remote)
            return _closing(401)
        self.busy.add(request.protocol)
        try:
            return await self._dispatch(request, body)
        finally:
            self.busy.discard(request.protocol)

    def _recent(self, request: web.BaseRequest) -> bool:
        """Whether the body is worth reading; slack_sdk takes any time stamp for a number."""
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not re.fullmatch("[0-9]{1,12}", stamp, re.ASCII) or not signature.isascii():
            return False
        return abs(self._clock.now() - int(stamp)) <= 300 and bool(signature)

    async def _page(self, flow: InstallFlow, request: web.BaseRequest) -> web.StreamResponse:
        headers = dict(request.headers.items())
        response = await flow.respond(request.path, request.query_string, headers)
        return await to_aiohttp_response(response)

    def _signed(self, body: bytes, request: web.BaseRequest) -> bool:
        try:
            return self._verifier is not None and self._verifier.is_valid_request(
                body, dict(request.headers)
            )
        except UnicodeDecodeError:  # Slack signs text
            return False

    async def _dispatch(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        headers: dict[str, str | Sequence[str]] = dict(request.headers.items())
        try:
            event = AsyncBoltRequest(
                body=body.decode(), query=request.query_string, headers=headers
            )
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            log.error("unreadable Slack event", error=type(error).__name__)
            return _closing(400)
        return await to_aiohttp_response(await self._app.async_dispatch(event))


def _closing(status: int) -> web.Response:
    """A response after which the connection is closed."""
    answer = web.Response(status=status)
    answer.force_close()
    return answer


@asynccontextmanager
async def serving(
    app: AsyncApp,
    secret: str | None,
    host: str,
    port: int,
    clock: Clock | None = None,
    flow: InstallFlow | None = None,
) -> AsyncIterator[None]:
    """Answer Slack on this port while the block runs: its events, if there is a signing secret, and
    the pages of a flow.

    Raises Unavailable when another program uses the port, Refused when we may not use it.
    """
    limited_log = RateLimitedLog(log, LINES_A_MINUTE, time.monotonic)
    handler = _EventHandler(app, secret, limited_log, clock or Clock(), flow)
    server = _Server(handler, limited_log)
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
