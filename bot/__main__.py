"""`python -m bot`: the bot process, which ticks and serves the platforms until it is stopped."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from typing import Any

import redis
import structlog

from bot import faults, logs, settings
from bot.commands.context import Context
from bot.domain.judge import Judge
from bot.endpoint import Endpoint
from bot.errors import PaperboyError, Refused
from bot.network import describe_error
from bot.runtime import status
from bot.runtime.announcements import Wakeup
from bot.runtime.answers import Answers, Services
from bot.runtime.clock import run_clock
from bot.runtime.life import Life
from bot.runtime.lookup_waiter import LookupWaiter
from bot.runtime.operator import Operator
from bot.runtime.platforms import misconfigured_platforms, require_usable_platform
from bot.runtime.posting import ChannelRateLimit
from bot.runtime.standby import Turn
from bot.runtime.task_waiter import TaskWaiter
from bot.safe_text import safe
from bot.settings import Settings
from bot.store.connection import (
    connect_briefly,
    connect_for_jobs,
    require_usable_server,
)
from bot.store.lookups import Lookups
from bot.store.outbox import Turns
from bot.store.queues import Queues
from bot.store.store import Store
from bot.views.watching import doctor
from bot.watch.pages import Pages, serving

log = structlog.get_logger()

# Before a chat that did not let us in is tried again.
_LOGIN_SECONDS = 30.0
# For who was acknowledged and has no answer yet, and for connections to be closed.
_CLOSING_SECONDS = 4.0


async def serve(url: str, config: Settings, stop: asyncio.Event) -> None:
    """Tick, and serve every platform that has a token, until `stop` is set. While another bot of
    this installation does that, stand by."""
    while not stop.is_set():
        await _serve_in_turn(url, config, stop)
    log.info("bot stopped")


async def _serve_in_turn(url: str, config: Settings, stop: asyncio.Event) -> None:
    """Until `stop` is set, or another bot has taken over."""
    store = Store(connect_briefly(url))
    queues = Queues(connect_for_jobs(url))
    judge = Judge(model=config.judge_model)
    context = Context(
        store=store,
        lookups=Lookups(store),
        judge=judge,
        status=lambda: status.gather(queues, store, judge),
        window_hours=config.window_hours,
        catch_up_days=config.catch_up_days,
        say_quiet_days=config.say_quiet_days,
        limits=config.limits,
        admins_only=config.admins_only,
        sealer=config.sealer,
        api_url=config.served_url,
    )
    wakeup, platforms, turn = Wakeup(), dict[str, Answers[Any]](), Turn(store, config.chat_tokens)
    async with AsyncExitStack() as stack:
        life = Life(platforms, lambda: turn.stands_by)
        pages = Pages(store, queues, life.vitals, config.window_hours)
        await stack.enter_async_context(serving(pages, config.watch_host, config.watch_port))
        stack.push_async_callback(turn.end)
        if not await turn.come(stop):
            return
        rate_limit = ChannelRateLimit(Turns(store.trips))
        lookup_waiter = LookupWaiter(context, queues.enqueue_lookups)
        task_waiter = TaskWaiter(context, queues.enqueue_task)
        services = Services(context, rate_limit, wakeup, lookup_waiter, task_waiter)
        await _open_doors(config, services, platforms, stack)
        operator = Operator(config.operator_address, context, queues, platforms)
        ticking = run_clock(context, queues, wakeup, platforms, life.tick, operator)
        running = {"clock": asyncio.create_task(ticking)}
        unusable = misconfigured_platforms(config)
        for why in unusable.values():
            log.error("platform cannot be served", why=why)
        for platform, (name, connect) in _PLATFORMS.items():
            if platform in config.configured_platforms and platform not in unusable:
                platforms[platform], receive = await connect(config, services, stack)
                receiving = _keep_receiving(name, receive, platforms[platform])
                running[name] = asyncio.create_task(receiving)
        log.info("bot started", platforms=", ".join(platforms) or "none: no token is set")
        ends = {asyncio.create_task(stop.wait()), asyncio.create_task(turn.keep())}
        try:
            await _until(ends, running)
        finally:
            await _cancel_all({*ends, *running.values()})
            if answering := {task for chat in platforms.values() for task in chat.under_way}:
                await asyncio.wait(answering, timeout=_CLOSING_SECONDS)


async def _open_doors(
    config: Settings, services: Services, platforms: dict[str, Answers[Any]], stack: AsyncExitStack
) -> None:
    """Serve people's programs, where a port is set. Their libraries are imported only there: MCP's
    take 0.4 s and 29 MB."""
    if config.api_port == 0:
        return
    from bot.doors.admission import Admission
    from bot.doors.answers import ProgramAnswers
    from bot.doors.serving import serving as serving_programs
    from bot.doors.threads import Threads

    threads = Threads()
    stack.callback(threads.close)
    answers = ProgramAnswers(services.context, services.task_waiter, threads)
    admission = Admission(services.context.store.tokens, platforms, threads)
    where = config.api_host, config.api_port
    await stack.enter_async_context(serving_programs(answers, admission, *where))


async def _cancel_all(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel tasks until all have ended: asyncio.wait_for, which discord.py uses, loses a
    cancellation in Python 3.11 when the task it waits for fails at that moment. Each round waits
    long enough for connections to be closed."""
    while tasks:
        for task in tasks:
            task.cancel()
        ended, tasks = await asyncio.wait(tasks, timeout=_CLOSING_SECONDS)
        await asyncio.gather(*ended, return_exceptions=True)  # their errors have been logged


