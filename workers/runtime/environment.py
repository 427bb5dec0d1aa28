"""The server, workers and queues a command needs; started if necessary, stopped at its end."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from bot.commands.context import Context
from bot.domain.judge import Judge
from bot.endpoint import Endpoint
from bot.runtime.status import gather
from bot.settings import Settings
from bot.store.connection import connect, connect_for_jobs, require_usable_server
from bot.store.lookups import Lookups
from bot.store.queues import Queues
from bot.store.store import Store
from bot.store.values.quarantine import claim_server
from workers.runtime import stopping, worker
from workers.runtime.kept_pool import KeptPool
from workers.runtime.server import embedded, own

# Idle workers end at once, one with a job when that is done or given back (worker.run_pool).
_STOP_SECONDS = stopping.PATIENCE_SECONDS + 2


@dataclass(frozen=True)
class Environment:
    """The server's address, its store and its queues. `stop_workers` tells workers that were
    started with it that the end is near."""

    url: Endpoint
    store: Store
    queues: Queues
    stop_workers: Callable[[], None] = lambda: None


@contextmanager
def environment(settings: Settings, restoring: bool = False) -> Iterator[Environment]:
    """Connect to REDIS_URL's server, or else to the data directory's own.

    Raises Refused, with the reason, when the server cannot be used: also where a newer Paperboy has
    written, and where a restore is incomplete, unless this completes it (`restoring`).
    """
    if settings.redis_url is None:
        with embedded(settings.data_dir) as url:
            yield _claimed(Endpoint(url), restoring)
        return
    require_usable_server(settings.redis_url)
    yield _claimed(settings.redis_url, restoring)


def _claimed(at: Endpoint, restoring: bool) -> Environment:
    url = at.get_secret_value()
    store = Store(connect(url))
    claim_server(store.redis, restoring)
    return Environment(at, store, Queues(connect_for_jobs(url)))


def context_for(here: Environment, settings: Settings) -> Context:
    """The context of the chat commands, for a command in this environment."""
    judge = Judge(model=settings.judge_model)
    return Context(
        store=here.store,
        lookups=Lookups(here.store, here.queues.private),
        judge=judge,
        status=lambda: gather(here.queues, here.store, judge),
        window_hours=settings.window_hours,
        catch_up_days=settings.catch_up_days,
        say_quiet_days=settings.say_quiet_days,
        limits=settings.limits,
    )


@contextmanager
def with_private_workers(settings: Settings, *queues: str) -> Iterator[Environment]:
    """An environment with workers of this command's own, with its settings, while it runs: for the
    given `queues` of a command, or for all."""
    private = uuid4().hex
    with environment(settings) as here, _workers(here.url, settings.data_dir, private, queues):
        yield replace(here, queues=Queues(here.queues.redis, private))


@contextmanager
def with_shared_workers(settings: Settings) -> Iterator[Environment]:
    """An environment with workers on the installation's queues, so that the next command takes up
    what this one leaves undone."""
    with environment(settings) as here, _workers(here.url, settings.data_dir, "") as stop:
        yield replace(here, stop_workers=stop)


@contextmanager
def _workers(
    at: Endpoint, data_dir: Path, private: str, queues: Sequence[str] = ()
) -> Iterator[Callable[[], None]]:
    url = at.get_secret_value()
    own(data_dir)
    log = data_dir / "workers.log"
    log.touch()
    log.chmod(0o600)
    # spawn, because forking a process with threads is unsafe
    processes = multiprocessing.get_context("spawn")
    pool = KeptPool(
        lambda: processes.Process(
            target=worker.run_pool_detached, args=(url, private, log, queues), name="workers"
        )
    )
    try:
        yield pool.stop
    finally:
        pool.stop()
        pool.join(_STOP_SECONDS)
        if private:
            Queues(connect_for_jobs(url), private).forget()
