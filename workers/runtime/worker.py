"""RQ's worker and worker pool, which keep one worker process alive for each queue."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any
from uuid import uuid4

import redis
import rq
import structlog
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker_pool import WorkerData, WorkerPool

from bot import faults, logs, settings
from bot.errors import Refused
from bot.safe_text import safe
from bot.store.connection import connect_briefly, connect_for_jobs
from bot.store.queues import queue_names
from bot.store.values.lease import LeaseLost
from bot.store.values.quarantine import claim_server
from workers.runtime import stopping
from workers.runtime.log_file import rotate

log = structlog.get_logger()

# Garbage is looked for after so many new objects, and among older ones after so many such looks.
_COLLECTED = 10_000, 20, 20
# A worker that was killed is missed after _BEAT + _GRACE seconds, and its job is given back at the
# next maintenance, at most _MAINTENANCE seconds later. rq's own times add a minute.
_BEAT = 5
_GRACE = 5
_MAINTENANCE = 5

# The exit status of a pool that there is no use in starting again.
REFUSED = 2

# A lookup takes a second or two, most of it to import these modules; the worker of lookups imports
# them before it forks its jobs (29 MB).
_LOOKUP_MODULES = ("workers.arxiv.client", "workers.lookup_job", "workers.judging.model")


class Worker(rq.Worker):
    """Notices soon when another worker died, and stops when the process that started it did.

    It listens to one queue: only then does rq take a job by moving it, so that none is lost
    between taking and starting it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs |= {
            # rq wakes an idle worker worker_ttl - 15 seconds after the last job.
            "worker_ttl": _MAINTENANCE + 15,
            "maintenance_interval": _MAINTENANCE,
            "job_monitoring_interval": _BEAT,
        }
        super().__init__(*args, **kwargs)

    def run_maintenance_tasks(self) -> None:
        """Stop an idle worker: rq heeds a stop only between two jobs."""
        if stopping.should_stop():
            raise StopRequested
        super().run_maintenance_tasks()  # type: ignore[no-untyped-call]

    def handle_job_failure(self, job: Job, *args: Any, **kwargs: Any) -> None:
        """Mask the traceback, which rq keeps in Redis."""
        if traceback := kwargs.get("exc_string"):
            kwargs["exc_string"] = safe(traceback)
        super().handle_job_failure(job, *args, **kwargs)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Tell of a job's fault, which rq logs as text. That another worker has taken its work over
        is none."""
        if not isinstance(exc_info[1], LeaseLost):
            faults.report(exc_info[1])
        super().handle_exception(job, *exc_info)

    def perform_job(self, job: Job, queue: rq.Queue) -> bool:
        """In the job's own process, which rq ends right after it."""
        try:
            return super().perform_job(job, queue)
        finally:
            faults.flush()

    def get_heartbeat_ttl(self, job: Job) -> int:
        return _BEAT + _GRACE

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        try:
            super().heartbeat(timeout, pipeline)
        except redis.ConnectionError:
            if stopping.should_stop():
                raise StopRequested from None
            raise
        if stopping.should_stop():
            self.log.warning("Worker %s: it stops after this job", self.name)
            self._stop_requested = True

    def main_work_horse(self, job: Job, queue: rq.Queue) -> None:
        """In the job's own process, which ends with it. What was imported before is looked through
        for garbage no more, the rest rarely: that was a quarter of posting to a thousand channels,
        most of it in twelve pauses of all of them."""
        gc.freeze()
        gc.set_threshold(*_COLLECTED)
        threading.Thread(target=_end_late_job, daemon=True).start()
        super().main_work_horse(job, queue)

    def setup_work_horse_signals(self) -> None:
        """A job looks for itself whether it is to end: a signal to all processes of a service, as
        process managers send, must not cut a message off."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _end_late_job() -> None:
    """End this job's process where it goes on long after it was to stop. Its worker gives the job
    back to its queue, or, where that one is gone, the next one to start does."""
    while not stopping.should_stop():
        time.sleep(0.2)
    time.sleep(stopping.PATIENCE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


class _Stopped(Exception):
    """Raised by a signal to stop the pool."""


class Pool(WorkerPool):
    """rq's worker pool with one worker for each queue; a worker that dies is replaced."""

    def __init__(self, url: str, queues: Sequence[str], log_file: Path | None = None) -> None:
        """Into `log_file` the output goes, where it goes into a file."""
        self._log_file = log_file
        super().__init__(
            list(queues),
            connection=connect_for_jobs(url),
            num_workers=len(queues),
            worker_class=Worker,
            serializer=JSONSerializer,
        )
        self._url = url
        self.was_told = False  # to stop, by a signal
        self._is_stopping = False

    def start_worker(self, *args: Any, **kwargs: Any) -> None:
        """Start a worker for a queue that has none."""
        served = {name.split(":")[0] for name in self.worker_dict}
        queue = next(queue for queue in self._queue_names if queue not in served)
        name = f"{queue}:{uuid4().hex}"
        process = self.get_worker_process(name, burst=False)
        process.start()
        assert process.pid is not None, "it was started"
        self.worker_dict[name] = WorkerData(name=name, pid=process.pid, process=process)

    def get_worker_process(self, name: str, *args: Any, **kwargs: Any) -> BaseProcess:
        context = multiprocessing.get_context("fork")
        return context.Process(target=self._work, args=(name,), name=name)

    def _work(self, name: str) -> None:
        """In the worker's own process, on a connection of its own: a forked one would share the
        pool's socket."""
        for number in (signal.SIGINT, signal.SIGTERM):  # the pool's own, until rq sets a worker's
            signal.signal(number, signal.SIG_DFL)
        redis = connect_for_jobs(self._url)
        queue = rq.Queue(name.split(":")[0], connection=redis, serializer=JSONSerializer)
        if queue.name.split("-")[0] == "ask":
            for module in _LOOKUP_MODULES:
                importlib.import_module(module)
        worker = Worker(
            [queue],
            name=name.replace(":", "-"),
            connection=redis,
            serializer=JSONSerializer,
        )
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(
                signal.SIGHUP, lambda *_: logs.detach_terminal()
            )  # the pool says when to stop
        try:
            worker.work(logging_level="WARNING")
        finally:
            faults.flush()

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self.request_stop)

    def request_stop(self, signum: int | None = None, frame: FrameType | None = None) -> None:
        """Stop at once; rq's loop would notice a second later. It may be told again meanwhile."""
        stopping.request_stop()
        self.was_told = self.was_told or signum is not None
        if signum == signal.SIGHUP:
            logs.detach_terminal()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]
        if not self._is_stopping:
            self._is_stopping = True
            raise _Stopped

    def all_workers_have_stopped(self) -> bool:
        """Whether they have, as soon as one more has, or in half a second; rq would look only once
        a second, at one after the other."""
        running = list(self.worker_dict.values())
        multiprocessing.connection.wait([data.process.sentinel for data in running], 0.5)
        for data in running:
            if not data.process.is_alive():
                self.handle_dead_worker(data)
        return not self.worker_dict

    def check_workers(self, respawn: bool = True) -> None:
        super().check_workers(respawn)
        if self._log_file:
            rotate(self._log_file)
        if stopping.should_stop():
            self.request_stop()


