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
from bot.domain.request import Wish
from bot.planning.plan import Step
from bot.settings import Settings
from bot.store.aside import claim
from bot.store.connection import connect
from bot.store.days import Store
from bot.store.lookups import Inquiries

if TYPE_CHECKING:
    from workers.arxiv.client import Arxiv
    from workers.judging.model import Model


log = structlog.get_logger()

# redis-py's own pool raises at the 101st channel that asks at the same moment; this one waits.
_PACE_CONNECTIONS = 16


def fetch(step: Any, before: Any = None) -> None:
    """Leave behind what came of the wished list, unless somebody has since it was looked at."""
    from workers.fetch_job import fetch as run

    if (asked := _step(step, before)) is None:
        return
    config = settings.load()
    kept = _store(config)
    wanted, known = asked.wish.wanted, asked.seen.listed
    with _told(asked.id):
        found = kept.listed(wanted)
        if (found and found.asked_at) != (known and known.asked_at):
            log.info("arXiv has answered meanwhile", step=asked.id)
            return
        run(wanted, kept, _arxiv(config, kept), _now)


def score(step: Any, before: Any = None) -> None:
    """Leave behind the profile's decided day."""
    from workers.score_job import score as run

    if (asked := _step(step, before)) is None:
        return
    config = settings.load()
    kept = _store(config)

    def tell(done: int, total: int) -> None:
        kept.put_progress(asked.id, done, total)

    with _told(asked.id), _model(config, asked.wish, kept) as model:
        run(asked.wish, kept, model, config.calls_at_once, _now, tell, config.limits)


def show(step: Any) -> None:
    """Leave behind a decided day as a terminal or standard output gets it."""
    from workers.score_job import deliver as run

    asked = Step.model_validate(step)
    with _told(asked.id):
        run(asked.wish, _store(settings.load()), _now)


def inquire(private: str) -> None:
    """Leave behind what people want to know of papers; `private` as in Inquiries."""
    from workers.judging.model import model
    from workers.lookup_job import Inquiring

    config = settings.load()
    kept = _store(config)
    made: dict[str, Model] = {}
    one_at_a_time = threading.Lock()

    def models(name: str) -> Model | None:
        if config.judge_model is None:
            return None
        with one_at_a_time:
            if name not in made:
                made[name] = model(config, name, kept)
            return made[name]

    arxiv = _arxiv(config, kept)
    inquiries = Inquiries(kept, private)
    at_once, most = config.calls_at_once, config.why_calls
    Inquiring(inquiries, arxiv, models, at_once, most, _now, config.limits).serve()
    for each in made.values():
        each.close()


def learn(profile: str, model: str, night: str) -> None:
    """Leave behind what a profile's gate learned from its judged days, or that it is to open."""
    from workers.gate.gatekeeper import Gatekeeper

    kept = _store(settings.load())
    with _told(f"learn {profile}"):
        Gatekeeper(kept, kept.profile(profile), model).learn(date.fromisoformat(night))


def deliver(platform: str, before: Any = None) -> None:
    """Leave behind the deliveries of all who wait on a platform, posted."""
    from workers.deliver_job import deliver as post

    if before is not None:
        log.info("queued by an older release, left out", step=platform)
        return
    config = settings.load()
    with _told(f"deliver-{platform}"):
        post(platform, _store(config), config, _pace(config), _now)


def _step(step: Any, before: Any) -> Step | None:
    """None for what an older release queued: who waits for it has asked anew by then."""
    if before is None:
        return Step.model_validate(step)
    log.info("queued by an older release, left out", step=step)
    return None


def _model(config: Settings, wish: Wish, kept: Store) -> AbstractContextManager[Model | None]:
    """The model the wish names, if this worker has the means to ask it."""
    if wish.judge.model is None or config.judge_model is None:
        return nullcontext()
    from workers.judging.model import model  # imports for most of a second

    # A schedule's day is judged hours ahead, a person waits. A day that is late already is not told
    # apart: planning/plan.py asks for a step without its time.
    ahead = bool(wish.subscription) and not wish.by
    return closing(model(config, wish.judge.model, kept, flex=ahead))


def _arxiv(config: Settings, kept: Store) -> Arxiv:
    from workers.arxiv.client import Arxiv

    rss, api = (a.get_secret_value() for a in (config.arxiv_rss_url, config.arxiv_api_url))
    return Arxiv(rss, api, kept.redis)


def _store(config: Settings) -> Store:
    """Raises Refused where a newer Paperboy writes by now: this worker is to be restarted."""
    redis = connect(_url(config))
    claim(redis)
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
