"""Who follows a paper is told once by bot processes that are killed (SIGKILL) at their messages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bot.store.store import Store
from tests import TESTS
from tests.bot.runtime.followers import by, deliver, directly, follows, mentions
from tests.processes import run_command
from tests.servers.fake_slack import FakeSlack, run_fake_slack
from tests.waiting import wait_until

# The bot as it is, with less patience between rounds and for who died, among papers of last year.
BOT = """
import sys
from datetime import timedelta
from bot import __main__ as bot
from bot.runtime import telling
from bot.runtime import clock, teller
clock._TICK_SECONDS, teller._LEASE_SECONDS, teller._REST_SECONDS = 0.1, 0.5, 0.1
telling._NEWS = timedelta(days=36500)
sys.exit(bot.main())
"""


@pytest.fixture
def fake_slack() -> Iterator[FakeSlack]:
    """U1 and U2 are in both channels, U3 in none."""
    with run_fake_slack() as it:
        it.channels["C1"].members = it.channels["C2"].members = {"U1", "U2"}
        it.channels["C3"].members = set()
        yield it


@contextmanager
def running_bot(fake_slack: FakeSlack, redis_url: str) -> Iterator[subprocess.Popen[str]]:
    settings = {
        "REDIS_URL": redis_url,
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_API_URL": fake_slack.url,
    }
    said: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command, env = [sys.executable, "-c", BOT], os.environ | settings
    with run_command(command, cwd=TESTS.parent, env=env, **said) as process:
        yield process


def sends(fake_slack: FakeSlack) -> int:
    return sum(call.method == "chat.postMessage" for call in list(fake_slack.calls))


def killed_at_its_next_message(fake_slack: FakeSlack, redis_url: str, fault: str) -> None:
    """The bot runs until it sends something: then it is killed."""
    before = sends(fake_slack)
    fake_slack.inject_faults("chat.postMessage", fault)
    with running_bot(fake_slack, redis_url) as bot:
        wait_until(lambda: sends(fake_slack) > before)
        bot.send_signal(signal.SIGKILL)
        assert bot.wait() == -signal.SIGKILL


def test_two_who_follow_a_person_over_three_profiles_are_mentioned_once_through_kills_and_restarts(
    fake_slack: FakeSlack, store: Store, redis_url: str
) -> None:
    for person in ("U1", "U2", "U3"):
        follows(store, person)
    paper = by("Ada Lovelace")
    deliver(fake_slack, store, "matters", "C1", paper)
    killed_at_its_next_message(fake_slack, redis_url, "hang")  # it never went out
    killed_at_its_next_message(fake_slack, redis_url, "lost_reply")  # nobody knows that it did
    deliver(fake_slack, store, "bounds", "C1", paper)
    killed_at_its_next_message(fake_slack, redis_url, "ok")
    deliver(fake_slack, store, "rates", "C2", paper)
    with running_bot(fake_slack, redis_url):
        wait_until(lambda: not store.redis.exists("pb:owed", "pb:untold"))
    shown = [*mentions(fake_slack, "C1"), *mentions(fake_slack, "C2")]
    assert sorted(text[:3] for text in shown) == ["@U1", "@U2"]
    assert all("By Ada Lovelace" in text for text in shown)
    assert len(directly(fake_slack, "U3")) == 1
    assert directly(fake_slack, "U1") == directly(fake_slack, "U2") == []
