"""A channel that cannot be posted to any more: first somebody is told, then it is paused."""

from __future__ import annotations

from datetime import datetime

import pytest

from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.store.store import Store
from bot.store.subscriptions import Subscriptions
from tests.killed import Killed
from tests.servers.fake_slack import FakeSlack
from tests.workers.run_deliver_job import (
    put_judged_day,
    replies,
    run_deliver_job,
    slack_address,
    subscribed,
)


def test_a_worker_killed_while_pausing_a_channel_tells_everyone_concerned_once(
    fake_slack: FakeSlack, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = put_judged_day(store, "C1")
    subscribed(store, "C1", by="U7")
    fake_slack.channels["C1"].archived = True

    def killed(self: Subscriptions, address: Address, reason: ChannelReason, at: datetime) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(Subscriptions, "pause_channel", killed)
        with pytest.raises((Killed, BaseExceptionGroup)):
            run_deliver_job(fake_slack, store, requests)
    assert len(fake_slack.visible_messages("D7")) == 1
    assert store.requests.all() == requests  # somebody goes on
    run_deliver_job(fake_slack, store, requests)
    assert len(fake_slack.visible_messages("D7")) == 1
    (found,) = store.subscriptions.of(slack_address("C1"))
    assert found.paused is not None
    assert store.requests.all() == []


def test_the_subscriber_and_the_requester_are_each_told_once(
    fake_slack: FakeSlack, store: Store
) -> None:
    requests = put_judged_day(store, "C1", by="U8")
    subscribed(store, "C1", by="U8")
    fake_slack.channels["C1"].archived = True
    run_deliver_job(fake_slack, store, requests)
    assert len(fake_slack.visible_messages("D8")) == 1


def test_a_person_who_cannot_be_told_does_not_keep_the_channel_going(
    fake_slack: FakeSlack, store: Store
) -> None:
    requests = put_judged_day(store, "C1", "C2", by="U5")
    subscribed(store, "C1", by="U7")
    fake_slack.channels["C1"].archived = True
    fake_slack.inject_faults("conversations.open", "user_not_found")
    run_deliver_job(fake_slack, store, requests)
    (found,) = store.subscriptions.of(slack_address("C1"))
    assert found.paused is not None
    assert found.paused.trouble is ChannelReason.ARCHIVED
    assert len(fake_slack.visible_messages("D5")) == 1
    assert replies(fake_slack, "C2") == 6
