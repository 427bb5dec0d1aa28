"""`paperboy rank`: the local judge alone, over a file of papers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot import profiles
from bot.domain import Paper
from bot.errors import Refused
from workers import gate


def run(word: str, path: Path) -> Iterator[dict[str, Any]]:
    """`{id, score}` for each paper of a JSONL of `{id, title, abstract, authors, categories}`,
    best first; one that stands there twice is ranked once, as it stands first. Raises Refused,
    naming the line that cannot be read."""
    profile = profiles.resolve(word, {})
    for row in gate.rank(profile, _papers(path)):
        yield {"id": row.id, "score": row.score}


def _papers(path: Path) -> list[Paper]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read as text: {error}.") from None
    papers: dict[str, Paper] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            paper = _paper(path, number, line)
            papers.setdefault(paper.id, paper)
    return list(papers.values())


def _paper(path: Path, number: int, line: str) -> Paper:
    """Fields beyond the five are other people's, and let be."""
    try:
        row = json.loads(line)
        fields = {name: row[name] for name in ("id", "title", "abstract")}
        lists = {name: row.get(name) or [] for name in ("authors", "categories")}
        return Paper.model_validate({"version": 1, **fields, **lists})
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        wrong = f"no {error}" if isinstance(error, KeyError) else type(error).__name__
        raise Refused(
            f"{path}, line {number}: not a paper ({wrong}); each line is a JSON object with "
            "id, title, abstract, authors and categories."
        ) from None
