"""A token that is made on a Discord server: its program reads where its person gets /digest."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from bot.commands.permissions import PersonKind
from bot.doors import reading
from bot.doors.admission import Admission, Visit
from bot.doors.questions import DigestsAsked
from bot.doors.threads import Threads
from tests.bot.discord.conversations import (
    CHANNEL_ADDRESS,
    DELIVERY_NAME,
    BotSession,
    post_day,
    subscription,
)
from tests.servers.fake_discord import FakeDiscord
from tests.servers.fake_discord_state import APP_ID, GUILD_ID

OTHER = "300000000000000019"
SECOND = "200000000000000002"
HERE = CHANNEL_ADDRESS.channel
MANAGE_SERVER = 1 << 5


@pytest.mark.parametrize(
    ("rules", "kind", "reads"),
    [
        ([], PersonKind.BARRED, False),
        ([(GUILD_ID, 1, True)], PersonKind.MEMBER, True),
        ([(GUILD_ID, 1, True), (OTHER, 2, False)], PersonKind.BARRED, False),
        ([(OTHER, 2, True), (HERE, 3, False)], PersonKind.MEMBER, False),
        ([(OTHER, 2, True), (str(int(GUILD_ID) - 1), 3, False)], PersonKind.BARRED, False),
        ([("5", 1, True)], PersonKind.BARRED, False),
    ],
)
def test_a_program_reads_the_channels_in_which_the_servers_settings_offer_its_person_digest(
    rules: list[tuple[str, int, bool]],
    kind: PersonKind,
    reads: bool,
    fake_discord: FakeDiscord,
    run_session: Any,
) -> None:
    fake_discord.bot_permissions &= ~MANAGE_SERVER  # everybody's, too

    async def talk(bot: BotSession) -> None:
        said = [{"id": id, "type": way, "permission": yes} for id, way, yes in rules]
        fake_discord.command_permissions = [{"id": APP_ID, "permissions": said}]
        found = await bot.answers.find_reader(GUILD_ID, OTHER)
        assert found is not None
        assert (found.kind, HERE in found.channels) == (kind, reads)

    run_session(talk)


def test_a_channel_that_somebody_does_not_see_is_none_of_theirs(
    fake_discord: FakeDiscord, run_session: Any
) -> None:
    fake_discord.channels[HERE].visible_to = {"1"}

    async def talk(bot: BotSession) -> None:
        found = await bot.answers.find_reader(GUILD_ID, OTHER)
        assert found is not None
        assert found.kind is PersonKind.ADMIN
        assert HERE not in found.channels
        assert SECOND in found.channels
        assert await bot.answers.find_reader("", "x") is None

    run_session(talk)


def test_a_server_that_removed_the_bot_is_told_apart_from_one_that_discord_cannot_serve(
    fake_discord: FakeDiscord, run_session: Any
) -> None:
    """Of the first a token opens nothing and nobody is told anything; of the other it is not known
    now."""

    async def talk(bot: BotSession) -> None:
        async def found() -> set[PersonKind | None]:
            ways = bot.answers.find_reader, bot.answers.find_person
            people = [await way(GUILD_ID, OTHER) for way in ways]
            return {person and person.kind for person in people}

        (guild,) = bot.app.guilds
        assert None not in await found()
        away = {"id": GUILD_ID, "unavailable": True}
        await asyncio.to_thread(fake_discord.send_event, "GUILD_DELETE", away)
        await bot.until(lambda: guild.unavailable)
        assert await found() == {None}
        await asyncio.to_thread(fake_discord.send_event, "GUILD_DELETE", {"id": GUILD_ID})
        await bot.until(lambda: not bot.app.guilds)
        assert await found() == {PersonKind.GUEST}

    run_session(talk)


def test_a_token_is_made_in_private_opens_the_servers_digests_and_ends_when_its_person_leaves(
    fake_discord: FakeDiscord, run_session: Any
) -> None:
    async def talk(bot: BotSession) -> None:
        context = bot.context
        assert "PAPERBOY_API_PORT" in await bot.command("digest token", {"do": "new"}, user=OTHER)
        object.__setattr__(context, "api_url", "https://paperboy.example.org")
        context.store.subscriptions.put(subscription())
        await post_day(bot, 1)
        shown = await bot.command("digest token", {"do": "new"}, user=OTHER)
        (token, *_) = re.findall(r"paperboy_[\w-]{43}", shown)
        assert all(token not in each for each in bot.shown())
        doors = Admission(context.store.tokens, {"discord": bot.answers}, Threads())

        async def visit() -> Visit | None:
            return await doors.visit(f"bearer {token}")

        here = await visit()
        assert here is not None
        rows = await asyncio.to_thread(reading.digests, context, here.reader, DigestsAsked())
        assert [row.day for row in rows.digests] == [DELIVERY_NAME]
        assert rows.digests[0].url.startswith(f"https://discord.com/channels/{GUILD_ID}/{HERE}/")
        fake_discord.former_members.add(OTHER)
        bot.answers.people._readers._kept.clear()  # some seconds later
        assert await visit() is None
        fake_discord.former_members.clear()
        bot.answers.people._readers._kept.clear()
        assert await visit() is not None
        assert "Ended: " in await bot.command("digest token", {"do": "end all"}, user=OTHER)
        assert await visit() is None

    run_session(talk)
