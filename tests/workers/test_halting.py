"""A channel that cannot be posted to any more: first somebody is told, then it is paused."""

from __future__ import annotations

from datetime import datetime

import pytest

from bot.domain.papers import Trouble
from bot.domain.request import Address
from bot.store.channels import Channels
from bot.store.days import Store
from bot.store.subscriptions import Subscriptions
from tests.servers.slack_neighbour import Slack
from tests.workers.test_delivering import at, deliver, replies, subscribed, there, wished

__all__ = ["there"]


class Killed(BaseException):
    """kill -9, as the code under it sees it."""


def test_a_worker_killed_while_it_stops_a_channel_leaves_nobody_untold_and_tells_nobody_twice(
    there: Slack, store: Store, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wishes = wished(store, "C1")
    subscribed(store, "C1", by="U7")
    there.channels["C1"].archived = True

    def killed(self: Subscriptions, address: Address, trouble: Trouble, at: datetime) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(Subscriptions, "halt", killed)
        with pytest.raises((Killed, BaseExceptionGroup)):
            deliver(there, store, server, wishes)
    assert len(there.thread("D7")) == 1
    assert Channels(store).wishes() == wishes  # somebody goes on
    deliver(there, store, server, wishes)
    assert len(there.thread("D7")) == 1
    (found,) = Subscriptions(store).of(at("C1"))
    assert found.paused is not None
    assert Channels(store).wishes() == []


def test_who_subscribed_and_who_asked_are_each_told_once(
    there: Slack, store: Store, server: str
) -> None:
    wishes = wished(store, "C1", by="U8")
    subscribed(store, "C1", by="U8")
    there.channels["C1"].archived = True
    deliver(there, store, server, wishes)
    assert len(there.thread("D8")) == 1


def test_a_person_who_cannot_be_told_does_not_keep_the_channel_going(
    there: Slack, store: Store, server: str
) -> None:
    wishes = wished(store, "C1", "C2", by="U5")
    subscribed(store, "C1", by="U7")
    there.channels["C1"].archived = True
    there.fault("conversations.open", "user_not_found")
    deliver(there, store, server, wishes)
    (found,) = Subscriptions(store).of(at("C1"))
    assert found.paused is not None
    assert found.paused.trouble is Trouble.ARCHIVED
    assert len(there.thread("D5")) == 1
    assert replies(there, "C2") == 6
