"""Saved papers to Zotero, from a Discord on loopback: the key in a form, sent once, forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.sealing import Sealer
from bot.store.store import Store
from tests.bot.discord.conversations import CHANNEL_ADDRESS, BotSession, Converse, post_day
from tests.servers.discord_rules import draw_discord
from tests.servers.fake_discord import FakeDiscord
from tests.servers.fake_zotero import FakeZotero
from tests.zotero_at_work import KEY, READ_ONLY, SEALING, Worker, worker_at


@pytest.fixture
def worker(store: Store, fake_zotero: FakeZotero) -> Iterator[Worker]:
    with worker_at(store, fake_zotero) as it:
        yield it


def use_worker(bot: BotSession, worker: Worker) -> None:
    """Tasks of this bot are done by that worker, and keys are sealed as it opens them."""
    waiting = bot.answers.waiting._tasks
    waiting._queue = lambda key, _: worker.do_task(key)
    bot.answers.context = replace(bot.answers.context, sealer=Sealer([SEALING]))
    waiting._context = bot.answers.context


async def fill_in(bot: BotSession, custom_id: str, key: str) -> Any:
    fake = bot.fake_discord
    return await asyncio.to_thread(fake.submit, custom_id, {"key": key, "group": ""})


def last(ack: Any) -> Callable[[], str]:
    return lambda: draw_discord(ack.answers[-1]) if ack.answers else ""


def test_a_key_is_given_in_a_form_papers_are_sent_once_and_all_is_forgotten(
    fake_discord: FakeDiscord, run_session: Converse, worker: Worker, fake_zotero: FakeZotero
) -> None:
    async def talk(bot: BotSession) -> None:
        use_worker(bot, worker)
        head = await post_day(bot)
        for card in fake_discord.channels[head].messages[:2]:
            await bot.said(await bot.press("Save", card, channel=head))
        asked = await asyncio.to_thread(fake_discord.command, "digest saved", {"what": "zotero"})
        assert asked.type == 9
        form = asked.data["custom_id"]
        refused = await fill_in(bot, form, READ_ONLY)
        await bot.until(lambda: "may not write to your library" in last(refused)())
        again = await asyncio.to_thread(fake_discord.command, "digest saved", {"what": "zotero"})
        given = await fill_in(bot, again.data["custom_id"], KEY)
        await bot.until(lambda: "Connected to ada's Zotero library." in last(given)())
        sent = await bot.press("Send to Zotero", given.answers[-1])
        await bot.until(lambda: "2 papers sent to ada's Zotero library." in last(sent)())
        assert len(fake_zotero.libraries["users/11"]) == 2
        mine = await asyncio.to_thread(fake_discord.command, "digest me")
        assert "1 encrypted key to Zotero" in await bot.said(mine)
        forget = await bot.press("Forget all of it", mine.answers[-1])
        await bot.said(forget)
        await bot.said(await bot.press("Forget all of it", forget.answers[-1]))
        assert bot.context.store.redis.keys("pb:zotero*") == []
        assert not any(KEY in str(kept) for kept in bot.answers._forms.values())

    run_session(talk)


def test_a_key_in_a_mention_is_not_repeated_in_the_answer_or_its_buttons(
    fake_discord: FakeDiscord, run_session: Converse, worker: Worker
) -> None:
    async def talk(bot: BotSession) -> None:
        use_worker(bot, worker)
        channel = fake_discord.channels[CHANNEL_ADDRESS.channel]
        mention = f"<@{bot.app.application_id}> saved zotero {KEY}"
        await asyncio.to_thread(fake_discord.write, mention)
        await bot.until(lambda: any("revoke the key" in text for text in bot.shown()))
        assert KEY not in str(channel.messages[-1])

    run_session(talk)
