"""Somebody follows an author in Slack, and the bot at work tells them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.runtime import telling
from bot.store.store import Store
from tests.bot.slack.conversations import (
    assert_acked,
    button,
    deliver_day,
    private_answer,
    type_command,
)
from tests.servers.fake_slack import FakeSlack, Json
from tests.servers.slack_rules import draw_slack


def mentions(fake_slack: FakeSlack) -> list[Json]:
    return [m for m in fake_slack.visible_messages("C1") if m["text"].startswith("<@U2>")]


def test_from_following_to_somebody_else(
    running_bot: None,
    fake_slack: FakeSlack,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(telling, "_NEWS", timedelta(days=9_999))
    said = type_command(fake_slack, 'follow author "Ada Lovelace"', user="U2")
    assert "You follow Ada Lovelace." in said
    deliver_day(store, fake_slack, 1)
    assert_acked(fake_slack.command("now matters", user="U1"))  # wakes the clock
    fake_slack.wait_until(lambda: mentions(fake_slack))
    (mention,) = mentions(fake_slack)
    assert "By Ada Lovelace, with Alan Turing, in cs.LG" in draw_slack(mention)
    not_this_one = button(mention, "Not this one")

    def press(user: str) -> str:
        ts = mention["ts"]
        return private_answer(
            fake_slack, lambda: fake_slack.press(not_this_one, message_ts=ts, user=user)
        )

    assert "You don't follow this" in press("U1")
    assert "Papers by Ada Lovelace with Alan Turing, or in cs.LG, are not told" in press("U2")
    assert "1 paper by someone else" in type_command(fake_slack, "follows", user="U2")
    assert "You no longer follow" in type_command(fake_slack, "unfollow ada lovelace", user="U2")
    assert len(mentions(fake_slack)) == 1
