"""The connections of a server that anybody may reach: not so many that the bot has none left."""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import web
from aiohttp.web_protocol import RequestHandler


def one_too_many(
    server: web.Server, busy: Collection[RequestHandler], most: int
) -> RequestHandler | None:
    """The oldest of the server's connections that is not busy, where it has more than `most`."""
    connected = [each for each in server.connections if each.transport is not None]
    if len(connected) <= most:
        return None
    return next((each for each in connected if each not in busy), None)
