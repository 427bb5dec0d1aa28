"""The most discussed papers of a channel, on a Discord on loopback, where a message says which one
it answers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from bot.store.outbox import Outbox
from tests.bot.discord.conversations import (
    CHANNEL_ADDRESS,
    DELIVERY_NAME,
    BotSession,
    Converse,
    post_day,
)
from tests.servers.fake_discord import FakeDiscord

OTHER, THIRD = "300000000000000002", "300000000000000003"


async def posted_now(bot: BotSession, papers: int) -> str:
    """A digest that the channel has got a moment ago; returns its thread."""
    head = await post_day(bot, papers)
    day = bot.context.store.history.digest_given_to(CHANNEL_ADDRESS, DELIVERY_NAME)
    assert day is not None
    name = f"{CHANNEL_ADDRESS}:{DELIVERY_NAME}"
    trips = bot.context.store.trips
    for slot, entry in Outbox(trips, "a day").entries().items():  # as the worker names it
        await Outbox(trips, name).put_result(slot, entry)
    bot.context.store.history.put_delivered(CHANNEL_ADDRESS, name, day, datetime.now(UTC), head)
    return head


def test_replies_to_a_card_and_to_these_are_the_papers_and_the_rest_is_the_digests(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        head = await posted_now(bot, 8)
        first, second = fake_discord.channels[head].messages[:2]
        one = fake_discord.reply("I read this", head, first["id"])
        fake_discord.reply("and?", head, one, user=OTHER)
        fake_discord.reply("this one, too", head, second["id"], user=THIRD)
        fake_discord.reply("good morning", head, user=THIRD)
        forwarded = {"type": 1, "message_id": first["id"], "channel_id": head}
        fake_discord.reply("-", head, first["id"], user=OTHER, message_reference=forwarded)
        fake_discord.reply("a bot", head, first["id"], author={"id": "9", "bot": True})
        fake_discord.reply("a hook", head, first["id"], webhook_id="9")
        fake_discord.reply("joined", head, first["id"], type=7)
        ack = await asyncio.to_thread(fake_discord.command, "digest best", {"past": 30})
        said = await bot.said(ack)
        assert "Most discussed:" in said
        assert "2 replies by 2 people · 2503.10000" in said
        assert "1 reply by one person · 2503.10001" in said
        assert "Most discussed digests:" in said
        assert "2 replies by 2 people · in its thread" in said
        assert said.index("2503.10000") < said.index("2503.10001")

    run_session(talk)


def test_a_digest_of_earlier_days_is_not_counted(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        head = await post_day(bot, 2)  # of the year before
        fake_discord.reply("words", head)
        ack = await asyncio.to_thread(fake_discord.command, "digest best", {"past": 365})
        assert "nobody voted, shared a paper or replied yet" in await bot.said(ack)

    run_session(talk)


def test_a_long_thread_is_counted_to_its_end(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        head = await posted_now(bot, 2)
        card = fake_discord.channels[head].messages[0]["id"]
        for number in range(230):
            fake_discord.reply("words", head, card, user=str(300000000000000000 + number % 7))
        ack = await asyncio.to_thread(fake_discord.command, "digest best", {"past": 30})
        assert "230 replies by 7 people" in await bot.said(ack)

    run_session(talk)
