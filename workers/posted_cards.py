"""The cards of a channel: as they are posted, and with what became known of their papers since."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.domain.channel_view import CardState
from bot.domain.digest import Decision, Digest, Outcome
from bot.domain.message import Post
from bot.domain.request import Address
from bot.runtime.posting import ThreadPoster
from bot.store.outbox import Outbox
from bot.store.store import Store
from bot.views import card as card_views


class PostedCards:
    """The cards of one channel; `thread` posts to the thread of an outbox. The methods raise like
    ThreadPoster.post."""

    def __init__(
        self, store: Store, address: Address, thread: Callable[[Outbox], ThreadPoster]
    ) -> None:
        self._store, self._address, self._thread = store, address, thread

    def as_posted(
        self, digest: Digest, day: str, states: Mapping[str, CardState]
    ) -> list[tuple[str, Post]]:
        """The replies of a digest's thread, by slot; `states` say what each paper's card says."""
        posted, ranks = digest.posted, {d.paper.id: n for n, d in enumerate(digest.picked, 1)}
        return [
            (id, card_views.card(digest, ranks.get(id), decision, day, states[id]))
            for id, decision in ((decision.paper.id, decision) for decision in posted)
        ]

    async def add_profile(self, digest: Digest) -> None:
        """Name a digest's profile on the cards of papers that another profile of this channel
        brought from the same list; they are not posted again."""
        address, history = self._address, self._store.history
        for id, day in self._store.shown_papers.repeats_from_same_list(address, digest).items():
            other, head = history.digest_given_to(address, day), history.delivery(address, day)
            shown = other and next((d for d in other.posted if d.paper.id == id), None)
            if not (other and head and shown):
                continue  # that thread is incomplete; it will be posted without the second name
            self._store.shown_papers.put_other_profile(address, id, digest.profile.title)
            await self._change(other, shown, day, head.message)

    async def tell_judged(self, digest: Digest, day: str, message: str) -> None:
        """Say on the cards of papers that were shown by their local rank what a model said since;
        they are not posted again. `day` names the digest, `message` is its thread's."""
        for decision in digest.posted:
            was_local = decision.paper.id in (digest.ranked_locally or ())
            if was_local and decision.outcome is not Outcome.UNSCORED:
                await self._change(digest, decision, day, message)

    async def _change(self, digest: Digest, decision: Decision, day: str, message: str) -> None:
        """The card of a digest's paper as it is by now."""
        id = decision.paper.id
        state = self._store.cards.state(self._address, id)
        card = card_views.card(digest, digest.number_of(decision), decision, day, state)
        thread = self._thread(Outbox(self._store.trips, f"{self._address}:{day}"))
        await thread.change(id, card, message)
