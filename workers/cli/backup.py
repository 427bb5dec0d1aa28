"""`paperboy backup` and `restore`: everything stored, in one file."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import track

from bot.errors import Refused
from bot.settings import Settings
from bot.store.keeping.backup import Backup, BackupEntry, checked
from bot.store.values.stored_forms import FORMAT_VERSION, Unreadable, parse_json, unreadable_reason
from workers.runtime.environment import environment

# Version 1 had no forms; its rows are of form 1.
_VERSIONS = (1, 2)
# Far more than years of use add up to: a larger file is not ours, or would fill the machine.
_FILE_MAX, _WHOLE_MAX, _LINE_MAX, _KEYS_MAX = 2 << 30, 8 << 30, 64 << 20, 10_000_000


def backup(settings: Settings, path: Path) -> int:
    """Write everything to a gzipped JSONL that only its owner can read; returns the number of keys.

    The file is put in place at the end. Raises Refused when it cannot be written.
    """
    whole, begun = 0, path.with_name(f".{path.name}.{os.getpid()}")
    header = {"paperboy": "backup", "version": _VERSIONS[-1], "form": FORMAT_VERSION}
    try:
        with (
            environment(settings) as here,
            _create_private(begun) as file,
            gzip.open(file, "wt", encoding="utf-8") as out,
        ):
            out.write(json.dumps({**header, "at": datetime.now(UTC).isoformat()}) + "\n")
            for found in _shown(Backup(here.store).all(), "Writing"):
                out.write(found.model_dump_json() + "\n")
                whole += 1
        begun.replace(path)
    except OSError as error:
        raise Refused(f"{path} can't be written: {error.strerror}.") from None
    finally:
        begun.unlink(missing_ok=True)
    return whole


def restore(settings: Settings, path: Path) -> int:
    """Restore a backup into an unused server; returns the number of keys.

    The whole file is checked before the first key is written: one invalid line, and nothing is. An
    interrupted restore has to be completed with the same file before the server can be used.
    Raises Refused for another file, and for a server in use: two stores cannot be merged.
    """
    name = _checked(path)
    with environment(settings, restoring=True) as here:
        kept, now = Backup(here.store), datetime.now(UTC)
        begun = kept.unfinished_restore()
        if begun is None and kept.in_use():
            raise Refused(
                "This database is in use: it has subscriptions or digests of its own. "
                "Restore into an empty one (another PAPERBOY_DATA_DIR or REDIS_URL)."
            )
        if begun not in (None, name):
            raise Refused(
                "A restore of another file was started on this database and not finished. "
                "Finish it with that file, or restore into an empty database."
            )
        kept.begin_restore(name)
        done = sum(kept.put(row, now) for row in _shown(_rows(path), "Restoring"))
        kept.end_restore()
        return done


def _checked(path: Path) -> str:
    """Check the whole file and return a hash of its content."""
    name = hashlib.sha256()
    for _ in _shown(_rows(path, name.update), "Checking"):
        pass
    return name.hexdigest()


def _rows(path: Path, seen: Callable[[bytes], object] = lambda _: None) -> Iterator[BackupEntry]:
    number, key, whole = 1, "", 0
    try:
        with path.open("rb") as file, gzip.GzipFile(fileobj=file) as lines:
            if os.fstat(file.fileno()).st_size > _FILE_MAX:
                raise Refused(f"{path} is larger than any backup ({_FILE_MAX >> 30} GB).")
            _header(path, _line(lines))
            while line := _line(lines):
                number, key, whole = number + 1, "", whole + len(line)
                if number > _KEYS_MAX or whole > _WHOLE_MAX:
                    raise Unreadable("it is larger than any backup")
                seen(line)
                found = BackupEntry.model_validate_json(line)
                key = f", {found.key[:80]!a}"
                yield checked(found)
    except ValueError as error:
        why = unreadable_reason(error)
        raise Refused(
            f"{path}, line {number}{key}: this is not a complete backup ({why}). "
            "Nothing was restored."
        ) from None
    except (EOFError, zlib.error):
        raise Refused(
            f"{path}, line {number}: this is not a complete backup (it ends too soon). "
            "Nothing was restored."
        ) from None
    except OSError as error:
        why = error.strerror or "it is not a gzipped file"
        raise Refused(f"{path} can't be read: {why}.") from None


def _line(lines: gzip.GzipFile) -> bytes:
    line: bytes = lines.readline(_LINE_MAX + 1)
    if len(line) > _LINE_MAX:
        raise Unreadable("the line is longer than any in a backup")
    return line


def _header(path: Path, line: bytes) -> None:
    header = parse_json(line or b"null")
    if not isinstance(header, dict) or header.get("paperboy") != "backup":
        raise Unreadable("its first line is not a backup's")
    version, form = header.get("version"), header.get("form", 1)
    if version not in _VERSIONS or type(form) is not int or form > FORMAT_VERSION:
        raise Refused(
            f"{path} was written by a newer Paperboy (version {str(version)[:20]!a}, form "
            f"{str(form)[:20]!a}). Restore it with that one."
        )


def _create_private(path: Path) -> IO[bytes]:
    """A new file that only its owner can read: it holds messages of private channels."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _shown(rows: Iterator[BackupEntry], what: str) -> Iterator[BackupEntry]:
    console = Console(stderr=True)
    yield from track(
        rows, f"{what} ...", console=console, transient=True, disable=not console.is_terminal
    )
