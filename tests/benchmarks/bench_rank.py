"""How well the local ranking finds what readers picked, from their profile alone.

    python -m tests.benchmarks.bench_rank RECORD.jsonl.gz PROFILE.toml

RECORD has one announced paper a line: `date, id, title, abstract, authors, categories, selected`.
Every day is ranked by itself, as the bot does, and the ranking sees no `selected`. AUC is the
chance that a picked paper scores above one that was not (ties count half): over all pairs of the
record, and as the mean over days with a pick, which no difference between days can help.
"""

from __future__ import annotations

import resource
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import chain
from pathlib import Path
from statistics import fmean

from bot.domain.papers import Paper, Profile
from tests.benchmarks.embedded_record import meaning_of_record
from tests.benchmarks.record import read_record
from workers.embedding.meaning import Meaning
from workers.gate import local_ranking
from workers.gate.ranking_quality import Judged, auc, share_needed

SEVEN = 7  # the readers' cut-off for relevance


def main(record: Path, toml: Path) -> None:
    """Rank every day of the record, then every paper as if alone on its day, and print a table: by
    words, and by words and meaning."""
    profile = Profile.model_validate(tomllib.loads(toml.read_text(encoding="utf-8")))
    days, picked = read_record(record)
    every = [paper for day in days.values() for paper in day]
    print(f"{len(every)} papers on {len(days)} days, {len(picked)} picked; profile {profile.name}")
    meaning = meaning_of_record(profile, every)
    columns = [_measure(profile, days, picked, how) for how in (None, meaning)]
    print(f"{'':<58}{'words':>9}{'and meaning':>14}")
    for what in columns[0]:
        print(f"{what:<58}{columns[0][what]:>9.3f}{columns[1][what]:>14.3f}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory: {memory:.0f} MB")


def _measure(
    profile: Profile, days: Mapping[date, Sequence[Paper]], picked: set[str], how: Meaning | None
) -> dict[str, float]:
    seconds, scored, placed = list[float](), list[list[Judged]](), list[list[Judged]]()
    sevens, alone_sevens = list[bool](), list[bool]()
    for papers in days.values():
        start = time.perf_counter()
        ranked = local_ranking.rank(profile, papers, how)
        seconds.append(time.perf_counter() - start)
        scored.append([(row.score, row.id in picked) for row in ranked])
        placed.append([(-i / len(ranked), row.id in picked) for i, row in enumerate(ranked)])
        sevens += [row.id in picked for row in ranked if row.relevance >= SEVEN]
        alone = [local_ranking.rank(profile, [paper], how)[0] for paper in papers]
        alone_sevens += [row.id in picked for row in alone if row.relevance >= SEVEN]
    every, places = list(chain(*scored)), list(chain(*placed))
    by_day = [auc(day) for day in scored if any(was for _, was in day)]
    most = [paper for day in days.values() for paper in day][:2000]
    start = time.perf_counter()
    local_ranking.rank(profile, most, how)
    return {
        "AUC over the whole record": auc(every),
        f"AUC within a day, mean of {len(by_day)}": fmean(by_day),
        "kept for 95 % of the picks, by score": share_needed(every, 0.95),
        "kept for 95 % of the picks, by place in the day": share_needed(places, 0.95),
        "kept for 98 % of the picks, by score": share_needed(every, 0.98),
        "kept for 98 % of the picks, by place in the day": share_needed(places, 0.98),
        "papers with relevance 7 or more": len(sevens) / len(every),
        "   of them picked": sum(sevens) / max(len(sevens), 1),
        "   picks among them": sum(sevens) / len(picked),
        "papers with relevance 7 or more, each alone on its day": len(alone_sevens) / len(every),
        "   of these picked": sum(alone_sevens) / max(len(alone_sevens), 1),
        "   picks among these": sum(alone_sevens) / len(picked),
        "seconds a day, mean": fmean(seconds),
        f"seconds a day, slowest (largest day: {max(map(len, days.values()))})": max(seconds),
        f"seconds for {len(most)} papers as one day": time.perf_counter() - start,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
