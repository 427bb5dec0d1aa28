"""Files with inputs: the kept corpus, what a campaign found, what once failed."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from tests.fuzz.mutate import mutate
from tests.fuzz.targets import Target

HERE = Path(__file__).parent
KEPT, REGRESSIONS = HERE / "corpus", HERE / "regressions"
# What campaigns leave behind on this machine, so that the next one goes on from there.
FOUND = HERE.parents[1] / ".fuzz"
_MOST, _LARGEST = 30, 8192  # files of a target, and bytes of one
_SHORT = 400  # bytes: a person reads it as it is

Arc = tuple[str, int, int]


def inputs(folder: Path) -> list[bytes]:
    """The files of a folder, in the order of their names."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path.read_bytes() for path in paths if path.is_file()]


def write(folder: Path, data: bytes) -> Path:
    """Store an input under its fingerprint."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(data).hexdigest()[:12]
    path.write_bytes(data)
    return path


def minimise(target: Target, given: Sequence[bytes]) -> list[bytes]:
    """A few small inputs that reach nearly all that the given ones reach.

    Each line that follows another is a place reached. The input with the most places that are new
    for its size is taken first, and made smaller while it reaches all it did: what it combines is
    worth as much to the mutations as the places themselves.
    """
    reached = {data: arcs(target, data) for data in dict.fromkeys(given) if len(data) <= _LARGEST}
    kept: list[bytes] = []
    covered: set[Arc] = set()
    while reached and len(kept) < _MOST:
        best = max(reached, key=lambda data: len(reached[data] - covered) / (len(data) + 40))
        places = reached.pop(best)
        if places <= covered:
            break
        if len(best) > _SHORT:
            best = shrink(best, lambda data, all=places: all <= arcs(target, data), 100)
        kept.append(best)
        covered |= places
    return kept


def shrink(data: bytes, holds: Callable[[bytes], bool], tries: int) -> bytes:
    """A shorter input for which the same holds, found within so many tries."""
    rng, piece = Random(0), max(1, len(data) // 2)
    while piece and tries > 0:
        start = 0
        while start < len(data) and tries > 0:
            shorter, tries = data[:start] + data[start + piece :], tries - 1
            if holds(shorter):
                data = shorter
            else:
                start += piece
        piece //= 2
    for _ in range(max(tries, 0)):
        shorter = mutate(data, rng, (b"",), (), len(data))
        if len(shorter) < len(data) and holds(shorter):
            data = shorter
    return data


def arcs(target: Target, data: bytes) -> set[Arc]:
    """Every step from one line of ours to the next that checking an input takes."""
    found = set[Arc]()
    last = dict[int, int]()

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            found.add((frame.f_code.co_filename, last.get(id(frame), 0), frame.f_lineno))
            last[id(frame)] = frame.f_lineno
        elif event == "return":
            last.pop(id(frame), None)
        return line

    def call(frame: FrameType, event: str, argument: Any) -> Any:
        path = frame.f_code.co_filename
        return line if "/bot/" in path or "/workers/" in path else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        target.check(data)
    except Exception:  # noqa: BLE001, S110  # a failing input has its places, too
        pass
    finally:
        sys.settrace(before)
    return found


def replace(folder: Path, kept: Iterable[bytes]) -> int:
    """Make a folder hold these inputs and no others; returns how many."""
    for path in folder.iterdir() if folder.is_dir() else ():
        path.unlink()
    return len([write(folder, data) for data in kept])
