"""`paperboy eval --twice`: how far two runs of one judge agree, without and with second looks."""

from __future__ import annotations

from collections.abc import Iterator

from bot.arxiv.text import one_line
from bot.domain.digest import Usage
from bot.domain.message import Message
from bot.domain.papers import Value
from bot.domain.reasons import ModelReason
from bot.views.digest import dollars
from bot.views.reasons import REASON_TEXTS


class RunAgreement(Value):
    """How far two runs agree on the papers that both scored: how many each picks, the share of
    what either picks that both do (Jaccard; None where neither picks any), and how far apart their
    relevance and novelty are on average."""

    picked: tuple[int, int]
    jaccard: float | None
    relevance: float
    novelty: float


class Steadiness(Value):
    """Two runs of one judge: `papers` were asked about, `both` have a score in both runs.

    `one_look` and `averaged` compare them by first looks alone, and with `close` calls averaged.
    `looks` were had at those in addition to the first; `crossed` counts those that their average
    has on the other side of the line. `unscored` and `unseen` say why scores and second looks are
    missing. `usage` is the first looks' of both runs, `looks_usage` what the second looks cost.
    """

    profile: str
    model: str
    prompt: str
    papers: int
    both: int
    one_look: RunAgreement
    averaged: RunAgreement
    close: tuple[int, int]
    crossed: tuple[int, int]
    looks: tuple[int, int]
    unscored: dict[ModelReason, int]
    unseen: dict[ModelReason, int]
    usage: Usage
    looks_usage: Usage

    @property
    def complete(self) -> bool:
        """Whether all was judged that a day would judge."""
        return not self.unscored and self.unseen.keys() <= {ModelReason.TOO_MANY_CLOSE}


def steadiness_text(found: Steadiness) -> Message:
    """Each figure by first looks alone, and with close calls looked at again."""
    one, more = found.one_look, found.averaged
    both = Usage.total([found.usage, found.looks_usage])
    table = [
        ("", "one look", "close calls again"),
        ("picks of each run", _two(one.picked), _two(more.picked)),
        ("picked by both, of those picked by either", _share(one.jaccard), _share(more.jaccard)),
        ("mean difference in relevance", f"{one.relevance:.2f}", f"{more.relevance:.2f}"),
        ("mean difference in novelty", f"{one.novelty:.2f}", f"{more.novelty:.2f}"),
        ("tokens of both runs", _tokens(found.usage), _tokens(both)),
        ("cost of both runs", dollars(found.usage.cost_usd), dollars(both.cost_usd)),
    ]
    return Message(
        title=f"{one_line(found.model)} for {found.profile}, twice: {found.both} of "
        f"{found.papers} papers scored in both runs",
        text=(*_missing(found), *(f"{a:<42}{b:>16}{c:>20}" for a, b, c in table), *_close(found)),
        small=(f"prompt {found.prompt}",),
    )


def _missing(found: Steadiness) -> Iterator[str]:
    for reason, n in sorted(found.unscored.items()):
        yield f"not scored: {n}, {REASON_TEXTS[reason]}"
    for reason, n in sorted(found.unseen.items()):
        yield f"not looked at again: {n}, {REASON_TEXTS[reason]}"


def _close(found: Steadiness) -> Iterator[str]:
    yield (
        f"close calls: {_two(found.close)}; looks at them beside the first: {_two(found.looks)}; "
        f"on the other side of the line by their average: {_two(found.crossed)}"
    )
    if found.usage.prompt_tokens:
        more = _sum(found.looks_usage) / _sum(found.usage)
        yield f"second looks take {1 + more:.2f} times the tokens of one look"


def _two(pair: tuple[int, int]) -> str:
    return f"{pair[0]} and {pair[1]}"


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def _sum(usage: Usage) -> int:
    return usage.prompt_tokens + usage.completion_tokens


def _tokens(usage: Usage) -> str:
    return f"{_sum(usage):,}"
