"""How well the gate learns what readers pick, what it spares the model, and what it notices.

    python -m tests.benchmarks.bench_learn [RECORD.jsonl.gz PROFILE.toml [FROM]]

RECORD is as in bench_rank; the default is one beside the checkout, where there is one.
FROM (2025-06-01) is the split: learned is from the days before it, tried are the days from it on.
Every setting in workers/gate/training.py was chosen by trying it on later days, all before
that date.

1. The profile alone, every day ranked by itself: by words, and by words and meaning.
2. Where scikit-learn is installed, two logistic regressions on TF-IDF, one with its defaults, one
   with usual settings (word pairs, titles three times, sublinear, min_df 2, English stop words,
   balanced); the gate of words alone, and the gate, tried on the same days; the gate less the
   others, bootstrapped in pairs, over days and over papers.
3. The gate at work as in life, from the record's first day on: every morning it divides the day,
   every night it learns from what it was told. The record plays the model, which sees only what it
   is asked. `found` are picks that were asked about, with the audited ones; `passed` those above
   the threshold; over ten days up to this one.
4. The same with interests that change, mildly and wholly: from CHANGE on, before FROM, a pick is a
   paper that says one of the words in NEW.
"""

from __future__ import annotations

import random
import re
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import date as date_
from functools import cache, partial
from importlib.util import find_spec
from itertools import chain
from math import ceil
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any, NamedTuple

from bot.domain.papers import Paper, Profile
from tests.benchmarks.embedded_record import meaning_of_record
from tests.benchmarks.record import named_files, read_record
from workers.embedding.meaning import Meaning
from workers.gate import (
    keyword_ranking,
    learned_ranking,
    local_ranking,
    nightly,
    threshold,
    training,
)
from workers.gate.nightly import GateState, Lesson
from workers.gate.ranking_quality import Judged, auc, share_needed
from workers.gate.threshold import Tally

FROM = date_(2025, 6, 1)
CHANGE = date_(2025, 4, 21)  # part 4
NEW = ("reinforcement learning", "robot|medical|clinical")
DRAWS = 1000
BATCH = 20  # papers a call
TEN = 10  # days

Days = Mapping[date_, Sequence[Paper]]
Rank = Callable[[Sequence[Paper]], Sequence[Any]]  # rows with an id and a score
Table = Mapping[date_, Sequence[Judged]]  # each day's papers, in the same order for every method
Verdict = Callable[[date_, Paper], bool]


def main(record: Path, toml: Path, start: date_) -> None:
    """Print the four parts."""
    profile = Profile.model_validate(tomllib.loads(toml.read_text(encoding="utf-8")))
    days, picked = read_record(record)
    before = {day: papers for day, papers in days.items() if day < start}
    after = {day: papers for day, papers in days.items() if day >= start}
    counts = [(len(part), sum(map(len, part.values()))) for part in (before, after)]
    print(f"profile {profile.name}; split at {start}: (days, papers) {counts[0]} and {counts[1]}")
    meaning = meaning_of_record(profile, list(chain(*days.values())))

    def table(rank: Rank, days: Days) -> Table:
        return {day: _judged(rank, papers, picked) for day, papers in days.items()}

    print(f"\n1. {'The profile alone':<33}    AUC   by day   for 95 %  for 98 % of the picks")
    zero = table(lambda papers: local_ranking.rank(profile, papers, meaning), days)
    for name, tried in (
        ("words", table(lambda papers: keyword_ranking.rank(profile, papers), days)),
        ("words and meaning", zero),
    ):
        _line(f"{name}, all days", tried)
        _line(f"{name}, before {start}", {day: tried[day] for day in before})
        _line(f"{name}, from {start} on", {day: tried[day] for day in after})

    print(f"\n2. {'Learned':<33}    AUC   by day   for 95 %  for 98 % of the picks")
    taught = list(chain(*before.values()))
    was = [paper.id in picked for paper in taught]
    clock = time.perf_counter()
    knows = training.train(profile, taught, was, meaning)
    seconds = time.perf_counter() - clock
    baselines: dict[str, Table] = {}
    if find_spec("sklearn"):
        for name, is_usual in (("TF-IDF, defaults", False), ("TF-IDF, usual settings", True)):
            baselines[name] = _plain(taught, was, after, picked, is_usual)
    ours = table(lambda papers: knows.rank(profile, papers, meaning), after)
    by_words = training.train(profile, taught, was)
    words = table(lambda papers: by_words.rank(profile, papers), after)
    for name, tried in baselines.items():
        _line(name, tried)
    _line("the gate, words alone", words)
    _line("the gate", ours)
    for name, tried in (*baselines.items(), ("its words", words)):
        _bootstrap(name, tried, ours)
    print("   AUC by day: the profile alone, the gate")
    for day in after:
        if any(pick for _, pick in ours[day]):
            print(f"   {day}  {auc(zero[day]):.3f}  {auc(ours[day]):.3f}")
    size = len(knows.model_dump_json()) / 1e6
    print(f"   {len(taught)} papers learned from in {seconds:.1f} s, kept as {size:.1f} MB of JSON")

    print("\n3. The gate at work")
    found = _live(profile, meaning, days, lambda _, paper: paper.id in picked)
    _sum_up(f"before {start}", [day for day in found if day.date < start])
    _sum_up(f"from {start} on", [day for day in found if day.date >= start])
    for new in NEW:
        says = {p.id for p in taught if re.search(new, f"{p.title} {p.abstract}", re.IGNORECASE)}
        print(f"\n4. From {CHANGE} on the picks are the papers that say {new}")
        lived = _live(profile, meaning, before, partial(_changed, picked, says))
        _sum_up("after the change", [day for day in lived if day.date >= CHANGE])


