"""Slack's events by HTTP: whoever else knocks is turned away in a line, and keeps nobody out."""

from __future__ import annotations

import asyncio
import gc
import io
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import structlog
from aiohttp import ClientSession
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.errors import Unavailable
from bot.logs import LINES_A_MINUTE
from bot.slack import events_http
from tests.ports import free_port
from tests.servers.fake_slack import signature_headers

SECRET = "signing"
Lines = list[Any]


@pytest.fixture
def lines() -> Iterator[Lines]:
    with structlog.testing.capture_logs() as found:
        yield found


def app() -> AsyncApp:
    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1")

    made = AsyncApp(signing_secret=SECRET, authorize=authorize, request_verification_enabled=False)

    @made.command("/digest")
    async def digest(ack: Callable[[str], Awaitable[None]]) -> None:
        await ack("heard")

    return made


def served(work: Callable[[str, int], Awaitable[None]]) -> None:
    port = free_port()

    async def run() -> None:
        async with events_http.serving(app(), SECRET, "127.0.0.1", port):
            await work(f"http://127.0.0.1:{port}", port)

    asyncio.run(run())


BODY = "command=%2Fdigest&text=list&team_id=T1&user_id=U1&channel_id=C1&trigger_id=1"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def posts(url: str, body: Any, **headers: str) -> tuple[int, str]:
    async with (
        ClientSession() as session,
        session.post(f"{url}/slack/events", data=body, headers=FORM | headers) as answer,
    ):
        return answer.status, await answer.text()


def test_only_requests_signed_by_slack_are_handled(lines: Lines) -> None:
    good = signature_headers(SECRET, BODY)
    stamp, sign = good  # the names of the two headers

    async def work(url: str, port: int) -> None:
        assert await posts(url, BODY, **good) == (200, "heard")
        for wrong in (
            {},
            signature_headers("another", BODY),
            good | {stamp: "abc"},
            good | {stamp: "-1"},
            good | {stamp: "9" * 30},
            good | {stamp: "١٢٣"},
            good | {sign: ""},
            good | {sign: "v0=" + "ä" * 64},
        ):
            assert (await posts(url, BODY, **wrong))[0] == 401
        assert (await posts(url, b"\xff" * 100, **good))[0] == 401
        assert (await posts(url, io.BytesIO(b"x" * 3_000_000), **good))[0] == 413
        async with ClientSession() as session, session.get(f"{url}/admin") as answer:
            assert answer.status == 404

    served(work)
    assert {line["event"] for line in lines} == {"unsigned or outdated request"}
    assert not any("exc_info" in line for line in lines)


def test_a_thousand_half_sent_requests_keep_nobody_out(lines: Lines) -> None:
    async def work(url: str, port: int) -> None:
        idle = []
        for n in range(1000):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\n" if n % 2 else b"")
            idle.append((reader, writer))
        assert await posts(url, BODY, **signature_headers(SECRET, BODY)) == (200, "heard")
        shut = sum(reader.at_eof() for reader, _ in idle)
        assert shut >= 1000 - events_http._CONNECTIONS
        for _, writer in idle:
            writer.close()

    served(work)
    assert len(lines) <= LINES_A_MINUTE


def test_garbage_is_answered_and_logged_in_a_few_lines(
    lines: Lines, capfd: pytest.CaptureFixture[str]
) -> None:
    async def work(url: str, port: int) -> None:
        for n in range(60):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write((b"\x16\x03\x01 garbage\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n")[n % 2])
            assert b" 400 " in await reader.readline()
            writer.close()

    served(work)
    assert len(lines) <= LINES_A_MINUTE
    assert capfd.readouterr().err == ""


def test_a_half_sent_request_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_http, "_BODY_SECONDS", 0.05)
    head = "".join(f"{k}: {v}\r\n" for k, v in signature_headers(SECRET, BODY).items())
    slow = f"POST /slack/events HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 90\r\n\r\nhalf"

    async def cut(begun: bytes, answer: bytes, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        assert answer in await reader.read()  # to its end: it was closed
        writer.close()

    served(lambda url, port: cut(slow.encode(), b" 408 ", port))
    monkeypatch.setattr(events_http, "_HEADER_SECONDS", 0.05)
    for begun in (b"", b"POST /sl"):
        served(lambda url, port, begun=begun: cut(begun, b"", port))  # type: ignore[misc]


def test_a_busy_port_is_said_and_leaves_nothing_behind() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as busy:
            port = busy.getsockname()[1]
            for _ in range(5):
                with pytest.raises(Unavailable, match="another program uses that port"):
                    async with events_http.serving(app(), SECRET, "127.0.0.1", port):
                        pass
        gc.collect()
        assert not [each for each in gc.get_objects() if isinstance(each, events_http._Server)]

    asyncio.run(run())
