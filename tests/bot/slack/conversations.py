"""People and the bot on a Slack on loopback: what they do, and what they see."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from typing import Any

from pydantic import SecretStr

from bot import __main__ as process
from bot.domain.digest import ListQuery, ListResult, Outcome, Source
from bot.domain.judge import Judge
from bot.domain.request import Address, DigestRequest, digest_name
from bot.settings import Settings
from bot.store.requests import DueDeliveries
from bot.store.store import Store
from tests.factories import DAY, decision, digest, listing, paper_ids, profile
from tests.servers.fake_slack import Ack, FakeSlack, Json
from tests.servers.slack_rules import SCHEMAS, broken_rules, draw_slack, unchanged_submission
from tests.waiting import TIMEOUT_SECONDS
from workers.deliver_job import deliver

CHANNEL_ADDRESS = Address(platform="slack", workspace="T1", channel="C1")
HUSH = "hush"  # in every secret, and never in a log
SECRETS = {
    "slack_bot_token": SecretStr(f"xoxb-{HUSH}"),
    "slack_app_token": SecretStr(f"xapp-{HUSH}"),
    "openai_api_key": SecretStr(f"sk-{HUSH}"),
}


def sound(said: Json) -> None:
    """What reached Slack keeps its rules: ours, and those in its schemas where they are here."""
    if "view" in said:
        assert broken_rules(said["view"]) == []
        agreed("view", said["view"])
    elif "blocks" in said:
        assert broken_rules({"text": said["text"], "blocks": said["blocks"]}) == []
        agreed("blocks", {"blocks": said["blocks"]})


@cache
def schema(kind: str) -> Any:
    if not SCHEMAS[kind].exists():
        return None
    validator = import_module("jsonschema").Draft7Validator
    return validator(json.loads(SCHEMAS[kind].read_text(encoding="utf-8")))


def agreed(kind: str, payload: Json) -> None:
    if schema(kind):
        _agrees(kind, json.dumps(payload))


@cache
def _agrees(kind: str, payload: str) -> None:
    """Once for all that is shown alike: most of what a test takes would go into it."""
    schema(kind).validate(json.loads(payload))


@contextmanager
def serving(url: str, fake_slack: FakeSlack, **fields: Any) -> Iterator[None]:
    """The bot process's work, in a loop of its own; it ends when it is told to."""
    config = Settings.model_validate(SECRETS | {"slack_api_url": fake_slack.url} | fields)
    started: dict[str, Any] = {}
    up = threading.Event()

    async def serve() -> None:
        started["loop"], started["stop"] = asyncio.get_running_loop(), asyncio.Event()
        up.set()
        await process.serve(url, config, started["stop"])

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(asyncio.run, serve())
        assert up.wait(TIMEOUT_SECONDS)
        try:
            yield
        finally:
            started["loop"].call_soon_threadsafe(started["stop"].set)
            done.result(TIMEOUT_SECONDS)


def assert_acked(ack: Ack) -> Ack:
    assert ack.acked
    return ack


def private_answer(fake_slack: FakeSlack, act: Callable[[], Ack]) -> str:
    """Do something and read what is shown to that person alone."""
    before = len(fake_slack.ephemeral)
    assert_acked(act())
    fake_slack.wait_until(lambda: len(fake_slack.ephemeral) > before)
    return draw_slack(fake_slack.ephemeral[before])


def type_command(fake_slack: FakeSlack, text: str, **where: str) -> str:
    return private_answer(fake_slack, lambda: fake_slack.command(text, **where))


def channel_text(fake_slack: FakeSlack, messages: int, channel: str = "C1") -> str:
    """What stands in a channel, once it has so many messages; and it has no more."""
    fake_slack.wait_until(lambda: len(fake_slack.visible_messages(channel)) >= messages)
    assert len(fake_slack.visible_messages(channel)) == messages
    return "\n".join(map(draw_slack, fake_slack.visible_messages(channel)))


