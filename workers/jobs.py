"""What RQ calls: plain values in, real edges handed over.

FETCH and SCORE get a plan.Step as JSON, one for all who wish it; `show` gets one as well, and is
DELIVER to a terminal. DELIVER to a chat gets its platform: who waits there it asks the store.
A second argument is what releases before the one of issue 13 queued, a list of wishes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import redis.asyncio
import structlog

from bot import settings
from bot.domain.request import DigestRequest
from bot.planning.plan import Step
from bot.settings import Settings
from bot.store.connection import connect
from bot.store.lookups import Lookups
from bot.store.quarantine import claim_server
from bot.store.store import Store

if TYPE_CHECKING:
    from workers.arxiv.client import ArxivClient
    from workers.judging.model import Model


log = structlog.get_logger()

# redis-py's own pool raises at the 101st channel that asks at the same moment; this one waits.
_PACE_CONNECTIONS = 16


def fetch(step: Any, legacy_requests: Any = None) -> None:
    """Leave behind what came of the wished list, unless somebody has since it was looked at."""
    from workers.fetch_job import fetch as run

    if (asked := _step(step, legacy_requests)) is None:
        return
    config = settings.load()
    kept = _store(config)
    query, known = asked.wish.wanted, asked.seen.listed
    with _told(asked.id):
        found = kept.lists.result(query)
        if (found and found.asked_at) != (known and known.asked_at):
            log.info("list already fetched, job skipped", step=asked.id)
            return
        run(query, kept, _arxiv(config, kept), _now)


def score(step: Any, legacy_requests: Any = None) -> None:
    """Leave behind the profile's decided day."""
    from workers.score_job import score as run

    if (asked := _step(step, legacy_requests)) is None:
        return
    config = settings.load()
    kept = _store(config)

    def tell(done: int, total: int) -> None:
        kept.put_progress(asked.id, done, total)

    with _told(asked.id), _model(config, asked.wish, kept) as model:
        run(asked.wish, kept, model, config.calls_at_once, _now, tell, config.limits)


def show(step: Any) -> None:
    """Leave behind a decided day as a terminal or standard output gets it."""
    from workers.score_job import deliver_to_terminal as run

    asked = Step.model_validate(step)
    with _told(asked.id):
        run(asked.wish, _store(settings.load()), _now)


def inquire(private: str) -> None:
    """Leave behind what people want to know of papers; `private` as in Inquiries."""
    from workers.judging.model import open_model
    from workers.lookup_job import LookupJob

    config = settings.load()
    kept = _store(config)
    made: dict[str, Model] = {}
    one_at_a_time = threading.Lock()

    def models(name: str) -> Model | None:
        if config.judge_model is None:
            return None
        with one_at_a_time:
            if name not in made:
                made[name] = open_model(config, name, kept)
            return made[name]

    arxiv = _arxiv(config, kept)
    lookups = Lookups(kept, private)
    at_once, most = config.calls_at_once, config.why_calls
    LookupJob(lookups, arxiv, models, at_once, most, _now, config.limits).serve()
    for each in made.values():
        each.close()


def learn(profile: str, model: str, night: str) -> None:
    """Leave behind what a profile's gate learned from its judged days, or that it is to open."""
    from workers.gate.gatekeeper import Gatekeeper

    kept = _store(settings.load())
    with _told(f"learn {profile}"):
        Gatekeeper(kept, kept.profiles.get(profile), model).learn(date.fromisoformat(night))


def deliver(platform: str, legacy_requests: Any = None) -> None:
    """Leave behind the deliveries of all who wait on a platform, posted."""
    from workers.deliver_job import deliver as post

    if legacy_requests is not None:
        log.info("queued by an older release, skipped", step=platform)
        return
    config = settings.load()
    with _told(f"deliver-{platform}"):
        post(platform, _store(config), config, _pace(config), _now)


def _step(step: Any, before: Any) -> Step | None:
    """None for what an older release queued: who waits for it has asked anew by then."""
    if before is None:
        return Step.model_validate(step)
    log.info("queued by an older release, skipped", step=step)
    return None


def _model(
    config: Settings, request: DigestRequest, kept: Store
) -> AbstractContextManager[Model | None]:
    """The model the wish names, if this worker has the means to ask it."""
    if request.judge.model is None or config.judge_model is None:
        return nullcontext()
    from workers.judging.model import open_model  # imports for most of a second

    # A schedule's day is judged hours ahead, a person waits. A day that is late already is not told
    # apart: planning/plan.py asks for a step without its time.
    ahead = bool(request.subscription) and not request.by
    return closing(open_model(config, request.judge.model, kept, flex=ahead))


def _arxiv(config: Settings, kept: Store) -> ArxivClient:
    from workers.arxiv.client import ArxivClient

    rss, api = (a.get_secret_value() for a in (config.arxiv_rss_url, config.arxiv_api_url))
    return ArxivClient(rss, api, kept.redis)


def _store(config: Settings) -> Store:
    """Raises Refused where a newer Paperboy writes by now: this worker is to be restarted."""
    redis = connect(_url(config))
    claim_server(redis)
    return Store(redis)


def _pace(config: Settings) -> redis.asyncio.Redis:
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        _url(config), max_connections=_PACE_CONNECTIONS, timeout=None
    )
    return redis.asyncio.Redis.from_pool(pool)


def _url(config: Settings) -> str:
    """The worker's server: runtime/worker.py puts its address into the environment."""
    if config.redis_url is None:
        raise RuntimeError("a job ran outside of a worker: REDIS_URL is not set")
    return config.redis_url.get_secret_value()


@contextmanager
def _told(step: str) -> Iterator[None]:
    """A line for each job done; one that fails is rq's to tell, with its traceback."""
    start = time.monotonic()
    yield
    log.info("done", step=step, seconds=round(time.monotonic() - start, 1))


def _now() -> datetime:
    return datetime.now(UTC)
