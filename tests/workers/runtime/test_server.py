"""The embedded server: joined or started, kept on disk, never left behind."""

from __future__ import annotations

import multiprocessing
import multiprocessing.synchronize
import signal
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from bot.errors import Refused
from tests.processes import stop_server
from tests.waiting import TIMEOUT_SECONDS
from workers.runtime.server import embedded


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    stop_server(tmp_path)


def client(url: str) -> Redis:
    return Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 0))


def put(url: str, key: str) -> None:
    with client(url) as redis:
        redis.set(key, "kept")


def get(url: str, key: str) -> object:
    with client(url) as redis:
        return redis.get(key)


def test_commands_share_a_server_and_the_last_one_out_stops_it(tmp_path: Path) -> None:
    with ExitStack() as first, ExitStack() as second:
        url = first.enter_context(embedded(tmp_path))
        assert second.enter_context(embedded(tmp_path)) == url
        put(url, "a")
        first.close()
        assert get(url, "a") == "kept"
    with pytest.raises(RedisConnectionError):
        get(url, "a")


def test_what_was_stored_is_there_the_next_time(tmp_path: Path) -> None:
    with embedded(tmp_path) as url:
        put(url, "a")
    with embedded(tmp_path) as url:
        assert get(url, "a") == "kept"


def hold(path: Path, ready: multiprocessing.synchronize.Event) -> None:
    with embedded(path) as url:
        put(url, "a")
        ready.set()
        signal.pause()


def test_a_server_whose_command_was_killed_is_found_again_and_stopped(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    starter = context.Process(target=hold, args=(tmp_path, ready))
    starter.start()
    try:
        assert ready.wait(TIMEOUT_SECONDS)
    finally:
        starter.kill()
        starter.join()
    with embedded(tmp_path) as url:
        assert get(url, "a") == "kept"
    with pytest.raises(RedisConnectionError):
        get(url, "a")


def test_nobody_else_on_the_machine_can_reach_it(tmp_path: Path) -> None:
    with embedded(tmp_path) as url, client(url) as redis:
        config = redis.config_get("*")
        assert config["port"] == "0"
        assert config["appendonly"] == "yes"
        assert config["maxmemory-policy"] == "noeviction"
        socket = Path(str(config["unixsocket"]))
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700


def test_a_data_directory_with_a_long_path_works_too(tmp_path: Path) -> None:
    with embedded(tmp_path / ("long" * 30)) as url:
        put(url, "a")
        assert get(url, "a") == "kept"


def test_a_data_directory_that_cannot_be_used_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="PAPERBOY_DATA_DIR"), embedded(tmp_path / "file"):
        pass
