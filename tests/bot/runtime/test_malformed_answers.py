"""Chats that answer what no chat answers: the other one goes on, and both are tried again."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import discord.http
import pytest
import structlog
from aiohttp import web
from discord.gateway import DiscordWebSocket

from bot import __main__ as process
from bot.__main__ import serve
from bot.errors import Refused
from bot.settings import Settings
from bot.slack import listening
from bot.store.store import Store
from bot.views.watching import doctor as doctor_views
from tests.servers.fake_discord import FakeDiscord, run_fake_discord
from tests.servers.fake_http import HttpReply, run_fake_server
from tests.servers.fake_slack import FakeSlack, run_fake_slack
from tests.servers.loops import begin, running_loop
from tests.waiting import TIMEOUT_SECONDS, wait_until_async
from workers.cli import doctor

JSON = {"Content-Type": "application/json"}
STRANGE: dict[str, HttpReply] = {
    "a page": (200, {"Content-Type": "text/html"}, b"<html>Be right back</html>"),
    "text": (200, {"Content-Type": "text/plain"}, b"ok"),
    "nothing": (200, JSON, b""),
    "a list": (200, JSON, b"[]"),
    "an object": (200, JSON, b"{}"),
    "null": (200, JSON, b"null"),
    "a number": (200, JSON, b"7"),
    "half": (200, JSON, b'{"ok": tr'),
    "yes, and no more": (200, JSON, b'{"ok": true, "id": null, "user": {}}'),
    "not utf-8": (200, JSON, b'{"ok": "\xff"}'),
    "not what it says": (200, JSON | {"Content-Encoding": "gzip"}, b"plain"),
    "a teapot": (418, {"Content-Type": "text/plain"}, b"short and stout"),
    "no content": (204, {}, b""),
}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_LOGIN_SECONDS", 0.05)
    monkeypatch.setattr(listening, "_OPEN_SECONDS", 0.2)
    monkeypatch.setattr(listening, "_PING_SECONDS", 0.05)
    monkeypatch.setattr(listening, "_LOST_SECONDS", 0.3)
    for where, name in ((discord.http.Route, "BASE"), (DiscordWebSocket, "DEFAULT_GATEWAY")):
        monkeypatch.setattr(where, name, getattr(where, name))  # so that it is put back


def serving(url: str, until: Callable[[], object], **addresses: object) -> list[str]:
    """Serve both chats until something is so; returns the log's errors. The bot must not end by
    itself."""
    given = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "DISCORD_TOKEN": "token"}
    config = Settings.model_validate(given | addresses)

    async def run() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(serve(url, config, stop))
        try:
            await wait_until_async(lambda: until() or task.done())
            assert not task.done()
        finally:
            stop.set()
            await task

    with structlog.testing.capture_logs() as lines:
        asyncio.run(run())
    return [str(line) for line in lines if line["log_level"] == "error"]


def away(store: Store, name: str) -> bool:
    return f"{name} login" in [found.what for found in store.outages.all()]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("strange", sorted(STRANGE))
@pytest.mark.parametrize("name", ["Slack", "Discord"])
def test_what_is_no_answer_ends_nobody(
    name: str, strange: str, redis_url: str, store: Store
) -> None:
    with (
        run_fake_server(lambda path, body: STRANGE[strange]) as odd,
        both() as (fake_slack, fake_discord),
    ):
        addresses = {
            "SLACK_API_URL": f"{odd.url}/api/" if name == "Slack" else fake_slack.url,
            "DISCORD_API_URL": f"{odd.url}/api/v10" if name == "Discord" else fake_discord.api,
            "DISCORD_GATEWAY_URL": fake_discord.gateway,
        }

        def come() -> bool:
            other = fake_slack.sockets if name == "Discord" else fake_discord.connected_sessions
            return bool(other) and len(odd.requests) > 2 and away(store, name)

        errors = serving(redis_url, come, **addresses)
    assert any(f"{name} does not let us in, trying again" in line for line in errors)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "opened",
    [
        {},
        {"url": None},
        {"url": 5},
        {"url": ""},
        {"url": "https://slack.com/"},
        {"url": "ws://127.0.0.1:1/"},
        {"url": "ws://[::x/"},
        {"url": ["ws://127.0.0.1:1/"]},
    ],
)
def test_nonsense_in_place_of_a_sockets_address_is_asked_for_again(
    opened: dict[str, object], redis_url: str, store: Store
) -> None:
    asked = []
    with both() as (fake_slack, fake_discord):
        good = fake_slack.apps_connections_open

        def answer(given: object) -> object:
            asked.append(given)
            return opened if len(asked) < 4 else good({})

        fake_slack.apps_connections_open = answer  # type: ignore[assignment]
        addresses = {"SLACK_API_URL": fake_slack.url, "DISCORD_API_URL": fake_discord.api}
        addresses |= {"DISCORD_GATEWAY_URL": fake_discord.gateway}
        serving(
            redis_url,
            lambda: (
                fake_slack.sockets and fake_discord.connected_sessions and not away(store, "Slack")
            ),
            **addresses,
        )


@contextmanager
def both() -> Iterator[tuple[FakeSlack, FakeDiscord]]:
    with run_fake_slack() as one, run_fake_discord() as other:
        yield one, other


@contextmanager
def gateway(frames: list[str | bytes]) -> Iterator[tuple[str, list[str]]]:
    """A web socket that says this to whoever connects; its address, and who came."""
    came = list[str]()

    async def answer(request: web.Request) -> web.WebSocketResponse:
        came.append(str(request.url))
        link = web.WebSocketResponse()
        await link.prepare(request)
        for frame in frames:
            await (link.send_str(frame) if isinstance(frame, str) else link.send_bytes(frame))
        async for _ in link:
            """Heartbeats."""
        return link

    app = web.Application()
    app.router.add_get("/", answer)
    with running_loop() as loop:
        begun = asyncio.run_coroutine_threadsafe(begin(app), loop)
        runner, host = begun.result(TIMEOUT_SECONDS)
        try:
            yield f"ws://{host}/", came
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(TIMEOUT_SECONDS)


HELLO = {"op": 10, "d": {"heartbeat_interval": 41250}}
GUILD = {"op": 0, "s": 2, "t": "GUILD_CREATE", "d": {"id": None, "channels": 5}}


@pytest.mark.usefixtures("quick")
# discord.py lets go of such a connection with its session, without closing it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "frames",
    [
        ["<html>"],
        ["[]"],
        ["null"],
        [json.dumps({"op": 10, "d": None})],
        [json.dumps(HELLO), "{"],
        [json.dumps(HELLO), json.dumps({"op": 0, "s": 1, "t": "READY", "d": {}})],
        [json.dumps(HELLO), json.dumps(GUILD)],
        [json.dumps(HELLO), b"\x00\x01 not zlib \x00\x00\xff\xff"],
    ],
)
def test_a_gateway_event_that_cannot_be_read_ends_nobody(
    frames: list[str | bytes], redis_url: str, store: Store
) -> None:
    with both() as (fake_slack, fake_discord), gateway(frames) as (url, came):
        addresses = {"SLACK_API_URL": fake_slack.url, "DISCORD_API_URL": fake_discord.api}
        addresses |= {"DISCORD_GATEWAY_URL": url}
        serving(redis_url, lambda: fake_slack.sockets and len(came) > 1, **addresses)
    gc.collect()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "Set SLACK_APP_TOKEN"),
        ({"SLACK_BOT_TOKEN": "xapp-1", "SLACK_APP_TOKEN": "xoxb-1"}, "SLACK_BOT_TOKEN should"),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xoxb-1"}, "SLACK_APP_TOKEN should"),
        ({"SLACK_APP_TOKEN": "xapp-1"}, "Slack also needs SLACK_BOT_TOKEN"),
        ({"SLACK_SIGNING_SECRET": "abc"}, "Slack also needs SLACK_BOT_TOKEN"),
        ({"SLACK_CLIENT_ID": "1.2"}, "need both SLACK_CLIENT_ID and"),
        ({"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "abc"}, "need PAPERBOY_SECRETS_KEY"),
        (
            {"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "abc", "SLACK_BOT_TOKEN": "xoxb-1"},
            "Remove one or the other",
        ),
        ({"DISCORD_TOKEN": "xoxb-1"}, "another service's token"),
    ],
)
def test_a_chat_that_can_never_work_ends_the_command_when_it_is_the_only_one(
    given: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    with pytest.raises(Refused, match=why):
        process.main()


@pytest.mark.parametrize("strange", sorted(STRANGE))
def test_doctor_says_of_what_is_no_answer_that_something_is_wrong(
    strange: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    given = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "DISCORD_TOKEN": "token"}
    with run_fake_server(lambda path, body: STRANGE[strange]) as odd:
        given |= {"SLACK_API_URL": f"{odd.url}/api/", "DISCORD_API_URL": f"{odd.url}/api/v10"}
        config = Settings.model_validate(given)
        found, told = doctor.examine_slack(config, store), doctor.examine_discord(config)
    assert found is not None
    assert told is not None
    assert (found.ready, told[0]) == (False, False)
    assert "Something is wrong" in doctor_views.slack_text(found).title
