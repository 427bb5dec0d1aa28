"""Papers that are kept, on a Discord on loopback: saved, shared, claimed, exported, forgotten."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.bot.discord.conversations import CHANNEL_ADDRESS, BotSession, Converse, post_day
from tests.servers.discord_rules import draw_discord
from tests.servers.fake_discord import FakeDiscord
from tests.servers.fake_discord_state import DIRECT, USER_ID, Channel

OTHER = "300000000000000002"


async def shown(bot: BotSession, name: str, options: Any = None, **who: Any) -> tuple[Any, str]:
    """Type a command; returns the answer that this person alone is shown, and as it looks."""
    ack = await asyncio.to_thread(bot.fake_discord.command, name, options, **who)
    said = await bot.said(ack)
    return ack.answers[-1], said


async def pressed(bot: BotSession, label: str, message: Any, **who: Any) -> tuple[Any, str]:
    ack = await bot.press(label, message, **who)
    said = await bot.said(ack)
    return ack.answers[-1], said


def test_a_paper_is_saved_shared_claimed_and_forgotten(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        head = await post_day(bot)
        before, card = bot.shown(head), fake_discord.channels[head].messages[0]
        assert "[👍]  [👎]  [Abstract]  [Save]  [⋯]" in before[0]
        saved, said = await pressed(bot, "Save", card, channel=head)
        assert "Saved, only for you." in said
        _, said = await pressed(bot, "Share with this channel", saved, channel=head)
        assert "Shared with this channel." in said
        listed, said = await shown(bot, "digest saved", {"what": "shared"}, user=OTHER)
        assert f"Saved by <@{USER_ID}>" in said
        _, said = await pressed(bot, "I read this", listed, user=OTHER)
        assert "Noted: you are reading it." in said
        _, said = await shown(bot, "digest saved", {"what": "shared"})
        assert f"Being read by <@{OTHER}>" in said
        _, said = await shown(bot, "digest best", {"past": 30})
        assert f"Saved by <@{USER_ID}>, <@{OTHER}>" in said
        mine, said = await shown(bot, "digest me")
        assert "1 saved paper" in said
        asked, said = await pressed(bot, "Forget all of it", mine)
        assert "It can't be undone" in said
        _, said = await pressed(bot, "Forget all of it", asked)
        assert "Forgotten: 1 saved paper." in said
        _, said = await shown(bot, "digest saved")
        assert "You have no saved papers here." in said
        assert bot.shown(head) == before

    run_session(talk)


def test_saved_papers_come_as_a_file_that_nobody_else_sees(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        head = await post_day(bot)
        for card in fake_discord.channels[head].messages[:2]:
            await pressed(bot, "Save", card, channel=head)
        ack = await asyncio.to_thread(fake_discord.command, "digest saved", {"what": "csl"})
        await bot.said(ack, 2)
        said, sent = ack.answers
        assert "2 saved papers as CSL-JSON" in draw_discord(said)
        (file,) = sent["attachments"]
        assert (file["filename"], file["description"]) == ("saved-papers.json", "2 papers")
        found = json.loads(bytes.fromhex(file["file"]))
        assert {each["id"] for each in found} == {"arXiv:2503.10000", "arXiv:2503.10001"}

    run_session(talk)


def test_a_mention_that_asks_for_them_is_answered_with_a_button(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        fake_discord.channels["400000000000000001"] = Channel("400000000000000001", DIRECT)
        channel = fake_discord.channels[CHANNEL_ADDRESS.channel]
        await asyncio.to_thread(fake_discord.write, f"<@{bot.app.application_id}> saved")
        await bot.until(lambda: channel.messages)
        _, said = await pressed(bot, "Saved", channel.messages[-1])
        assert "You have no saved papers here." in said

    run_session(talk)
