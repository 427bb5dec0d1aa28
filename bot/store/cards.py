"""Redis: what the cards of a channel say beyond their digest: votes, other profiles, pointers to
the channels of the workspace that had a paper first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from redis import Redis

from bot.domain.channel_view import CardState, Pointer
from bot.domain.readers.elsewhere import Audience
from bot.domain.request import Address
from bot.domain.subscription import Vote, Votes
from bot.store.readers.votes import PaperVotes
from bot.store.shown_papers import ShownPapers
from bot.store.values.quarantine import ValueReader
from bot.store.values.stored_forms import RETENTION, reader_for, serialise

_APART = "pb:apart"
# The workspaces (keys) of whose channels anything is known: whoever asks for all looks at no other
# key. There was none before December 2026: without _ALL in it, it does not have the older ones.
_PLACES, _ALL = "pb:audience-places", "all"

# In one command, because a delivery has one of each paper: what is empty is taken away.
_PUT_POINTERS = """
for n, key in ipairs(KEYS) do
  if ARGV[n + 1] == '' then redis.call('del', key)
  else redis.call('set', key, ARGV[n + 1], 'ex', ARGV[1]) end
end
"""


class Cards:
    """By channel and paper (an id)."""

    def __init__(self, redis: Redis, shown: ShownPapers, votes: PaperVotes) -> None:
        self._redis, self._rows = redis, ValueReader(redis)
        self._shown, self._votes = shown, votes

    def state(self, address: Address, paper: str) -> CardState:
        """What one card says by now."""
        return self.states(address, [paper])[paper]

    def states(self, address: Address, papers: Sequence[str]) -> dict[str, CardState]:
        """What each card says by now."""
        others = self._shown.in_other_channels(address, papers)
        together = self._counted_together(address, others) if others else {}
        voted = self._votes.by_person({id: (address, *together.get(id, ())) for id in papers})
        return self.said(address, voted, self._pointers(address, together))

    def said(
        self,
        address: Address,
        voted: Mapping[str, Mapping[str, str]],
        pointers: Mapping[str, Pointer | None],
    ) -> dict[str, CardState]:
        """The same for whoever knows how people voted on each paper, and what it points to."""
        also = self._shown.other_profiles_of(address, list(voted))
        counts = {paper: Counter(by_person.values()) for paper, by_person in voted.items()}
        return {
            paper: CardState(
                votes=Votes(up=each[Vote.UP], down=each[Vote.DOWN]),
                also=also[paper],
                pointer=pointers.get(paper),
            )
            for paper, each in counts.items()
        }

    def voted_elsewhere(
        self, address: Address, others: Mapping[str, Collection[Address]]
    ) -> dict[str, dict[str, str]]:
        """By paper, how each person (an id) voted in the `others` that have it, as far as it counts
        on the cards here."""
        return self._votes.by_person(self._counted_together(address, others))

    def _counted_together(
        self, address: Address, others: Mapping[str, Collection[Address]]
    ) -> dict[str, Sequence[Address]]:
        """The other channels whose votes on a paper count on its card here: those that everybody of
        the workspace may read. Nobody learns of another channel by a number either."""
        apart, known = self.apart(), {address, *(at for places in others.values() for at in places)}
        audiences = self._audiences_of(address.workspace_key, sorted(at.channel for at in known))
        here = audiences.get(address.channel, Audience.OUTSIDERS)
        if str(address) in apart or here is Audience.OUTSIDERS:
            return {}
        return {
            paper: [
                other
                for other in places
                if audiences.get(other.channel) is Audience.EVERYONE and str(other) not in apart
            ]
            for paper, places in others.items()
        }

    # -- pointers

    def _pointers(
        self, address: Address, others: Mapping[str, Collection[Address]]
    ) -> dict[str, Pointer]:
        """By paper; none where the paper is no longer there, or nobody may be sent there any more.
        `others` are the channels that have it."""
        keys = {_pointer(address, paper): paper for paper, places in others.items() if places}
        found = self._rows.mget_by_name(list(keys), list(keys.values()), reader_for(Pointer))
        return {
            paper: pointer
            for paper, pointer in found.items()
            if pointer.channel in {each.channel for each in others[paper]}
        }

    def put_pointers(self, address: Address, pointers: Mapping[str, Pointer | None]) -> None:
        """What cards here point to, by paper; None: to nothing."""
        keys = [_pointer(address, paper) for paper in pointers]
        texts = [serialise(pointer) if pointer else "" for pointer in pointers.values()]
        seconds = int(RETENTION.total_seconds())
        if keys:
            self._redis.eval(_PUT_POINTERS, len(keys), *keys, seconds, *texts)

    # -- who reads a channel, as far as anybody had to know

    def _audiences_of(self, workspace_key: str, channels: Sequence[str]) -> dict[str, Audience]:
        """Who reads some channels (ids), as far as that is known, by channel."""
        found = self._rows.hmget(f"pb:audiences:{workspace_key}", channels, _read_audience)
        return {channel: each for channel, each in zip(channels, found, strict=True) if each}

    def every_audience(self, platform: str, workspace: str | None) -> dict[Address, Audience]:
        """By channel, of one workspace (an id) of a platform, or of all."""
        places = [f"{platform}:{workspace}"] if workspace else self._places(platform)
        names = [f"pb:audiences:{place}" for place in places]
        return {
            Address(platform=platform, workspace=name.rpartition(":")[2], channel=channel): audience
            for name, audiences in self._rows.hgetall_many(names, _read_audience).items()
            for channel, audience in audiences.items()
        }

    def _places(self, platform: str) -> list[str]:
        """The workspaces (keys) of a platform of whose channels anything may be known."""
        known = {str(place) for place in self._redis.smembers(_PLACES)}
        if _ALL not in known:
            found = self._redis.scan_iter("pb:audiences:*", count=1000)
            known |= {str(name).removeprefix("pb:audiences:") for name in found}
            self._redis.sadd(_PLACES, _ALL, *known)
        return sorted(place for place in known if place.startswith(f"{platform}:"))

    def put_audience(self, address: Address, audience: Audience) -> None:
        """Who may read a channel, as its platform says now; forgotten after RETENTION."""
        key = f"pb:audiences:{address.workspace_key}"
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, address.channel, audience.value)
            pipe.expire(key, RETENTION)
            pipe.sadd(_PLACES, address.workspace_key)
            pipe.execute()

    def forget_audiences(self, workspace_key: str) -> None:
        """Of a workspace: nobody is to be pointed to one of its channels any more."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.delete(f"pb:audiences:{workspace_key}")
            pipe.srem(_PLACES, workspace_key)
            pipe.execute()

    # -- channels that want nothing of this

    def apart(self) -> set[str]:
        """The channels (addresses) that point to no other, are pointed to by none, and count their
        own votes only."""
        return set(map(str, self._redis.smembers(_APART)))

    def put_apart(self, address: Address, is_apart: bool) -> None:
        """Whether a channel is one of those from now on."""
        if is_apart:
            self._redis.sadd(_APART, str(address))
        else:
            self._redis.srem(_APART, str(address))


def _read_audience(text: str) -> Audience:
    return Audience(text)


def _pointer(address: Address, paper: str) -> str:
    return f"pb:pointer:{address}:{paper}"
