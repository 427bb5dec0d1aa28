"""How well the gate learns what readers pick, what it spares the model, and what it notices.

    python -m tests.benchmarks.bench_learn [RECORD.jsonl.gz PROFILE.toml [FROM]]

RECORD is as in bench_rank; the default is one beside the checkout, where there is one.
FROM (2025-06-01) is the split: learned is from the days before it, tried are the days from it on.
Every setting in workers/gate/training.py was chosen by trying it on later days, all before
that date.

1. The profile alone, every day ranked by itself: by words, and by words and meaning.
2. Two logistic regressions on TF-IDF, one with scikit-learn's defaults, one with usual settings
   (word pairs, titles three times, sublinear, min_df 2, English stop words, balanced), the gate of
   words alone, and the gate, tried on the same days; the gate less the two before it, bootstrapped
   in pairs, over days and over papers.
3. The gate at work from FROM on: the record plays the model, which sees only what it is asked;
   `true` is the recall so far without the audits. Then the same days with audits drawn anew. Then,
   on the twenty days from each of DRILLS on, how soon a gate opens that lets through so much.
4. The interest changes, mildly and wholly: from CHANGE on, before FROM, a pick is a paper that says
   one of the words in NEW.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date as date_
from functools import partial
from itertools import chain
from math import ceil
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

from bot.domain.papers import Paper, Profile
from tests import external_file
from tests.benchmarks.bench_rank import Judged, auc, share_needed
from tests.benchmarks.embedded_record import meaning_of_record
from workers.embedding.meaning import Meaning
from workers.gate import keyword_ranking, learned_ranking, local_ranking, threshold, training

EXTERNAL = [external_file(f"data/{name}") for name in ("record-dev.jsonl.gz", "foundations.toml")]
FROM = date_(2025, 6, 1)
BEGIN, CHANGE = date_(2025, 4, 14), date_(2025, 4, 21)  # part 4: the gate's first day, the change
NEW = ("reinforcement learning", "robot|medical|clinical")
DRAWS, REPLAYS = 1000, 500
DRILLS = date_(2025, 4, 21), date_(2025, 5, 5)  # part 3: learned from are the days before
BATCH = 10  # papers a call

Days = Mapping[date_, Sequence[Paper]]
Rank = Callable[[Sequence[Paper]], Sequence[Any]]  # rows with an id and a score
Table = Mapping[date_, Sequence[Judged]]  # each day's papers, in the same order for every method
Verdict = Callable[[date_, Paper], bool]
Divided = tuple[date_, set[str], threshold.GateSplit]  # a day, its picks, and its parts


def main(record: Path, toml: Path, start: date_) -> None:
    """Print the four parts."""
    profile = Profile.model_validate(tomllib.loads(toml.read_text(encoding="utf-8")))
    days, picked = _read(record)
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
    plain, usual = (_plain(taught, was, after, picked, usual) for usual in (False, True))
    ours = table(lambda papers: knows.rank(profile, papers, meaning), after)
    by_words = training.train(profile, taught, was)
    words = table(lambda papers: by_words.rank(profile, papers), after)
    _line("TF-IDF, defaults", plain)
    _line("TF-IDF, usual settings", usual)
    _line("the gate, words alone", words)
    _line("the gate", ours)
    _bootstrap("TF-IDF", usual, ours)
    _bootstrap("its words", words, ours)
    print("   AUC by day: the profile alone, TF-IDF with usual settings, the gate")
    for day in after:
        if any(pick for _, pick in ours[day]):
            print(f"   {day}  " + "  ".join(f"{auc(t[day]):.3f}" for t in (zero, usual, ours)))
    size = len(knows.model_dump_json()) / 1e6
    print(f"   {len(taught)} papers learned from in {seconds:.1f} s, kept as {size:.1f} MB of JSON")

    print(f"\n3. The gate at work from {start} on")
    _work(profile, meaning, days, lambda _, paper: paper.id in picked, start)
    for drill in DRILLS:
        print(f"\n   Gates learned before {drill}, thresholds moved")
        _drill(profile, meaning, before, picked, drill)

    for new in NEW:
        says = {p.id for p in taught if re.search(new, f"{p.title} {p.abstract}", re.IGNORECASE)}
        print(f"\n4. From {CHANGE} on the picks are the papers that say {new}")
        _work(profile, meaning, before, partial(_changed, picked, says), BEGIN)


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


def _work(profile: Profile, meaning: Meaning, days: Days, verdict: Verdict, start: date_) -> None:
    """Learn from the days before `start`, then take the days as they come, opening and closing."""
    seen = [(d, p, verdict(d, p)) for d, papers in days.items() if d < start for p in papers]
    knows, least, near = _learn(profile, meaning, seen)
    opened, tallies, sums = None, list[threshold.Tally](), Counter[str]()
    closed = list[Divided]()
    print(
        "   day         announced  asked  audited  gated  calls spared  picks  found   true  so far"
    )
    for day, papers in ((d, p) for d, p in days.items() if d >= start):
        ranked = knows.rank(profile, papers, meaning)
        parts = threshold.divide(ranked, -1e9 if opened else least, near, day)
        picks = {paper.id for paper in papers if verdict(day, paper)}
        asked = {*parts.asked, *parts.audited}
        seen += [(day, paper, paper.id in picks) for paper in papers if paper.id in asked]
        tally = threshold.tally(day, parts, asked, picks)
        tallies.append(tally)
        spared = ceil(len(papers) / BATCH) - ceil(len(asked) / BATCH)
        sums.update(announced=len(papers), gated=len(parts.gated), spared=spared)
        sums.update(calls=ceil(len(papers) / BATCH), picks=len(picks), found=len(picks & asked))
        line = f"{len(papers):>9}{tally.asked:>7}{len(parts.audited):>9}{len(parts.gated):>7}"
        line += f"{spared:>14}{len(picks):>7}{len(picks & asked):>7}"
        if opened is None:
            closed.append((day, picks, parts))
            recall = threshold.estimate_recall(tallies)
            value = "unknown" if recall.value is None else f"{recall.value:.1%}"
            line += f"{_true(closed):>7.1%}  {value} [{recall.low:.1%}, {recall.high:.1%}]"
            if threshold.should_open(recall):
                opened = day
                line += "  the gate opens"
        elif threshold.may_close(opened, tallies):
            knows, least, near = _learn(profile, meaning, [row for row in seen if row[0] > opened])
            opened, tallies, closed = None, [], []
            line += "  learned anew: the gate closes"
        print(f"   {day}  {line}")
    found = f"{sums['found']} of {sums['picks']} picks found ({sums['found'] / sums['picks']:.1%})"
    gated = f"{sums['gated'] / sums['announced']:.1%} of the papers gated"
    print(f"   {found}, {gated}, {sums['spared']} of {sums['calls']} calls spared")
    if closed:
        _replay(closed)


def _true(days: Sequence[Divided]) -> float:
    asked = sum(len(picks & {*parts.asked}) for _, picks, parts in days)
    return asked / max(sum(len(picks) for _, picks, _ in days), 1)


def _learn(
    profile: Profile, meaning: Meaning, seen: Sequence[tuple[date_, Paper, bool]]
) -> tuple[learned_ranking.LearnedRanking, float, float]:
    """What these verdicts teach, the threshold, and from which score on one is near it."""
    days, papers, was = zip(*seen, strict=True)
    held = training.score_held_out(profile, papers, was, days, meaning)
    least = threshold.choose_threshold(held)
    past = sum(row.score >= least for row in held) / len(held)
    print(f"   threshold {least:.3f}: on held-out days {past:.1%} of the papers get past it")
    return (
        training.train(profile, papers, was, meaning),
        least,
        threshold.choose_near_threshold(held, least),
    )


def _replay(days: Sequence[Divided]) -> None:
    """The closed days with audits drawn anew: how often the gate opens, after how many days, and
    whether the interval at the end holds the truth."""
    truth = _true(days)
    opens, holds, widths = list[int](), 0, []
    for n in range(REPLAYS):
        tallies: list[threshold.Tally] = []
        opened = 0
        for day, picks, parts in days:
            near = {*parts.near}
            placed = [
                learned_ranking.LearnedScore(id=f"{n} {id}", rank=1, score=id in near, words=())
                for id in parts.audited + parts.gated
            ]
            drawn = threshold.divide(placed, 2, 1, day)
            again = threshold.GateSplit(
                asked=parts.asked,
                audited=tuple(id.split()[1] for id in drawn.audited),
                gated=tuple(id.split()[1] for id in drawn.gated),
                near=parts.near,
            )
            tallies.append(threshold.tally(day, again, again.asked + again.audited, picks))
            if not opened and threshold.should_open(threshold.estimate_recall(tallies)):
                opened = len(tallies)
        recall = threshold.estimate_recall(tallies)
        opens += [opened] if opened else []
        holds += recall.low <= truth <= recall.high
        widths.append(recall.low)
    within = ", ".join(
        f"{sum(day <= most for day in opens) / REPLAYS:.0%} by day {most}"
        for most in (5, 10, 15, 20)
        if most < len(days) + 5
    )
    print(
        f"   on its {len(days)} closed days {truth:.1%} of the picks got past without the audits; "
        f"with audits drawn anew {REPLAYS} times, the gate opens in {within}, "
        f"and the last interval (its low end {fmean(widths):.1%} in the mean) holds the recall of "
        f"these days in {holds / REPLAYS:.1%}"
    )


def _drill(profile: Profile, meaning: Meaning, days: Days, picked: set[str], start: date_) -> None:
    """Gates learned from the days before `start`, with the threshold moved to let just so much of
    the picks through on the days after."""
    seen = [(d, p, p.id in picked) for d, papers in days.items() if d < start for p in papers]
    taught_on, papers, was = zip(*seen, strict=True)
    held = training.score_held_out(profile, papers, was, taught_on, meaning)
    knows = training.train(profile, papers, was, meaning)
    after = [(d, papers) for d, papers in days.items() if d >= start][: threshold.WINDOW_DAYS]
    ranked = [(day, knows.rank(profile, papers, meaning)) for day, papers in after]
    scores = sorted((r.score for _, rows in ranked for r in rows if r.id in picked), reverse=True)
    for recall in (0.90, 0.92, 0.95, 0.98, 0.995):
        least = scores[round(recall * len(scores)) - 1]
        near = threshold.choose_near_threshold(held, least)
        _replay(
            [
                (day, picked & {r.id for r in rows}, threshold.divide(rows, least, near, day))
                for day, rows in ranked
            ]
        )


def _plain(
    papers: Sequence[Paper], was: Sequence[bool], days: Days, picked: set[str], usual: bool
) -> dict[date_, list[Judged]]:
    from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]

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


def _read(record: Path) -> tuple[dict[date_, list[Paper]], set[str]]:
    days: dict[date_, list[Paper]] = {}
    picked = set()
    with gzip.open(record, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            names = ("id", "title", "abstract", "authors", "categories")
            paper = Paper.model_validate({"version": 1, **{name: row[name] for name in names}})
            days.setdefault(date_.fromisoformat(row["date"]), []).append(paper)
            if row["selected"]:
                picked.add(row["id"])
    return dict(sorted(days.items())), picked


if __name__ == "__main__":
    given = [Path(word) for word in sys.argv[1:3]]
    where = given or EXTERNAL
    if not all(path.is_file() for path in where):
        print("Skipped: there is no record beside the checkout; name one, and its profile.")
    else:
        main(where[0], where[1], date_.fromisoformat(sys.argv[3]) if len(sys.argv) > 3 else FROM)
