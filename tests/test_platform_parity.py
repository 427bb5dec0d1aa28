"""Slack and Discord side by side: the same day, and nothing that one has and the other has not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import discord
import pytest
from discord.gateway import DiscordWebSocket

from bot.__main__ import serve
from bot.commands import dispatch
from bot.commands import subscriptions as subscriptions_command
from bot.commands.context import Context, Invocation
from bot.discord import forms as forms_discord
from bot.discord import render
from bot.discord.commands import commands
from bot.domain.judge import Judge
from bot.domain.message import Button, Card, Form, Message
from bot.domain.request import Address
from bot.domain.status import Status
from bot.profiles import form as form_profile
from bot.settings import Settings
from bot.slack import forms as forms_slack
from bot.slack import render as render_slack
from bot.store.lookups import Lookups
from bot.store.requests import DueDeliveries
from bot.store.store import Store
from bot.views import digest
from bot.views.keeping import zotero
from tests.factories import NOW, model_day, person_in, profile
from tests.servers.fake_discord import FakeDiscord, run_fake_discord
from tests.servers.fake_discord_state import GUILD_ID
from tests.servers.fake_slack import FakeSlack, run_fake_slack
from tests.workers.run_deliver_job import put_judged_day
from workers import deliver_job

MANIFEST = json.loads((Path(__file__).parents[1] / "manifest.json").read_text(encoding="utf-8"))
ON_SLACK = Address(platform="slack", workspace="T1", channel="C1")
ON_DISCORD = Address(platform="discord", workspace=GUILD_ID, channel="200000000000000001")


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FakeSlack, FakeDiscord]]:
    for where, name in ((discord.http.Route, "BASE"), (DiscordWebSocket, "DEFAULT_GATEWAY")):
        monkeypatch.setattr(where, name, getattr(where, name))  # so that it is put back
    with run_fake_slack() as one, run_fake_discord() as other:
        yield one, other


@pytest.fixture
def context(store: Store) -> Context:
    store.profiles.put_shared(profile())
    return Context(
        store=store,
        lookups=Lookups(store),
        judge=Judge(),
        status=lambda: Status.model_validate({}),
    )


def test_one_days_digest_is_the_same_thread_on_both(
    places: tuple[FakeSlack, FakeDiscord], store: Store
) -> None:
    fake_slack, fake_discord = places
    settings = Settings(
        SLACK_BOT_TOKEN="xoxb-1",
        SLACK_API_URL=fake_slack.url,
        DISCORD_TOKEN="token",
        DISCORD_API_URL=fake_discord.api,
    )
    (request,) = put_judged_day(store, "C1")
    for address in (ON_SLACK, ON_DISCORD):
        mine = request.model_copy(update={"address": address})
        DueDeliveries(store.redis, address.platform).put([mine])
        deliver_job.deliver(address.platform, store, settings, lambda: datetime.now(UTC))
    ours = [
        json.dumps(message, ensure_ascii=False) for message in fake_slack.visible_messages("C1")
    ]
    theirs = [
        json.dumps(message, ensure_ascii=False)
        for message in fake_discord.visible_messages(ON_DISCORD.channel)
    ]
    assert len(ours) == len(theirs) == 7
    for id, one, other in zip(range(10000, 10006), ours[1:], theirs[1:], strict=True):
        for part in (f"On the matter of 2503.{id}", "relevance 8", "Meets Matter: it proves"):
            assert part in one
            assert part in other
    for head in (ours[0], theirs[0]):
        assert "6 of 6 are for you" in head


def test_every_command_is_on_both() -> None:
    async def nothing(*_: Any) -> Any:
        """Never called."""

    async def why(asked: discord.Interaction[Any], _: discord.Message) -> None:
        """Nor is this."""

    tree = list(commands(nothing, nothing, why))
    (group,) = (c for c in tree if isinstance(c, discord.app_commands.Group))
    named = {command.name for command in (*group.commands, *tree)}
    assert set(filter(None, dispatch.COMMANDS)) <= named
    # Slack has two commands of which the first takes every word, and one entry in the menu.
    assert [c["command"] for c in MANIFEST["features"]["slash_commands"]] == ["/digest", "/why"]
    assert MANIFEST["features"]["shortcuts"][0]["name"] in named


@pytest.mark.parametrize("action", sorted(dispatch.BUTTONS))
def test_every_button_comes_back_from_both_as_what_it_was(action: str) -> None:
    button = Button(action=action, label="Press", value="C0123456789 computational-linguistics")
    head = Message(title="A head", buttons=(button,))
    (row,) = (b for b in render_slack.message(head)["blocks"] if b["type"] == "actions")
    assert render_slack.parse_pressed(row["elements"][0]) == (action, button.value)
    assert render.parse_button_id(render.custom_id(button)) == (action, button.value)


def forms(context: Context) -> dict[str, Form]:
    """Every form there is, filled as it is opened."""
    invocation = Invocation(
        "subscribe matters", ON_SLACK, NOW, "U1", "Europe/Berlin", person=person_in()
    )
    dispatch.answer(invocation, context)
    opened = subscriptions_command.form_pressed(invocation, context, "").form
    edited = dispatch.press(invocation, "edit", f"{ON_SLACK.channel} matters", context).form
    assert opened is not None
    assert edited is not None
    profiles = form_profile.build_form(profile(), "matters")
    (work,) = (dispatch.press(invocation, "new", "", context).form,)
    assert work is not None
    tried = profiles.model_copy(update={"name": "try-profile"})  # the same form, unsaved
    return {
        "subscribe": opened,
        "edit": edited,
        "profile": profiles,
        "try-profile": tried,
        "work": work,
        "zotero-access": zotero.key_form("zotero-access"),
    }


def test_every_form_is_on_both_and_says_the_same_when_it_is_sent(context: Context) -> None:
    every = forms(context)
    assert every.keys() == dispatch.FORMS.keys()
    for form in every.values():
        view = forms_slack.modal(form)
        inputs = [block for block in view["blocks"] if block["type"] == "input"]
        assert {block["block_id"] for block in inputs} == {field.name for field in form.fields}
        modal = forms_discord.modal(form)
        assert len(modal["components"]) <= 5
        assert forms_discord.parse_form_id(modal["custom_id"]) == (form.name, form.metadata)


def test_every_part_of_a_message_is_shown_on_both() -> None:
    for post in digest.thread_posts(model_day(), "day"):
        one = json.dumps(render_slack.message(post), ensure_ascii=False)
        other = json.dumps(render.message(post), ensure_ascii=False)
        if isinstance(post, Card):
            words = [str(post.relevance), post.byline, *(b.label for b in post.buttons)]
            # What Slack's menu has, Discord says when it is asked.
            menu = Message(title="Menu", buttons=post.menu)
            asked = json.dumps(render.message(menu), ensure_ascii=False)
            for word in (*(button.label for button in post.menu), post.pdf):
                assert word in one
                assert word in asked
        else:
            words = [post.title, *(str(line.rank) for line in post.lines)]
        for word in words:
            assert word in one
            assert word in other


@pytest.mark.parametrize("down", ["slack", "discord"])
def test_one_that_cannot_log_in_does_not_stop_the_other(
    down: str, places: tuple[FakeSlack, FakeDiscord], redis_url: str, store: Store
) -> None:
    fake_slack, fake_discord = places
    nowhere = "http://127.0.0.1:9/"
    settings = Settings(
        SLACK_BOT_TOKEN="xoxb-1",
        SLACK_APP_TOKEN="xapp-1",
        SLACK_API_URL=nowhere if down == "slack" else fake_slack.url,
        DISCORD_TOKEN="token",
        DISCORD_API_URL=nowhere if down == "discord" else fake_discord.api,
        DISCORD_GATEWAY_URL=fake_discord.gateway,
    )

    def told() -> bool:
        listens = fake_slack.sockets if down == "discord" else fake_discord.connected_sessions
        return bool(listens) and [o.what.lower() for o in store.outages.all()] == [f"{down} login"]

    async def run() -> None:
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(redis_url, settings, stop))
        await asyncio.to_thread(fake_slack.wait_until, told)
        stop.set()
        await serving

    asyncio.run(run())
