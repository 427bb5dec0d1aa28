"""Orders a channel's digest, and what one person is shown of it, by the votes of its workspace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.domain.digest import CHANNEL_OUTCOMES, DeliveryBasis, Digest
from bot.domain.papers import Paper
from bot.domain.request import Address, DigestRequest, delivery_name
from bot.store.store import Store
from workers.embedding.embeddings import Embeddings
from workers.embedding.meaning import Meaning
from workers.gate.voting import votes_of
from workers.judging import outcomes
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

    voted = votes_of(store, address.workspace_key, profile, papers, lambda: known(papers), known)
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


def prepare_preview(
    request: DigestRequest,
    store: Store,
    embeddings: Embeddings | None,
    clock: Callable[[], datetime],
) -> None:
    """Store what somebody is shown of a decided day, in the order of their workspace's votes. What
    the channel had before is in it, too."""
    list_result, facts = store.lists.result(request.wanted), store.requests.state(request)
    days = store.days.for_request(request)
    if list_result is None or not days:
        return  # the stored day is unreadable; it is judged again first
    (name, decided), *_ = days.items()

    def chosen_from(day: Digest) -> Digest:
        return outcomes.digest_for_channel(request, list_result, day, lambda *_: ())

    by_votes = digest_by_votes(store, request.address, embeddings, decided, None, chosen_from)
    shown, basis = by_votes or chosen_from(decided), DeliveryBasis((name,), facts.version)
    store.history.put_preview(delivery_name(request, list_result), shown, basis, clock())
