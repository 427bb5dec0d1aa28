"""What other sides say of themselves on the wire, read whatever they send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.errors import Unavailable
from bot.network import retry_after_seconds
from bot.slack.errors import to_paperboy_error

NO_TIME = [
    "",
    "soon",
    "inf",
    "nan",
    "-1",
    "1e9",
    "1_0",
    "٣",
    "9" * 400,
    "Wed, 99 Xxx 2026",
    ",",
    "\0",
]


@pytest.mark.parametrize(("header", "seconds"), [("0", 0), ("7", 7), ("0.35", 0.35), ("12.", 12)])
def test_a_wait_is_read_in_seconds(header: str, seconds: float) -> None:
    assert retry_after_seconds(header) == seconds


def test_a_wait_may_be_a_date_and_one_in_the_past_is_over() -> None:
    now = datetime.now(UTC)
    ahead = retry_after_seconds(format_datetime(now + timedelta(hours=1), usegmt=True))
    assert ahead == pytest.approx(3600, abs=60)
    assert retry_after_seconds(format_datetime(now - timedelta(days=1), usegmt=True)) == 0


@pytest.mark.parametrize("header", NO_TIME)
def test_a_wait_that_is_none_is_none(header: str) -> None:
    assert retry_after_seconds(header) is None


@pytest.mark.parametrize("header", NO_TIME)
def test_slack_is_busy_whatever_wait_a_proxy_writes_there(header: str) -> None:
    answer = AsyncSlackResponse(
        client=None, http_verb="POST", api_url="", req_args={}, data={"ok": False}, status_code=429,
        headers={"Retry-After": header},
    )  # fmt: skip
    error = to_paperboy_error(SlackApiError("", answer))
    assert isinstance(error, Unavailable)
    assert error.retry_after is None
