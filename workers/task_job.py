"""Does what one person waits for: tries a profile, or drafts one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.domain.task import Task, TaskResult
from bot.errors import PaperboyError
from bot.store.store import Store
from workers import trial_job
from workers.embedding.embeddings import Embeddings


def run(
    key: str,
    store: Store,
    embeddings: Embeddings | None,
    clock: Callable[[], datetime],
    looks_again: bool = False,
) -> None:
    """Store the result of a task, unless it is there or nobody waits for it any more."""
    task = store.tasks.get(key)
    if task is None or store.tasks.result(key):
        return

    def progress(done: int, total: int) -> None:
        store.put_progress(f"task-{key}", done, total)

    try:
        result = _done(task, store, embeddings, clock(), progress, looks_again)
    except PaperboyError as error:
        result = TaskResult(refused=str(error))
    store.tasks.put_result(key, result)


def _done(
    task: Task,
    store: Store,
    embeddings: Embeddings | None,
    now: datetime,
    progress: trial_job.Progress,
    looks_again: bool,
) -> TaskResult:
    if task.trial:
        tried = trial_job.run(task.trial, store, embeddings, now, progress, looks_again)
        return TaskResult(trial=tried)
    return TaskResult(refused="Nothing was asked.")
