"""`python -m bot`: the bot process; it serves who waits and who asks, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import redis
import redis.asyncio
import structlog
from pydantic import SecretStr
from redis import Redis

from bot import logs, settings
from bot.commands import status
from bot.commands.context import Desk
from bot.domain.digest import Judge
from bot.endpoint import Endpoint
from bot.errors import PaperboyError, Refused
from bot.network import reason
from bot.runtime import clock
from bot.runtime.announcements import Bell, Chat, Herald, Platform
from bot.runtime.lookup_waiter import Inquirer
from bot.runtime.platforms import insist as insist_on_chats
from bot.runtime.platforms import misfits
from bot.runtime.posting import Pace
from bot.settings import Settings
from bot.shown import safe
from bot.store.aside import claim
from bot.store.channels import Channels
from bot.store.connection import connect_briefly, insist
from bot.store.days import Store
from bot.store.lookups import Inquiries
from bot.store.queues import Tasks
from bot.store.subscriptions import Subscriptions
from bot.views import doctor

# Each platform's libraries are imported where it is served: they take a quarter of a second and
# 16 MB, and most installations have one platform.
if TYPE_CHECKING:
    from bot.discord.answers import Answers as DiscordAnswers
    from bot.slack.answers import Answers as SlackAnswers

log = structlog.get_logger()


# While something is under way, and otherwise; a wish wakes the clock at once.
_BUSY_SECONDS, _TICK_SECONDS = 0.5, 30.0
_LOGIN_SECONDS = 30.0
_CLOSING_SECONDS = 4.0


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
        running = {"clock": asyncio.create_task(_ticking(desk, tasks, bell, platforms))}
        wrong = misfits(config)
        for why in wrong.values():
            log.error("a chat cannot be served", why=why)
        if config.slack_bot_token and "slack" not in wrong:
            from bot.slack.answers import Answers as SlackAnswers
            from bot.slack.poster import SlackPoster, client

            web = client(config.slack_bot_token, config.slack_api_url.get_secret_value())
            chat = Chat(SlackPoster(web), store.redis, Pace(pacing))
            slack = platforms["slack"] = SlackAnswers(web, desk, chat, bell, inquirer)
            running["Slack"] = asyncio.create_task(_slack(slack, config))
        if config.discord_token and "discord" not in wrong:
            from bot.discord.answers import Answers as DiscordAnswers
            from bot.discord.poster import poster

            where = config.discord_api_url.get_secret_value()
            posts = await stack.enter_async_context(poster(config.discord_token, where))
            chat = Chat(posts, store.redis, Pace(pacing))
            discord = platforms["discord"] = DiscordAnswers(posts, desk, chat, bell, inquirer)
            running["Discord"] = asyncio.create_task(
                _discord(discord, config.discord_token, config)
            )
        log.info("bot started", platforms=", ".join(platforms) or "none: no token is set")
        stopping = asyncio.create_task(stop.wait())
        try:
            await _until(stopping, running)
        finally:
            await _ended({stopping, *running.values()})
    log.info("bot stopped")


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel them until all are over: asyncio.wait_for, which discord.py uses, loses a
    cancellation in Python 3.11 when what it waits for fails at that moment. Not so soon again that
    a connection is cut off while it is being closed."""
    while tasks:
        for task in tasks:
            task.cancel()
        over, tasks = await asyncio.wait(tasks, timeout=_CLOSING_SECONDS)
        await asyncio.gather(*over, return_exceptions=True)  # what they died of has been told


async def _until(stopping: asyncio.Task[bool], running: dict[str, asyncio.Task[None]]) -> None:
    """Wait for the stop. A chat that cannot be set up leaves the others alone, and ends the process
    when it is the only one; without its clock the process would be quiet without saying why."""
    waiting: set[asyncio.Task[Any]] = {stopping, *running.values()}
    names = {task: name for name, task in running.items()}
    while stopping in waiting:
        ended, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            try:
                task.result()
            except Refused as refused:
                if not any(names.get(other, "clock") != "clock" for other in waiting):
                    raise
                log.error(f"{names[task]} is not set up", why=str(refused))


