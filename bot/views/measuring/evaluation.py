"""`paperboy eval`: how a fixed set of papers was scored, next to the last time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from pydantic import Field

from bot.arxiv.text import one_line
from bot.domain.digest import Usage
from bot.domain.message import Message
from bot.domain.papers import Value
from bot.domain.reasons import ModelReason
from bot.views.dates import utc_time
from bot.views.digest import usage_text
from bot.views.reasons import REASON_TEXTS


class Evaluation(Value):
    """How one model scored the set, with a prompt (a fingerprint), for a profile.

    `relevance` and `novelty` count the papers with 1, 2, ... 10; `pairs` are the different pairs
    of the two, `nine_eight` and `eight_seven` the shares of (9, 8) and (8, 7) in the scored
    papers. `tie` is the chance that two of the `reaching` (those at the cut-offs) have one pair.
    `asked` papers were scored just now, the others earlier; `usage` is what all of them cost.
    """

    profile: str
    model: str
    prompt: str
    at: datetime
    papers: int
    asked: int
    unscored: dict[ModelReason, int]
    relevance: tuple[int, ...] = Field(min_length=10, max_length=10)
    novelty: tuple[int, ...] = Field(min_length=10, max_length=10)
    pairs: int
    nine_eight: float
    eight_seven: float
    correlation: float | None
    reaching: int
    tie: float
    usage: Usage

    @property
    def scored(self) -> int:
        return sum(self.relevance)


class Agreement(Value):
    """How far two evaluations agree on the papers both scored: shares of them with the same pair,
    with both scores at most 1 apart; rank correlations, None where one side is constant."""

    papers: int
    exact: float
    within_one: float
    relevance: float | None
    novelty: float | None
    sum: float | None


class Report(Value):
    """An evaluation, and the last one of the same papers by another model or prompt, if any."""

    now: Evaluation
    last: Evaluation | None = None
    agreement: Agreement | None = None


def eval_text(report: Report) -> Message:
    """The distribution of scores, ties, agreement and cost, each next to the last evaluation's."""
    now, last = report.now, report.last
    rows = list(_missing(now)) + _scale(now, last)

    def row(label: str, shown: Callable[[Evaluation], str]) -> None:
        rows.append(f"{label}: {shown(now)}" + (f" (last {shown(last)})" if last else ""))

    row("different pairs", lambda e: str(e.pairs))
    row("share of (9, 8)", lambda e: f"{e.nine_eight:.2f}")
    row("share of (8, 7)", lambda e: f"{e.eight_seven:.2f}")
    row("correlation of the two scores", lambda e: _known(e.correlation))
    row("papers at the cut-offs", lambda e: str(e.reaching))
    row("chance that two of these tie", lambda e: f"{e.tie:.3f}")
    row("cost", lambda e: usage_text(e.usage))
    return Message(
        title=f"{one_line(now.model)} for {now.profile}: {now.scored} of {now.papers} papers",
        text=(*rows, *_compared(report)),
        small=(f"{_who(now)}; {_bought(now)}",),
    )


def _missing(now: Evaluation) -> Iterator[str]:
    for reason, n in sorted(now.unscored.items()):
        yield f"not scored: {n}, {REASON_TEXTS[reason]}"


def _scale(now: Evaluation, last: Evaluation | None) -> list[str]:
    """How many papers have each score, in columns."""
    counts = [("score", tuple(range(1, 11))), ("relevance", now.relevance)]
    counts += [("  last", last.relevance)] if last else []
    counts += [("novelty", now.novelty)]
    counts += [("  last", last.novelty)] if last else []
    return [f"{label:<9}" + "".join(f"{n:>5}" for n in row) for label, row in counts]


def _compared(report: Report) -> Iterator[str]:
    last, found = report.last, report.agreement
    if last is None or found is None:
        yield "First evaluation of these papers. To compare, run it with another prompt or model."
        return
    yield (
        f"agreement with the last on {found.papers} papers: same scores {found.exact:.2f}, "
        f"both within 1: {found.within_one:.2f}"
    )
    yield (
        f"rank correlation (Spearman): relevance {_known(found.relevance)}, "
        f"novelty {_known(found.novelty)}, their sum {_known(found.sum)}"
    )
    yield f"the last: {_who(last)}"


def _who(found: Evaluation) -> str:
    return f"{one_line(found.model)}, prompt {found.prompt}, {utc_time(found.at)}"


def _bought(now: Evaluation) -> str:
    return f"{now.asked} papers sent to the model" if now.asked else "no paper sent to the model"


def _known(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
