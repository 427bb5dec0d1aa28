"""Votes from one morning to the next, as a channel in Slack sees it."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.settings import Settings
from bot.store.store import Store
from tests.bot.slack.conversations import (
    CHANNEL_ADDRESS,
    SECRETS,
    assert_acked,
    button,
    private_answer,
    type_command,
)
from tests.bot.taught_mornings import put_morning, titles
from tests.servers.fake_slack import FakeSlack, Json
from tests.servers.slack_rules import draw_slack
from workers.deliver_job import deliver


def morning(store: Store, fake_slack: FakeSlack, n: int) -> list[Json]:
    """The n-th day is judged and delivered to C1; returns its thread, parent first."""
    before, now = len(fake_slack.visible_messages("C1")), datetime.now(UTC)
    put_morning(store, CHANNEL_ADDRESS, n, now)
    config = Settings.model_validate(SECRETS | {"slack_api_url": fake_slack.url})
    deliver("slack", store, config, lambda: now)
    return fake_slack.visible_messages("C1")[before:]


def test_votes_of_one_morning_change_the_next_until_they_are_forgotten(
    running_bot: None, fake_slack: FakeSlack, store: Store
) -> None:
    head, *cards = morning(store, fake_slack, 1)
    assert "by your votes" not in draw_slack(head)
    for user in ("U1", "U2", "U3"):
        for card in cards[:2]:
            assert_acked(fake_slack.press(button(card, "👍"), message_ts=card["ts"], user=user))
    fake_slack.wait_until(lambda: len(store.votes.lessons("slack:T1", "matters")) == 6)
    second = morning(store, fake_slack, 2)
    said = draw_slack(second[0])
    assert "is here by your votes: 3 of you liked papers like “On " in said
    assert "6 votes of 3 people: 6 👍, 0 👎." in type_command(fake_slack, "taught matters")
    asked = fake_slack.ephemeral[-1]
    forget = button(asked, "Forget all")
    gone = private_answer(fake_slack, lambda: fake_slack.press(forget, message_ts=""))
    assert "Forgot 6 votes" in gone
    third = morning(store, fake_slack, 3)
    assert "by your votes" not in draw_slack(third[0])
    assert all(t in draw_slack(card) for t, card in zip(titles(3), third[1:], strict=True))