def run_pool(
    url: str, private: str = "", only: Sequence[str] = (), log_file: Path | None = None
) -> None:
    """Run the pool until SIGTERM or SIGINT, on the installation's queues or a command's own
    (`private`), optionally `only` some of them. A job under way finishes the message or the calls
    it is at, and is given back; a command's own are aborted: the scores they bought are stored.

    Raises Refused where a newer Paperboy has begun to write to this server."""
    os.environ["REDIS_URL"] = url  # the jobs' settings read it
    stopping.begin()
    logs.configure()
    faults.begin(settings.load().sentry_dsn)
    # rq logs every poll of a queue; jobs.py logs a line per job.
    pool = Pool(url, queue_names(private, only), log_file)
    try:
        pool._install_signal_handlers()  # before there is anything to stop
        log.info("workers started", pid=os.getpid())
        pool.start(logging_level="WARNING")
    except _Stopped:
        late = time.monotonic() + stopping.PATIENCE_SECONDS + 1
        while not pool.all_workers_have_stopped():
            # Nobody waits for a command's own job. A second signal aborts it.
            if private or time.monotonic() > late:
                pool.stop_workers()  # type: ignore[no-untyped-call]
        for child in multiprocessing.active_children():  # one the pool had not recorded yet
            child.terminate()
            child.join(_MAINTENANCE)
    log.info("workers stopped")
    if not pool.was_told:  # a job found out that a newer Paperboy is at work
        with suppress(redis.RedisError), connect_briefly(url) as server:
            claim_server(server)


def run_pool_detached(url: str, private: str, file: Path, only: Sequence[str] = ()) -> None:
    """Run the pool as a child of a command that needs its terminal: out of reach of Ctrl-C, with
    its output in a file. Exits with REFUSED where it would be refused again."""
    os.setsid()
    out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, sys.stdout.fileno())
    os.dup2(out, sys.stderr.fileno())
    try:
        run_pool(url, private, only, file)
    except Refused as refused:
        log.error("workers end", why=str(refused))
        sys.exit(REFUSED)
    except Exception:
        log.exception("workers end")
        faults.flush()
        sys.exit(1)
