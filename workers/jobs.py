"""The functions that RQ calls: plain values in; they connect the jobs to Redis, arXiv and models.

FETCH and SCORE get a plan.Step as JSON, shared by all requests that need it; so does `show`, which
is DELIVER to a terminal, or to one person. DELIVER to a chat gets the platform and reads the
requests from the store. A second argument comes only from jobs that older releases queued: a list
of requests.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import ValidationError

from bot import logs, settings
from bot.domain.request import DigestRequest
from bot.errors import Refused
from bot.planning.plan import Step
from bot.settings import Settings
from bot.store.connection import connect
from bot.store.lookups import Lookups
from bot.store.store import Store
from bot.store.values.quarantine import claim_server
from bot.store.values.stored_forms import unreadable_reason
from workers.runtime.stopping import request_stop, should_stop

if TYPE_CHECKING:
    from workers.arxiv.client import ArxivClient
    from workers.embedding.embeddings import Embeddings
    from workers.judging.model import Model


log = structlog.get_logger()

_LONG_SECONDS = 30.0

# Who waits for a draft waits three minutes (bot/runtime/task_waiter.py): there has to be time left
# to draft without the model.
_DRAFT_CALL_SECONDS = 100.0


def fetch(step: Any, legacy_requests: Any = None) -> None:
    """Store the result of the step's list query, unless fetched since the step was planned."""
    from workers.fetch_job import fetch as run

    if (asked := _step(step, legacy_requests)) is None:
        return
    config = settings.load()
    store = _store(config)
    query, known = asked.wish.wanted, asked.seen.listed
    with _logged(asked.id, asked.wish):
        found = store.lists.result(query)
        if (found and found.asked_at) != (known and known.asked_at):
            log.info("list already fetched, job skipped", step=asked.id)
            return
        run(query, store, _arxiv(config, store), _now)


def score(step: Any, legacy_requests: Any = None) -> None:
    """Store the profile's decided day."""
    from workers.judging.batches import HandedBack
    from workers.score_job import score as run

    if (asked := _step(step, legacy_requests)) is None:
        return
    config = settings.load()
    store = _store(config)

    def report(done: int, total: int) -> None:
        store.put_progress(asked.id, done, total)

    with _logged(asked.id, asked.wish), _model(config, asked.wish, store) as model:
        try:
            run(
                *(asked.wish, store, model, config.calls_at_once, _now, report, config.limits),
                _embeddings(config, store),
                config.second_look,
                should_stop,
            )
        except HandedBack:  # whoever waits for the day has it queued again
            log.info("day handed back", step=asked.id)


def show(step: Any) -> None:
    """Store a decided day's delivery to a terminal or standard output, or what one person is shown
    of it."""
    from workers.channel_votes import prepare_preview
    from workers.score_job import deliver_to_terminal

    if (asked := _step(step)) is None:
        return
    config = settings.load()
    store = _store(config)
    with _logged(asked.id, asked.wish):
        if asked.wish.preview:
            prepare_preview(asked.wish, store, _embeddings(config, store), _now)
        else:
            deliver_to_terminal(asked.wish, store, _now)


def inquire(private: str) -> None:
    """Store the answers to lookups, which jobs and keys call inquiries; `private` as in Lookups."""
    from workers.judging.model import open_model
    from workers.lookup_job import LookupJob

    config = settings.load()
    store = _store(config)
    made: dict[str, Model] = {}
    one_at_a_time = threading.Lock()

    def models(name: str) -> Model | None:
        if config.judge_model is None:
            return None
        with one_at_a_time:
            if name not in made:
                made[name] = open_model(config, name, store)
            return made[name]

    arxiv = _arxiv(config, store)
    lookups = Lookups(store, private)
    at_once, most = config.calls_at_once, config.why_calls
    LookupJob(
        *(lookups, arxiv, models, at_once, most, _now, config.limits),
        _embeddings(config, store),
    ).serve()
    for each in made.values():
        each.close()