async def _slack(answers: SlackAnswers, config: Settings) -> None:
    from bot.slack.events import SlackApp, listen

    async def heard(how: str) -> None:
        log.info("listening", how=how)
        await _back("Slack", answers.desk)

    await _for_ever("Slack", lambda: listen(SlackApp(answers), config, heard), answers.desk)


async def _discord(answers: DiscordAnswers, token: SecretStr, config: Settings) -> None:
    from bot.discord import events

    async def receive() -> None:  # an app listens once
        gateway = config.discord_gateway_url.get_secret_value()
        await events.listen(events.DiscordApp(answers), token, gateway)

    await _for_ever("Discord", receive, answers.desk)


async def _back(name: str, desk: Desk) -> None:
    """A platform let us in: whatever was said of it is over."""
    with suppress(redis.RedisError):  # it is served without, and told so by the clock
        await asyncio.to_thread(desk.subscriptions.end_outage, f"{name} login")


async def _for_ever(name: str, receive: Callable[[], Awaitable[None]], desk: Desk) -> None:
    """A platform's events. Whatever ends them, a fault of ours too, is told and tried again, and
    stops nobody else. Raises Refused for what asking again cannot mend."""
    while True:
        wait = _LOGIN_SECONDS
        try:
            await receive()
            why = "Its events ended."
        except PaperboyError as error:
            if isinstance(error, Refused) and error.trouble is None:
                raise  # not the chat's, which may think better of it

            why = str(error)
            wait = max(wait, getattr(error, "retry_after", None) or 0)
        except (redis.RedisError, OSError) as error:
            why = f"{name} cannot be served: {reason(error)}."
        except Exception as fault:  # whatever a library made of what it was sent
            why = f"What {name} sent cannot be read ({type(fault).__name__})."
            log.error(f"{name} ends with a fault", exc_info=fault)
        log.error(f"{name} does not let us in, trying again", why=why)
        with suppress(redis.RedisError):  # its being away is told by the clock
            put = desk.subscriptions.put_outage
            await asyncio.to_thread(put, f"{name} login", why, datetime.now(UTC))
        await asyncio.sleep(wait)


async def _ticking(desk: Desk, tasks: Tasks, bell: Bell, platforms: Mapping[str, Platform]) -> None:
    """Redis being away is said once, and so is its return."""
    away, herald = False, Herald(platforms)
    while True:
        busy = False
        try:
            # A newer Paperboy may have begun to write here: then this one ends, and says so.
            await asyncio.to_thread(claim, desk.channels.store.redis)
            ticked = await asyncio.to_thread(clock.tick, desk, tasks, datetime.now(UTC))
            herald.tell(ticked)
        except redis.RedisError as error:
            if not away:
                log.error("redis is away, trying again", error=type(error).__name__)
            away = True
        else:
            if away:
                log.info("redis is back")
            away, busy = False, ticked.under_way
        await bell.heard(_BUSY_SECONDS if busy or away else _TICK_SECONDS)


def main(at: Endpoint | None = None) -> int:
    """Serve on this server, or on REDIS_URL's; returns the exit status."""
    config = settings.load()
    insist_on_chats(config)
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
        for said in doctor.server_text(status.examine_server(client)).text:
            log.warning(said)


async def _until_told(url: str, config: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            loop.add_signal_handler(number, _stopped, number, stop)
    try:
        await serve(url, config, stop)
    finally:  # who stops us may say so twice, and what a command started has still to be stopped
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


def _stopped(number: int, stop: asyncio.Event) -> None:
    if number == signal.SIGHUP:
        logs.let_go()
    stop.set()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PaperboyError as error:
        print(f"paperboy: {safe(str(error))}", file=sys.stderr)
        sys.exit(2)
