"""A Slack on loopback whom nothing waits for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.runtime import posting
from tests.servers.fake_slack import FakeSlack, run_fake_slack
from workers.runtime import delivery_run


@pytest.fixture
def fake_slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    monkeypatch.setattr(posting, "_WAITS", (0.0,))
    quick = {"_POLL_SECONDS": 0.01, "_LINGER_SECONDS": 0.05, "_REST_SECONDS": 0.05, "_SPREAD": 0}
    for name, seconds in quick.items():
        monkeypatch.setattr(delivery_run, name, seconds)
    with run_fake_slack() as it:
        yield it
