"""Choosing and ordering: every announced paper gets exactly one outcome; pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from bot.arxiv.authors import followed
from bot.domain.categories import matches
from bot.domain.digest import (
    Batch,
    Decision,
    Digest,
    ListResult,
    LocalRank,
    Outcome,
    Score,
    ScoreResult,
)
from bot.domain.papers import Announced, AnnounceType, Profile
from bot.domain.reasons import ModelReason
from bot.domain.request import Address, DigestRequest


def papers_of_day(profile: Profile, batch: Batch) -> tuple[tuple[Announced, ...], int]:
    """The part of a batch that is a profile's day, and how many replacements it leaves out.

    A batch serves several profiles, and `new` is relative to the categories asked for, so a paper
    whose primary category is not the profile's own is a cross-list here.
    """

    def asked(category: str) -> bool:
        return any(matches(category, wanted) for wanted in profile.categories)

    day = []
    for entry in batch.papers:
        if not any(map(asked, entry.paper.categories)):
            continue
        if entry.announce_type is AnnounceType.NEW and not asked(entry.paper.categories[0]):
            entry = entry.model_copy(update={"announce_type": AnnounceType.CROSS})
        if profile.cross_lists or entry.announce_type is AnnounceType.NEW:
            day.append(entry)
    replaced = sum(any(map(asked, categories)) for _, categories in batch.replaced)
    return tuple(day), replaced


def decide_outcomes(
    profile: Profile,
    day: Sequence[Announced],
    results: Mapping[str, ScoreResult],
    ranking: Sequence[str],
    places: Mapping[str, LocalRank] | None = None,
) -> tuple[Decision, ...]:
    """An outcome for each paper of the day, in posted order: picked first.

    `verdicts` are by `IDvN`; a paper without one was gated. `ranking` has ids, best first: the
    second look's, then the local ranking's. The order is by relevance, then novelty, then the
    ranking, then id: stated, and the same every time. `places` are kept with the papers that the
    model was not asked about.
    """
    place = {id: rank for rank, id in enumerate(ranking)}
    places = places or {}

    def order(decision: Decision) -> tuple[int, int, int, str]:
        score = decision.score
        return (
            -score.relevance if score else 0,
            -(score.novelty or 0) if score else 0,
            place.get(decision.paper.id, len(place)),
            decision.paper.id,
        )

    decisions = []
    for entry in day:
        result = results.get(entry.paper.versioned)
        score, reason = (result.score, result.trouble) if result else (None, None)
        if result is None:
            outcome = Outcome.GATED
        elif score is None:
            outcome = Outcome.UNSCORED
        elif meets_cutoffs(profile, score):
            outcome = Outcome.PICKED
        else:
            outcome = Outcome.BELOW_CUTOFF
        decisions.append(
            Decision(
                announced=entry,
                outcome=outcome,
                score=score,
                trouble=None if score else reason,
                followed=followed(entry.paper.authors, profile.authors.follow),
                place=places.get(entry.paper.id) if _unasked(result) else None,
            )
        )
    return _limited(sorted(decisions, key=order), profile.maximum, had=())


def digest_for_channel(
    request: DigestRequest,
    list_result: ListResult,
    decided: Digest | None,
    find_delivered: Callable[[Address, Digest], Collection[str]],
    shown: Digest | None = None,
) -> Digest:
    """A decided day as the wish's channel gets it.

    The same day may be asked for as today and, on a Sunday, as the last day there was: `listed`
    says which. `shown` is what the channel has of it already: its papers stay. Raises KeyError
    when nothing was decided.
    """
    if decided is None:
        raise KeyError(f"no decided day for {request.address}")
    if not request.earlier:
        decided = decided.model_copy(update={"listed": list_result})
    if request.top is not None:
        most = min(request.top, decided.profile.maximum)
        profile = decided.profile.model_copy(update={"maximum": most})
        decided = decided.model_copy(update={"profile": profile})
    if shown:
        stay = {decision.paper.id: n for n, decision in enumerate(shown.picked)}
        order = sorted(decided.decisions, key=lambda d: stay.get(d.paper.id, len(stay)))
        decided = decided.model_copy(update={"decisions": tuple(order)})
    return replace_repeats(decided, find_delivered(request.address, decided))


def replace_repeats(digest: Digest, delivered_ids: Collection[str]) -> Digest:
    """The digest for one channel: papers whose id it `had` before make room for others."""
    chosen = _limited(digest.decisions, digest.profile.maximum, delivered_ids)
    return digest.model_copy(update={"decisions": chosen})


def _unasked(result: ScoreResult | None) -> bool:
    return result is None or result.trouble is ModelReason.NO_BUDGET


def meets_cutoffs(profile: Profile, score: Score) -> bool:
    """Whether both cut-offs are met. A judge that cannot tell novelty is not held to it."""
    cutoffs = profile.cutoffs
    novel = score.novelty is None or score.novelty >= cutoffs.novelty
    return novel and score.relevance >= cutoffs.relevance


def _limited(
    decisions: Sequence[Decision], maximum: int, had: Collection[str]
) -> tuple[Decision, ...]:
    """Deal the papers that reach the cut-offs into picked, over the limit and repeat."""
    candidates = {Outcome.PICKED, Outcome.OVER_LIMIT, Outcome.REPEAT}
    by_outcome: dict[Outcome, list[Decision]] = {outcome: [] for outcome in Outcome}
    for decision in decisions:
        outcome = decision.outcome
        if outcome in candidates:
            if decision.paper.id in had:
                outcome = Outcome.REPEAT
            elif len(by_outcome[Outcome.PICKED]) < maximum:
                outcome = Outcome.PICKED
            else:
                outcome = Outcome.OVER_LIMIT
        by_outcome[outcome].append(decision.model_copy(update={"outcome": outcome}))
    return tuple(d for outcome in _POSTED for d in by_outcome[outcome])


# What a reader looks for first comes first.
_POSTED = (
    Outcome.PICKED,
    Outcome.OVER_LIMIT,
    Outcome.REPEAT,
    Outcome.BELOW_CUTOFF,
    Outcome.GATED,
    Outcome.UNSCORED,
)