def task(key: str) -> None:
    """Store what comes of a task that one person waits for."""
    from workers.drafting.paid_model import open_paid
    from workers.task_job import run
    from workers.zotero.errands import open_zotero

    config = settings.load()
    store = _store(config)
    with _logged(f"task {key}"), open_zotero(config) as zotero:
        run(
            *(key, store, _arxiv(config, store), _embeddings(config, store), _now),
            lambda workspace, profile: open_paid(
                config, store, _now, workspace, profile, _DRAFT_CALL_SECONDS
            ),
            config.second_look,
            config.calls_at_once,
            zotero,
        )


def learn(profile: str, model: str, night: str, owner: str = "") -> None:
    """Store what a profile's gate learned from its judged days, and where its threshold is from the
    next day on; `owner` as in gate_key, `night` an ISO date (UTC)."""
    from workers.gate.gatekeeper import Gatekeeper

    config = settings.load()
    store = _store(config)
    with _logged(f"learn {profile}"):
        keeper = Gatekeeper(store, store.profiles.get(profile), model, owner)
        keeper.learn(date.fromisoformat(night), _embeddings(config, store))


def deliver(platform: str, legacy_requests: Any = None, part: int = 0, parts: int = 1) -> None:
    """Post and store all deliveries due on a platform, or one of some `parts` of them."""
    from workers.deliver_job import deliver as post

    if legacy_requests is not None:
        log.info("queued by an older release, skipped", step=platform)
        return
    config = settings.load()
    with _logged(f"deliver-{platform}"):
        post(platform, _store(config), config, _now, should_stop, part, parts)


def _step(step: Any, before: Any = None) -> Step | None:
    """The step; None for a job of another release, older or newer, that this one can't read. Who
    waits for it has it queued anew, by a release that can."""
    why = "its requests came with it"
    if before is None:
        try:
            return Step.model_validate(step)
        except ValidationError as error:
            why = unreadable_reason(error)
    log.warning("queued by another release, skipped", why=why)
    return None


def _model(
    config: Settings, request: DigestRequest, store: Store
) -> AbstractContextManager[Model | None]:
    """The model the request names, where this worker is set up to ask one."""
    if request.judge.model is None or config.judge_model is None:
        return nullcontext()
    from workers.judging.model import open_model  # imports for most of a second

    # A schedule's day is judged hours ahead, so it can use flex; a person waits. A late day uses
    # flex, too: planning/plan.py plans a step without its time.
    ahead = bool(request.subscription) and not request.by
    return closing(open_model(config, request.judge.model, store, flex=ahead))


def _embeddings(config: Settings, store: Store) -> Embeddings | None:
    if not config.meaning:
        return None
    from workers.embedding.embeddings import Embeddings

    return Embeddings(store.vectors)


def _arxiv(config: Settings, store: Store) -> ArxivClient:
    from workers.arxiv.client import ArxivClient

    addresses = (config.arxiv_rss_url, config.arxiv_api_url, config.arxiv_oai_url)
    rss, api, oai = (address.get_secret_value() for address in addresses)
    return ArxivClient(rss, api, store.redis, oai_url=oai)


def _store(config: Settings) -> Store:
    """Raises Refused where a newer Paperboy has written. All workers of this release end then: they
    would use up the tries of a job that the newer ones can do."""
    redis = connect(_url(config))
    try:
        claim_server(redis)
    except Refused:
        request_stop()
        raise
    return Store(redis)


def _url(config: Settings) -> str:
    """The address of the worker's server, which runtime/worker.py puts into the environment."""
    if config.redis_url is None:
        raise RuntimeError("a job ran outside of a worker: REDIS_URL is not set")
    return config.redis_url.get_secret_value()


@contextmanager
def _logged(step: str, request: DigestRequest | None = None) -> Iterator[None]:
    """Log a finished job that took long, and with each line of a job what its request is about; rq
    logs a failed one, with its traceback. A line for each job would be four of five lines."""
    start = time.monotonic()
    with logs.about(**(request.log_fields if request else {})):
        yield
        if (seconds := time.monotonic() - start) >= _LONG_SECONDS:
            log.info("done", step=step, seconds=round(seconds, 1))


def _now() -> datetime:
    return datetime.now(UTC)