def _changed(old: set[str], new: set[str], day: date_, paper: Paper) -> bool:
    return paper.id in (old if day < CHANGE else new)


def _line(what: str, table: Table) -> None:
    every, by_day = (
        list(chain(*table.values())),
        [d for d in table.values() if any(p for _, p in d)],
    )
    line = f"{auc(every):>7.3f}{fmean(map(auc, by_day)):>9.3f}"
    print(
        f"   {what:<33}{line}{share_needed(every, 0.95):>11.1%}{share_needed(every, 0.98):>10.1%}"
    )


def _bootstrap(name: str, plain: Table, ours: Table) -> None:
    """The gate less another ranking, on the same days or papers drawn with replacement."""
    dice = random.Random(1)
    pairs = {day: list(zip(plain[day], ours[day], strict=True)) for day in ours}
    papers, days = list(chain(*pairs.values())), list(pairs)
    ways: dict[str, Callable[[], list[tuple[Judged, Judged]]]] = {
        "days": lambda: list(chain(*(pairs[day] for day in dice.choices(days, k=len(days))))),
        "papers": lambda: dice.choices(papers, k=len(papers)),
    }
    for unit, draw in ways.items():
        found: list[list[float]] = [[], [], []]
        for _ in range(DRAWS):
            first, second = zip(*draw(), strict=True)
            for part, of in zip(found, (auc, _for95, _for98), strict=True):
                part.append(of(second) - of(first))
        for what, part, better in zip(
            ("AUC", "for 95 %", "for 98 %"), found, (1, -1, -1), strict=True
        ):
            cuts = quantiles(part, n=40)
            share = sum(value * better > 0 for value in part) / DRAWS
            print(
                f"   the gate less {name}, over {unit:<7}{what:<9}{fmean(part):+.4f} "
                f"[{cuts[0]:+.4f}, {cuts[-1]:+.4f}], better in {share:.1%}"
            )


def _for95(judged: Sequence[Judged]) -> float:
    return share_needed(judged, 0.95)


def _for98(judged: Sequence[Judged]) -> float:
    return share_needed(judged, 0.98)


class Lived(NamedTuple):
    """A day of the gate: counts of papers, picks and calls."""

    date: date_
    papers: int
    asked: int
    audited: int
    picks: int
    found: int
    passed: int
    divided: bool

    @property
    def spared(self) -> int:
        return _calls(self.papers) - _calls(self.asked + self.audited)


def _calls(papers: int) -> int:
    return ceil(papers / BATCH)


