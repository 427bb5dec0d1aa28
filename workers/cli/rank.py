"""`paperboy rank`: ranks a file of papers by the local judge alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.domain.papers import Paper, Profile
from bot.errors import Refused
from bot.profiles import library
from bot.settings import Settings
from workers.embedding.embeddings import Embeddings
from workers.embedding.meaning import Meaning
from workers.gate import learned_ranking, local_ranking
from workers.gate.keyword_ranking import KeywordScore

# No morning waits for a file.
_PATIENCE = 24 * 3600.0


def run(
    profile_name: str,
    path: Path,
    train: Path | None = None,
    embeddings: Embeddings | None = None,
    beat: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[dict[str, Any]]:
    """`{id, score}` for each paper of a JSONL of `{id, title, abstract, authors, categories}`,
    best first; of a repeated id the first line counts.

    With `train`, a JSONL of such papers with `selected` (true or false, 1 or 0), the ranking is
    learned from those; a paper may be in both. Without `embeddings` words alone rank; `beat` hears
    how many of how many papers have a vector. Raises Refused, naming a line that cannot be read, or
    saying why a file is too little to learn from.
    """
    profile = library.resolve(profile_name, {})
    papers = [paper for paper, _ in read_papers(path, selected=False)]
    taught = read_papers(train, selected=True) if train else []
    both = [*papers, *(paper for paper, _ in taught)]
    meaning = embeddings.of(profile, both, beat, _PATIENCE) if embeddings else None
    rows: Sequence[KeywordScore | learned_ranking.LearnedScore]
    if train is None:
        rows = local_ranking.rank(profile, papers, meaning)
    else:
        rows = _learned(train, taught, profile, meaning).rank(profile, papers, meaning)
    for row in rows:
        yield {"id": row.id, "score": row.score}


@contextmanager
def kept_embeddings(config: Settings) -> Iterator[Embeddings | None]:
    """Embeddings that are kept where digests keep theirs, made on all processors, because somebody
    waits; None where meaning is switched off. Raises Refused where the database cannot be used."""
    if not config.meaning:
        yield None
        return
    from workers.runtime.environment import environment

    with environment(config) as here:
        yield Embeddings(here.store.vectors, threads=os.cpu_count() or 1)


def _learned(
    path: Path, rows: Sequence[tuple[Paper, bool]], profile: Profile, meaning: Meaning | None
) -> learned_ranking.LearnedRanking:
    from workers.gate import training  # numpy takes a while to import

    papers, picked = [paper for paper, _ in rows], [was for _, was in rows]
    try:
        return training.train(profile, papers, picked, meaning)
    except Refused as error:
        raise Refused(f"{path}: {error} Without --train, the profile alone is used.") from None


def read_papers(path: Path, selected: bool) -> list[tuple[Paper, bool]]:
    """The papers of a file, each once, with `selected`, False unless that field is requested."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} can't be read as text: {error}.") from None
    rows: dict[str, tuple[Paper, bool]] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            paper, was = _row(path, number, line, selected)
            rows.setdefault(paper.id, (paper, was))
    return list(rows.values())


def _row(path: Path, number: int, line: str, selected: bool) -> tuple[Paper, bool]:
    """Other fields are ignored."""
    try:
        row = json.loads(line)
        fields = {name: row[name] for name in ("id", "title", "abstract")}
        lists = {name: row.get(name) or [] for name in ("authors", "categories")}
        was = row["selected"] if selected else False
        paper = Paper.model_validate({"version": 1, **fields, **lists})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        wrong = f"no {error}" if isinstance(error, KeyError) else type(error).__name__
        more = ", and selected" if selected else ""
        raise Refused(
            f"{path}, line {number}: not a paper ({wrong}); each line is a JSON object with "
            f"id, title, abstract, authors and categories{more}."
        ) from None
    if was not in (True, False):
        shown = json.dumps(was)[:40]
        raise Refused(f"{path}, line {number}: selected is {shown}, not true or false, 1 or 0.")
    return paper, bool(was)
