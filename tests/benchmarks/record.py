"""Reads a record of announced papers, of which some were picked."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from pathlib import Path

from bot.domain.papers import Paper


def read_record(record: Path) -> tuple[dict[str, list[Paper]], set[str]]:
    """The papers by day (YYYY-MM-DD), as bench_rank describes the file, and the picked ids."""
    days: defaultdict[str, list[Paper]] = defaultdict(list)
    picked = set()
    with gzip.open(record, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            names = ("id", "title", "abstract", "authors", "categories")
            paper = Paper.model_validate({"version": 1, **{name: row[name] for name in names}})
            days[row["date"]].append(paper)
            if row["selected"]:
                picked.add(row["id"])
    return dict(days), picked
