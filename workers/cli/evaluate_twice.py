"""`paperboy eval --twice`: two runs of a judge over a fixed set of papers: how steady it is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from statistics import fmean
from typing import NamedTuple

from bot.domain.digest import ScoreResult, Usage
from bot.domain.papers import Profile, fingerprint
from bot.domain.reasons import ModelReason
from bot.views.measuring.steadiness import RunAgreement, Steadiness
from workers.cli.evaluate import Bench
from workers.judging import batches, close_calls, looking_again, outcomes, scoring
from workers.judging.metering import SCORE_TOKENS

Beat = Callable[[int, int], None]
Results = Mapping[str, ScoreResult]  # by `IDvN`


class Run(NamedTuple):
    """One run's results by first looks alone, and with close calls averaged; why a close call was
    not looked at again."""

    first: Results
    averaged: Results
    troubles: Mapping[str, ModelReason]


def evaluate_twice(bench: Bench, beat: Beat = lambda done, total: None) -> Steadiness:
    """Judge the papers in two runs that know nothing of each other, and compare.

    Each answer is stored as it arrives: interrupted, it goes on where it was, and once both runs
    are there, nothing is asked again. Calls beyond the budget are not made.
    """
    total, runs = 2 * len(bench.papers), list[Run]()
    for number in (1, 2):
        before = (number - 1) * len(bench.papers)
        runs.append(_run(bench, number, lambda done, before=before: beat(before + done, total)))  # type: ignore[misc]
    one, other = runs
    return Steadiness(
        profile=bench.profile.name,
        model=bench.model.name,
        prompt=fingerprint(bench.told),
        papers=len(bench.papers),
        both=len(_both(one.first, other.first)),
        one_look=agreement(bench.profile, one.first, other.first),
        averaged=agreement(bench.profile, one.averaged, other.averaged),
        close=_two(len(_close(bench, run.first)) for run in runs),
        crossed=_two(_crossed(bench.profile, run) for run in runs),
        looks=_two(sum(_further(result) for result in run.averaged.values()) for run in runs),
        unscored=dict(Counter(r.trouble for run in runs for r in run.first.values() if r.trouble)),
        unseen=dict(Counter(why for run in runs for why in run.troubles.values())),
        usage=_usage(bench, [run.first for run in runs]),
        looks_usage=_looks_usage(bench, runs),
    )


def _run(bench: Bench, number: int, beat: Callable[[int], None]) -> Run:
    """One run, as far as the model and the budget let it come."""
    question, schema = scoring.question(bench.papers), json.dumps(scoring.schema())
    key = fingerprint("evaluation", str(number), question, bench.told, schema, bench.model.name)
    results = bench.store.scores.results(key, [paper.versioned for paper in bench.papers])
    asked = bench.profile, bench.papers, results, bench.at_once, bench.told
    with (
        closing(bench.metered(SCORE_TOKENS, 1)) as model,
        closing(batches.score_papers(model, *asked)) as arriving,
    ):
        for answer in arriving:
            if answer.results:
                bench.store.scores.put(key, answer.results, answer.call, answer.usage)
                results |= answer.results
            beat(sum(result.score is not None for result in results.values()))
    return _looked_again(bench, key, results)


def _looked_again(bench: Bench, run: str, first: Results) -> Run:
    """A run's results with its close calls averaged; looks are kept by the run's key."""
    close = _close(bench, first)
    key = fingerprint(run, close_calls.looker_key(bench.profile, bench.model.name, bench.told))
    looks = bench.store.scores.looks(key, close)
    papers = [paper for paper in bench.papers if paper.versioned in close]
    nearest = close_calls.nearest(bench.profile, papers, first)
    troubles = {p.versioned: ModelReason.TOO_MANY_CLOSE for p in papers if p not in nearest}
    form = close_calls.form(_usage(bench, [first]))
    papers = [paper for paper in nearest if paper.versioned not in looks]
    asked = bench.profile, papers, bench.at_once, bench.told
    with (
        closing(bench.metered(form.row_tokens, form.choices)) as model,
        closing(looking_again.look_again(model, *asked)) as arriving,
    ):
        for result in arriving:
            troubles |= result.troubles
            if result.call:
                bench.store.scores.put_looks(key, result.looks, result.call, result.usage)
                looks |= result.looks
    averaged = {name: close_calls.with_looks(first[name], looks[name]) for name in looks}
    return Run(first, {**first, **averaged}, troubles)


def _close(bench: Bench, results: Results) -> list[str]:
    """The versions of papers that were close calls at the first look."""
    scores = {name: result.score for name, result in results.items()}
    return [
        n for n, score in scores.items() if score and close_calls.is_close(bench.profile, score)
    ]


def _further(result: ScoreResult) -> int:
    call = result.score.close_call if result.score else None
    return len(call.looks) - 1 if call else 0


def _picks(profile: Profile, results: Results, among: Sequence[str]) -> set[str]:
    scores = {name: results[name].score for name in among}
    return {n for n, score in scores.items() if score and outcomes.meets_cutoffs(profile, score)}


def _crossed(profile: Profile, run: Run) -> int:
    """Papers that only one of first look and average has among the picks."""
    first, averaged = (_picks(profile, results, list(run.first)) for results in run[:2])
    return len(first ^ averaged)


def _both(one: Results, other: Results) -> list[str]:
    """The papers that both runs scored."""
    return sorted(
        name for name in one.keys() & other.keys() if one[name].score and other[name].score
    )


def agreement(profile: Profile, one: Results, other: Results) -> RunAgreement:
    """Compare two runs on the papers that both scored; symmetric."""
    both = _both(one, other)
    first, second = (_picks(profile, results, both) for results in (one, other))
    means = [[_mean(results[name]) for results in (one, other)] for name in both]
    apart = [(abs(a[0] - b[0]), abs(a[1] - b[1])) for a, b in means]
    return RunAgreement(
        picked=(len(first), len(second)),
        jaccard=len(first & second) / len(first | second) if first | second else None,
        relevance=fmean(r for r, _ in apart) if apart else 0.0,
        novelty=fmean(n for _, n in apart) if apart else 0.0,
    )


def _mean(result: ScoreResult) -> tuple[float, float]:
    """Relevance and novelty over all looks, unrounded."""
    score = result.score
    assert score is not None, "only scored papers are compared"
    looks = score.close_call.looks if score.close_call else [(score.relevance, score.novelty or 0)]
    return fmean(look[0] for look in looks), fmean(look[1] for look in looks)


def _two(counts: Iterable[int]) -> tuple[int, int]:
    first, second = counts
    return first, second


def _usage(bench: Bench, runs: Sequence[Results]) -> Usage:
    calls = (call for results in runs for result in results.values() for call in result.calls)
    return bench.store.scores.usage(calls)


def _looks_usage(bench: Bench, runs: Sequence[Run]) -> Usage:
    first = {call for run in runs for result in run.first.values() for call in result.calls}
    every = {call for run in runs for result in run.averaged.values() for call in result.calls}
    return bench.store.scores.usage(every - first)
