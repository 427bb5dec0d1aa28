"""How steady picks become when close calls are looked at again: simulated from a judge's record.

    python -m tests.benchmarks.bench_looks [RECORD.jsonl.gz PROFILE.toml]

RECORD is as in bench_rank, with relevance and novelty of what was picked; the default is one beside
the checkout, where there is one. A judge judges each day twice, afresh. `agree` is what both runs
pick, of what either does (Jaccard); `right` is the same of a run and of what endless looks would
pick; `tokens` are those of first looks and second ones, in first looks.

The noise model: a paper has a worth, normal around what the local ranking (by words) says of it; a
look adds noise of its own, and reads the sum off as points above or below the line. Fitted to the
days before FROM: the weight of the ranking and the line to who was picked, the width of a point to
the scores of the picks (below the line, where none are recorded, a point is taken to be as wide as
the first above it), and the noise so that two runs agree to RERUN, as two runs of the judge that
made the record did. In the simulated days a paper's worth is drawn to fit what the record says of
it. Relevance and novelty are one number here: points above the line on the axis that decides.

Several answers to one question may err together. The record's two runs asked the same questions in
the same order, so what differed there is each answer's own; `together` says what would come of it
if that share of the noise were common to all answers to a question.
"""

from __future__ import annotations

import gzip
import json
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from bot.domain.papers import Paper, Profile
from tests import external_file
from workers.gate import local_ranking
from workers.judging import close_calls, prompts, scoring

EXTERNAL = [external_file(f"data/{name}") for name in ("record-dev.jsonl.gz", "foundations.toml")]
FROM, RERUN, SAME = "2025-05-01", 0.60, 0.65
LINE = (8, 7)  # the record's cut-offs, as its scores show them
CHOOSING, TRYING = range(12), range(200, 224)
BELOW = 8  # points below the line that are told apart
PER_CALL, FIRST_ROW, LOOK_ROW = 20, 28, 18  # papers; tokens of an answer's row

Numbers = np.ndarray[Any, np.dtype[Any]]
_NORMAL = NormalDist()
_below = np.vectorize(_NORMAL.cdf, otypes=[float])  # the share of a normal distribution
_place = np.vectorize(_NORMAL.inv_cdf, otypes=[float])
_height = np.vectorize(_NORMAL.pdf, otypes=[float])


@dataclass(frozen=True)
class Policy:
    """`calls` further calls about what the first look puts between `low` and `high` points from the
    line, with `choices` answers each; after the first call only where the average is within `open`
    points of the line. `together` is the share of a call's noise that its answers have in common.
    `local` is the local ranking's weight in the average; `ties` has it decide an average that is
    exactly on the line. `bounded` looks at no more papers of a day than the product does."""

    name: str
    calls: int = 1
    choices: int = 1
    low: int = -1
    high: int = 1
    open: float = 99.0
    together: float = 0.0
    local: float = 0.0
    ties: bool = False
    bounded: bool = False


CANDIDATES = [
    Policy("one look", calls=0),
    *(Policy(f"{n} more in one call", choices=n) for n in (1, 2, 3, 4, 6, 8, 10)),
    Policy("8 more in one call, bounded", choices=8, bounded=True),
    Policy("8 more in one call, at or below the line", choices=8, high=0),
    Policy("8 more in one call, two points", choices=8, low=-2, high=2),
    *(Policy(f"{n} calls", calls=n) for n in (2, 3, 4)),
    *(Policy(f"up to {n} calls, while within 0.4", calls=n, open=0.4) for n in (2, 3, 4)),
    Policy("1 more, the local ranking decides ties", ties=True),
    *(Policy(f"1 more, local ranking at {w}", local=w) for w in (0.1, 0.3, 0.5)),
]
CHOSEN = Policy("8 more in one call, bounded", choices=8, bounded=True)
TRIED = [
    Policy("one look", calls=0),
    Policy("1 more in one call"),
    Policy("2 calls", calls=2),
    CHOSEN,
    *(replace(CHOSEN, name=f"the same, {s} together", together=s) for s in (0.25, 0.5)),
]


class Record(NamedTuple):
    """One row a paper: its day's number, the local ranking's score, points above the line (-1:
    below), and tokens."""

    day: Numbers
    local: Numbers
    points: Numbers
    tokens: Numbers


class Fit(NamedTuple):
    """`base` and `slope`: what the local ranking says of a paper's worth. `edges` are where a point
    more begins, the line after BELOW of them; `noise` is a look's standard deviation, in units of
    what the ranking leaves open."""

    base: float
    slope: float
    edges: Numbers
    noise: float

    def expected(self, record: Record) -> Numbers:
        return self.base + self.slope * record.local

    def points(self, worth: Numbers) -> Numbers:
        return np.searchsorted(self.edges, worth, side="right") - BELOW - 1


