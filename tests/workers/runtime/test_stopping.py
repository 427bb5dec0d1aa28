"""Workers that are told to stop end soon, and what they were at is done by the next ones."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue, Retry
from rq.serializers import JSONSerializer

from bot.errors import Refused
from bot.store.queues import QUEUES
from bot.store.values.stored_forms import FORMAT_VERSION
from tests.waiting import TIMEOUT_SECONDS, wait_until
from workers.runtime import stopping, worker


def work(marks: str, how: str) -> None:
    """A job that says that it began, and ends when it is told to, never, or at once."""
    mark = Path(marks) / f"{how}-{os.getpid()}"
    mark.touch()
    while how == "deaf" or (how == "good" and not stopping.should_stop()):
        if (Path(marks) / "let go").exists():
            break
        time.sleep(0.01)
    mark.rename(f"{mark}-done")


def _run(url: str, patience: float) -> None:
    os.setsid()
    worker._MAINTENANCE = worker._BEAT = 1
    stopping.PATIENCE_SECONDS = patience
    try:
        worker.run_pool(url, only=())
    except Refused as refused:
        Redis.from_url(url).set("test:said", str(refused))


def started(url: str, patience: float) -> BaseProcess:
    pool = multiprocessing.get_context("fork").Process(target=_run, args=(url, patience))
    pool.start()
    return pool


def ended(pool: BaseProcess) -> bool:
    """Whether the pool has ended well, or does soon; no process of it is left."""
    pool.join(TIMEOUT_SECONDS / 2)
    over = pool.exitcode == 0
    with suppress(ProcessLookupError):
        os.killpg(pool.pid or 0, signal.SIGKILL)
    return over


@pytest.mark.parametrize("how", ["good", "deaf"])
@pytest.mark.parametrize("told", ["the pool", "all processes"])
def test_a_stop_ends_a_job_or_gives_it_back(
    how: str, told: str, redis_url: str, tmp_path: Path
) -> None:
    """All processes are told by systemd's KillMode=control-group, and by a shell's Ctrl-C."""
    queue = Queue("batch", connection=Redis.from_url(redis_url), serializer=JSONSerializer)
    args = [str(tmp_path), how]
    path = "tests.workers.runtime.test_stopping.work"
    job = queue.enqueue(path, args=args, job_id=how, retry=Retry(max=9), job_timeout=600)
    marks = lambda end: list(tmp_path.glob(f"{how}-*{end}"))  # noqa: E731
    # One who listens has all the time; one who does not is cut short.
    pool = started(redis_url, TIMEOUT_SECONDS if how == "good" else 0.3)
    try:
        wait_until(lambda: marks(""), "the job begins")
        (running,) = marks("")
        job_pid = int(running.name.split("-")[1])
        assert pool.pid is not None
        if told == "all processes":
            os.kill(job_pid, signal.SIGTERM)
            os.killpg(pool.pid, signal.SIGTERM)
            for _ in range(3):  # and by the command that started them, once more
                os.kill(pool.pid, signal.SIGTERM)
                pool.join(0.05)
                if not pool.is_alive():
                    break
        else:
            os.kill(pool.pid, signal.SIGTERM)
    finally:
        assert ended(pool)
    if how == "good":
        assert marks("-done") == [tmp_path / f"good-{job_pid}-done"]
        assert job.get_status(refresh=True) == "finished"
        return
    assert marks("-done") == []
    assert queue.job_ids == ["deaf"]  # given back at once, not found missing later
    (tmp_path / "let go").touch()
    pool = started(redis_url, 0.3)
    try:
        wait_until(lambda: marks("-done"), "the next worker does it")
    finally:
        os.kill(pool.pid or 0, signal.SIGTERM)
        assert ended(pool)


def test_workers_end_when_a_newer_release_is_at_work_and_leave_its_jobs_to_it(
    redis_url: str,
) -> None:
    """As after an upgrade that has reached the bot, and not yet the workers."""
    redis = Redis.from_url(redis_url)
    pool = started(redis_url, 0.3)
    try:
        wait_until(lambda: redis.scard("rq:workers") == len(QUEUES), "the workers are there")
        redis.set("pb:form", FORMAT_VERSION + 1)
        queue = Queue("now", connection=redis, serializer=JSONSerializer)
        queue.enqueue("workers.jobs.task", args=["key"], job_id="task-key", retry=Retry(max=9))
    finally:
        assert ended(pool)
    assert queue.job_ids == ["task-key"]
    said = (redis.get("test:said") or b"").decode()
    assert said.startswith("A newer Paperboy has been at work on this server")
