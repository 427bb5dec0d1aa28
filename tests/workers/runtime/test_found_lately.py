"""What one delivery found of its papers, and for which others that holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.channel_view import Pointer
from tests.factories import NOW
from tests.workers.run_deliver_job import slack_address
from workers.runtime.found_lately import Found


@pytest.mark.parametrize(
    ("channel", "seconds", "holds"),
    [
        ("C3", 1, True),
        ("C3", 0, False),  # which of two was first at one moment, it has to find out
        ("C3", -1, False),  # begun before the thread that is pointed to
        ("C2", 1, False),  # no card points to its own channel
        ("C9", 1, False),  # stands apart
    ],
)
def test_what_was_found_holds_for_threads_that_were_begun_later(
    channel: str, seconds: int, holds: bool
) -> None:
    pointers = {"2503.10000": None, "2503.10001": Pointer(channel="C2", url="https://slack.test")}
    found = Found({}, {str(slack_address("C9"))}, pointers, {}, NOW)
    assert found.is_for(slack_address(channel), NOW + timedelta(seconds=seconds)) is holds
