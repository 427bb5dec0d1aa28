"""Events that are not in Slack's form: one line in the log, and nobody handles them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog
from slack_bolt.async_app import AsyncAck, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult

from bot.slack.payloads import App

SECRET = "s3cret-words"
BY = {"user": {"id": "U1"}, "trigger_id": "1.1", "response_url": "https://hooks/1"}
COMMAND = {"command": "/digest", "text": SECRET, "channel_id": "C1", "user_id": "U1"}
ACTION = {"type": "button", "action_id": "up", "block_id": "b", "value": SECRET}
PRESSED = {"type": "block_actions", **BY, "channel": {"id": "C1"}, "actions": [ACTION]}
VIEW = {
    "type": "modal",
    "callback_id": "edit",
    "private_metadata": '["C1 mine", "C1"]',
    "state": {"values": {"top": {"top": {"type": "number_input", "value": "5"}}}},
}
SUBMITTED = {"type": "view_submission", **BY, "view": VIEW}
MESSAGE = {"ts": "17.1", "text": SECRET, "blocks": [{"type": "divider"}, {"elements": [ACTION]}]}
SHORTCUT = {"type": "message_action", "callback_id": "why_this", **BY, "channel": {"id": "C1"}}
MENTION = {"type": "app_mention", "user": "U1", "channel": "C1", "ts": "17.1", "text": SECRET}


def event(**fields: Any) -> dict[str, Any]:
    return {"type": "event_callback", "event": MENTION | fields}


GOOD = [
    *(COMMAND, COMMAND | {"text": None}, PRESSED, PRESSED | {"channel": None}, SUBMITTED),
    *(SHORTCUT | {"message": MESSAGE}, event(), event(type="message", user=None)),
]
BAD: dict[str, dict[str, Any]] = {
    "a command without a channel": {k: v for k, v in COMMAND.items() if k != "channel_id"},
    "a channel that is none": COMMAND | {"channel_id": "C1 or 1=1"},
    "a button nobody pressed": PRESSED | {"user": None},
    "a press on nothing": PRESSED | {"actions": []},
    "a button that carries a list": PRESSED | {"actions": [ACTION | {"value": [SECRET]}]},
    "a form without answers": SUBMITTED | {"view": VIEW | {"state": {"values": SECRET}}},
    "a view of no type": SUBMITTED | {"view": {k: v for k, v in VIEW.items() if k != "type"}},
    "a shortcut on nothing": SHORTCUT | {"message": None},
    "blocks that are words": SHORTCUT | {"message": MESSAGE | {"blocks": [SECRET]}},
    "an event that is a number": {"type": "event_callback", "event": 7},
    "an event in no envelope": {"type": "nothing", "event": SECRET},
    "a mention nowhere": event(channel=None),
    "a person that is an object": event(user={"id": "U1"}),
}


def answered(body: dict[str, Any]) -> tuple[int, list[Any], list[Any]]:
    """The status of the answer, what listeners got, and what is logged."""
    heard = list[Any]()

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1")

    async def hear(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        heard.append(body)

    async def dispatch() -> int:
        app = App(signing_secret="x", authorize=authorize)
        app.command("/digest")(hear)
        app.action("up")(hear)
        app.view("edit")(hear)
        app.shortcut("why_this")(hear)
        app.event("app_mention")(hear)
        app.event("message")(hear)
        answer = await app.async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode"))
        return answer.status

    with structlog.testing.capture_logs() as lines:
        status = asyncio.run(dispatch())
    return status, heard, lines


@pytest.mark.parametrize("body", GOOD, ids=lambda body: body.get("type", "command"))
def test_what_slack_sends_is_handled(body: dict[str, Any]) -> None:
    assert answered(body) == (200, [body], [])


@pytest.mark.parametrize("what", BAD)
def test_what_slack_never_sends_is_one_line_that_quotes_nothing(what: str) -> None:
    status, heard, (line,) = answered(BAD[what])
    assert (status, heard, line["event"]) == (400, [], "unreadable Slack event")
    assert SECRET not in str(line)
