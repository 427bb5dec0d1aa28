"""Who may read a channel is looked at again while the bot runs."""

from __future__ import annotations

import pytest

from bot.domain.readers.elsewhere import Audience
from bot.domain.request import Address
from bot.store.store import Store
from tests.bot.slack.conversations import CHANNEL_ADDRESS, serving
from tests.servers.fake_slack import run_fake_slack
from tests.waiting import wait_until


@pytest.mark.parametrize("is_private", [True, False])
def test_a_channel_that_was_made_private_while_the_bot_was_down_is_not_taken_for_open(
    is_private: bool, store: Store, redis_url: str
) -> None:
    store.cards.put_audience(CHANNEL_ADDRESS, Audience.EVERYONE)
    with run_fake_slack() as fake_slack:
        fake_slack.channels[CHANNEL_ADDRESS.channel].private = is_private
        with serving(redis_url, fake_slack):
            wait_until(lambda: [c for c in fake_slack.calls if c.method == "conversations.info"])
            now = Audience.MEMBERS if is_private else Audience.EVERYONE
            every = store.cards.every_audience
            wait_until(lambda: every("slack", None) == {CHANNEL_ADDRESS: now})


def test_channels_that_an_older_release_asked_about_are_asked_about_again(store: Store) -> None:
    older = Address(platform="slack", workspace="T9", channel="C9")
    store.redis.hset(f"pb:audiences:{older.workspace_key}", older.channel, Audience.EVERYONE.value)
    store.cards.put_audience(CHANNEL_ADDRESS, Audience.EVERYONE)
    known = dict.fromkeys((CHANNEL_ADDRESS, older), Audience.EVERYONE)
    assert store.cards.every_audience("slack", None) == known
    store.cards.forget_audiences(CHANNEL_ADDRESS.workspace_key)
    assert store.cards.every_audience("slack", None) == {older: Audience.EVERYONE}
    assert store.cards.every_audience("discord", None) == {}


def test_who_asks_for_all_channels_looks_at_no_other_key(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.cards.put_audience(CHANNEL_ADDRESS, Audience.EVERYONE)
    store.cards.every_audience("slack", None)
    monkeypatch.setattr(store.redis, "scan_iter", lambda *_, **__: pytest.fail("every key"))
    assert store.cards.every_audience("slack", None) == {CHANNEL_ADDRESS: Audience.EVERYONE}
