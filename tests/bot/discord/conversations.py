"""People and the bot on a Discord on loopback: what they do, and what they see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from bot.commands.context import Context
from bot.discord import events
from bot.discord import poster as poster_discord
from bot.discord.answers import DiscordAnswers
from bot.discord.shards import ShardedApp
from bot.domain.digest import Outcome
from bot.domain.judge import Judge
from bot.domain.message import Message
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.subscription import Subscription
from bot.runtime.announcements import Wakeup
from bot.runtime.answers import Services
from bot.runtime.lookup_waiter import LookupWaiter
from bot.runtime.posting import ThreadPoster
from bot.runtime.status import Status
from bot.runtime.task_waiter import TaskWaiter
from bot.store.connection import connect_briefly
from bot.store.lookups import Lookups
from bot.store.outbox import Outbox
from bot.store.store import Store
from bot.views import digest as digest_views
from tests.factories import NOW, decision, digest, listing, paper_ids
from tests.servers.discord_rules import draw_discord
from tests.servers.fake_discord import Ack, FakeDiscord
from tests.servers.fake_discord_state import GUILD_ID, USER_ID
from tests.waiting import wait_until_async
from tests.workers.run_task_job import do_task

CHANNEL_ADDRESS = Address(platform="discord", workspace=GUILD_ID, channel="200000000000000001")
NEWS, FORUM = "200000000000000003", "200000000000000004"
DELIVERY_NAME = "matters-1"
TOKEN = SecretStr("token")


@dataclass
class BotSession:
    """A bot at work, and the people around it."""

    fake_discord: FakeDiscord
    answers: DiscordAnswers
    context: Context
    app: Any = None
    running: Any = None
    readies: int = 0

    async def command(self, name: str, options: Any = None, **who: Any) -> str:
        ack = await asyncio.to_thread(self.fake_discord.command, name, options, **who)
        return await self.said(ack)

    async def press(self, label: str, message: Any, **who: Any) -> Ack:
        """Press a button, in the message's menu where it has none with that label."""
        found = [p for p in buttons(message["components"]) if p["label"].startswith(label)]
        if not found and label != "⋯":
            opened = await self.press("⋯", message, **who)
            await self.said(opened)
            return await self.press(label, opened.answers[0], **who)
        button = found[0]
        return await asyncio.to_thread(
            self.fake_discord.press, button["custom_id"], message["id"], **who
        )

    async def open_new_profile(self) -> Ack:
        """The form of a new profile, empty, after the question that comes before it."""
        fake = self.fake_discord
        ack = await asyncio.to_thread(fake.command, "digest new")
        ack = await asyncio.to_thread(fake.submit, ack.data["custom_id"], {})
        assert "Say what the profile looks for." in await self.said(ack)
        return await self.press("Open the form", ack.answers[-1])

    async def said(self, ack: Ack, number: int = 1) -> str:
        """The last answer, which nobody else sees."""
        answers = await asyncio.to_thread(self.fake_discord.wait_for_answers, ack, number)
        assert all(answer["flags"] & 64 for answer in answers)
        return draw_discord(answers[-1])

    async def until(self, true: Callable[[], Any]) -> None:
        await wait_until_async(true)

    def shown(self, channel: str = CHANNEL_ADDRESS.channel) -> list[str]:
        return [draw_discord(message) for message in self.fake_discord.channels[channel].messages]


def buttons(parts: list[Any]) -> Iterator[Any]:
    for part in parts:
        if part["type"] == 2:
            yield part
        yield from buttons([*part.get("components", []), *filter(None, [part.get("accessory")])])


class Even:
    """A pace that lets everybody pass."""

    async def acquire(self, address: Address) -> None:
        """At once."""


@asynccontextmanager
async def at_work(
    fake_discord: FakeDiscord, url: str, gateway: str = "", shards: int = 1
) -> AsyncIterator[BotSession]:
    store = Store(connect_briefly(url))
    context = Context(
        store=store,
        lookups=Lookups(store),
        judge=Judge(),
        status=lambda: Status(
            at=NOW, server="", memory=0, persistent=True, judge=Judge(), queues=(), wishes=()
        ),
    )
    async with poster_discord.open_poster(TOKEN, fake_discord.api) as poster:
        waiter = LookupWaiter(context, lambda: None)
        tasks = TaskWaiter(context, lambda key, _: do_task(key, store))
        services = Services(context, Even(), Wakeup(), waiter, tasks)  # type: ignore[arg-type]
        answers = DiscordAnswers(poster, services)
        bot = BotSession(fake_discord, answers, context)

        class App(events.DiscordApp):
            async def on_ready(self) -> None:
                bot.app, bot.readies = self, bot.readies + 1

        class Sharded(ShardedApp):
            async def on_ready(self) -> None:
                await super().on_ready()
                bot.app, bot.readies = self, bot.readies + 1

        app: events.DiscordApp = App(answers, guild_ready_timeout=0.01)
        if shards != 1:
            app = Sharded(answers, guild_ready_timeout=0.01, shard_count=shards or None)
        listening = events.listen(app, TOKEN, gateway or fake_discord.gateway)
        bot.running = running = asyncio.create_task(listening)
        try:
            await bot.until(lambda: bot.app or running.done())
            if running.done():
                await running
            yield bot
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            store.redis.close()


Converse = Callable[[Callable[[BotSession], Awaitable[None]]], None]


async def post_day(bot: BotSession, number: int = 8) -> str:
    """A day in the channel, as the worker posts it; returns the head's id."""
    day = digest(*(decision(id, Outcome.PICKED) for id in paper_ids(number)))
    store = bot.context.store
    store.lists.add("b", listing(*(d.announced for d in day.decisions)), NOW)
    store.days.put_decided(DELIVERY_NAME, day)
    store.history.put_prepared(CHANNEL_ADDRESS, f"{CHANNEL_ADDRESS}:{DELIVERY_NAME}", day, NOW)
    head, *cards = digest_views.thread_posts(day, DELIVERY_NAME)
    assert isinstance(head, Message)
    outbox, turn = Outbox(store.trips, "a day"), Even().acquire
    thread = ThreadPoster(
        bot.answers.poster, outbox, CHANNEL_ADDRESS, turn, lambda: datetime.now(UTC)
    )
    message = (await thread.post(head, list(zip(paper_ids(number), cards, strict=True)))).message
    store.history.put_delivered(
        CHANNEL_ADDRESS, f"{CHANNEL_ADDRESS}:{DELIVERY_NAME}", day, NOW, message
    )
    return message


def subscription(**fields: Any) -> Subscription:
    given: dict[str, Any] = {
        "address": CHANNEL_ADDRESS,
        "profile": "matters",
        "schedule": Schedule(at=datetime(2025, 1, 1, 9).time(), tz="Europe/Berlin"),
        "by": USER_ID,
        "since": NOW,
    }
    return Subscription(**(given | fields))