async def _until(ends: set[asyncio.Task[Any]], running: dict[str, asyncio.Task[None]]) -> None:
    """Wait for one of the `ends`. A platform that cannot be set up does not affect others, but ends
    the process when it is the only one; so does a clock that fails."""
    waiting: set[asyncio.Task[Any]] = {*ends, *running.values()}
    names = {task: name for name, task in running.items()}
    while ends <= waiting:
        ended, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            try:
                task.result()
            except Refused as refused:
                if not any(names.get(other, "clock") != "clock" for other in waiting):
                    raise
                log.error(f"{names[task]} is not set up", why=str(refused))


# A platform's answers, and what receives its events until it is cancelled.
Connected = tuple[Answers[Any], Callable[[], Awaitable[None]]]


# Each platform's libraries are imported where it is served: they take a quarter of a second and
# 16 MB, and most installations have one platform.
async def _slack(config: Settings, services: Services, stack: AsyncExitStack) -> Connected:
    from bot.slack.answers import SlackAnswers
    from bot.slack.listening import listen
    from bot.slack.poster import SlackPoster, workspaces

    places = workspaces(config, services.context.store)
    answers = SlackAnswers(SlackPoster(places), services)
    return answers, lambda: listen(answers, config)


async def _discord(config: Settings, services: Services, stack: AsyncExitStack) -> Connected:
    from bot.discord.answers import DiscordAnswers
    from bot.discord.events import listen
    from bot.discord.poster import open_poster
    from bot.discord.shards import make_app

    token, url = config.discord_token, config.discord_api_url.get_secret_value()
    assert token is not None, "it is configured"
    answers = DiscordAnswers(await stack.enter_async_context(open_poster(token, url)), services)
    gateway = config.discord_gateway_url.get_secret_value()
    shards = config.discord_shards  # an app listens once
    return answers, lambda: listen(make_app(answers, shards), token, gateway)


_PLATFORMS = {"slack": ("Slack", _slack), "discord": ("Discord", _discord)}


async def _keep_receiving(
    name: str, receive: Callable[[], Awaitable[None]], answers: Answers[Any]
) -> None:
    """Receive a platform's events. Whatever ends them, our own faults included, is logged and
    retried, and affects no other platform. Raises Refused when a retry cannot help."""
    while True:
        wait = _LOGIN_SECONDS
        try:
            await receive()
            why = "Its events ended."
        except PaperboyError as error:
            if isinstance(error, Refused) and error.reason is None:
                raise  # by us; a platform's refusal may be over later
            why = str(error)
            wait = max(wait, getattr(error, "retry_after", None) or 0)
        except (redis.RedisError, OSError) as error:
            why = f"{name} cannot be served: {describe_error(error)}."
        except Exception as fault:  # a library failed on what it received
            why = f"What {name} sent cannot be read ({type(fault).__name__})."
            log.error(f"{name} ends with a fault", exc_info=fault)
        answers.listens = False
        log.error(f"{name} does not let us in, trying again", why=why)
        with suppress(redis.RedisError):  # the clock logs that
            put = answers.context.store.outages.put
            await asyncio.to_thread(put, f"{name} login", why, datetime.now(UTC))
        await asyncio.sleep(wait)


def main(at: Endpoint | None = None, on_stop: Callable[[], None] = lambda: None) -> int:
    """Serve on this server, or on REDIS_URL's; returns the exit status. `on_stop` is called as soon
    as the end is asked for. Raises Refused where the settings, or the server, will not do."""
    config = settings.load()
    require_usable_platform(config)
    if at is None:
        if config.redis_url is None:
            raise Refused(
                "Set REDIS_URL, or start `paperboy bot`, which finds the embedded server."
            )
        at = config.redis_url
        require_usable_server(at)
    logs.configure()
    faults.begin(config.sentry_dsn)
    warn(at)
    asyncio.run(_serve_until_signal(at.get_secret_value(), config, on_stop))
    return 0


def warn(at: Endpoint) -> None:
    """Log the server's problems, as `paperboy doctor` shows them."""
    with connect_briefly(at.get_secret_value()) as client:
        for sentence in doctor.server_text(status.examine_server(client)).text:
            log.warning(sentence)


async def _serve_until_signal(url: str, config: Settings, on_stop: Callable[[], None]) -> None:
    stop = asyncio.Event()

    def stopped(number: int) -> None:
        if number == signal.SIGHUP:
            logs.detach_terminal()
        stop.set()
        on_stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            loop.add_signal_handler(number, stopped, number)
    try:
        await serve(url, config, stop)
    finally:  # a second signal must not end us before what a command started is stopped
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PaperboyError as error:
        print(f"paperboy: {safe(str(error))}", file=sys.stderr)
        sys.exit(2)
