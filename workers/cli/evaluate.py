"""`paperboy eval`: judges a fixed set of papers again after a change of prompt or model."""

from __future__ import annotations

import json
import os
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import correlation

import jinja2
from pydantic import TypeAdapter, ValidationError

from bot.domain.budget import Payer, Purpose
from bot.domain.digest import ScoreResult, Usage
from bot.domain.papers import Paper, Profile, Value, fingerprint
from bot.domain.reasons import ModelReason
from bot.errors import Refused
from bot.profiles import library
from bot.settings import Settings
from bot.store.spending import Spending
from bot.store.store import Store
from bot.views.measuring.evaluation import Agreement, Evaluation, Report
from workers.arxiv import sample
from workers.cli import rank
from workers.cli.names import TERMINAL_ADDRESS
from workers.judging import batches, prompts, scoring, top_papers
from workers.judging import model as model_judging
from workers.judging.metering import SCORE_TOKENS, LimitableModel, MeteredModel
from workers.runtime.environment import environment

# Three calls, about 27,000 tokens with the instructions.
_PAPERS = 60
# Stored evaluations; a few kilobytes each.
_KEPT = 20

Scores = Mapping[str, tuple[int, int]]  # relevance and novelty, by `IDvN`


class StoredEvaluation(Value):
    """An evaluation with its scores; `judge` names model, prompt and papers, `papers` the papers
    alone."""

    judge: str
    papers: str
    evaluation: Evaluation
    scores: dict[str, tuple[int, int]]


_LIST = TypeAdapter(list[StoredEvaluation])


@dataclass(frozen=True)
class Bench:
    """What is judged, by which model with which instructions, and where answers are kept;
    `metered` gives the model within the budget, for answers of so many tokens a paper and so many
    choices."""

    profile: Profile
    papers: tuple[Paper, ...]
    told: str
    store: Store
    model: LimitableModel
    metered: Callable[[int, int], MeteredModel]
    at_once: int


@contextmanager
def open_bench(
    settings: Settings, profile_name: str, papers: Path | None, prompt: Path | None
) -> Iterator[Bench]:
    """A profile (a name or a TOML file) before the configured model; `papers` and `prompt` as in
    evaluate. Raises Refused where no model is set up, and for a file that cannot be used."""
    name = settings.judge_model
    if name is None:
        raise Refused("An evaluation needs a model. Set OPENAI_API_KEY.")
    given = [line.paper for line in rank.read_papers(papers, False)] if papers else None
    chosen = evaluation_papers(given)
    with environment(settings) as here:
        profile = library.resolve(profile_name, here.store.profiles.shared())
        told = instructions(profile, prompt)
        payer = Payer.of(TERMINAL_ADDRESS.workspace_key, profile.name, settings.limits)
        spending = Spending(here.store)
        with closing(model_judging.open_model(settings, name, here.store)) as model:

            def metered(row_tokens: int, choices: int) -> MeteredModel:
                paid = payer, Purpose.DIGEST, spending, lambda: datetime.now(UTC)
                return MeteredModel(model, *paid, row_tokens, choices=choices)

            at_once = settings.calls_at_once
            yield Bench(profile, chosen, told, here.store, model, metered, at_once)


def evaluate(
    settings: Settings, profile_name: str, papers: Path | None, prompt: Path | None
) -> Report:
    """Score the fixed set for a profile (a name or a TOML file) and compare with the last time.

    `papers` is a JSONL in place of the sample that ships; `prompt` a Jinja template in place of
    prompts/score.md.j2, rendered with the profile. Scores are stored as they arrive and never
    bought twice; the evaluation is stored in the data directory. Raises Refused where no model is
    set up, and for a file that cannot be used.
    """
    file = settings.data_dir / "evaluations.json"
    kept = load_evaluations(file)
    with open_bench(settings, profile_name, papers, prompt) as bench:
        at, metered = datetime.now(UTC), bench.metered(SCORE_TOKENS, 1)
        asked = bench.profile, bench.papers, bench.told, bench.store, bench.at_once
        now = score_papers(metered, *asked, at)
    if now.scores:
        save_evaluation(file, kept, now)
    return compared(now, kept)


def evaluation_papers(given: Sequence[Paper] | None) -> tuple[Paper, ...]:
    """The papers of an evaluation: 60 of the sample that ships, or all given ones. Chosen and
    ordered by a hash of the id, so that the order of a file does not matter."""
    papers = [entry.paper for entry in sample.listing().papers] if given is None else given
    mixed = sorted(papers, key=lambda paper: fingerprint(paper.id))
    return tuple(mixed[:_PAPERS] if given is None else mixed)


def instructions(profile: Profile, prompt: Path | None) -> str:
    """The model's instructions, from the prompt that ships or a given template. Raises Refused for
    one that cannot be read or filled in."""
    if prompt is None:
        return scoring.instructions(profile)
    try:
        text = prompt.read_text(encoding="utf-8")
        return prompts.filled(text, profile=profile, **scoring.slots(profile))
    except (OSError, ValueError, TypeError, ArithmeticError, jinja2.TemplateError) as error:
        raise Refused(f"{prompt} can't be used as a prompt: {error}.") from None


