"""The processes a command has started."""

from __future__ import annotations

import os
import subprocess


def children() -> dict[int, list[int]]:
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
    known, found = children(), [pid]
    for parent in found:
        found += known.get(parent, [])
    return found[1:]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
