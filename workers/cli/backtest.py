"""`paperboy backtest`: ranks recorded days, and says how well that finds what was picked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from itertools import chain
from pathlib import Path

from bot.errors import Refused
from bot.profiles import library
from bot.views.measuring.backtest import Backtest, RankingQuality
from workers.cli import rank
from workers.cli.rank import Line
from workers.embedding.embeddings import Embeddings
from workers.gate import local_ranking
from workers.gate.ranking_quality import Judged, auc, share_needed


def run(
    profile_name: str,
    path: Path,
    embeddings: Embeddings | None = None,
    beat: Callable[[int, int], None] = lambda done, total: None,
) -> Backtest:
    """Rank each day of a JSONL of papers with `selected`, and `date` (YYYY-MM-DD), by the local
    ranking; without dates all are one day. Raises Refused, naming a line that cannot be read, and
    where nothing was picked, or everything."""
    profile = library.resolve(profile_name, {})
    lines = rank.read_papers(path, selected=True)
    if len({line.selected for line in lines}) < 2:
        raise Refused(f"{path}: selected is the same on every line: there is nothing to find.")
    meaning = rank.meaning_of(profile, [line.paper for line in lines], embeddings, beat)
    days = list[tuple[date | None, list[Judged]]]()
    for day, of_day in _by_day(lines):
        was = {line.paper.id: line.selected for line in of_day}
        rows = local_ranking.rank(profile, [line.paper for line in of_day], meaning)
        days.append((day, [(row.score, was[row.id]) for row in rows]))
    measured = [(day, _measured(rows, [rows[: profile.maximum]])) for day, rows in days]
    every = list(chain.from_iterable(rows for _, rows in days))
    return Backtest(
        profile=profile.name,
        maximum=profile.maximum,
        words_only=meaning is None,
        days=tuple(measured),
        over_all=_measured(every, [rows[: profile.maximum] for _, rows in days]),
    )


def _by_day(lines: Sequence[Line]) -> list[tuple[date | None, list[Line]]]:
    """The days in their order; those without a date first, as one."""
    days = defaultdict[date | None, list[Line]](list)
    for line in lines:
        days[line.date].append(line)
    return sorted(days.items(), key=lambda row: row[0] or date.min)


def _measured(rows: Sequence[Judged], shown: Sequence[Sequence[Judged]]) -> RankingQuality:
    """`shown` are the rows that digests would show."""
    picked, first = sum(was for _, was in rows), list(chain.from_iterable(shown))
    return RankingQuality(
        papers=len(rows),
        picked=picked,
        shown=len(first),
        hits=sum(was for _, was in first),
        auc=auc(rows) if 0 < picked < len(rows) else None,
        for_95=share_needed(rows, 0.95) if picked else None,
        for_98=share_needed(rows, 0.98) if picked else None,
    )
