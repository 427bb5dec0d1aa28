"""What was opened is closed, although the bot is stopped while it closes it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord.gateway import DiscordWebSocket
from pydantic import SecretStr

from bot.discord import events
from bot.discord import poster as poster_discord
from bot.discord.events import DiscordApp
from bot.errors import PaperboyError
from bot.runtime.closing import finish, finish_closing
from tests.servers.fake_http import run_fake_server
from tests.waiting import TIMEOUT_SECONDS


def test_a_close_that_is_cancelled_twice_ends_before_the_cancellation_is_raised() -> None:
    async def run() -> tuple[bool, bool]:
        begun, go, closed = asyncio.Event(), asyncio.Event(), []

        async def close() -> None:
            begun.set()
            await go.wait()
            closed.append("yes")

        task = asyncio.create_task(finish_closing(close()))
        await begun.wait()
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        early = task.done()
        go.set()
        await asyncio.wait({task})
        return early, task.cancelled() and closed == ["yes"]

    assert asyncio.run(run()) == (False, True)


def test_a_close_that_fails_or_never_ends_says_so() -> None:
    async def broken() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        asyncio.run(finish_closing(broken()))
    with pytest.raises(TimeoutError):
        asyncio.run(finish_closing(asyncio.sleep(3600), seconds=0.0))


def test_work_under_way_comes_to_its_end_before_the_cancellation_is_raised() -> None:
    async def run() -> list[str]:
        begun, go, done = asyncio.Event(), asyncio.Event(), list[str]()

        async def work() -> str:
            begun.set()
            await go.wait()
            done.append("sent")
            return "17.5"

        task = asyncio.create_task(finish(work(), seconds=TIMEOUT_SECONDS))
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        go.set()
        await asyncio.wait({task})
        return [*done, "cancelled" if task.cancelled() else task.result()]

    assert asyncio.run(run()) == ["sent", "cancelled"]


def test_work_that_goes_on_too_long_after_the_cancellation_is_cut_short() -> None:
    async def run() -> list[bool]:
        begun, cut = asyncio.Event(), list[bool]()

        async def work() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                cut.append(True)

        task = asyncio.create_task(finish(work(), seconds=0.0))
        await begun.wait()
        task.cancel()
        await asyncio.wait({task})
        await asyncio.sleep(0)
        return [*cut, task.cancelled()]

    assert asyncio.run(run()) == [True, True]


def test_work_that_nobody_cancels_is_awaited_with_what_it_raises() -> None:
    async def work(fails: bool) -> str:
        if fails:
            raise OSError("gone")
        return "17.5"

    assert asyncio.run(finish(work(False), seconds=0.0)) == "17.5"
    with pytest.raises(OSError, match="gone"):
        asyncio.run(finish(work(True), seconds=0.0))


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for where, name in ((discord.http.Route, "BASE"), (DiscordWebSocket, "DEFAULT_GATEWAY")):
        monkeypatch.setattr(where, name, getattr(where, name))  # so that it is put back


@pytest.mark.usefixtures("addresses")
def test_discord_is_left_without_an_open_connection_when_stopped_after_a_failed_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The close has only just begun: discord.py puts it in a task, which ended with ours."""
    sessions = []
    close = discord.Client.close

    async def stopped(app: discord.Client) -> None:
        sessions.append(app.http._HTTPClient__session)  # type: ignore[attr-defined]
        task.cancel()
        await close(app)

    monkeypatch.setattr(discord.Client, "close", stopped)

    async def run() -> None:
        nonlocal task
        answers: Any = SimpleNamespace(people=SimpleNamespace())
        poster_discord.Route.BASE = odd.url
        task = asyncio.create_task(
            events.listen(DiscordApp(answers), SecretStr("token"), "ws://127.0.0.1:1")
        )
        with pytest.raises((asyncio.CancelledError, PaperboyError)):
            await task

    task: asyncio.Task[None]
    with run_fake_server(lambda path, body: (401, {}, b"")) as odd:
        asyncio.run(run())
    assert [session.closed for session in sessions] == [True]
