"""Many Discord servers from one token, over one connection or several; each sees its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.commands import dispatch
from bot.discord import render
from bot.domain.message import Button
from bot.store.store import Store
from tests.bot.discord.conversations import CHANNEL_ADDRESS, BotSession, at_work
from tests.factories import profile
from tests.servers.fake_discord import FakeDiscord
from tests.servers.fake_discord_state import ALL_PERMISSIONS, GUILD_ID, USER_ID, Channel

# Of the next connection, where there are several.
OTHER, THERE = str(int(GUILD_ID) + (1 << 22)), "200000000000000091"


def join_other(fake_discord: FakeDiscord) -> None:
    """Another server invites the bot."""
    guild = fake_discord._guild()
    channel = {**guild["channels"][0], "id": THERE, "guild_id": OTHER}
    fake_discord.channels[THERE] = Channel(THERE, guild=OTHER)
    roles = [{**guild["roles"][0], "id": OTHER}]
    about = {"id": OTHER, "channels": [channel], "roles": roles}
    fake_discord.send_event("GUILD_CREATE", guild | about)


def run(
    fake_discord: FakeDiscord,
    redis_url: str,
    shards: int,
    talk: Callable[[BotSession], Awaitable[None]],
) -> None:
    async def whole() -> None:
        async with at_work(fake_discord, redis_url, shards=shards) as bot:
            await asyncio.to_thread(join_other, fake_discord)
            await bot.until(lambda: bot.shown(THERE))  # it says hello
            await talk(bot)

    asyncio.run(whole())


@pytest.mark.parametrize("shards", [1, 3, 0])
def test_two_servers_are_served_from_one_token_and_each_sees_its_own(
    fake_discord: FakeDiscord, store: Store, redis_url: str, shards: int
) -> None:
    store.profiles.put_shared(profile())

    async def talk(bot: BotSession) -> None:
        assert fake_discord.connected_sessions == (shards or 1)
        await bot.command("digest subscribe", {"profile": "matters"})
        assert "Matters of importance" in await bot.command("digest list")
        assert "No subscriptions here" in await bot.command("digest list", channel=THERE)
        saved = [each.address.workspace for each in store.subscriptions.all()]
        assert saved == [GUILD_ID]
        direct = await bot.command("digest help", channel=CHANNEL_ADDRESS.channel)
        assert "/digest" in direct

    run(fake_discord, redis_url, shards, talk)


def test_a_button_of_one_server_pressed_in_another_changes_nothing_there(
    fake_discord: FakeDiscord, store: Store, redis_url: str
) -> None:
    store.profiles.put_shared(profile())

    async def talk(bot: BotSession) -> None:
        await bot.command("digest subscribe", {"profile": "matters"})
        before = store.subscriptions.all()
        assert [each.address for each in before] == [CHANNEL_ADDRESS]
        message = fake_discord.channels[THERE].messages[0]
        for action, spec in dispatch.BUTTONS.items():
            if not spec.names_channel:
                continue
            for value in (f"{CHANNEL_ADDRESS.channel} matters", "matters"):
                id = render.custom_id(Button(action=action, label="Press", value=value))
                data = {"custom_id": id, "component_type": 2}
                pressed = 3, data, THERE, USER_ID, ALL_PERMISSIONS, message
                ack = await asyncio.to_thread(fake_discord._interact, *pressed)
                assert ack.type
        ours = [each for each in store.subscriptions.all() if each.address == CHANNEL_ADDRESS]
        assert ours == before

    run(fake_discord, redis_url, 1, talk)


def test_with_one_connection_lost_it_is_not_ready_until_that_is_back(
    fake_discord: FakeDiscord, store: Store, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(bot: BotSession) -> None:
        assert bot.answers.listens
        await bot.app.on_shard_disconnect(1)
        await bot.app.on_shard_disconnect(2)
        await bot.app.on_shard_resumed(1)
        assert not bot.answers.listens
        await bot.app.on_shard_ready(2)
        assert bot.answers.listens
        listened, lost = list[bool](), bot.app.on_shard_disconnect

        async def noted(shard: int) -> None:  # it is back before one could look
            await lost(shard)
            listened.append(bot.answers.listens)

        monkeypatch.setattr(bot.app, "on_shard_disconnect", noted)
        await asyncio.to_thread(fake_discord.drop_connections)
        await bot.until(lambda: len(listened) == 3 and bot.answers.listens)
        assert not any(listened)
        await bot.until(lambda: fake_discord.connected_sessions == 3)
        assert "No subscriptions here" in await bot.command("digest list", channel=THERE)

    run(fake_discord, redis_url, 3, talk)


def test_sessions_are_resumed_where_the_setting_says(
    fake_discord: FakeDiscord, store: Store, redis_url: str
) -> None:
    async def whole() -> None:
        gateway, fake_discord.gateway = fake_discord.gateway, "ws://127.0.0.1:9/"
        async with at_work(fake_discord, redis_url, gateway, shards=0) as bot:
            await asyncio.to_thread(fake_discord.drop_connections)
            assert "No subscriptions" in await bot.command("digest list")

    asyncio.run(whole())
