"""A search on Discord: what is found is shown to who asked, in the place of the first answer."""

from __future__ import annotations

import asyncio

from bot.domain.digest import Outcome
from tests.bot.discord.conversations import CHANNEL_ADDRESS, BotSession, Converse
from tests.factories import NOW, decision, digest
from tests.servers.discord_rules import draw_discord
from tests.servers.fake_discord import FakeDiscord


def test_papers_are_found_posted_or_not_and_only_who_asks_sees_them(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        store = bot.context.store
        found = digest(
            decision("2503.10000", Outcome.PICKED), decision("2503.20000", Outcome.BELOW_CUTOFF, 3)
        )
        for each in found.decisions:
            store.papers.put(each.paper)
        store.days.put_decided("day", found)
        name = f"{CHANNEL_ADDRESS}:day"
        store.history.put_delivered(CHANNEL_ADDRESS, name, found, NOW, "500000000000000001")
        ack = await asyncio.to_thread(
            fake_discord.command, "digest search", {"words": "the matter of papers"}
        )
        await bot.said(ack)
        await bot.until(lambda: "below the cut-off" in draw_discord(ack.answers[-1]))
        shown = draw_discord(ack.answers[-1])
        assert 'Papers about "the matter of papers"' in shown
        assert "posted, relevance 8, novelty 7" in shown
        assert "below the cut-off, relevance 3, novelty 7" in shown
        assert bot.shown() == []

    run_session(talk)
