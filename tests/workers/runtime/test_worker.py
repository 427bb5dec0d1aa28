"""A job's own process."""

from __future__ import annotations

import gc
import multiprocessing
from typing import Any

import pytest
import rq

from workers.runtime.worker import Worker


def test_a_job_looks_for_garbage_rarely_and_not_in_what_was_there_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = multiprocessing.get_context("fork")
    received, sent = context.Pipe(duplex=False)

    def at_work(self: Any, job: Any, queue: Any) -> None:
        sent.send((gc.get_freeze_count(), gc.get_threshold()[0]))

    monkeypatch.setattr(rq.Worker, "main_work_horse", at_work)
    nothing: Any = None
    job = context.Process(
        target=Worker.main_work_horse, args=(object.__new__(Worker), nothing, nothing)
    )
    job.start()
    assert received.poll(10)
    frozen, threshold = received.recv()
    job.join(10)
    assert frozen > 10_000
    assert threshold > gc.get_threshold()[0]
