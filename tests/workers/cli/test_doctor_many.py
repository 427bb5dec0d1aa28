"""`paperboy doctor` where several Slack workspaces install it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from bot.slack import tokens
from bot.store.chats.installations import Installation
from bot.store.store import Store
from bot.views.watching import doctor as views
from tests.bot.slack.installers import OTHER_KEY, settings
from tests.servers.fake_slack_app import FakeSlackApp, run_fake_slack_app
from workers.cli.doctor import examine_operator, examine_slack


@pytest.fixture
def slack() -> Iterator[FakeSlackApp]:
    with run_fake_slack_app("T1", "T2") as it:
        yield it


def install(store: Store, slack: FakeSlackApp, team: str) -> None:
    sealer = settings(slack).sealer
    assert sealer
    given = tokens.Tokens(slack._issue(team)["access_token"])
    store.installations.put(
        Installation(
            team=team,
            name=f"Group {team}",
            site="",
            bot_user_id="UBOT",
            at=datetime.now(UTC),
            sealed=tokens.seal(sealer, team, given),
        )
    )


def said(store: Store, slack: FakeSlackApp, **fields: Any) -> str:
    found = examine_slack(settings(slack, **fields), store)
    assert found is not None
    shown = views.slack_text(found)
    return "\n".join([shown.title, *shown.text])


def test_workspaces_are_named_and_what_is_wrong_with_one(store: Store, slack: FakeSlackApp) -> None:
    assert "workspaces: none yet; open https://.../slack/install." in said(store, slack)
    install(store, slack, "T1")
    install(store, slack, "T2")
    well = said(store, slack)
    assert "Slack is ready." in well
    assert "workspaces: Group T1, Group T2." in well
    assert "they arrive over HTTP" in well
    slack.end_tokens("T2")
    assert "workspace Group T2: Slack says token_revoked." in said(store, slack)
    assert "workspace Group T2: Slack does not take this workspace's token" in said(store, slack)
    lost = said(store, slack, secrets_key=SecretStr(OTHER_KEY))
    assert "Something is wrong" in lost
    assert "workspace Group T1: No key in PAPERBOY_SECRETS_KEY opens a" in lost


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"secrets_key": None}, "need PAPERBOY_SECRETS_KEY"),
        ({"slack_client_secret": None}, "need both SLACK_CLIENT_ID and SLACK_CLIENT_SECRET"),
        ({"slack_client_id": None}, "need both SLACK_CLIENT_ID and SLACK_CLIENT_SECRET"),
        ({"slack_signing_secret": None}, "Set SLACK_APP_TOKEN (Socket Mode), or"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(
    store: Store, slack: FakeSlackApp, fields: dict[str, Any], words: str
) -> None:
    assert words in said(store, slack, **fields)


def test_the_operators_channel_is_tried_with_its_workspaces_token(
    store: Store, slack: FakeSlackApp
) -> None:
    install(store, slack, "T2")
    config = settings(slack, operator_channel="slack:T2:C1")
    assert examine_operator(config, store) == ""
    assert {call.method for call in slack.workspaces["T2"].calls} >= {"chat.postMessage"}
    nowhere = settings(slack, operator_channel="slack:T1:C1")
    assert "not installed" in str(examine_operator(nowhere, store))
