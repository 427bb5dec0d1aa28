"""Reads a record of announced papers, of which some were picked."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from bot.domain.papers import Paper
from tests import external_file

_EXTERNAL = [external_file(f"data/{name}") for name in ("record-dev.jsonl.gz", "foundations.toml")]


def named_files(words: Sequence[str]) -> list[Path]:
    """The record and the profile that are named first, or those beside the checkout; where there
    are none, nothing, and that is said."""
    where = [Path(word) for word in words[:2]] or _EXTERNAL
    if all(path.is_file() for path in where):
        return where
    print("Skipped: there is no record beside the checkout; name one, and its profile.")
    return []


def read_record(record: Path) -> tuple[dict[date, list[Paper]], set[str]]:
    """The papers by day, in order, as bench_rank describes the file, and the picked ids."""
    days: defaultdict[date, list[Paper]] = defaultdict(list)
    picked = set()
    with gzip.open(record, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            names = ("id", "title", "abstract", "authors", "categories")
            paper = Paper.model_validate({"version": 1, **{name: row[name] for name in names}})
            days[date.fromisoformat(row["date"])].append(paper)
            if row["selected"]:
                picked.add(row["id"])
    return dict(sorted(days.items())), picked
