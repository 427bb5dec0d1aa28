"""Who waited for the workers when the bot was stopped is told once, by the next one."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.domain.tasks.task import Task
from bot.domain.tasks.trial import Trial
from bot.store.store import Store
from tests.bot.discord.conversations import BotSession, Converse
from tests.factories import profile
from tests.servers.discord_rules import draw_discord
from tests.servers.fake_discord_state import GUILD_ID, USER_ID


def test_whose_purchase_was_cut_short_on_discord_hears_that_nothing_is_paid_twice(
    store: Store, run_session: Converse
) -> None:
    trial = Trial(profile=profile(), model="gpt-6-luna", buys=True)
    workspace = f"discord:{GUILD_ID}"
    store.tasks.put(Task(trial=trial, workspace=workspace, by=USER_ID, since=datetime.now(UTC)))

    async def talk(bot: BotSession) -> None:
        await bot.answers.listening("Discord", "Discord")
        await bot.until(lambda: store.tasks.untold("discord") == [])
        (shown,) = bot.fake_discord.channels[f"4{USER_ID[1:]}"].messages
        assert "while it tried Matters of importance on the last days" in draw_discord(shown)
        assert "none is paid for twice" in draw_discord(shown)
        await bot.answers.listening("Discord", "Discord")  # connected again
        assert await bot.command("digest list")
        assert len(bot.fake_discord.channels[f"4{USER_ID[1:]}"].messages) == 1

    run_session(talk)


def test_who_was_answered_hears_nothing_more(store: Store, run_session: Converse) -> None:
    async def talk(bot: BotSession) -> None:
        await bot.command("digest search", {"words": "spring tides"})
        await bot.until(lambda: store.redis.exists(*store.redis.keys("pb:task-told:*") or ["-"]))
        assert store.tasks.untold("discord") == []

    run_session(talk)
