"""Votes from one morning to the next, as a channel on Discord sees it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.settings import Settings
from tests.bot.discord.conversations import CHANNEL_ADDRESS, BotSession, Converse
from tests.bot.taught_mornings import put_morning, titles
from tests.servers.discord_rules import draw_discord
from tests.servers.fake_discord_state import GUILD_ID
from workers import deliver_job

READERS = [f"30000000000000000{n}" for n in (1, 2, 3)]


def morning(bot: BotSession, n: int) -> tuple[Any, list[Any]]:
    """The n-th day is judged and delivered; returns its head and the cards in its thread."""
    now, store = datetime.now(UTC), bot.context.store
    put_morning(store, CHANNEL_ADDRESS, n, now)
    settings = Settings(DISCORD_TOKEN="token", DISCORD_API_URL=bot.fake_discord.api)
    deliver_job.deliver("discord", store, settings, lambda: now)
    head = bot.fake_discord.channels[CHANNEL_ADDRESS.channel].messages[-1]
    return head, list(bot.fake_discord.channels[head["id"]].messages)


def test_votes_of_one_morning_change_the_next_until_they_are_forgotten(
    run_session: Converse, monkeypatch: pytest.MonkeyPatch
) -> None:

    async def talk(bot: BotSession) -> None:
        votes = bot.context.store.votes
        head, cards = await asyncio.to_thread(morning, bot, 1)
        assert "by your votes" not in draw_discord(head)
        for user in READERS:
            for card in cards[:2]:
                await bot.press("👍", card, channel=head["id"], user=user)
        await bot.until(lambda: len(votes.lessons(f"discord:{GUILD_ID}", "matters")) == 6)
        head, _ = await asyncio.to_thread(morning, bot, 2)
        assert "is here by your votes: 3 of you liked papers like “On " in draw_discord(head)
        options = {"profile": "matters"}
        ack = await asyncio.to_thread(bot.fake_discord.command, "digest taught", options)
        assert "6 votes of 3 people: 6 👍, 0 👎." in await bot.said(ack)
        sure = await bot.press("Forget all", ack.answers[-1])
        assert "Forget all 6 votes on papers of matters?" in await bot.said(sure)
        gone = await bot.press("Forget all", sure.answers[-1])
        assert "Forgot 6 votes" in await bot.said(gone)
        head, cards = await asyncio.to_thread(morning, bot, 3)
        assert "by your votes" not in draw_discord(head)
        shown = map(draw_discord, cards)
        assert all(title in card for title, card in zip(titles(3), shown, strict=True))

    run_session(talk)
