"""A Slack on loopback, and a bot that is connected to it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from bot.runtime import posting, waiting
from bot.slack import answers as answers_slack
from bot.slack import form_events, listening
from bot.store.store import Store
from tests.bot.slack.conversations import HUSH, serving, sound
from tests.factories import profile
from tests.servers.fake_slack import FakeSlack, run_fake_slack
from tests.waiting import TIMEOUT_SECONDS


@pytest.fixture
def fake_slack() -> Iterator[FakeSlack]:
    """Slack, which in the end has got nothing that it would not take."""
    with run_fake_slack() as it:
        yield it
    for call in it.calls:
        sound(call.arguments)


@pytest.fixture
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message each 20 ms instead of each second. Slack's own haste, and a client's that takes a
    socket for lost when its ping is not answered in time, are left to the tests about them."""
    monkeypatch.setattr(posting, "_APART", 20)
    monkeypatch.setattr(waiting, "_WHOLE_SECONDS", 0.0)
    for where, name in (
        (form_events, "_CHECK_SECONDS"),
        (form_events, "_FORM_SECONDS"),
        (listening, "_PING_SECONDS"),
        (answers_slack, "_IDENTIFY_SECONDS"),
    ):
        monkeypatch.setattr(where, name, TIMEOUT_SECONDS)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[StringIO]:
    """What the bot logs, in which no secret ever stands."""
    caplog.set_level(logging.INFO)
    lines, before = StringIO(), structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(lines))
    yield lines
    structlog.configure(**before)
    assert HUSH not in lines.getvalue() + caplog.text


@pytest.fixture
def running_bot(redis_url: str, store: Store, fake_slack: FakeSlack) -> Iterator[None]:
    """Connected, on an empty store that knows one profile besides those that ship."""
    store.profiles.put_shared(profile())
    with serving(redis_url, fake_slack):
        fake_slack.wait_until(lambda: fake_slack.sockets)
        yield
