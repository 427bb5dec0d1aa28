"""The sample day that ships with Paperboy, for a machine that cannot reach arXiv."""

from __future__ import annotations

import json
from datetime import date
from importlib.resources import files

from bot.domain.papers import Announced, AnnounceType, Listing, Paper

# 114 real papers that arXiv announced in March 2025, not a single day's list; arXiv's metadata is
# CC0. Categories that were not recorded are given as cs.LG.
DATE = date(2025, 3, 31)
BATCH = "sample"


def listing() -> Listing:
    """The sample as if arXiv had listed it on one day."""
    rows = files("workers.arxiv").joinpath("sample.jsonl").read_text(encoding="utf-8").splitlines()
    papers = tuple(
        Announced(paper=Paper.model_validate(json.loads(row)), announce_type=AnnounceType.NEW)
        for row in rows
    )
    return Listing(date=DATE, papers=papers, replaced=(), items=len(papers))
