"""Workers of `paperboy run` come back when they are killed, as by a machine without memory."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from bot.settings import Settings
from bot.store.queues import queue_names
from tests.processes import children_by_parent, descendants, is_alive
from tests.waiting import TIMEOUT_SECONDS, wait_until
from workers.runtime import kept_pool, worker
from workers.runtime.environment import with_private_workers
from workers.runtime.kept_pool import KeptPool, pause_after

SAID = "the workers ended and start again"


def pools() -> list[int]:
    """Those of our children that are out of reach of Ctrl-C."""
    found = []
    for pid in children_by_parent().get(os.getpid(), []):
        with suppress(ProcessLookupError):
            found += [pid] if os.getsid(pid) == pid else []
    return found


def test_killed_workers_are_missed_said_once_and_started_again(
    redis_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Settings.model_validate({"redis_url": redis_url, "data_dir": tmp_path / "data"})
    with with_private_workers(settings, "ask") as here:
        wait_until(lambda: pools() and descendants(pools()[0]), "a worker is there")
        (first,) = pools()
        workers = descendants(first)
        for pid in workers:  # busy: they end when they come to it
            os.kill(pid, signal.SIGSTOP)
        os.kill(first, signal.SIGKILL)
        try:
            wait_until(lambda: pools() not in ([], [first]), "another pool is there")
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
        (second,) = pools()
        wait_until(lambda: not any(map(is_alive, workers)), "the workers left behind end")
        assert here.queues.private
        (name,) = queue_names(here.queues.private, ["ask"])
        queue = Queue(name, connection=Redis.from_url(redis_url), serializer=JSONSerializer)
        job = queue.enqueue("os.getppid")
        wait_until(lambda: job.get_status(refresh=True) == "finished", "the new ones work")
        assert job.return_value() in descendants(second)
        said = "".join(capfd.readouterr())
        assert said.count(SAID) == 1
        assert "killed; where nobody did it, the machine had no memory left" in said
        workers = descendants(second)
        os.kill(second, signal.SIGKILL)  # and the command ends at that moment
    assert pools() == []
    assert SAID not in "".join(capfd.readouterr())
    wait_until(lambda: not any(map(is_alive, workers)), "nothing is left")


class Listening(multiprocessing.get_context("fork").Process):
    """Counts how often it is told to end."""

    told = 0

    def terminate(self) -> None:
        self.told += 1
        super().terminate()


def test_workers_are_told_to_stop_once_so_that_they_finish_what_they_are_at() -> None:
    pool = Listening(target=signal.pause)
    kept = KeptPool(lambda: pool)
    kept.stop()  # by the bot, as soon as it is told itself
    kept.stop()  # at the end of the command
    kept.join(TIMEOUT_SECONDS)
    assert pool.told == 1


class Made:
    """Makes processes that end at once with a status, and counts them."""

    def __init__(self, status: int) -> None:
        self.status, self.number = status, 0

    def __call__(self) -> BaseProcess:
        self.number += 1
        return multiprocessing.get_context("fork").Process(target=sys.exit, args=(self.status,))


def test_workers_that_end_again_and_again_are_started_until_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept_pool, "_GRACE", 0.0)
    monkeypatch.setattr(kept_pool, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(kept_pool, "_LONGEST_PAUSE", 0.02)
    made = Made(1)
    kept = KeptPool(made)
    wait_until(lambda: made.number > 3, "they are started again")
    kept.stop()
    kept.join(TIMEOUT_SECONDS)
    assert multiprocessing.active_children() == []


def test_workers_that_a_newer_release_refused_are_not_started_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kept_pool, "_GRACE", 0.0)
    made = Made(worker.REFUSED)
    KeptPool(made).join(TIMEOUT_SECONDS)
    assert made.number == 1
    assert SAID not in "".join(capsys.readouterr())


def test_the_pause_grows_until_the_workers_have_lived_for_a_while() -> None:
    pauses, pause = [], 0.0
    for _ in range(7):
        pause = pause_after(pause, lived=1.0)
        pauses.append(pause)
    assert pauses == [2, 4, 8, 16, 32, 60, 60]
    assert pause_after(60, lived=61) == 0
