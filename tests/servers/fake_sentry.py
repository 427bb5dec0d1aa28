"""Sentry, as far as it takes events: envelopes, by their documented form."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.servers.fake_http import FakeServer, HttpReply, json_reply, run_fake_server


@dataclass
class FakeSentry:
    """What arrived at it."""

    server: FakeServer

    @property
    def dsn(self) -> str:
        return self.server.url.replace("://", "://publickey@") + "/7"

    @property
    def text(self) -> str:
        """All that arrived, unpacked, with its addresses."""
        return "\n".join(f"{path} {_unpacked(body)}" for path, body in self.server.requests)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in what arrived; an envelope is lines of JSON, its own head and a head before
        each item."""
        found = []
        for path, body in self.server.requests:
            assert path == "/api/7/envelope/"
            rows = [json.loads(line) for line in _unpacked(body).splitlines() if line]
            found += [row for _, row in zip(rows[1::2], rows[2::2], strict=True)]
            assert {head["type"] for head in rows[1::2]} == {"event"}
        return found


@contextmanager
def run_fake_sentry(is_deaf: bool = False) -> Iterator[FakeSentry]:
    """Sentry on loopback, for the project 7; a deaf one takes requests and gives no answer."""
    over = threading.Event()

    def answer(path: str, body: bytes) -> HttpReply:
        if is_deaf:
            over.wait()
        return json_reply({})

    with run_fake_server(answer) as server:
        try:
            yield FakeSentry(server)
        finally:
            over.set()


def _unpacked(body: bytes) -> str:
    return (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode()
