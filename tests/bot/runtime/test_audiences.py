"""Who may read a channel is looked at again while the bot runs."""

from __future__ import annotations

import pytest

from bot.domain.readers.elsewhere import Audience
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
