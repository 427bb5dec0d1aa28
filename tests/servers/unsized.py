"""A file sent in chunks, by a server that does not say how much is to come."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import web

_CHUNK = 10_000


async def send_unsized(request: web.Request, content: bytes) -> web.StreamResponse:
    streamed = web.StreamResponse()
    await streamed.prepare(request)
    with suppress(ConnectionError):
        for at in range(0, len(content), _CHUNK):
            await streamed.write(content[at : at + _CHUNK])
    return streamed
