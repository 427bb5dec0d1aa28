"""`paperboy doctor` looks whether it may post to the operator's channel."""

from __future__ import annotations

import pytest

from bot import settings
from bot.errors import Refused
from bot.runtime.platforms import require_usable_platform
from bot.store.store import Store
from tests.servers.fake_discord import run_fake_discord
from tests.servers.fake_discord_state import GUILD_ID
from tests.servers.fake_slack import FakeSlack
from workers.cli.doctor import examine_operator


def in_slack(
    monkeypatch: pytest.MonkeyPatch, fake_slack: FakeSlack, store: Store, channel: str
) -> str | None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_API_URL", fake_slack.url)
    monkeypatch.setenv("PAPERBOY_OPERATOR_CHANNEL", channel)
    return examine_operator(settings.load(), store)


def test_a_message_is_posted_and_deleted(
    monkeypatch: pytest.MonkeyPatch, fake_slack: FakeSlack, store: Store
) -> None:
    assert in_slack(monkeypatch, fake_slack, store, "slack:T1:C2") == ""
    assert [call.method for call in fake_slack.calls][-2:] == ["chat.postMessage", "chat.delete"]
    assert fake_slack.channels["C2"].messages == []


def test_where_it_may_not_post_it_says_so(
    monkeypatch: pytest.MonkeyPatch, fake_slack: FakeSlack, store: Store
) -> None:
    fake_slack.channels["C2"].archived = True
    assert "archived" in str(in_slack(monkeypatch, fake_slack, store, "slack:T1:C2"))
    said = in_slack(monkeypatch, fake_slack, store, "slack:T9:C2")
    assert said == "PAPERBOY_OPERATOR_CHANNEL is in another workspace than SLACK_BOT_TOKEN."


def test_on_discord_too(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    with run_fake_discord() as server:
        monkeypatch.setenv("DISCORD_TOKEN", "discord-1")
        monkeypatch.setenv("DISCORD_API_URL", server.api)
        channel = next(iter(server.channels))
        monkeypatch.setenv("PAPERBOY_OPERATOR_CHANNEL", f"discord:{GUILD_ID}:{channel}")
        assert examine_operator(settings.load(), store) == ""
        assert server.channels[channel].messages == []
        server.channels[channel].permissions = 0
        assert examine_operator(settings.load(), store)


def test_without_one_nothing_is_looked_at(store: Store) -> None:
    assert examine_operator(settings.load(), store) is None


@pytest.mark.parametrize(
    "channel", ["C2", "slack:T1", "slack:T1:#ops", "irc:T1:C1", "discord:1:ops", "slack:T1:C1\n"]
)
def test_what_is_no_channel_is_refused_at_the_start(
    channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPERBOY_OPERATOR_CHANNEL", channel)
    with pytest.raises(Refused, match=r"it should be slack:TEAM:CHANNEL or discord"):
        settings.load()


def test_a_channel_of_a_chat_without_a_token_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "discord-1")
    monkeypatch.setenv("PAPERBOY_OPERATOR_CHANNEL", "slack:T1:C2")
    with pytest.raises(Refused, match="is in Slack, which has no token"):
        require_usable_platform(settings.load())
