"""Which papers a channel is shown by their local rank because no model judged them; pure.

No model, still a morning: where the model stays away until a digest's window ends, or the money is
spent before a paper was judged, the channel gets the best of the local ranking, as many as its
profile takes and only those that it would pick without a model. They keep their outcome, `unscored`
with the reason: they are shown, not picked.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.domain.digest import Decision, Digest, Outcome


@dataclass(frozen=True)
class Shown:
    """What a channel has seen: `before`, the digest it was given, if any; the ids of papers whose
    message there was at least begun (`sent`), and of those that another delivery brought
    (`elsewhere`)."""

    before: Digest | None = None
    sent: Collection[str] = ()
    elsewhere: Collection[str] = ()


def with_stand_ins(digest: Digest, shown: Shown, is_last_try: bool) -> Digest:
    """A channel's digest with the papers it is shown by their local rank.

    Those that were shown stay, whatever became of them; one that no message was sent of stays while
    it has no score. `is_last_try`: a model that is away is waited for no longer.
    """
    before = shown.before.ranked_locally if shown.before else None
    stay = [id for id in before or () if _stays(digest.decision_for(id), shown)]
    unjudged = [decision for decision in digest.decisions if decision.paper.id in stay]
    room = digest.profile.maximum - len(digest.picked)
    room -= sum(decision.outcome is Outcome.UNSCORED for decision in unjudged)
    taken = {*stay, *shown.elsewhere}
    new = [d.paper.id for d in _candidates(digest, is_last_try) if d.paper.id not in taken]
    ids = (*stay, *new[: max(room, 0)])
    if not ids and not is_last_try and before is None:
        return digest
    return digest.model_copy(update={"ranked_locally": ids})


def _stays(decision: Decision | None, shown: Shown) -> bool:
    if decision is None:
        return False
    return decision.outcome is Outcome.UNSCORED or decision.paper.id in shown.sent


def _candidates(digest: Digest, is_last_try: bool) -> list[Decision]:
    """The papers that no model judged and the local ranking would pick, best first. Several days
    have a ranking each."""

    def order(decision: Decision) -> tuple[float, str]:
        place = decision.place
        assert place is not None, "what reaches the cut-off has a place"
        return place.rank / place.of, decision.paper.id

    found = list(digest.lost_to_outage) if is_last_try else []
    if all(decision.is_unasked for decision in digest.decisions):  # the money was gone before any
        found += [d for d in digest.decisions if d.outcome is Outcome.UNSCORED]
    return sorted((d for d in found if _reaches_cutoff(digest, d)), key=order)


def _reaches_cutoff(digest: Digest, decision: Decision) -> bool:
    relevance = decision.place.relevance if decision.place else None
    return relevance is not None and relevance >= digest.profile.cutoffs.relevance
