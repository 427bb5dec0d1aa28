"""`paperboy rank`: ranks a file of papers by the local judge alone."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from workers.gate.vote_ranking import PaperVote
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
    votes: Path | None = None,
) -> Iterator[dict[str, Any]]:
    """`{id, score}` for each paper of a JSONL of `{id, title, abstract, authors, categories}`,
    best first; of a repeated id the first line counts.

    With `train`, a JSONL of such papers with `selected` (true or false, 1 or 0), the ranking is
    learned from those; a paper may be in both. With `votes`, a JSONL of such papers with `vote` (1
    or -1) and `by`, the last vote of the same person on the same paper counts, and the papers are
    ranked as in a channel where they were cast; a paper may be in both, too. Without `embeddings`
    words alone rank; `beat` hears how many of how many papers have a vector. Raises Refused, naming
    a line that cannot be read, or saying why a file is too little to learn from.
    """
    profile = library.resolve(profile_name, {})
    papers = [line.paper for line in read_papers(path, selected=False)]
    taught = read_papers(train, selected=True) if train else []
    cast = read_votes(votes) if votes else []
    every = [*papers, *(line.paper for line in taught), *(vote.paper for vote in cast)]
    meaning = meaning_of(profile, every, embeddings, beat)
    rows: Sequence[KeywordScore | learned_ranking.LearnedScore]
    if train is None:
        rows = local_ranking.rank(profile, papers, meaning)
    else:
        rows = _learned(train, taught, profile, meaning).rank(profile, papers, meaning)
    scores = {row.id: row.score for row in rows}
    if cast:
        own = {
            id: local_ranking.standard_score(profile, score, meaning)
            for id, score in scores.items()
        }
        shifts = _shifts(cast, papers, meaning)
        scores = {id: round((scores if train else own)[id] + shifts[id], 4) + 0.0 for id in scores}
    for id, score in sorted(scores.items(), key=lambda row: (-row[1], row[0])):
        yield {"id": id, "score": score}


def _shifts(
    votes: Sequence[PaperVote], papers: Sequence[Paper], meaning: Meaning | None
) -> dict[str, float]:
    from workers.gate import vote_training  # numpy takes a while to import

    learned = vote_training.train(votes, papers, meaning)
    if learned is None:
        return dict.fromkeys((paper.id for paper in papers), 0.0)
    return learned.shifts(papers, meaning)


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
    more = ("selected",) if selected else ()
    for where, row in _objects(path, more):
        was = row["selected"] if selected else False
        if was not in (True, False):
            raise Refused(f"{where}: selected is {_shown(was)}, not true or false, 1 or 0.")
        line = Line(_paper(where, row, more), bool(was), _date(row.get("date")))
        rows.setdefault(line.paper.id, line)
    return list(rows.values())


def read_votes(path: Path) -> list[PaperVote]:
    """The votes of a JSONL file, which may be compressed (.gz), in its order: a paper's fields,
    `vote` and `by`. Raises Refused, naming the line that cannot be read."""
    votes, more = list[PaperVote](), ("vote", "by")
    for where, row in _objects(path, more):
        paper, vote, by = _paper(where, row, more), row["vote"], row["by"]
        if vote not in (1, -1) or isinstance(vote, bool):
            raise Refused(f"{where}: vote is {_shown(vote)}, not 1 or -1.")
        if not isinstance(by, str | int) or not str(by).strip():
            raise Refused(f"{where}: by is {_shown(by)}; it has to name who voted.")
        votes.append(PaperVote(paper, str(by), vote == 1))
    return votes


def _text(path: Path) -> str:
    try:
        body = path.read_bytes()
        return (gzip.decompress(body) if path.suffix == ".gz" else body).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise Refused(f"{path} can't be read as text: {error}.") from None


def _objects(path: Path, more: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The lines that are JSON objects with the fields of `more`, and where each stands. Raises
    Refused at the first that is not."""
    for number, text in enumerate(_text(path).split("\n"), 1):
        if not text.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(text)
            for name in ("id", *more):
                row[name]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _no_paper(where, error, more) from None
        yield where, row


def _paper(where: str, row: Mapping[str, Any], more: Sequence[str]) -> Paper:
    """Other fields are ignored."""
    try:
        fields = {name: row[name] for name in ("id", "title", "abstract")}
        lists = {name: row.get(name) or [] for name in ("authors", "categories")}
        return Paper.model_validate({"version": 1, **fields, **lists})
    except (ValueError, KeyError, TypeError) as error:
        raise _no_paper(where, error, more) from None


def _no_paper(where: str, error: Exception, more: Sequence[str]) -> Refused:
    wrong = f"no {error}" if isinstance(error, KeyError) else type(error).__name__
    asked = f", and {' and '.join(more)}" if more else ""
    return Refused(
        f"{where}: not a paper ({wrong}); each line is a JSON object with id, title, abstract, "
        f"authors and categories{asked}."
    )


def _shown(value: object) -> str:
    return json.dumps(value)[:40]


def _date(day: object) -> date | None:
    """A day as YYYY-MM-DD; what is written otherwise is none, as any other field that nobody asked
    for."""
    try:
        return date.fromisoformat(day) if isinstance(day, str) else None
    except ValueError:
        return None
