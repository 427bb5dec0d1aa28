"""`paperboy rank`: ranks a file of papers by the local judge alone."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from bot.domain.papers import Paper, Profile
from bot.errors import Refused
from bot.profiles import library
from bot.safe_text import safe
from bot.settings import Settings
from bot.store.connection import require_usable_server
from workers.embedding.embeddings import Embeddings
from workers.embedding.meaning import Meaning
from workers.gate import learned_ranking, local_ranking
from workers.gate.keyword_ranking import KeywordScore
from workers.runtime.environment import Environment, environment


class Line(NamedTuple):
    """A line of a file of papers: the paper, whether it was `selected`, and the day (in New York)
    when it was announced, where the line says so."""

    paper: Paper
    selected: bool
    date: date | None


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
    papers = [line.paper for line in read_papers(path, selected=False)]
    taught = read_papers(train, selected=True) if train else []
    both = [*papers, *(line.paper for line in taught)]
    meaning = meaning_of(profile, both, embeddings, beat)
    rows: Sequence[KeywordScore | learned_ranking.LearnedScore]
    if train is None:
        rows = local_ranking.rank(profile, papers, meaning)
    else:
        rows = _learned(train, taught, profile, meaning).rank(profile, papers, meaning)
    for row in rows:
        yield {"id": row.id, "score": row.score}


def meaning_of(
    profile: Profile,
    papers: Sequence[Paper],
    embeddings: Embeddings | None,
    beat: Callable[[int, int], None],
) -> Meaning | None:
    """What the papers mean, however long that takes; None without embeddings."""
    return embeddings.of(profile, papers, beat, _PATIENCE) if embeddings else None


@contextmanager
def kept_embeddings(config: Settings) -> Iterator[Embeddings | None]:
    """Embeddings that are kept where `any_environment` is, made on all processors, because somebody
    waits; None where meaning is switched off."""
    if not config.meaning:
        yield None
        return
    with any_environment(config) as here:
        yield embeddings_of(here)


@contextmanager
def any_environment(config: Settings) -> Iterator[Environment]:
    """The environment that digests are made in; where REDIS_URL's server can't be used, the data
    directory's own, which is said on standard error: a file is ranked as well there. Raises Refused
    where neither can be used."""
    if config.redis_url:
        try:
            require_usable_server(config.redis_url)
        except Refused as error:
            print(safe(f"{error} This command does without."), file=sys.stderr)
            config = config.model_copy(update={"redis_url": None})
    with environment(config) as here:
        yield here


def embeddings_of(here: Environment) -> Embeddings:
    """Embeddings kept there, made on all processors."""
    return Embeddings(here.store.vectors, threads=os.cpu_count() or 1)


def _learned(
    path: Path, rows: Sequence[Line], profile: Profile, meaning: Meaning | None
) -> learned_ranking.LearnedRanking:
    from workers.gate import training  # numpy takes a while to import

    papers, picked = [line.paper for line in rows], [line.selected for line in rows]
    try:
        return training.train(profile, papers, picked, meaning)
    except Refused as error:
        raise Refused(f"{path}: {error} Without --train, the profile alone is used.") from None


def read_papers(path: Path, selected: bool) -> list[Line]:
    """The papers of a JSONL file, which may be compressed (.gz), each once: its first line counts.
    `selected` is False unless that field is requested. Raises Refused, naming the line that cannot
    be read."""
    rows: dict[str, Line] = {}
    for number, text in enumerate(_text(path).split("\n"), 1):
        if text.strip():
            line = _line(path, number, text, selected)
            rows.setdefault(line.paper.id, line)
    return list(rows.values())


def _text(path: Path) -> str:
    try:
        body = path.read_bytes()
        return (gzip.decompress(body) if path.suffix == ".gz" else body).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise Refused(f"{path} can't be read as text: {error}.") from None


def _line(path: Path, number: int, text: str, selected: bool) -> Line:
    """Other fields are ignored."""
    try:
        row = json.loads(text)
        fields = {name: row[name] for name in ("id", "title", "abstract")}
        lists = {name: row.get(name) or [] for name in ("authors", "categories")}
        was = row["selected"] if selected else False
        day = row.get("date")
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
    return Line(paper, bool(was), _date(day))


def _date(day: object) -> date | None:
    """A day as YYYY-MM-DD; what is written otherwise is none, as any other field that nobody asked
    for."""
    try:
        return date.fromisoformat(day) if isinstance(day, str) else None
    except ValueError:
        return None