def score_papers(
    model: batches.ModelClient,
    profile: Profile,
    papers: Sequence[Paper],
    instructions: str,
    store: Store,
    calls_at_once: int,
    at: datetime,
) -> StoredEvaluation:
    """Judge the papers in their order, twenty per call, except those this judge has scored.

    The scores are kept apart from those of live days: a file may have other text under an id.
    """
    question = fingerprint(scoring.question(papers))
    key = fingerprint(
        "evaluation", question, instructions, json.dumps(scoring.schema()), model.name
    )
    results = store.scores.results(key, [paper.versioned for paper in papers])
    asked = len(papers) - len(_scores(results))
    answers = batches.score_papers(model, profile, papers, results, calls_at_once, instructions)
    with closing(answers) as arriving:
        for answer in arriving:
            if answer.results:
                store.scores.put(key, answer.results, answer.call, answer.usage)
                results |= answer.results
    evaluation = summarise(
        profile,
        results,
        model=model.name,
        prompt=fingerprint(instructions),
        at=at,
        asked=asked,
        usage=store.scores.usage(call for result in results.values() for call in result.calls),
    )
    return StoredEvaluation(
        judge=key, papers=question, evaluation=evaluation, scores=_scores(results)
    )


def _scores(results: Mapping[str, ScoreResult]) -> dict[str, tuple[int, int]]:
    """Relevance and novelty by `IDvN`; scores without novelty are left out."""
    found = {versioned: result.score for versioned, result in results.items()}
    return {v: (s.relevance, s.novelty) for v, s in sorted(found.items()) if s and s.novelty}


def summarise(
    profile: Profile,
    results: Mapping[str, ScoreResult],
    *,
    model: str,
    prompt: str,
    at: datetime,
    asked: int,
    usage: Usage,
) -> Evaluation:
    """The distribution of the papers' scores, with the judge and the cost."""
    pairs = list(_scores(results).values())
    cutoffs, axes = profile.cutoffs, list(zip(*pairs, strict=True)) or [(), ()]
    reaching = [p for p in pairs if p[0] >= cutoffs.relevance and p[1] >= cutoffs.novelty]
    troubles = Counter(v.trouble or ModelReason.BAD_REPLY for v in results.values() if not v.score)
    return Evaluation(
        profile=profile.name,
        model=model,
        prompt=prompt,
        at=at,
        papers=len(results),
        asked=asked,
        unscored=dict(troubles),
        relevance=tuple(axes[0].count(score) for score in range(1, 11)),
        novelty=tuple(axes[1].count(score) for score in range(1, 11)),
        pairs=len(set(pairs)),
        nine_eight=_share(pair == (9, 8) for pair in pairs),
        eight_seven=_share(pair == (8, 7) for pair in pairs),
        correlation=correlation(*axes) if all(len(set(axis)) > 1 for axis in axes) else None,
        reaching=len(reaching),
        tie=top_papers.tie_probability(reaching),
        usage=usage,
    )


def agreement(one: Scores, other: Scores) -> Agreement:
    """How far two judges agree on the papers that both scored; symmetric."""
    both = [(one[versioned], other[versioned]) for versioned in sorted(one.keys() & other.keys())]
    return Agreement(
        papers=len(both),
        exact=_share(a == b for a, b in both),
        within_one=_share(abs(a[0] - b[0]) <= 1 and abs(a[1] - b[1]) <= 1 for a, b in both),
        relevance=_spearman([(a[0], b[0]) for a, b in both]),
        novelty=_spearman([(a[1], b[1]) for a, b in both]),
        sum=_spearman([(sum(a), sum(b)) for a, b in both]),
    )


def _share(found: Iterable[bool]) -> float:
    rows = list(found)
    return sum(rows) / len(rows) if rows else 0.0


def _spearman(pairs: Sequence[tuple[int, int]]) -> float | None:
    """Rank correlation, ties sharing their mean rank; None where one side is constant."""
    if any(len({pair[side] for pair in pairs}) < 2 for side in (0, 1)):
        return None
    first, second = (_ranks([pair[side] for pair in pairs]) for side in (0, 1))
    return round(correlation(first, second), 9)


def _ranks(values: Sequence[int]) -> list[float]:
    ordered = sorted(values)
    return [(bisect_left(ordered, v) + bisect_right(ordered, v) + 1) / 2 for v in values]


def compared(now: StoredEvaluation, kept: Sequence[StoredEvaluation]) -> Report:
    """Compare with the last evaluation of the same papers for the profile by another judge."""
    last = next((k for k in reversed(kept) if _comparable(k, now)), None)
    if last is None:
        return Report(now=now.evaluation)
    found = agreement(last.scores, now.scores)
    return Report(now=now.evaluation, last=last.evaluation, agreement=found)


def _comparable(one: StoredEvaluation, now: StoredEvaluation) -> bool:
    same = one.papers == now.papers and one.evaluation.profile == now.evaluation.profile
    return same and one.judge != now.judge


def load_evaluations(file: Path) -> list[StoredEvaluation]:
    """The evaluations of a file, the newest last. Raises Refused for one that cannot be read."""
    try:
        return _LIST.validate_json(file.read_bytes()) if file.exists() else []
    except (OSError, ValidationError) as error:
        raise Refused(
            f"{file} can't be read ({type(error).__name__}). Move it away to start afresh."
        ) from None


def save_evaluation(file: Path, kept: Sequence[StoredEvaluation], now: StoredEvaluation) -> None:
    """Add an evaluation in place of an earlier one by the same judge; written atomically."""
    others = [
        k for k in kept if (k.judge, k.evaluation.profile) != (now.judge, now.evaluation.profile)
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_suffix(f".{os.getpid()}")
    written.write_bytes(_LIST.dump_json([*others, now][-_KEPT:]))
    written.replace(file)