def _live(profile: Profile, meaning: Meaning, days: Days, verdict: Verdict) -> list[Lived]:
    """Take the days as they come, and learn every night. Prints a line for each day."""
    learned_ranking.fields_of = cache(learned_ranking.fields_of)  # a paper is read once
    state, tallies, lessons = GateState(), list[Tally](), list[Lesson]()
    lived = list[Lived]()
    print("   day         announced  asked  audited  calls spared  picks  found   found  passed")
    for day, papers in days.items():
        picks = {paper.id for paper in papers if verdict(day, paper)}
        ranked = state.learned.rank(profile, papers, meaning) if state.learned else ()
        parts, promised = threshold.GateSplit(asked=tuple(paper.id for paper in papers)), None
        if state.least is not None:
            parts = threshold.divide(ranked, state.least, day)
            promised = state.least, state.level
        told = {*parts.asked, *parts.audited}
        marks = {row.id: row.score for row in ranked}
        tallies.append(threshold.tally(day, parts, told, picks, promised, marks))
        lessons = [
            *(
                Lesson(day, p, p.id in picks, parts.stands_for(p.id))
                for p in papers
                if p.id in told
            ),
            *lessons,
        ]
        counts = len(papers), len(parts.asked), len(parts.audited), len(picks)
        got = len(picks & told), len(picks & {*parts.asked})
        lived.append(Lived(day, *counts, *got, promised is not None))
        found, passed = _shares(lived[-TEN:])
        told_so_far = threshold.estimate_recall([t for t in tallies if t.least is not None])
        print(
            f"   {day}  {counts[0]:>9}{counts[1]:>7}{counts[2]:>9}{lived[-1].spared:>14}"
            f"{counts[3]:>7}{got[0]:>7}{found:>8.1%}{passed:>8.1%}"
            f"  [{told_so_far.low:.1%}, {told_so_far.high:.1%}]"
            + (f"  {promised[1]:.2%} below {promised[0]:.2f}" if promised else "")
        )
        before, taught = state, lessons[: nightly.MOST_PAPERS]
        state = nightly.after_days(before, tallies, taught, profile, meaning)
        if state.start != before.start:
            print(f"   the interest has changed: what counts are the days from {state.start} on")
    return lived


def _shares(days: Sequence[Lived]) -> tuple[float, float]:
    picks = max(sum(day.picks for day in days), 1)
    return sum(day.found for day in days) / picks, sum(day.passed for day in days) / picks


def _sum_up(what: str, days: Sequence[Lived]) -> None:
    """Of these days, and of those that the gate divided."""
    for which, some in (("", days), (", divided", [day for day in days if day.divided])):
        if not some:
            continue
        found, passed = _shares(some)
        tens = [some[n : n + TEN] for n in range(max(len(some) - TEN + 1, 1))]
        low = sum(day.found < 0.9 * day.picks for day in some)
        calls, spared = sum(_calls(d.papers) for d in some), sum(d.spared for d in some)
        kept = sum(d.asked + d.audited for d in some) / sum(d.papers for d in some)
        print(
            f"   {what}{which}: {len(some)} days, {found:.1%} of the picks found, {passed:.1%} "
            f"passed; ten days in a row {min(_shares(ten)[0] for ten in tens):.1%} and "
            f"{min(_shares(ten)[1] for ten in tens):.1%} at least; {low} days below 90 %; "
            f"{1 - kept:.1%} of the papers, {spared} of {calls} calls spared ({spared / calls:.1%})"
        )


def _plain(
    papers: Sequence[Paper], was: Sequence[bool], days: Days, picked: set[str], usual: bool
) -> dict[date_, list[Judged]]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    settings = {"ngram_range": (1, 2), "sublinear_tf": True, "min_df": 2, "stop_words": "english"}
    words = TfidfVectorizer(**settings if usual else {})
    plain = make_pipeline(words, LogisticRegression(class_weight="balanced" if usual else None))
    titles = 3 if usual else 1

    def text(paper: Paper) -> str:
        return f"{paper.title} " * titles + paper.abstract

    plain.fit([text(paper) for paper in papers], was)

    def judged(day: Sequence[Paper]) -> list[Judged]:
        rows = sorted(day, key=lambda paper: paper.id)
        scores = plain.decision_function([text(paper) for paper in rows])
        return [(float(s), paper.id in picked) for s, paper in zip(scores, rows, strict=True)]

    return {day: judged(papers) for day, papers in days.items()}


def _judged(rank: Rank, papers: Sequence[Paper], picked: set[str]) -> list[Judged]:
    rows = sorted(rank(papers), key=lambda row: row.id)
    return [(row.score, row.id in picked) for row in rows]


if __name__ == "__main__":
    if where := named_files(sys.argv[1:]):
        main(where[0], where[1], date_.fromisoformat(sys.argv[3]) if len(sys.argv) > 3 else FROM)
