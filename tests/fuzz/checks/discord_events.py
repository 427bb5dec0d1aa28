"""Discord's interactions, with anything in their fields, to all that is said in return.

discord.py reads the events themselves; what it hands on is built here, as it hands it on.
"""

from __future__ import annotations

import asyncio
from functools import cache
from itertools import count
from types import SimpleNamespace
from typing import Any

import discord
from pydantic import SecretStr

from bot.discord.answers import DiscordAnswers
from bot.discord.events import DiscordApp
from bot.discord.poster import DiscordPoster
from bot.runtime.announcements import Wakeup
from bot.runtime.answers import Services
from tests.factories import person_in
from tests.fuzz.checks.slack_events import Even, Files, Waiter, Worker
from tests.fuzz.promises import assert_discord, document
from tests.fuzz.world import DISCORD, world

_IDS = count(10**17)


def event(data: bytes) -> None:
    """A command, a button, a form, a menu or a message is answered; what is said keeps Discord's
    rules and calls nobody, and nothing of others is changed."""
    given = document(data)
    here = world()
    here.reset()
    app = _discord()
    app.poster.said.clear()
    app.loop.run(_deliver(app, given))
    for said in app.poster.said:
        assert_discord(said)
    here.assert_sound()


async def _deliver(app: _Discord, given: dict[str, Any]) -> None:
    kind, raw = str(given.get("kind")), _raw(given)
    custom_id, text = str(given.get("custom_id", "")), str(given.get("text", ""))
    match kind:
        case "press":
            raw.type, raw.data = discord.InteractionType.component, {"custom_id": custom_id}
            await app.app.on_interaction(raw)
        case "form":
            answers = given.get("answers")
            fields = answers.items() if isinstance(answers, dict) else ()
            parts = [{"type": 18, "component": _part(name, value)} for name, value in fields]
            raw.type = discord.InteractionType.modal_submit
            raw.data = {"custom_id": custom_id, "components": parts, "resolved": _files(given)}
            await app.app.on_interaction(raw)
        case "menu":
            message = given.get("message")
            shown = message if isinstance(message, dict) else {}
            shown |= {"components": _components(shown.get("components"))}
            raw.data = {"target_id": "5", "resolved": {"messages": {"5": shown}}}
            await app.app.why(raw, raw.message)
        case _:
            await app.app.typed(raw, str(given.get("word", "")), text)
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.gather(*left)


def _files(given: dict[str, Any]) -> dict[str, Any]:
    """Files of a form, by their ids."""
    files = given.get("files")
    named = files if isinstance(files, dict) else {}
    return {"attachments": {id: {"filename": str(name), "url": id} for id, name in named.items()}}


def _part(name: str, value: object) -> dict[str, Any]:
    if name == "library":
        return {"type": 19, "custom_id": name, "values": [str(value)]}
    key = "values" if isinstance(value, list) else "value"
    return {"custom_id": name, key: list(map(str, value)) if key == "values" else str(value)}


def _components(given: object) -> list[dict[str, Any]]:
    """A message's buttons, by their ids, in a row."""
    ids = [str(id) for id in given] if isinstance(given, list) else []
    return [{"type": 1, "components": [{"type": 2, "custom_id": id} for id in ids]}]


def _raw(given: dict[str, Any]) -> Any:
    private = bool(given.get("private"))
    return SimpleNamespace(
        type=discord.InteractionType.application_command,
        id=next(_IDS),
        application_id=900,
        token="t",
        guild_id=None if private else int(DISCORD.workspace),
        guild=None,
        channel=SimpleNamespace(parent_id=None),
        channel_id=int(DISCORD.channel),
        user=SimpleNamespace(id=300),
        message=SimpleNamespace(id=5, components=[SimpleNamespace(id=3)]),
        client=SimpleNamespace(get_guild=lambda _: None),
        data={},
    )


class _Discord:
    """The app in a loop of its own, on a Discord without a wire."""

    def __init__(self) -> None:
        self.loop, self.poster, here = asyncio.Runner(), _Poster(), world()
        services = Services(here.context, Even(), Wakeup(), Waiter(here.context), Worker())  # type: ignore[arg-type]
        answers = DiscordAnswers(self.poster, services)
        answers.people = _People()  # type: ignore[assignment]
        answers.files = Files()  # type: ignore[assignment]
        self.app = DiscordApp(answers)


class _People:
    """Everybody is a member of the one channel."""

    async def member(self, *_: Any) -> Any:
        return person_in(DISCORD.channel)

    async def in_direct_messages(self, *_: Any) -> Any:
        return person_in(DISCORD.channel, kind="alone")


class _Poster(DiscordPoster):
    """Discord takes whatever is sent."""

    def __init__(self) -> None:
        super().__init__(SecretStr("token"))
        self.said = list[dict[str, Any]]()

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Any = None,
        file: Any = None,
        **ids: str,
    ) -> Any:
        if isinstance(body, dict):
            self.said.append(body)
        return {"id": str(next(_IDS))} if method != "GET" else []


@cache
def _discord() -> _Discord:
    return _Discord()
