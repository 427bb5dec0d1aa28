"""One paper in several channels of a Discord server: which are open, and what cards say."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from discord.http import Route
from pydantic import SecretStr

from bot.discord.poster import DiscordPoster
from bot.domain.readers.elsewhere import Audience
from bot.domain.request import Address
from bot.errors import PaperboyError
from bot.settings import Settings
from bot.store.requests import DueDeliveries
from bot.store.store import Store
from tests.bot.discord.conversations import BotSession, Converse, subscription
from tests.servers.discord_rules import draw_discord
from tests.servers.fake_discord import FakeDiscord
from tests.servers.fake_discord_state import (
    ADMINISTRATOR,
    GUILD_ID,
    USER_ID,
    VIEW_CHANNEL,
    Channel,
)
from tests.workers.run_deliver_job import put_judged_day
from workers import deliver_job
from workers.runtime import delivery_run

HERE = Address(platform="discord", workspace=GUILD_ID, channel="200000000000000001")
READERS = [f"30000000000000001{n}" for n in (1, 2, 3)]
STAFF = HERE.model_copy(update={"channel": "200000000000000005"})
THERE = HERE.model_copy(update={"channel": "200000000000000002"})


def audience(fake_discord: FakeDiscord, address: Address = HERE) -> Audience:
    async def run() -> Audience:
        Route.BASE = fake_discord.api
        poster = DiscordPoster(SecretStr("token"))
        try:
            return await poster.audience(address)
        finally:
            await poster.close()

    return asyncio.run(run())


def test_a_channel_is_open_where_everyone_on_the_server_sees_it(fake_discord: FakeDiscord) -> None:
    assert audience(fake_discord) is Audience.EVERYONE
    fake_discord.channels[HERE.channel].visible_to = {USER_ID}
    assert audience(fake_discord) is Audience.MEMBERS


def test_a_server_that_shows_its_channels_by_role_has_no_open_ones(
    fake_discord: FakeDiscord,
) -> None:
    fake_discord.bot_permissions &= ~VIEW_CHANNEL
    assert audience(fake_discord) is Audience.MEMBERS
    fake_discord.bot_permissions |= ADMINISTRATOR
    assert audience(fake_discord) is Audience.EVERYONE


def test_a_forum_is_not_taken_for_open(
    fake_discord: FakeDiscord,
) -> None:
    forum = HERE.model_copy(update={"channel": "200000000000000004"})
    assert audience(fake_discord, forum) is Audience.MEMBERS


def test_a_channel_of_another_server_is_not_taken_for_open(
    fake_discord: FakeDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "100000000000000009"
    everyone = {"id": other, "permissions": str(VIEW_CHANNEL)}
    monkeypatch.setattr(fake_discord, "_guild", lambda: {"id": other, "roles": [everyone]})
    elsewhere = HERE.model_copy(update={"workspace": other})
    assert audience(fake_discord, elsewhere) is Audience.MEMBERS


@pytest.mark.parametrize("channel", [{}, {"guild_id": GUILD_ID, "type": 0}, [], None])
def test_a_channel_that_is_not_described_is_not_open(
    channel: Any, fake_discord: FakeDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_discord, "_described", lambda where: channel)
    with suppress(PaperboyError):  # nobody can say
        assert audience(fake_discord) is Audience.MEMBERS


@pytest.mark.parametrize("is_server", [True, False])
def test_what_everyone_sees_no_longer_is_known_as_soon_as_discord_says_so(
    is_server: bool, fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        cards, channel = bot.context.store.cards, fake_discord.channels[HERE.channel]
        cards.put_audience(HERE, Audience.EVERYONE)
        cards.put_audience(THERE, Audience.EVERYONE)
        if is_server:
            fake_discord.bot_permissions &= ~VIEW_CHANNEL
            (everyone,) = fake_discord._guild()["roles"]
            event, said = "GUILD_ROLE_UPDATE", {"guild_id": GUILD_ID, "role": everyone}
        else:
            channel.visible_to = {USER_ID}
            event, said = "CHANNEL_UPDATE", fake_discord._described(channel)
        await asyncio.to_thread(fake_discord.send_event, event, said)
        other = Audience.MEMBERS if is_server else Audience.EVERYONE
        known = {HERE: Audience.MEMBERS, THERE: other}
        await bot.until(lambda: cards.every_audience("discord", HERE.workspace) == known)

    run_session(talk)


def deliver(fake_discord: FakeDiscord, store: Store, address: Address) -> None:
    (request,) = put_judged_day(store, "C1")
    DueDeliveries(store.redis, "discord").put([request.model_copy(update={"address": address})])
    settings = Settings(DISCORD_TOKEN="token", DISCORD_API_URL=fake_discord.api)
    deliver_job.deliver("discord", store, settings, lambda: datetime.now(UTC))


@pytest.mark.parametrize("is_open", [True, False])
def test_a_card_names_an_open_channel_by_its_id_and_links_the_card_there(
    is_open: bool,
    fake_discord: FakeDiscord,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_run, "_LINGER_SECONDS", 0.05)
    fake_discord.channels[HERE.channel].visible_to = None if is_open else {USER_ID}
    deliver(fake_discord, store, HERE)
    deliver(fake_discord, store, THERE)
    head, first, *_ = fake_discord.visible_messages(HERE.channel)
    _, *cards = fake_discord.visible_messages(THERE.channel)
    assert len(cards) == 6
    link = f"https://discord.com/channels/{GUILD_ID}/{head['id']}/{first['id']}"
    row = f"-# Also in <#{HERE.channel}>, [discussed there]({link})"
    assert (row in cards[0]["content"]) == is_open
    assert sum("Also in" in card["content"] for card in cards) == (6 if is_open else 0)
    assert HERE.channel not in str(cards) or is_open


def test_a_thread_that_was_deleted_is_not_pointed_to(
    fake_discord: FakeDiscord, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_run, "_LINGER_SECONDS", 0.05)
    deliver(fake_discord, store, HERE)
    head, *_ = fake_discord.visible_messages(HERE.channel)
    fake_discord.delete_message(HERE.channel, head["id"])
    deliver(fake_discord, store, THERE)
    _, *cards = fake_discord.visible_messages(THERE.channel)
    assert len(cards) == 6
    assert "Also in" not in str(cards)


def test_votes_of_open_channels_add_up_and_a_channel_can_stand_apart(
    fake_discord: FakeDiscord,
    run_session: Converse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three channels have the same papers, one of them for its members alone."""
    fake_discord.channels[STAFF.channel] = Channel(STAFF.channel, visible_to={USER_ID})

    async def talk(bot: BotSession) -> None:
        async def vote(address: Address, user: str) -> str:
            """Press 👍 on the first card; returns the card as it is then."""
            head = fake_discord.channels[address.channel].messages[0]["id"]
            (card, *_) = fake_discord.channels[head].messages
            before = draw_discord(card)
            await bot.press("👍", card, channel=head, user=user)
            await bot.until(lambda: bot.shown(head)[0] != before)
            return bot.shown(head)[0]

        for address in (HERE, THERE, STAFF):
            bot.context.store.subscriptions.put(subscription(address=address))
            await asyncio.to_thread(deliver, fake_discord, bot.context.store, address)
        assert "[👍 1]" in await vote(HERE, READERS[0])
        card = await vote(THERE, READERS[1])
        assert f"Also in <#{HERE.channel}>" in card
        assert "[👍 2]" in card
        assert "[👍 3]" in await vote(STAFF, USER_ID)
        assert "[👍 3]" in await vote(HERE, READERS[2])  # not the one of the staff
        listed = await asyncio.to_thread(fake_discord.command, "digest list", channel=THERE.channel)
        assert "Stand apart" in await bot.said(listed)
        await bot.press("Stand apart", listed.answers[-1], channel=THERE.channel)
        await bot.until(lambda: "apart" in bot.shown(THERE.channel)[-1])
        card = await vote(THERE, READERS[2])
        assert "Also in" not in card
        assert "[👍 2]" in card  # those that were cast here

    run_session(talk)
