"""Orders a channel's digest by the votes of its workspace."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.domain.digest import CHANNEL_OUTCOMES, Digest
from bot.domain.papers import Paper
from bot.domain.request import Address
from bot.store.store import Store
from workers.embedding.embeddings import Embeddings
from workers.embedding.meaning import Meaning
from workers.gate.voting import votes_of
from workers.judging.vote_order import by_votes, moved_up


def digest_by_votes(
    store: Store,
    address: Address,
    embeddings: Embeddings | None,
    decided: Digest | None,
    given: Digest | None,
    chosen_from: Callable[[Digest], Digest],
) -> Digest | None:
    """A channel's digest where votes change the order of what was decided; None where they do not.

    `chosen_from` makes the channel's digest of a decided day. One that was begun (`given`) goes on
    saying which papers votes moved. No vector is made here: where one is missing, words decide.
    """
    if decided is None:
        return None
    profile, papers = decided.profile, [decision.paper for decision in decided.decisions]
    chosen = {d.paper.id: d.paper for d in decided.decisions if d.outcome in CHANNEL_OUTCOMES}

    def known(some: Sequence[Paper]) -> Meaning | None:
        return embeddings.known(profile, some) if embeddings else None

    voted = votes_of(store, address.workspace_key, profile, papers, known)
    if voted is None:
        return None
    candidates = list(chosen.values())
    shifts = voted.order_shifts(candidates, known(candidates))
    ordered = by_votes(decided, shifts)
    if not ordered.by_votes:
        return None
    digest = chosen_from(ordered)
    if given:
        return digest.model_copy(update={"moved": given.moved})
    plain = chosen_from(decided)
    moved = moved_up(digest, plain, shifts, lambda id: voted.evidence(chosen[id]))
    return digest.model_copy(update={"moved": moved})
