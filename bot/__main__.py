"""`python -m bot`: the bot process; it serves who waits and who asks, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from typing import Any, Protocol

import redis
import redis.asyncio
import structlog
from pydantic import SecretStr
from redis import Redis

from bot import (
    clock,
    discord_answer,
    discord_app,
    discord_post,
    logs,
    settings,
    slack_post,
    status,
    words_channels,
    words_doctor,
    words_wrong,
)
from bot.chat import Bell, Chat
from bot.connecting import connect_briefly, insist
from bot.desk import Desk
from bot.discord_app import DiscordApp
from bot.domain import fingerprint
from bot.endpoint import Endpoint
from bot.errors import PaperboyError, Refused
from bot.inquirer import Inquirer
from bot.ledger import Judge
from bot.posting import Pace
from bot.settings import Settings
from bot.slack_answer import Answers
from bot.slack_app import SlackApp, listening
from bot.store import Store
from bot.store_channels import Channels
from bot.store_inquiries import Inquiries
from bot.store_subscriptions import Subscriptions
from bot.tasks import Tasks
from bot.wish import Wish

log = structlog.get_logger()


class Platform(Protocol):
    """What the clock says something by."""

    chat: Chat

    async def before(self, wish: Wish) -> None:
        """Tell who asked that the day was delivered before."""


# While something is under way, and otherwise; a wish wakes the clock at once.
_BUSY_SECONDS, _TICK_SECONDS = 0.5, 30.0
_LOGIN_SECONDS = 30.0


async def serve(url: str, config: Settings, stop: asyncio.Event) -> None:
    """Serve every platform that has a token, and tick, until `stop` is set."""
    store = Store(connect_briefly(url))
    channels, tasks = Channels(store), Tasks(Redis.from_url(url))
    judge = Judge(model=config.judge_model)
    desk = Desk(
        channels=channels,
        subscriptions=Subscriptions(store),
        inquiries=Inquiries(store),
        judge=judge,
        status=lambda: status.gather(tasks, channels, judge),
        window_hours=config.window_hours,
        catch_up_days=config.catch_up_days,
        say_quiet_days=config.say_quiet_days,
        limits=config.limits,
        admins_only=config.admins_only,
    )
    bell, inquirer = Bell(), Inquirer(desk, tasks.inquire)
    platforms: dict[str, Platform] = {}
    async with AsyncExitStack() as stack:
        pacing = await stack.enter_async_context(redis.asyncio.Redis.from_url(url))
        running = [asyncio.create_task(_ticking(desk, tasks, bell, platforms))]
        if config.slack_bot_token:
            web = slack_post.client(config.slack_bot_token, config.slack_api_url.get_secret_value())
            chat = Chat(slack_post.SlackPoster(web), store.redis, Pace(pacing))
            slack = platforms["slack"] = Answers(web, desk, chat, bell, inquirer)
            running.append(asyncio.create_task(_slack(slack, config)))
        if config.discord_token:
            where = config.discord_api_url.get_secret_value()
            posting = discord_post.poster(config.discord_token, where)
            poster = await stack.enter_async_context(posting)
            chat = Chat(poster, store.redis, Pace(pacing))
            discord = discord_answer.Answers(poster, desk, chat, bell, inquirer)
            platforms["discord"] = discord
            running.append(asyncio.create_task(_discord(discord, config.discord_token, config)))
        log.info("bot started", platforms=", ".join(platforms) or "none: no token is set")
        stopping = asyncio.create_task(stop.wait())
        try:
            await _until(stopping, running)
        finally:
            for task in (stopping, *running):
                task.cancel()
            await asyncio.gather(stopping, *running, return_exceptions=True)
    log.info("bot stopped")


async def _until(stopping: asyncio.Task[bool], running: list[asyncio.Task[None]]) -> None:
    """Wait for the stop. A task that dies of a fault of ours takes the process with it, for its
    supervisor to see: half a bot would be quiet without saying why."""
    waiting: set[asyncio.Task[Any]] = {stopping, *running}
    while stopping in waiting:
        ended, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()


async def _slack(answers: Answers, config: Settings) -> None:
    async def listen() -> None:
        async with listening(SlackApp(answers), config) as how:
            log.info("listening", how=how)
            await _back("Slack", answers.desk)
            await asyncio.Event().wait()

    await _for_ever("Slack", listen, answers.desk)


async def _discord(answers: discord_answer.Answers, token: SecretStr, config: Settings) -> None:
    async def listen() -> None:  # an app listens once
        gateway = config.discord_gateway_url.get_secret_value()
        await discord_app.listen(DiscordApp(answers), token, gateway)

    await _for_ever("Discord", listen, answers.desk)


async def _back(name: str, desk: Desk) -> None:
    """A platform let us in: whatever was said of it is over."""
    with suppress(redis.RedisError):  # it is served without, and told so by the clock
        await asyncio.to_thread(desk.subscriptions.end_outage, f"{name} login")


async def _for_ever(name: str, listen: Callable[[], Awaitable[None]], desk: Desk) -> None:
    """A platform's events; a login that fails is told and tried again, and stops nobody."""
    while True:
        try:
            await listen()
        except Refused as refused:
            log.error(f"{name} is not set up", why=str(refused))
            return
        except PaperboyError as error:
            why = str(error)
        except (redis.RedisError, OSError) as error:
            why = type(error).__name__
        log.error(f"{name} does not let us in, trying again", why=why)
        with suppress(redis.RedisError):  # its being away is told by the clock
            put = desk.subscriptions.put_outage
            await asyncio.to_thread(put, f"{name} login", why, datetime.now(UTC))
        await asyncio.sleep(_LOGIN_SECONDS)


