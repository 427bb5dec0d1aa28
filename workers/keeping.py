"""`paperboy backup` and `restore`: all that is remembered, in a file."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.progress import track

from bot.errors import Refused
from bot.settings import Settings
from bot.store_backup import Backup, Kept
from workers.house import house

_HEADER = {"paperboy": "backup", "version": 1}


def backup(settings: Settings, path: Path) -> int:
    """Write everything to a gzipped JSONL, in one step at its end; returns the number of keys.

    Raises Refused when the file cannot be written.
    """
    whole, begun = 0, path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with house(settings) as here, gzip.open(begun, "wt", encoding="utf-8") as out:
            out.write(json.dumps({**_HEADER, "at": datetime.now(UTC).isoformat()}) + "\n")
            for found in _shown(Backup(here.store).all(), "Writing"):
                out.write(found.model_dump_json() + "\n")
                whole += 1
        begun.replace(path)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        begun.unlink(missing_ok=True)
    return whole


def restore(settings: Settings, path: Path) -> int:
    """Put a backup into a server that nobody uses yet; returns the number of keys.

    The whole file is read before the first key is written. Raises Refused for a file that is no
    backup, and for a server in use: two memories cannot be made one.
    """
    rows = list(_rows(path))
    with house(settings) as here:
        kept = Backup(here.store)
        if kept.in_use():
            raise Refused(
                "This server is in use: it has subscriptions or digests of its own. "
                "Restore into an empty one (another PAPERBOY_DATA_DIR or REDIS_URL)."
            )
        now = datetime.now(UTC)
        return sum(kept.put(row, now) for row in _shown(iter(rows), "Restoring"))


def _rows(path: Path) -> Iterator[Kept]:
    number = 1
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            header = json.loads(next(lines, "null"))
            if not isinstance(header, dict) or header | _HEADER != header:
                raise ValueError
            for line in lines:
                number += 1
                yield Kept.model_validate_json(line)
    except (ValidationError, ValueError, EOFError):
        raise Refused(f"{path}, line {number}: this is not a whole backup of Paperboy's.") from None
    except OSError as error:
        why = error.strerror or "it is not a gzipped file"
        raise Refused(f"{path} cannot be read: {why}.") from None


def _shown(rows: Iterator[Kept], what: str) -> Iterator[Kept]:
    console = Console(stderr=True)
    yield from track(
        rows, f"{what} ...", console=console, transient=True, disable=not console.is_terminal
    )
