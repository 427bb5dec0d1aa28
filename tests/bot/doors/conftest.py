"""A bot on a Slack on loopback that serves people's programs, and two channels with digests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.slack import people
from bot.store.store import Store
from tests.bot.doors.programs import MINE, OTHERS, THEIRS, Programs, give
from tests.bot.slack.conversations import serving
from tests.factories import profile
from tests.ports import free_port
from tests.servers.fake_slack import FakeSlack, run_fake_slack


@pytest.fixture
def fake_slack() -> Iterator[FakeSlack]:
    with run_fake_slack() as it:
        it.channels["C2"].members, it.channels["C2"].private = {"U2"}, True
        yield it


@pytest.fixture
def programs(
    redis_url: str, store: Store, fake_slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Programs]:
    """What Slack says of a person is never older than the question."""
    monkeypatch.setattr(people, "_KEPT", timedelta(seconds=-1))
    store.profiles.put_shared(profile())
    give(store, "C1", MINE, "day-here")
    store.profiles.put_shared(OTHERS)
    give(store, "C2", THEIRS, "day-there", OTHERS)
    port = free_port()
    with serving(redis_url, fake_slack, api_port=port):
        fake_slack.wait_until(lambda: fake_slack.sockets)
        yield Programs(f"http://127.0.0.1:{port}", fake_slack, store)