def button(shown: Json, label: str, nth: int = 0) -> Json:
    """A button as a person finds it, by what stands on it, also in a menu."""
    rows = [block["elements"] for block in shown["blocks"] if block["type"] == "actions"]
    found = [
        pressed
        for element in (element for row in rows for element in row)
        for pressed in _choices(element)
        if pressed.get("selected_option", pressed)["text"]["text"].startswith(label)
    ]
    return dict(found[nth])


def _choices(element: Json) -> list[Json]:
    """What pressing an element of a message can send."""
    if element["type"] != "overflow":
        return [element]
    kept = {name: element[name] for name in ("type", "action_id")}
    return [kept | {"selected_option": option} for option in element["options"]]


def open_form(fake_slack: FakeSlack, act: Callable[[], Ack]) -> str:
    """Do something that opens a form; returns the form's id."""
    before = set(fake_slack.views)
    assert_acked(act())
    fake_slack.wait_until(lambda: fake_slack.views.keys() - before)
    (id,) = fake_slack.views.keys() - before
    return id


def open_new_profile(fake_slack: FakeSlack) -> str:
    """The form of a new profile, empty, after the question that comes before it; returns its id."""
    view = open_form(fake_slack, lambda: fake_slack.command("new"))
    answer = submit_form(fake_slack, view, work="")
    assert answer is not None
    assert answer["response_action"] == "update"
    return view


def submit_form(fake_slack: FakeSlack, view: str, user: str = "U1", **changes: str) -> Json | None:
    """Send a form, some of its fields filled in otherwise; returns what Slack is answered."""
    values = filled_in(fake_slack, view, **changes)
    return assert_acked(fake_slack.submit(view, values, user=user)).payload


def filled_in(fake_slack: FakeSlack, view: str, **changes: str) -> Json:
    """A form's state, some of its fields filled in otherwise."""
    values = unchanged_submission(fake_slack.views[view])["state"]["values"]
    for name, text in changes.items():
        ((action, state),) = values[name].items()
        kinds = {
            "static_select": {"selected_option": {"value": text}},
            "external_select": {"selected_option": {"value": text}},
            "timepicker": {"selected_time": text},
            "multi_static_select": {"selected_options": [{"value": t} for t in text.split(",")]},
            "checkboxes": {"selected_options": [{"value": t} for t in text.split(",") if t]},
            "conversations_select": {"selected_conversation": text},
        }
        values[name][action] = state | kinds.get(state["type"], {"value": text})
    return dict(values)


def wrong(answer: Json | None) -> dict[str, str]:
    assert answer is not None
    assert answer["response_action"] == "errors"
    return dict(answer["errors"])


def put_day(store: Store, papers: int = 2) -> DigestRequest:
    """A day is listed and judged, now; returns the request of C1 for it."""
    now = datetime.now(UTC)
    found = [decision(id, Outcome.PICKED) for id in paper_ids(papers)]
    found.append(decision("2503.20000", Outcome.BELOW_CUTOFF, 3))
    list_result = ListResult(batch=str(DAY), date=DAY, asked_at=now, changed_at=now)
    request = DigestRequest(
        profile=store.profiles.put(profile()),
        wanted=ListQuery(source=Source.ARXIV, categories=("cs.LG",), latest=True),
        judge=Judge(model="gpt-6-luna"),
        address=CHANNEL_ADDRESS,
        since=now,
    )
    store.lists.add(list_result.batch, listing(*(d.announced for d in found)), now)
    store.lists.put_result(request.wanted, list_result)
    day = digest(*found, listed=list_result, judged_at=now)
    store.days.put_decided(digest_name(request, list_result), day)
    return request


def deliver_day(store: Store, fake_slack: FakeSlack, papers: int = 2) -> list[Json]:
    """A day is delivered to C1, now; returns the thread."""
    request = put_day(store, papers)
    config = Settings.model_validate(SECRETS | {"slack_api_url": fake_slack.url})
    DueDeliveries(store.redis, "slack").put([request])
    deliver("slack", store, config, lambda: request.since)
    assert len(fake_slack.visible_messages("C1")) == papers + 1
    return fake_slack.visible_messages("C1")