async def _ticking(desk: Desk, tasks: Tasks, bell: Bell, platforms: Mapping[str, Platform]) -> None:
    """Redis being away is said once, and so is its return."""
    away = False
    while True:
        busy = False
        try:
            ticked = await asyncio.to_thread(clock.tick, desk, tasks, datetime.now(UTC))
            await _told(ticked, platforms)
        except redis.RedisError as error:
            if not away:
                log.error("redis is away, trying again", error=type(error).__name__)
            away = True
        else:
            if away:
                log.info("redis is back")
            away, busy = False, ticked.under_way
        await bell.heard(_BUSY_SECONDS if busy or away else _TICK_SECONDS)


async def _told(ticked: clock.Ticked, platforms: Mapping[str, Platform]) -> None:
    for wish in ticked.before:
        if answers := platforms.get(wish.address.platform):
            await answers.before(wish)
    for found, wish, why in ticked.late:
        if answers := platforms.get(wish.address.platform):
            note = words_channels.late(found, wish, why)
            name = fingerprint("late", wish.subscription, str(wish.at))
            await answers.chat.say(wish.address, note, name)
    for found, at in ticked.quiet:
        if answers := platforms.get(found.address.platform):
            name = fingerprint("quiet", found.key, str(at))
            await answers.chat.say(found.address, words_channels.quiet(), name)
    for wish in ticked.failed:
        if answers := platforms.get(wish.address.platform):
            name = fingerprint("failed", wish.model_dump_json())
            await answers.chat.say(wish.address, words_wrong.failed(), name)


def main(at: Endpoint | None = None) -> int:
    """Serve on this server, or on REDIS_URL's; returns the exit status."""
    config = settings.load()
    if at is None:
        if config.redis_url is None:
            raise Refused(
                "Set REDIS_URL, or start `paperboy bot`, which finds the embedded server."
            )
        at = config.redis_url
        insist(at)
    logs.to_stderr()
    warn(at)
    asyncio.run(_until_told(at.get_secret_value(), config))
    return 0


def warn(at: Endpoint) -> None:
    """Log what `paperboy doctor` would say against the server."""
    with connect_briefly(at.get_secret_value()) as client:
        for said in words_doctor.server_text(status.examine_server(client)).text:
            log.warning(said)


async def _until_told(url: str, config: Settings) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await serve(url, config, stop)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PaperboyError as error:
        print(f"paperboy: {error}", file=sys.stderr)
        sys.exit(2)
