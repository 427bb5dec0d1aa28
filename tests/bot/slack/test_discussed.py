"""The most discussed digests of a channel, on a Slack on loopback, whose threads are flat."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest

from bot.store.store import Store
from tests.bot.slack.conversations import HUSH, deliver_day, type_command
from tests.servers.fake_slack import FakeSlack


@pytest.fixture
def thread(running_bot: None, store: Store, fake_slack: FakeSlack) -> str:
    """A digest is in the channel."""
    return str(deliver_day(store, fake_slack)[0]["ts"])


def asked(fake_slack: FakeSlack) -> int:
    return sum(call.method == "conversations.replies" for call in fake_slack.calls)


def test_peoples_replies_in_a_thread_are_counted_and_of_what_they_say_nothing_is_kept(
    thread: str, fake_slack: FakeSlack, store: Store, logged: StringIO
) -> None:
    for user in ("U1", "U2", "U1"):
        fake_slack.reply(thread, f"I read this {HUSH}", user=user)
    assert "3 replies by 2 people" in type_command(fake_slack, "best")
    before = asked(fake_slack)
    assert "3 replies by 2 people" in type_command(fake_slack, "best 30")
    assert asked(fake_slack) == before  # who asks again soon asks Slack nothing
    redis: Any = store.redis
    stored = str([redis.dump(key) for key in redis.keys("*")])
    assert HUSH not in stored + logged.getvalue()


def test_a_thread_is_named_with_its_replies_and_a_link(thread: str, fake_slack: FakeSlack) -> None:
    for user in ("U1", "U2", "U1"):
        fake_slack.reply(thread, "words", user=user)
    fake_slack.reply(thread, "a bot's", user="UOTHER", bot_id="B2")
    fake_slack.reply(thread, "somebody joined", user="U3", subtype="channel_join")
    said = type_command(fake_slack, "best")
    assert "Most discussed digests:" in said
    assert "Matters of importance · Thu 20 Mar 2025 ↗" in said
    assert "3 replies by 2 people · in its thread" in said
    assert f"/p{thread.replace('.', '')}" in str(fake_slack.ephemeral[-1])


def test_a_thread_of_many_pages_is_counted_to_its_end(thread: str, fake_slack: FakeSlack) -> None:
    for number in range(230):
        fake_slack.reply(thread, "words", user=f"U{number % 7}")
    assert "230 replies by 7 people" in type_command(fake_slack, "best")


@pytest.mark.parametrize("fault", ["ratelimited", "missing_scope", "http_503"])
def test_threads_that_slack_does_not_show_are_said(
    thread: str, fake_slack: FakeSlack, fault: str
) -> None:
    fake_slack.reply(thread, "words")
    fake_slack.inject_faults("conversations.replies", fault)
    assert "Replies in 1 more thread were not counted." in type_command(fake_slack, "best")
    assert "1 reply by one person" in type_command(fake_slack, "best")


def test_a_thread_that_was_deleted_counts_nothing(thread: str, fake_slack: FakeSlack) -> None:
    fake_slack.inject_faults("conversations.replies", "thread_not_found")
    said = type_command(fake_slack, "best")
    assert "nobody voted, shared a paper or replied yet" in said
    assert "not counted" not in said