def main(record_file: Path, toml: Path) -> None:
    """Fit on the days before FROM, choose there, and try what was chosen on the later ones."""
    profile = Profile.model_validate(tomllib.loads(toml.read_text(encoding="utf-8")))
    before, after = read(record_file, profile)
    model = fit(before)
    told = len(scoring.instructions(profile)) / 4
    width = model.edges[BELOW + 1] - model.edges[BELOW]
    print(
        f"{len(before.day)} papers before {FROM}, {np.mean(before.points >= 0):.3f} picked; "
        f"{len(after.day)} later, {np.mean(after.points >= 0):.3f}"
    )
    print(
        f"noise {model.noise:.3f}, the first point above the line {width / model.noise:.2f} of it"
    )
    same = np.mean([_same(model, before, seed) for seed in CHOOSING])
    print(
        f"of what two looks pick, {same:.2f} have the same points (recorded: {SAME} the same pair)"
    )
    for name, record, policies, seeds in (
        (f"before {FROM}", before, CANDIDATES, CHOOSING),
        (f"from {FROM} on", after, TRIED, TRYING),
    ):
        print(f"\n{name:<44}{'agree':>7}{'±':>7}{'right':>7}{'picked':>8}{'again':>7}{'tokens':>8}")
        for policy in policies:
            found = np.array([simulate(model, record, policy, told, seed) for seed in seeds])
            agree, right, picked, again, tokens = found.mean(axis=0)
            spread = found[:, 0].std() / len(found) ** 0.5
            print(
                f"{policy.name:<44}{agree:>7.3f}{spread:>7.3f}{right:>7.3f}{picked:>8.3f}"
                f"{again:>7.3f}{tokens:>8.2f}"
            )


def read(file: Path, profile: Profile) -> tuple[Record, Record]:
    """The papers before FROM, and the later ones."""
    days = defaultdict[str, dict[str, dict[str, Any]]](dict)
    for row in map(json.loads, gzip.decompress(file.read_bytes()).splitlines()):
        days[row["date"]].setdefault(row["id"], row)
    parts: tuple[list[tuple[float, ...]], list[tuple[float, ...]]] = [], []
    for number, day in enumerate(sorted(days)):
        rows = days[day]
        papers = [
            Paper(
                **{name: row[name] for name in ("id", "title", "abstract", "authors")},
                version=1,
                categories=tuple(row["categories"]),
            )
            for row in rows.values()
        ]
        ranked = {row.id: row.score for row in local_ranking.rank(profile, papers, None)}
        for paper in papers:
            size = len(prompts.paper_line(paper)) / 4
            told = (number, ranked[paper.id], _points(rows[paper.id]), size)
            parts[day >= FROM].append(told)
    before, after = (Record(*np.array(part).T) for part in parts)
    middle, spread = before.local.mean(), before.local.std()

    def standard(record: Record) -> Record:
        return record._replace(local=np.clip((record.local - middle) / spread, -3, 3))

    return standard(before), standard(after)


def _points(row: dict[str, Any]) -> int:
    if not row["selected"]:
        return -1
    if row["relevance"] is None:
        return 0
    return max(0, min(row["relevance"] - LINE[0], row["novelty"] - LINE[1]))


