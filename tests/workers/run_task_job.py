"""Tasks as a worker does them, at once, while arXiv refuses every question."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime

from bot.store.store import Store
from tests.servers.fake_http import HttpReply
from tests.workers.run_fetch_job import arxiv
from workers import task_job


def do_task(key: str, store: Store) -> None:
    with arxiv(lambda path, body: HttpReply(400, b""), store) as (_, edge):
        task_job.run(key, store, edge, None, lambda: datetime.now(UTC), lambda *_: nullcontext())
