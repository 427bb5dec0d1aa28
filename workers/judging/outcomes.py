"""Decides and orders a day: every announced paper gets exactly one outcome; pure."""

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
    Sentences,
)
from bot.domain.papers import Announced, AnnounceType, Profile
from bot.domain.request import Address, DigestRequest


def papers_of_day(profile: Profile, batch: Batch) -> tuple[tuple[Announced, ...], int]:
    """A profile's day: its part of a batch, and the number of replacements left out.

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

    `results` are by `IDvN`; a paper without one was gated. `ranking` has ids, best first: those
    that tie-breaking ordered, then the local ranking's. Papers are ordered by relevance, novelty,
    ranking and id, so the order is the same every time. `places` are kept with papers that no
    model judged.
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
                place=None if score else places.get(entry.paper.id),
            )
        )
    return _limited(sorted(decisions, key=order), profile.maximum, delivered_ids=())


def with_sentences(
    results: Mapping[str, ScoreResult], written: Mapping[str, Sentences]
) -> dict[str, ScoreResult]:
    """The results with what was written about their papers (both by `IDvN`): `why` in place of the
    scoring call's few words, where there is one."""
    told = dict(results)
    for versioned, sentences in written.items():
        result = told.get(versioned)
        if result and result.score:
            said = {"shows": sentences.shows, "comment": sentences.why or result.score.comment}
            score = result.score.model_copy(update=said)
            told[versioned] = result.model_copy(update={"score": score})
    return told


def digest_for_channel(
    request: DigestRequest,
    list_result: ListResult,
    decided: Digest | None,
    find_delivered: Callable[[Address, Digest], Collection[str]],
    shown: Digest | None = None,
) -> Digest:
    """A decided day as the requesting channel gets it.

    The same day may be asked for as today and, on a Sunday, as the last announced day:
    `list_result` says which. `shown` is the digest the channel already has of it; its papers stay.
    Raises KeyError when nothing was decided.
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
    """The digest for one channel: papers in `delivered_ids` make room for others."""
    chosen = _limited(digest.decisions, digest.profile.maximum, delivered_ids)
    return digest.model_copy(update={"decisions": chosen})


def meets_cutoffs(profile: Profile, score: Score) -> bool:
    """Whether a score meets both cut-offs; novelty only where the judge gives one."""
    cutoffs = profile.cutoffs
    novel = score.novelty is None or score.novelty >= cutoffs.novelty
    return novel and score.relevance >= cutoffs.relevance


def _limited(
    decisions: Sequence[Decision], maximum: int, delivered_ids: Collection[str]
) -> tuple[Decision, ...]:
    """Deal the papers that meet the cut-offs into picked, over the limit and repeat."""
    candidates = {Outcome.PICKED, Outcome.OVER_LIMIT, Outcome.REPEAT}
    by_outcome: dict[Outcome, list[Decision]] = {outcome: [] for outcome in Outcome}
    for decision in decisions:
        outcome = decision.outcome
        if outcome in candidates:
            if decision.paper.id in delivered_ids:
                outcome = Outcome.REPEAT
            elif len(by_outcome[Outcome.PICKED]) < maximum:
                outcome = Outcome.PICKED
            else:
                outcome = Outcome.OVER_LIMIT
        is_same = outcome is decision.outcome  # as of most papers: 450 copies a channel take longer
        dealt = decision if is_same else decision.model_copy(update={"outcome": outcome})
        by_outcome[outcome].append(dealt)
    return tuple(d for outcome in _POSTED for d in by_outcome[outcome])


# In the order a reader looks for them.
_POSTED = (
    Outcome.PICKED,
    Outcome.OVER_LIMIT,
    Outcome.REPEAT,
    Outcome.BELOW_CUTOFF,
    Outcome.GATED,
    Outcome.UNSCORED,
)
