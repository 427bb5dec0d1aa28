"""Papers that are kept, on a Slack on loopback: saved, shared, claimed, exported, forgotten."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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


@pytest.fixture
def cards(running_bot: None, store: Store, fake_slack: FakeSlack) -> list[Json]:
    return deliver_day(store, fake_slack)[1:]


@pytest.fixture
def press(fake_slack: FakeSlack) -> Callable[..., str]:
    """Press a button of a message (by its label), and read what that person alone is shown."""

    def pressed(message: Json, label: str, user: str = "U1") -> str:
        found, ts = button(message, label), str(message.get("ts") or "")
        return private_answer(fake_slack, lambda: fake_slack.press(found, message_ts=ts, user=user))

    return pressed


def test_a_paper_is_saved_shared_claimed_and_forgotten(
    cards: list[Json], press: Callable[..., str], fake_slack: FakeSlack, store: Store
) -> None:
    before = list(map(draw_slack, fake_slack.visible_messages("C1")))
    assert "Saved, only for you." in press(cards[0], "Save")
    assert "Shared with this channel." in press(fake_slack.ephemeral[-1], "Share with this")
    seen = type_command(fake_slack, "saved shared", user="U2")
    assert "Saved by @U1" in seen
    said = press(fake_slack.ephemeral[-1], "I read this", "U2")
    assert "Noted: you are reading it." in said
    shared = press(fake_slack.ephemeral[-1], "Shared here", "U2")
    assert "Saved by @U1\nBeing read by @U2" in shared
    mine = type_command(fake_slack, "saved")
    assert "open · saved" in mine
    assert "shared with this channel" in mine
    asked = type_command(fake_slack, "me")
    assert "1 saved paper" in asked
    assert "Forgotten: 1 saved paper." in press(fake_slack.ephemeral[-1], "Forget all of it")
    assert "Saved by" not in type_command(fake_slack, "saved shared", user="U2")
    assert store.saved.of("slack:T1", "U1") == []
    assert list(map(draw_slack, fake_slack.visible_messages("C1"))) == before


def test_saved_papers_come_as_a_file_in_direct_messages(
    cards: list[Json], press: Callable[..., str], fake_slack: FakeSlack
) -> None:
    for card in cards:
        press(card, "Save")
    assert "2 saved papers as BibTeX, in a file." in type_command(fake_slack, "saved bibtex")
    fake_slack.wait_until(lambda: "D1" in fake_slack.channels and fake_slack.files)
    fake_slack.wait_until(lambda: fake_slack.channels["D1"].messages)
    (shown,) = fake_slack.channels["D1"].messages
    assert shown["files"] == [{"id": "F1", "title": "saved-papers.bib"}]
    assert fake_slack.files[0].decode().count("@misc{lovelace2025matter") == 2
    fake_slack.wait_until(
        lambda: "The file is in our direct messages." in draw_slack(fake_slack.ephemeral[-1])
    )


def test_a_paper_of_why_is_saved_and_one_that_was_not_posted_is_voted_up(
    cards: list[Json], press: Callable[..., str], fake_slack: FakeSlack
) -> None:
    type_command(fake_slack, "2503.20000", command="/why")
    why = fake_slack.ephemeral[-1]
    assert "Saved, only for you." in press(why, "Save")
    assert "No longer saved." in press(why, "Save")
    assert "counted, though it was not posted" in press(why, "👍")
    assert "Not posted, but voted up:" in type_command(fake_slack, "best")
    assert_acked(fake_slack.press(button(cards[0], "👍"), message_ts=cards[0]["ts"]))
    fake_slack.wait_until(lambda: "👍 1" in draw_slack(fake_slack.visible_messages("C1")[1]))
    assert "Most liked:" in type_command(fake_slack, "best 30")
