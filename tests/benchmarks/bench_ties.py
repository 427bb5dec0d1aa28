"""How likely two posted papers of one day tie, before and after the second look.

    python -m tests.benchmarks.bench_ties RECORD.jsonl[.gz] [MAXIMUM]

RECORD has one judged paper a line: `date, id, title, abstract, relevance, novelty`; lines without
scores are left out. A tie is two papers with the same key: relevance and novelty before, and the
place in the second look's order after. The model is scripted: it orders by a hash of the id, and
in the other rows forgets three papers in ten, or answers one day in ten with nonsense. Chances are
over all pairs within a day.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import fmean

from bot.domain.digest import Decision, Outcome, Score
from bot.domain.papers import fingerprint
from tests.factories import announced, profile
from workers.judging import top_papers

Model = Callable[[list[str]], str]
Key = tuple[int, int | None, int]


def main(record: Path, maximum: int) -> None:
    """Order every day of the record in each of the ways, and print a table."""
    days = read(record)
    ways: dict[str, Model] = {
        "before": lambda ids: "",
        "after": by_hash,
        "after, three papers in ten forgotten": lambda ids: by_hash(ids[: len(ids) * 7 // 10]),
        "after, one day in ten with nonsense": lambda ids: by_hash(ids) if _tenths(ids) else "?",
    }
    print(f"{sum(map(len, days.values()))} papers on {len(days)} days, at most {maximum} posted")
    print(f"{'':<40}{'all pairs':>10}{'mean day':>10}{'papers a look':>15}")
    for name, model in ways.items():
        posted = [look(day, maximum, model) for day in days.values()]
        ties = [
            (top_papers.tie_probability(keys), len(keys) * (len(keys) - 1)) for keys, _ in posted
        ]
        pairs = sum(n for _, n in ties)
        every = sum(chance * n for chance, n in ties) / pairs if pairs else 0.0
        mean = fmean(chance for chance, _ in ties)
        sent = fmean(n for _, n in posted)
        print(f"{name:<40}{every:>10.4f}{mean:>10.4f}{sent:>15.1f}")


def read(record: Path) -> dict[str, list[Decision]]:
    """Each day's papers that have both scores, in posted order."""
    raw = record.read_bytes()
    lines = (gzip.decompress(raw) if record.suffix == ".gz" else raw).splitlines()
    days: defaultdict[str, list[Decision]] = defaultdict(list)
    for row in map(json.loads, lines):
        if row["relevance"] and row["novelty"]:
            score = Score(relevance=row["relevance"], novelty=row["novelty"], comment="")
            entry = announced(row["id"], title=row["title"], abstract=row["abstract"])
            decision = Decision(announced=entry, outcome=Outcome.PICKED, score=score)
            days[row["date"]].append(decision)
    return {date: sorted(day, key=lambda d: (key(d, {}), d.paper.id)) for date, day in days.items()}


def look(day: list[Decision], maximum: int, model: Model) -> tuple[list[Key], int]:
    """The keys of what is posted of a day, and how many papers were looked at again."""
    papers = top_papers.top_papers(profile(maximum=maximum), day)
    found = top_papers.parse_reply(model([paper.id for paper in papers]), papers)
    place = {id: n for n, id in enumerate(found.order if found else ())}
    best = sorted(day, key=lambda d: (key(d, place), d.paper.id))[:maximum]
    return [key(decision, place) for decision in best], len(papers)


def key(decision: Decision, place: Mapping[str, int]) -> Key:
    """Lower is better; a paper without a place comes after those that have one."""
    score = decision.score
    assert score is not None
    return -score.relevance, -(score.novelty or 0), place.get(decision.paper.id, len(place))


def by_hash(ids: Iterable[str]) -> str:
    return json.dumps({"order": sorted(ids, key=fingerprint)})


def _tenths(ids: list[str]) -> bool:
    """False for one list in ten."""
    return int(fingerprint(*ids), 16) % 10 != 0


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20)
