"""Says which scores are close calls, prompts for further looks at them, and averages; pure.

Near a cut-off one answer of a model is a coin toss: asked again it picks other papers. Several
answers to one question cost little more than one, because the papers are read once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from bot.domain.digest import CloseCall, FurtherLooks, Score, ScoreResult, Usage
from bot.domain.papers import Paper, Profile, fingerprint
from bot.domain.reasons import ModelReason
from workers.judging import batches, prompts, replies, scoring
from workers.judging.metering import LOOK_TOKENS, REASONED_LOOK_TOKENS

# Within so many points of the line.
_NEAR = 1
# Of a day's papers, or one call; so second looks take a third of the tokens of the first ones at
# most. Simulated, 0.18 are close calls.
SHARE = 0.25

Pair = tuple[int, int]


class Form(NamedTuple):
    """How many answers a call about close calls has, and the tokens allowed for each paper in
    one."""

    choices: int
    row_tokens: int


# Eight answers: chosen on simulated days of March and April (tests/benchmarks/bench_looks.py) as
# the fewest with which two runs pick alike to 0.80. A model that reasons first, which would pay for
# its reasoning each time, answers once.
PLAIN, REASONED = Form(8, LOOK_TOKENS), Form(1, REASONED_LOOK_TOKENS)


def form(first: Usage) -> Form:
    """The form for a model whose first looks used so much."""
    return REASONED if first.reasoning_tokens else PLAIN


def is_close(profile: Profile, score: Score) -> bool:
    """Whether a score is within one point of the line. Never without novelty: that judge is
    steady."""
    return score.novelty is not None and abs(_above(profile, score)) <= _NEAR


def _above(profile: Profile, score: Score) -> int:
    """Points above the line, on the axis that decides: the one further below its cut-off, or less
    above it."""
    assert score.novelty is not None, "a model gives a novelty"
    cutoffs = profile.cutoffs
    return min(score.relevance - cutoffs.relevance, score.novelty - cutoffs.novelty)


def nearest(
    profile: Profile, close: Iterable[Paper], results: Mapping[str, ScoreResult]
) -> list[Paper]:
    """Of these close calls as many as a day has second looks for, those just above and just below
    the line first; `results` are all of the day's, by `IDvN`."""

    def distance(paper: Paper) -> tuple[float, str]:
        score = results[paper.versioned].score
        assert score is not None, "a close call has a score"
        return abs(_above(profile, score) + 0.5), fingerprint("look", paper.id)

    most = max(batches.PAPERS_PER_CALL, int(SHARE * len(results)))
    return sorted(close, key=distance)[:most]


def question(papers: Sequence[Paper]) -> str:
    """What follows scoring.instructions, whose scale and criteria hold for these looks, too."""
    return _framed(len(papers), "\n".join(map(prompts.paper_line, papers)))


def _framed(count: int | str, rows: str) -> str:
    return prompts.render("close_calls.md.j2", count=count, papers=rows)


def schema() -> dict[str, Any]:
    """The JSON schema of a reply: scoring.schema without the comment."""
    score = {"type": "integer", "minimum": 1, "maximum": 10}
    fields = {"id": {"type": "string"}, "relevance": score, "novelty": score}
    return replies.strict("papers", fields)


def looker_key(
    profile: Profile, model: str, instructions: str | None = None, owner: str = ""
) -> str:
    """Names a model and its prompt: looks under one key were asked for alike. `instructions` as in
    batches.score_papers, `owner` as in Judge."""
    told, whose = instructions or scoring.instructions(profile), [owner] if owner else []
    return fingerprint("look", told, _framed("N", ""), json.dumps(schema()), model, *whose)


def split_into_calls(papers: Iterable[Paper]) -> list[Sequence[Paper]]:
    """The papers of each call, in another order than they were first scored in, the same each
    time."""
    mixed = sorted(papers, key=lambda paper: fingerprint("look", paper.id))
    return batches.split_into_calls(mixed, batches.PAPERS_PER_CALL)


def parse_replies(
    answers: Iterable[str], papers: Sequence[Paper], call: str
) -> dict[str, FurtherLooks]:
    """What a call's answers say of each paper, by `IDvN`; of one that none names, no pair."""
    scored = [scoring.parse_reply(answer, papers)[0] for answer in answers]
    return {
        paper.versioned: FurtherLooks(pairs=tuple(_pairs(scored, paper.id)), calls=(call,))
        for paper in papers
    }


def _pairs(scored: Iterable[Mapping[str, Score]], id: str) -> Iterable[Pair]:
    for scores in scored:
        if (score := scores.get(id)) and score.novelty is not None:
            yield score.relevance, score.novelty


def with_looks(result: ScoreResult, found: FurtherLooks) -> ScoreResult:
    """A first result and the further looks at its paper: their average, and what all cost."""
    score = result.score
    assert score is not None, "a close call has a score"
    assert score.novelty is not None, "a close call has a novelty"
    looks = ((score.relevance, score.novelty), *found.pairs)
    trouble = None if found.pairs else ModelReason.LEFT_OUT
    close_call = CloseCall(looks=looks, trouble=trouble)
    calls = (*result.calls, *found.calls)
    return result.model_copy(update={"score": averaged(score, close_call), "calls": calls})


def without_looks(result: ScoreResult, trouble: ModelReason) -> ScoreResult:
    """A close call that nobody looked at again, and why."""
    score = result.score
    assert score is not None, "a close call has a score"
    assert score.novelty is not None, "a close call has a novelty"
    alone = CloseCall(looks=((score.relevance, score.novelty),), trouble=trouble)
    return result.model_copy(update={"score": averaged(score, alone)})


def as_decided(result: ScoreResult, decided: Score, looks: FurtherLooks | None) -> ScoreResult:
    """A first result as it counted when its paper was decided; `looks` are what is stored now."""
    assert result.score is not None, "a close call has a score"
    if decided.close_call is None:
        return result
    score = averaged(result.score, decided.close_call)
    calls = (*result.calls, *(looks.calls if looks and not decided.close_call.trouble else ()))
    return result.model_copy(update={"score": score, "calls": calls})


def averaged(score: Score, close_call: CloseCall) -> Score:
    """A first score as the average of a close call's looks."""
    relevance, novelty = (half_up_mean(axis) for axis in zip(*close_call.looks, strict=True))
    changes = {"relevance": relevance, "novelty": novelty, "close_call": close_call}
    return score.model_copy(update=changes)


def half_up_mean(values: Sequence[int]) -> int:
    """The mean to the nearest whole number. A half counts up: scores are whole numbers, so an 8
    stands for all from 7.5 on."""
    return (2 * sum(values) + len(values)) // (2 * len(values))
