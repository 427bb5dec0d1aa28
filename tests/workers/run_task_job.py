"""Tasks as a worker does them, at once, while arXiv refuses every question, or answers as a test
says."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime

from bot.store.store import Store
from tests.servers.fake_http import HttpReply
from tests.workers.run_fetch_job import arxiv
from workers import task_job


def refused(path: str, body: bytes) -> HttpReply:
    return 400, {}, b""


def do_task(key: str, store: Store, answer: Callable[[str, bytes], HttpReply] = refused) -> None:
    with arxiv(answer, store) as (_, edge):
        task_job.run(key, store, edge, None, lambda: datetime.now(UTC), lambda *_: nullcontext())


def do_waiting_tasks(store: Store, answer: Callable[[str, bytes], HttpReply] = refused) -> None:
    """Every task that somebody waits for."""
    for key in store.redis.scan_iter("pb:task:*"):
        do_task(str(key).rpartition(":")[2], store, answer)
