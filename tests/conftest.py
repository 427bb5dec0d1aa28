"""What tests share: a real server, papers made of little, and the two chats on loopback."""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stamina
import structlog
from hypothesis import settings
from redis import Redis

from bot import safe_text
from bot.domain.request import Address
from bot.runtime import posting
from bot.store.connection import connect
from bot.store.store import Store
from workers import lookup_job
from workers.runtime import delivery_run
from workers.runtime.server import embedded

# A run that a shell put into the background ignores Ctrl-C, and so would every command it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# As bot.logs has it: structlog's own tracebacks draw every variable, which takes seconds.
_plainly = structlog.dev.ConsoleRenderer(
    colors=False, exception_formatter=structlog.dev.plain_traceback
)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _plainly])

GOLDEN = Path(__file__).parent / "golden"
took = defaultdict[str, float](float)  # seconds, by the id of a test

# No deadline: how long an example takes says more of the machine than of the code. The same
# examples each time: a run that fails fails for what was changed, and can be run again. To look
# for new ones: pytest --hypothesis-profile=search.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile("same")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note how long a test took, with what it set up: tests/touched.py plans by it."""
    took[report.nodeid] += report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    worker = hasattr(session.config, "workerinput")  # of pytest-xdist, whose starter hears it all
    cache = getattr(session.config, "cache", None)  # none with -p no:cacheprovider
    if took and cache and not worker:
        before = cache.get("paperboy/seconds", {})
        measured = {id: round(seconds, 3) for id, seconds in took.items()}
        cache.set("paperboy/seconds", before | measured)


@pytest.fixture(scope="session")
def shared_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real embedded server, for the whole run: of those who keep apart what they
    store in it."""
    with embedded(tmp_path_factory.mktemp("data")) as url:
        yield url


@pytest.fixture
def redis_url(shared_url: str) -> str:
    """The address of a real server with nothing in it, whichever test had it before."""
    with Redis.from_url(shared_url) as redis:
        redis.flushall()
    return shared_url


# What our settings begin with.
_OURS = {"OPENAI", "SLACK", "DISCORD", "ARXIV", "PAPERBOY", "REDIS", "ZOTERO", "SENTRY"}


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    """An empty store on the real server."""
    redis = connect(redis_url)
    yield Store(redis)
    redis.close()


@pytest.fixture
def heard(capfd: pytest.CaptureFixture[str]) -> Callable[[str], int]:
    """How often something was printed or logged so far, by this process or one that it started."""
    said: list[str] = []

    def count(words: str) -> int:
        said.extend(capfd.readouterr())
        return sum(part.count(words) for part in ("".join(said[::2]), "".join(said[1::2])))

    return count


_PACED = posting.ChannelRateLimit.acquire


async def _at_once(pace: posting.ChannelRateLimit, address: Address) -> None:
    """The channel's turn has come."""


@pytest.fixture
def paced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages wait for their channel's turn, as they do outside tests."""
    monkeypatch.setattr(posting.ChannelRateLimit, "acquire", _PACED)


@pytest.fixture(autouse=True)
def isolate_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads this machine's settings, or waits between two tries or for who may come yet."""
    for name in list(os.environ):
        if name.split("_")[0] in _OURS:
            monkeypatch.delenv(name)
        if name.upper() in ("HTTP_PROXY", "HTTPS_PROXY"):  # slack_sdk knows no exceptions to them
            monkeypatch.delenv(name)
    # A paper's vector takes 50 ms; tests of meaning bring their own.
    monkeypatch.setenv("PAPERBOY_MEANING", "false")
    monkeypatch.setenv("PAPERBOY_WATCH_PORT", "0")  # one port, and tests run side by side
    monkeypatch.chdir(tmp_path)
    safe_text._hidden.clear()
    stamina.set_testing(True, attempts=3)
    monkeypatch.setattr(posting, "_GAP", 0.0)
    monkeypatch.setattr(posting.ChannelRateLimit, "acquire", _at_once)
    for job in (delivery_run, lookup_job):
        monkeypatch.setattr(job, "_LINGER_SECONDS", 0.05)
        monkeypatch.setattr(job, "_POLL_SECONDS", 0.01)


def check_golden(name: str, shown: str) -> None:
    """Compare with a file a person has read; GOLDEN=write writes it anew, to be read again."""
    path = GOLDEN / name
    if os.environ.get("GOLDEN") == "write":
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")
