"""Mornings on which the model did not judge every paper, or none, as a channel gets them."""

from __future__ import annotations

from bot.domain.digest import Decision, Digest, LocalRank, Outcome
from bot.domain.reasons import ModelReason
from tests.bot.terminal.days import day_of_ten

_WORDS = ("quantization", "4-bit", "KV cache")


def _unjudged(decision: Decision, rank: int, why: ModelReason) -> Decision:
    place = LocalRank(rank=rank, of=102, words=_WORDS[: rank % 4], relevance=max(9 - rank // 2, 1))
    fields = {"score": None, "outcome": Outcome.UNSCORED, "trouble": why, "place": place}
    return decision.model_copy(update=fields)


def _day(judged: int, why: ModelReason, shown: range, **fields: object) -> Digest:
    """The sample's day, of which so many papers were judged, and these are shown by their rank."""
    day = day_of_ten()
    rest = [_unjudged(d, n, why) for n, d in enumerate(day.decisions[judged:], 1)]
    ids = tuple(day.decisions[n].paper.id for n in shown)
    rows = (*day.decisions[:judged], *rest)
    return day.model_copy(update={"decisions": rows, "ranked_locally": ids, **fields})


def model_away() -> Digest:
    """The model was down until the end of the window."""
    return _day(0, ModelReason.MODEL_DOWN, range(5))


def judged_in_part() -> Digest:
    """The model went away after two papers were picked."""
    return _day(2, ModelReason.MODEL_SLOW, range(2, 5))


def money_spent() -> Digest:
    """The budget was spent before a paper was judged, and no vectors were there."""
    return _day(0, ModelReason.NO_BUDGET, range(1), words_alone=True)


def judged_since() -> Digest:
    """The day of model_away() as it was judged later: two of the papers it showed are picked."""
    day = day_of_ten()
    away = model_away().ranked_locally or ()
    below = {"outcome": Outcome.BELOW_CUTOFF}
    rows = [d if d.paper.id not in away[2:] else d.model_copy(update=below) for d in day.decisions]
    rows.sort(key=lambda decision: list(Outcome).index(decision.outcome))
    return day.model_copy(update={"decisions": tuple(rows), "ranked_locally": away})


MORNINGS = {
    "the model was away": model_away(),
    "judged in part": judged_in_part(),
    "the money was spent": money_spent(),
    "judged since": judged_since(),
}
