"""Backups, and what stands in the store: read, or set aside and kept."""

from __future__ import annotations

import gzip
import re
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from bot.errors import Refused
from bot.store.keeping.backup import Backup, BackupEntry
from bot.store.key_kinds import kind_of
from bot.store.values.stored_forms import unreadable_reason
from tests.fuzz.promises import assert_explained, assert_plain, words
from tests.fuzz.world import world
from workers.cli import backup as backup_cli


def stored_value(data: bytes) -> None:
    """Whatever stands in a key is valid, or the reason says why not without quoting it."""
    key, field, value = (part.encode(errors="replace").decode() for part in words(data, 3))
    kind = kind_of(key)
    if kind is None:
        return
    try:
        kind.check(field, value)
    except ValueError as error:
        why = unreadable_reason(error)
        assert_plain(why)
        assert len(why) <= 200


def backup(data: bytes) -> None:
    """A file is a backup or is refused in one sentence; what it holds comes back out."""
    rows = _rows(data)
    if not rows:
        return
    here = world()
    here.redis.flushdb()
    kept, now = Backup(here.store), datetime.now(UTC)
    put = {row.key for row in rows if kept.put(row, now)}
    found = {row.key: row for row in kept.all()}
    assert put == found.keys(), put ^ found.keys()
    here.assert_readable()
    for row in rows:
        if row.key in put:
            assert _fields(found[row.key]) >= _fields(row) - {"#", *_under_way(row)}


def _rows(data: bytes) -> list[BackupEntry]:
    path = Path(_folder().name) / "backup"
    path.write_bytes(data if data[:2] == b"\x1f\x8b" else gzip.compress(data, 1))
    try:
        return list(backup_cli._rows(path))
    except Refused as refused:
        assert_explained(refused)
        return []


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """It goes with the process."""
    return tempfile.TemporaryDirectory(prefix="fuzz")


def _fields(row: BackupEntry) -> set[str]:
    return set(row.value) if isinstance(row.value, dict | list) else {""}


def _under_way(row: BackupEntry) -> set[str]:
    return {name for name in _fields(row) if re.match("reserved_", name)}


def spoilt(data: bytes) -> None:
    """A value spoilt in the store ends nothing, and is kept."""
    which, value = words(data, 2)
    text = value.encode(errors="replace").decode()
    here = world()
    here.reset()
    number = int.from_bytes(which.encode(errors="replace")[:2], "big")
    key, field = here.spoil(number, text)
    here.use()
    kept = here.rows((key, "pb:aside"))
    with suppress(ValueError):
        kind = kind_of(key)
        assert kind is not None
        kind.check(field, text)
        return
    row = kept.get((key, field))
    if key.startswith("pb:paper:") and row not in (None, text):
        return  # its name is that of its text: who saves the paper has written it anew
    aside = " ".join(kept.get(("pb:aside", f"{key} {field}".strip()), "").split())
    assert row == text or aside, f"{key} {field} was lost"