def fit(record: Record) -> Fit:
    """See above."""
    base, slope = _probit(record)
    expected = base + slope * record.local
    above = [
        _root(lambda edge, n=n: np.mean(record.points >= n) - _below(expected - edge).mean(), -3, 6)
        for n in (0, 1, 2)
    ]
    width = above[1] - above[0]
    edges = np.array([above[0] - n * width for n in range(BELOW, 0, -1)] + above)

    def agreement(noise: float) -> float:
        """Of two runs, in expectation over the worth that the ranking leaves open."""
        grid = np.linspace(-6, 6, 121)
        weight = _height(grid) / _height(grid).sum()
        open_part = np.sqrt(1 - noise**2) * grid
        some = np.sort(expected)[:: len(expected) // 200, None]
        chance = _below((some + open_part - above[0]) / noise)
        both, one = (chance**2 @ weight).sum(), (chance @ weight).sum()
        return float(both / (2 * one - both))

    noise = _root(lambda noise: RERUN - agreement(noise), 0.05, 0.95)
    return Fit(base, slope, edges, noise)


def _probit(record: Record) -> tuple[float, float]:
    """Base and slope of who was picked by the local ranking: Fisher's scoring."""
    rows, picked = np.stack([np.ones(len(record.local)), record.local]), record.points >= 0
    line = np.array([-1.3, 0.5])
    for _ in range(20):
        middle = line @ rows
        chance, height = np.clip(_below(middle), 1e-9, 1 - 1e-9), _height(middle)
        weight = height / (chance * (1 - chance))
        line = line + np.linalg.solve(
            (rows * height * weight) @ rows.T, rows @ (weight * (picked - chance))
        )
    return float(line[0]), float(line[1])


def _root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that rises with its argument is zero, by halving."""
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2


def simulate(
    model: Fit, record: Record, policy: Policy, told: float, seed: int
) -> tuple[float, ...]:
    """Two runs over all days: agreement, how right, the shares picked and looked at again, and
    tokens."""
    chances = np.random.default_rng(seed)
    worth = _worth(model, record, chances)
    runs = [_run(model, record, policy, told, worth, chances) for _ in range(2)]
    endless = worth >= model.edges[BELOW]
    right = [jaccard(picks, endless) for picks, _, _ in runs]
    shares = [(picks.mean(), again, tokens) for picks, again, tokens in runs]
    agree = jaccard(runs[0][0], runs[1][0])
    return agree, float(np.mean(right)), *(float(mean) for mean in np.mean(shares, axis=0))


def _same(model: Fit, record: Record, seed: int) -> float:
    """Of the papers that two looks pick, the share that they put as far above the line: what the
    fit did not see."""
    chances = np.random.default_rng(seed)
    worth = _worth(model, record, chances)
    one, other = (
        model.points(worth + model.noise * chances.normal(size=len(worth))) for _ in range(2)
    )
    both = (one >= 0) & (other >= 0)
    return float(np.mean(one[both] == other[both]))


def jaccard(one: Numbers, other: Numbers) -> float:
    return float((one & other).sum() / (one | other).sum())


def _worth(model: Fit, record: Record, chances: np.random.Generator) -> Numbers:
    """A worth for each paper that fits what its look in the record read, and the ranking."""
    expected, bounds = model.expected(record), np.concatenate([model.edges, [np.inf]])
    points = record.points.astype(int)
    low = np.where(points < 0, -np.inf, bounds[BELOW + np.maximum(points, 0)])
    high = np.where(points < 0, bounds[BELOW], bounds[BELOW + np.maximum(points, 0) + 1])
    least, most = _below(low - expected), _below(high - expected)
    place = np.clip(least + chances.random(len(points)) * (most - least), 1e-12, 1 - 1e-12)
    look, noise = _place(place), model.noise
    own = (1 - noise**2) * look + noise * np.sqrt(1 - noise**2) * chances.normal(size=len(look))
    return np.asarray(expected + own)


def _run(
    model: Fit,
    record: Record,
    policy: Policy,
    told: float,
    worth: Numbers,
    chances: np.random.Generator,
) -> tuple[Numbers, float, float]:
    """What one run picks, the share it looks at again, and its tokens in first looks."""
    papers = len(worth)

    def looks(choices: int) -> Numbers:
        common, own = chances.normal(size=(1, papers)), chances.normal(size=(choices, papers))
        noise = np.sqrt(policy.together) * common + np.sqrt(1 - policy.together) * own
        return model.points(worth + model.noise * noise)

    first = model.points(worth + model.noise * chances.normal(size=papers)).astype(float)
    close = (first >= policy.low) & (first <= policy.high)
    if policy.bounded:
        close &= _nearest(record.day, np.where(close, np.abs(first + 0.5), np.inf), chances)
    total, count, tokens = first.copy(), np.ones(papers), 0.0
    for call in range(policy.calls):
        # Whole points stand for what begins there: the line is half a point below them.
        asked = close & (np.abs(total / count + 0.5) <= policy.open) if call else close
        total = np.where(asked, total + looks(policy.choices).sum(axis=0), total)
        count = np.where(asked, count + policy.choices, count)
        tokens += _tokens(record, asked, told, LOOK_ROW * policy.choices)
    average = total / count
    width = model.edges[BELOW + 1] - model.edges[BELOW]
    local = (model.expected(record) - model.edges[BELOW]) / width - 0.5
    average = np.where(close, (1 - policy.local) * average + policy.local * local, average)
    picks = average >= -0.5
    if policy.ties:
        likely = local >= np.quantile(local, 0.75)
        picks = np.where(close & (average == -0.5), likely, picks)
    whole = _tokens(record, np.ones(papers, bool), told, FIRST_ROW)
    return picks, float(close.mean()), 1 + tokens / whole


def _nearest(day: Numbers, distance: Numbers, chances: np.random.Generator) -> Numbers:
    """Which papers are among those of their day that have second looks (close_calls.nearest)."""
    order = np.lexsort((chances.random(len(day)), distance, day))
    sizes = np.bincount(day.astype(int), minlength=int(day.max()) + 1)
    begins = np.cumsum(sizes) - sizes
    place = np.empty(len(day), int)
    place[order] = np.arange(len(day)) - begins[day[order].astype(int)]
    return place < np.maximum(PER_CALL, (close_calls.SHARE * sizes).astype(int))[day.astype(int)]


def _tokens(record: Record, asked: Numbers, told: float, row: int) -> float:
    """Of the calls about these papers, day by day."""
    days = record.day[asked].astype(int)
    calls = np.ceil(np.bincount(days) / PER_CALL).sum() if len(days) else 0.0
    return float(record.tokens[asked].sum() + calls * told + row * asked.sum())


def _files(given: Iterable[str]) -> list[Path]:
    return [Path(name) for name in given] or [file for file in EXTERNAL if file.exists()]


if __name__ == "__main__":
    files = _files(sys.argv[1:])
    if len(files) != 2:
        sys.exit(__doc__)
    main(*files)
