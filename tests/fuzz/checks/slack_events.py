"""Slack's events, from the signed body of a request to all that is said in return."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.commands import papers
from bot.commands.context import Answer, Context, Invocation
from bot.domain.lookup import Lookup
from bot.domain.message import GivenFile
from bot.domain.request import Address
from bot.domain.tasks.task import Task, TaskResult
from bot.errors import Refused
from bot.logs import RateLimitedLog
from bot.runtime.announcements import Wakeup
from bot.runtime.answers import Services
from bot.runtime.task_waiter import Report
from bot.slack import answers as slack_answers
from bot.slack import events_http, form_events
from bot.slack.answers import SlackAnswers
from bot.slack.events import SlackApp
from bot.slack.poster import SlackPoster
from bot.slack.workspaces import OneWorkspace, Workspace
from bot.views.making import files
from tests.factories import answer_lookup
from tests.fuzz.promises import assert_slack, document
from tests.fuzz.world import world
from tests.servers.fake_slack import SlackError, SlackState

_PAYLOADS = ("block_actions", "view_submission", "block_suggestion", "message_action", "shortcut")


def event(data: bytes) -> None:
    """Whatever Slack sends is answered over HTTP, what is said keeps its rules and mentions nobody
    else, and nothing of others is changed."""
    given = document(data)
    here = world()
    here.reset()
    slack = _slack()
    slack.web.state, slack.web.said, slack.raised = _state(), [], []
    hooked = patch.object(slack_answers, "AsyncWebhookClient", slack.web.hook)
    with hooked, patch.object(form_events, "_SETTLED_SECONDS", 0.0):
        status = slack.loop.run(_deliver(slack, *_body(given, data)))
    assert 200 <= status < 500, status
    assert not slack.raised, slack.raised[0]
    for said in slack.web.said:
        assert_slack(said, ("U1", "C1"))
    here.assert_sound()


def _body(given: dict[str, Any], data: bytes) -> tuple[str, bytes]:
    """A request's content type and body, as Slack sends that kind of event."""
    form = "application/x-www-form-urlencoded"
    if "command" in given:
        fields = {name: str(value) for name, value in given.items()}
        return form, urlencode(fields, errors="replace").encode()
    if given.get("type") in _PAYLOADS:
        return form, urlencode({"payload": json.dumps(given)}, errors="replace").encode()
    return "application/json", data


class _Slack:
    """The app in a loop of its own, on a Slack without a wire."""

    def __init__(self) -> None:
        self.loop, self.raised = asyncio.Runner(), list[BaseException]()
        self.web, here = _Web(), world()
        services = Services(here.context, Even(), Wakeup(), Waiter(here.context), Worker())  # type: ignore[arg-type]
        own = OneWorkspace(self.web, Workspace("T1", "https://t/", "UBOT"))
        answers = SlackAnswers(SlackPoster(own), services)
        answers.places.files = _files  # type: ignore[method-assign]
        self.app: AsyncApp = SlackApp(answers).app("secret")
        self.app.error(self._note)
        limited = RateLimitedLog(SimpleNamespace(warning=lambda *_, **__: None), 1, lambda: 0.0)  # type: ignore[arg-type]
        self.door = events_http._EventHandler(self.app, "secret", limited, SimpleNamespace())  # type: ignore[arg-type]

    async def _note(self, error: Exception) -> None:
        self.raised.append(error)


async def _files(team: str) -> Any:
    return Files()


@cache
def _slack() -> _Slack:
    return _Slack()


def _state() -> SlackState:
    state = SlackState()
    state.channels["C2"].members = {"U2"}
    return state


async def _deliver(slack: _Slack, kind: str, body: bytes) -> int:
    request: Any = SimpleNamespace(headers={"Content-Type": kind}, query_string="")
    answered = await slack.door._dispatch(request, body)
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(left)
        slack.raised += [task.exception() for task in left if task.exception()]  # type: ignore[misc]
    return answered.status


class _Web(AsyncWebClient):
    """Slack's client, which asks a SlackState at once."""

    def __init__(self) -> None:
        super().__init__(token="xoxb-1")
        self.state, self.said = SlackState(), list[dict[str, Any]]()

    async def api_call(self, api_method: str, **given: Any) -> AsyncSlackResponse:
        asked = given.get("json") or given.get("params") or given.get("data") or {}
        asked = {name: value for name, value in asked.items() if value is not None}
        if {"view", "blocks"} & asked.keys():
            self.said.append(asked)
        try:
            data = self.state.handle_call(api_method, asked, "xoxb-1")
        except SlackError as error:
            data = error.reply
        answer = AsyncSlackResponse(
            client=self, http_verb="POST", api_url=api_method, req_args={}, data=data,
            headers={}, status_code=200,
        )  # fmt: skip
        if not data["ok"]:
            raise SlackApiError(str(data), answer)
        return answer

    def hook(self, url: str, **_: Any) -> Any:
        """The client for a response_url."""

        async def send_dict(content: dict[str, Any]) -> None:
            self.said.append(content)

        return SimpleNamespace(send_dict=send_dict)


class Waiter:
    """Lookups are answered at once."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def wait_for(self, invocation: Invocation, lookup: Lookup) -> Answer:
        self._context.lookups.put(lookup)
        answer_lookup(self._context.lookups, lookup)
        return papers.lookup_result(invocation, self._context, lookup) or Answer()


class Files:
    """What somebody says a file is called stands in it, where it has an address; or it can't
    be read."""

    platform = "nowhere"

    async def read(self, file: GivenFile) -> str:
        if not file.url:
            raise Refused(files.gone())
        return file.name


class Worker:
    """Nothing is done for anybody."""

    async def wait_for(self, task: Task, report: Report) -> TaskResult:
        await report(1, 2)
        return TaskResult(refused="Not now.")


class Even:
    """A pace that lets everybody pass."""

    async def acquire(self, address: Address) -> None:
        """At once."""
