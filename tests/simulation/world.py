"""A simulated installation: the real bot and the real jobs between simulated edges."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property, lru_cache
from typing import Any
from unittest import mock

import redis
import structlog
from fakeredis.commands_mixins import scripting_mixin

from bot import __main__ as bot_main
from bot.domain.papers import Profile
from bot.domain.request import Address
from bot.domain.subscription import Subscription
from bot.runtime import clock, standby, teller, tick
from bot.runtime.answers import Services
from bot.runtime.posting import Poster
from bot.settings import Settings
from bot.slack.installed import Installed
from bot.slack.poster import SlackPoster
from bot.store.store import Store
from bot.store.values import stored_forms
from bot.store.values.lease import LeaseLost
from tests.factories import save_own_profile
from tests.simulation.arxiv_edge import Arxiv
from tests.simulation.audit import Audit
from tests.simulation.chat_edge import Chat, Edge, Shown
from tests.simulation.model_edge import Model
from tests.simulation.people import People
from tests.simulation.plan import PLATFORMS, Plan
from tests.simulation.queue_edge import Lanes, SimulatedQueues
from tests.simulation.redis_edge import RedisServer
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.slack_edge import InstalledEdge, install_from_the_begin, wired
from tests.simulation.slack_wire import KEY, SlackWire
from tests.simulation.troubles import Troubles
from tests.simulation.virtual_time import simulated
from workers import deliver_job, jobs
from workers.judging import batches
from workers.judging import model as model_module
from workers.runtime import delivery_run

# Waits are longer than the real ones: nothing hangs on them, and most of a run would go there.
_TICK_SECONDS, _POLL_SECONDS = 1800.0, 3.0
_AGAIN_WHEN_AWAY = timedelta(minutes=15)
_REST_SECONDS = 2 * 3600.0
_BOT_LEASE_SECONDS = 300.0
# After the last trouble all is delivered within two days: a digest that is due every day then comes
# twice, and a model's outage is over at the next look.
CALM = timedelta(days=2)
_MANY_WORKSPACES = {
    "SLACK_CLIENT_ID": "1.1",
    "SLACK_CLIENT_SECRET": "simulated",
    "PAPERBOY_SECRETS_KEY": KEY,
}


class World:
    """One run of a plan. `story` is what happened, in words; `trace` its hash."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.scheduler = Scheduler(f"{plan.seed} scheduler", plan.begin)
        self.redis = RedisServer(self.scheduler)
        self.arxiv = Arxiv(str(plan.seed), self.scheduler, plan.mornings)
        titles = {p.title: w for w, profiles in plan.profiles.items() for p in profiles}
        self.model = Model(str(plan.seed), self.scheduler, titles)
        self.chats = {name: Chat(self.scheduler, name, self.tell) for name in PLATFORMS}
        self.wire: SlackWire | None = None  # where workspaces install it
        if plan.installed:
            self.wire = SlackWire(self.chats["slack"], self.scheduler, plan.rotates)
        for address in (*plan.channels, *([plan.operator] if plan.operator else [])):
            self.chats[address.platform].homes[address.channel] = address.workspace
        self.lanes = Lanes(
            self.scheduler, lambda error: isinstance(error, (redis.RedisError, LeaseLost))
        )
        self.bot: Process | None = None
        self.calm_from = plan.end
        self.logged: list[tuple[str, str, float]] = []  # outages that began and ended, and when
        self.faults: list[str] = []  # faults of ours that were logged
        self.story: list[str] = []
        self.audit = Audit(self)
        self.troubles, self.people = Troubles(self), People(self)
        self._hash = hashlib.sha256()
        self.scheduler.killing = self.tell

    def tell(self, what: str) -> None:
        line = f"{self.scheduler.datetime():%a %d %b %H:%M:%S} {what}"
        self.story.append(line)
        self._hash.update(f"{line}\n".encode())

    @property
    def trace(self) -> str:
        """Of everything that was told and shown so far, and of every effect's place."""
        whole = self._hash.copy()
        for chat in self.chats.values():
            for address, messages in sorted(chat.channels.items(), key=str):
                for message in messages:
                    whole.update(f"{address} {message}\n".encode())
        whole.update(f"{self.scheduler.effects} {self.scheduler.now}".encode())
        return whole.hexdigest()

    @cached_property
    def config(self) -> Settings:
        return Settings.model_validate(
            {
                "REDIS_URL": "redis://simulated",
                "OPENAI_API_KEY": "sk-simulated",
                "PAPERBOY_MODEL": Model.name,
                "PAPERBOY_CALLS_AT_ONCE": 2,
                "PAPERBOY_DAY_TOKENS": self.plan.day_tokens,
                "PAPERBOY_MEANING": False,  # a vector takes 50 ms, as much as a simulated day
                "PAPERBOY_WATCH_PORT": 0,
                "PAPERBOY_CATCH_UP_DAYS": self.plan.catch_up_days,
                "SLACK_APP_TOKEN": "xapp-simulated",
                **(_MANY_WORKSPACES if self.wire else {"SLACK_BOT_TOKEN": "xoxb-simulated"}),
                "DISCORD_TOKEN": "simulated",
                "PAPERBOY_OPERATOR_CHANNEL": self.plan.operator and str(self.plan.operator),
            }
        )

    def profile(self, address: Address, name: str) -> Profile:
        return next(p for p in self.plan.profiles[address.workspace_key] if p.name == name)

    def message(self, address: Address, message: str) -> Shown | None:
        """By its id."""
        messages = self.chats[address.platform].channels[address]
        return next((each for each in messages if each.id == message), None)

    def posted_at(self, address: Address, message: str) -> datetime | None:
        """When a message was posted, while the wall clock was right."""
        found = self.message(address, message)
        return found and datetime.fromtimestamp(found.at, UTC)

    def store(self) -> Store:
        return Store(self.redis.client())

    # -- processes

    def start_bot(self, after: float = 0.0) -> None:
        def serve() -> None:
            asyncio.run(bot_main.serve("redis://simulated", self.config, asyncio.Event()))

        self.bot = Process("bot", serve)
        self.bot.on_death = lambda: self.start_bot(self.scheduler.random.uniform(1.0, 60.0))
        self.scheduler.spawn(self.bot, after)

    def stop(self) -> None:
        """As when the machine goes down."""
        if self.bot:
            self.bot.alive, self.bot.killed_at = False, self.scheduler.now
        self.lanes.kill_all()

    def start(self) -> None:
        self.lanes.start()
        self.start_bot()

    # -- the run

    def run(self) -> None:
        """Let the plan happen, and then nothing bad for CALM. Raises what a process ended with."""
        with self.running():
            self.troubles.start()
            self.people.start()
            self.advance((self.plan.end - self.plan.begin).total_seconds())
            self.calm_down()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everything runs, in its own time; at the end everybody is killed."""
        with self._edges(), simulated(self.scheduler):
            self._settle_in()
            self.start()
            self.audit.start()
            try:
                yield
            finally:
                self.audit.end()
                self.scheduler.end()

    def advance(self, seconds: float) -> None:
        """Let so much time pass. Raises what a process ended with."""
        self.scheduler.run(self.scheduler.now + seconds)

    def calm_down(self) -> None:
        """All troubles end; for CALM there are none."""
        self.troubles.end()
        self.people.end()
        self.calm_from = self.scheduler.datetime()
        self.advance(CALM.total_seconds())

    def _settle_in(self) -> None:
        """The profiles and subscriptions that are there from the begin."""
        store = self.store()
        self.people.join()
        for team in self.plan.installing if self.wire else ():
            install_from_the_begin(store, self.config, self.wire, team, self.plan.begin)
        for address in self.plan.channels:
            for profile in self.plan.profiles[address.workspace_key]:
                save_own_profile(store, address, profile)
        for row in self.plan.subscribed:
            store.subscriptions.put(
                Subscription(
                    address=self.plan.channels[row.channel],
                    profile=row.profile,
                    schedule=row.schedule,
                    top=row.top,
                    by="U1",
                    since=self.plan.begin,
                )
            )

    def _log(self, logger: object, level: str, event: dict[str, Any]) -> dict[str, Any]:
        fault = event.get("exc_info")
        fault = sys.exc_info()[1] if fault is True else fault
        if isinstance(fault, Exception) and not self.lanes.is_expected(fault):
            self.faults.append(f"{event['event']}: {type(fault).__name__}: {fault}")
        if event["event"].startswith("outage"):
            said = event["event"].split(",")[0], str(event["what"]), self.scheduler.now
            # Of two that see it in the same microsecond each is the first; no real clock stands so.
            if said not in self.logged[-1:]:
                self.logged.append(said)
        raise structlog.DropEvent

    @contextmanager
    def _edges(self) -> Iterator[None]:
        """The simulated edges where the jobs and the bot take the real ones."""

        @asynccontextmanager
        async def poster(platform: str, settings: Settings, store: Store) -> AsyncIterator[Poster]:
            is_one = self.wire is None or platform != "slack"
            yield self.chats[platform] if is_one else SlackPoster(Installed(store, settings))

        def platform(name: str) -> Any:
            async def connect(config: Settings, services: Services, stack: AsyncExitStack) -> Any:
                given = self.chats[name], self.scheduler, services
                is_one = self.wire is None or name != "slack"
                edge = Edge(*given) if is_one else InstalledEdge(*given, config, self.wire)
                return edge, edge.receive

            return connect

        queues = lambda redis: SimulatedQueues(self.lanes)  # noqa: E731
        kept = structlog.get_config()
        structlog.configure(
            wrapper_class=structlog.make_filtering_bound_logger(20), processors=[self._log]
        )
        with ExitStack() as stack:
            stack.callback(lambda: structlog.configure(**kept))
            patch = lambda *args: stack.enter_context(mock.patch.object(*args))  # noqa: E731
            if self.wire:
                stack.enter_context(wired(self.wire))
            patch(jobs, "connect", lambda url: self.redis.client())
            patch(jobs, "_arxiv", lambda config, store: self.arxiv)
            patch(jobs.settings, "load", lambda: self.config)
            # A day has a few papers, and takes several calls.
            patch(batches, "PAPERS_PER_CALL", 2)
            patch(batches, "PAPERS_OF_SHORT_BUDGET", 1)
            patch(model_module, "open_model", lambda *args, **named: self.model)
            patch(deliver_job, "open_poster", poster)
            patch(deliver_job, "ChannelRateLimit", _NoRateLimit)
            patch(delivery_run, "_POLL_SECONDS", _POLL_SECONDS)
            patch(bot_main, "connect_briefly", lambda url: self.redis.client())
            patch(bot_main, "Queues", queues)
            patch(bot_main, "ChannelRateLimit", _NoRateLimit)
            platforms = {name: (name, platform(name)) for name in PLATFORMS}
            patch(bot_main, "_PLATFORMS", platforms)
            # There is one bot at a time, and nobody else renews a lease ten thousand times a day.
            patch(standby, "_is_dead", lambda holder: True)
            patch(standby, "_LEASE_SECONDS", _BOT_LEASE_SECONDS)
            # Values are frozen, and every tick reads the same texts again.
            patch(stored_forms, "deserialise", lru_cache(1 << 14)(stored_forms.deserialise))
            # No script of ours makes a global variable; the fake server looks at every call of one.
            patch(scripting_mixin, "_check_for_lua_globals", lambda runtime, expected: None)
            # Each new client of redis-py looks its version up in a file.
            patch(importlib.metadata, "version", cache(importlib.metadata.version))
            patch(tick, "_AGAIN_WHEN_AWAY", _AGAIN_WHEN_AWAY)
            # Few papers come in a day, and whoever is told later is looked for again and again.
            patch(teller, "MENTIONS", 1)
            patch(teller, "_REST_SECONDS", _REST_SECONDS)
            patch(clock, "_TICK_SECONDS", _TICK_SECONDS)
            patch(clock, "_BUSY_SECONDS", self.plan.busy_seconds)
            yield


class _NoRateLimit:
    """A channel's pace is tried elsewhere, with real servers; here the chats' answers take time."""

    def __init__(self, turns: object) -> None:
        return

    async def acquire(self, address: Address) -> None:
        return None
