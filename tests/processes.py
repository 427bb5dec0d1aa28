"""The processes a command has started, and the end of them all, whatever becomes of the test."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from workers.runtime.server import embedded


@contextmanager
def run_command(command: Sequence[str], **popen_options: Any) -> Iterator[subprocess.Popen[str]]:
    """A command that runs (subprocess.Popen's arguments). At the end of the block nothing of it is
    left, also when the test has failed."""
    process = subprocess.Popen(command, text=True, start_new_session=True, **popen_options)
    try:
        yield process
    finally:
        kill([process.pid, *descendants(process.pid)] if process.poll() is None else [])
        process.wait()
        for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
            pipe.close()


def kill(pids: Iterable[int]) -> None:
    """End processes at once; those that have ended already are no fault."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def stop_server(data: Path) -> None:
    """Stop the embedded server that killed commands have left in a data directory. It is a daemon,
    nobody's child: whoever joins it and leaves as the last one stops it."""
    if any(data.glob("server/*.sock")):
        with embedded(data):
            pass


def children_by_parent() -> dict[int, list[int]]:
    """Every process's children on this machine."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    found: dict[int, list[int]] = {}
    for row in listed.stdout.splitlines():
        pid, parent = map(int, row.split())
        found.setdefault(parent, []).append(pid)
    return found


def descendants(pid: int) -> list[int]:
    """All that came of a process."""
    known, found = children_by_parent(), [pid]
    for parent in found:
        found += known.get(parent, [])
    return found[1:]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
