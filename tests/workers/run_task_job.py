"""Tasks as a worker does them, at once, while arXiv is away."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime

from bot.store.store import Store
from workers import task_job
from workers.arxiv.client import ArxivClient


def do_task(key: str, store: Store) -> None:
    nowhere = ArxivClient("http://127.0.0.1:9/", "http://127.0.0.1:9/", store.redis)
    task_job.run(key, store, nowhere, None, lambda: datetime.now(UTC), lambda _: nullcontext())
