"""Saved papers to Zotero, from a Slack on loopback: the key in a form, sent once, forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from pydantic import SecretStr

from bot.store.store import Store
from tests.bot.slack.conversations import (
    assert_acked,
    button,
    deliver_day,
    open_form,
    private_answer,
    serving,
    submit_form,
    type_command,
    wrong,
)
from tests.factories import profile
from tests.servers.fake_slack import Ack, FakeSlack, Json
from tests.servers.fake_zotero import FakeZotero
from tests.servers.slack_rules import draw_slack
from tests.zotero_at_work import KEY, READ_ONLY, SEALING, Worker, worker_at


@pytest.fixture
def cards(redis_url: str, store: Store, fake_slack: FakeSlack) -> Iterator[list[Json]]:
    store.profiles.put_shared(profile())
    with serving(redis_url, fake_slack, secrets_key=SecretStr(SEALING)):
        fake_slack.wait_until(lambda: fake_slack.sockets)
        yield deliver_day(store, fake_slack)[1:]


def work_until(fake_slack: FakeSlack, worker: Worker, words: str, view: str = "") -> str:
    """Let the workers do what waits, until that is shown; returns all that is."""

    def shown() -> str:
        return draw_slack(fake_slack.views[view] if view else fake_slack.ephemeral[-1])

    fake_slack.wait_until(lambda: worker.do_waiting() and words in shown())
    return shown()


def mention(fake_slack: FakeSlack, text: str) -> Ack:
    return fake_slack.send_event({"type": "app_mention", "text": f"<@UBOT> {text}"})


def press(fake_slack: FakeSlack, label: str, shown: Json) -> str:
    found = button(shown, label)
    return private_answer(fake_slack, lambda: fake_slack.press(found, message_ts=""))


def test_a_key_is_given_in_a_form_papers_are_sent_once_and_all_is_forgotten(
    cards: list[Json],
    fake_slack: FakeSlack,
    fake_zotero: FakeZotero,
    store: Store,
    logged: StringIO,
) -> None:
    for card in cards:
        found = button(card, "Save")
        private_answer(fake_slack, lambda f=found, c=card: fake_slack.press(f, message_ts=c["ts"]))
    type_command(fake_slack, "saved")
    send = button(fake_slack.ephemeral[-1], "Send to Zotero")
    view = open_form(fake_slack, lambda: fake_slack.press(send, message_ts=""))
    assert "24 letters" in wrong(submit_form(fake_slack, view, key="hush"))["key"]
    with worker_at(store, fake_zotero) as worker:
        answer = submit_form(fake_slack, view, key=READ_ONLY)
        assert answer is not None
        assert answer["response_action"] == "update"
        work_until(fake_slack, worker, "may not write to your library", view)
        other = button(fake_slack.views[view], "Another key")
        assert_acked(fake_slack.press(other, view_id=view))
        fake_slack.wait_until(lambda: "API key" in draw_slack(fake_slack.views[view]))
        again = open_form(fake_slack, lambda: fake_slack.command("saved zotero"))
        submit_form(fake_slack, again, key=KEY)
        said = work_until(fake_slack, worker, "Connected to ada's Zotero library.", again)
        assert "Send to Zotero" in said
        assert KEY not in said
        send = button(fake_slack.views[again], "Send to Zotero")
        assert_acked(fake_slack.press(send, view_id=again))
        work_until(fake_slack, worker, "2 papers sent to ada's Zotero library.", again)
    assert len(fake_zotero.libraries["users/11"]) == 2
    assert "sent to ada's Zotero library already" in type_command(fake_slack, "saved zotero")
    mine = type_command(fake_slack, "me")
    assert "1 encrypted key to Zotero" in mine
    assert "2 papers sent to Zotero" in mine
    press(fake_slack, "Forget all of it", fake_slack.ephemeral[-1])
    assert store.redis.keys("pb:zotero*") == []
    redis: Any = store.redis
    kept = str([redis.dump(key) for key in redis.keys("*") if redis.type(key) == "string"])
    for secret in (KEY, READ_ONLY):
        assert secret not in logged.getvalue() + str(fake_slack.visible_messages("C1")) + kept


def test_a_key_that_is_typed_is_answered_in_private_and_repeated_nowhere(
    cards: list[Json], fake_slack: FakeSlack, store: Store, logged: StringIO
) -> None:
    before = len(fake_slack.visible_messages("C1"))
    for text in (f"saved zotero {KEY}", f"search {KEY}"):
        assert "That looks like a Zotero key" in type_command(fake_slack, text)
    mentioned = private_answer(fake_slack, lambda: mention(fake_slack, f"saved zotero {KEY}"))
    assert "revoke the key" in mentioned
    assert KEY not in str(fake_slack.ephemeral) + logged.getvalue()
    assert len(fake_slack.visible_messages("C1")) <= before + 1  # the mention itself
    assert store.redis.keys("pb:task:*") == []


def test_in_a_direct_message_a_button_opens_the_form(
    cards: list[Json], fake_slack: FakeSlack
) -> None:
    shown = type_command(fake_slack, "saved zotero off")
    assert "gave Paperboy no key" in shown
    mentioned = private_answer(fake_slack, lambda: mention(fake_slack, "saved zotero"))
    assert "Never type a key as a message." in mentioned
    give = button(fake_slack.ephemeral[-1], "Give a key")
    assert open_form(fake_slack, lambda: assert_acked(fake_slack.press(give, message_ts="")))
