"""Whether a worker, its pool or its job is to end, and how long that may take."""

from __future__ import annotations

import multiprocessing

# How long a job may finish what it is at, a message or calls of a model, before it is given back as
# it is. The process that started the workers waits a little longer for them, and whoever stops that
# one (systemd, Docker) longer still.
PATIENCE_SECONDS = 7.0

# Shared with the workers that the pool forks and the jobs that these fork: one that is just
# starting may lose its signal.
_stopping = multiprocessing.RawValue("b", 0)


def begin() -> None:
    """Nothing is to end yet."""
    _stopping.value = 0


def request_stop() -> None:
    """Tell this process's pool, its workers and their jobs."""
    _stopping.value = 1


def should_stop() -> bool:
    """Whether they were told, or the process that started this one is gone."""
    parent = multiprocessing.parent_process()
    return bool(_stopping.value) or (parent is not None and not parent.is_alive())
