"""Of several bots on one database one serves, and another goes on when it ends, dies or hangs."""

from __future__ import annotations

import asyncio
import http.client
import os
import subprocess
from collections.abc import Callable
from contextlib import closing
from uuid import uuid4

import pytest
from redis import Redis

from bot import __main__ as bot
from bot.runtime import standby
from bot.runtime.standby import Turn
from bot.settings import Settings
from bot.store.store import Store
from bot.views.watching.pages import STANDS_BY
from tests.ports import free_port
from tests.waiting import wait_until_async


def page(port: int, path: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as asked:
        asked.request("GET", path)
        answer = asked.getresponse()
        return answer.status, answer.read().decode()


def test_the_second_bot_serves_when_the_first_has_ended(
    redis_url: str, store: Store, heard: Callable[[str], int]
) -> None:
    async def both() -> None:
        port, stops = free_port(), [asyncio.Event(), asyncio.Event()]
        first = asyncio.create_task(bot.serve(redis_url, Settings(), stops[0]))
        await wait_until_async(lambda: heard("bot started"))
        watched = Settings().model_copy(update={"watch_port": port})
        second = asyncio.create_task(bot.serve(redis_url, watched, stops[1]))
        await wait_until_async(lambda: heard("stands by"))
        assert heard("bot started") == 1
        assert await asyncio.to_thread(page, port, "/readyz") == (503, f"{STANDS_BY}\n")
        assert (await asyncio.to_thread(page, port, "/healthz"))[0] == 200
        _, figures = await asyncio.to_thread(page, port, "/metrics")
        assert "paperboy_clock_last_tick_timestamp_seconds 0" not in figures
        held = store.redis.get("pb:lease:bot")
        stops[0].set()
        await first
        assert store.redis.get("pb:lease:bot") != held  # nobody waits until it expires
        await wait_until_async(lambda: heard("bot started") == 2)
        stops[1].set()
        await second

    asyncio.run(both())


def test_a_bot_that_stands_by_can_be_stopped(redis_url: str, store: Store) -> None:
    assert store.lease("bot", 60, 0)

    async def stopped() -> None:
        stop = asyncio.Event()
        serving = asyncio.create_task(bot.serve(redis_url, Settings(), stop))
        await asyncio.sleep(0)
        stop.set()
        await serving

    asyncio.run(stopped())


def coming(store: Store) -> bool:
    """Whether it is another bot's turn at once."""

    async def come() -> bool:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, stop.set)
        return await Turn(store).come(stop)

    return asyncio.run(come())


def test_a_bot_of_this_machine_that_was_killed_is_not_waited_for(store: Store) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    here = standby._machine()
    for machine, pid, is_free in (
        *((here, gone.pid, True), (here, os.getpid(), False), (here, 1, False)),
        ("elsewhere", gone.pid, False),
    ):
        store.redis.delete("pb:lease:bot")
        assert store.lease("bot", 60, 0, f"{machine}-{pid}-{uuid4().hex}")
        assert coming(store) == is_free


@pytest.mark.parametrize(
    "holder", ["", "elsewhere-1-0123456789abcdef0123456789abcdef", "x-y-z", "-", "a-b"]
)
def test_one_of_another_machine_is_waited_for_as_long_as_its_lease_lasts(
    holder: str, store: Store
) -> None:
    lease = store.lease("bot", 60, 0, holder)
    assert lease
    assert not coming(store)
    lease.release()
    assert coming(store)


def test_a_bot_that_was_taken_for_dead_stops_serving(
    store: Store, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standby, "_LEASE_SECONDS", 0.3)

    async def taken_over() -> None:
        turn = Turn(store)
        assert await turn.come(asyncio.Event())
        keeping = asyncio.create_task(turn.keep())
        store.redis.delete("pb:lease:bot")  # it expired while the bot stood still
        await wait_until_async(lambda: store.redis.exists("pb:lease:bot"))
        assert not keeping.done()  # nobody had come, so it is its turn again
        store.redis.set("pb:lease:bot", "9 another", px=60_000)
        await keeping
        await turn.end()
        assert store.redis.get("pb:lease:bot") == "9 another"

    asyncio.run(taken_over())


def test_while_the_database_is_away_a_bot_serves_until_another_has_the_turn(store: Store) -> None:
    """It tells people that it can't answer; two that do so are better than none."""

    async def away(monkeypatch: pytest.MonkeyPatch) -> None:
        turn = Turn(store)
        with monkeypatch.context() as gone:
            gone.setattr(turn, "_store", Store(Redis.from_url("redis://127.0.0.1:1/0")))
            assert await turn.come(asyncio.Event())
        assert store.lease("bot", 60, 0)
        monkeypatch.setattr(standby, "_LEASE_SECONDS", 0.03)
        async with asyncio.timeout(30):
            await turn.keep()

    with pytest.MonkeyPatch.context() as monkeypatch:
        asyncio.run(away(monkeypatch))


def test_bots_of_other_chats_have_turns_of_their_own(store: Store) -> None:
    one, other = Turn(store, ["xoxb-1"]), Turn(store, ["discord-1"])
    stop = asyncio.Event()

    async def both() -> None:
        assert await one.come(stop)
        assert await other.come(stop)

    asyncio.run(both())
    assert not any("xoxb" in str(key) for key in store.redis.keys("*"))
