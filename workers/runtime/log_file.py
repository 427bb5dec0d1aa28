"""The workers' log: it is as long as it may be, and the one before is kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

# Months of a quiet installation; a day of a very disturbed one.
_LONGEST: Final = 5_000_000


def rotate(file: Path, longest: int = _LONGEST) -> bool:
    """Keep a log that is too long as `NAME.1`, and begin it anew; returns whether that was done.

    The workers go on writing into the same file, to its end: it is emptied, not replaced. What they
    write in the moment between copying and emptying is lost.
    """
    try:
        if file.stat().st_size <= longest:
            return False
        before = file.with_name(f"{file.name}.1")
        before.unlink(missing_ok=True)
        with file.open("rb") as out, os.fdopen(_private(before), "wb") as kept:
            shutil.copyfileobj(out, kept)
        os.truncate(file, 0)
    except OSError:  # a full disk, say: the log goes on where it is
        return False
    return True


def _private(file: Path) -> int:
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
