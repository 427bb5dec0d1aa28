"""One Redis connection, and an object for each kind of thing stored there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from redis import Redis

from bot.domain.readers.traces import Trace
from bot.store.cards import Cards
from bot.store.chats.events import Events, Outages
from bot.store.chats.installations import Installations, InstallStates
from bot.store.days import Days
from bot.store.history import History
from bot.store.lists import Lists
from bot.store.papers import Papers, Vectors
from bot.store.profiles import Profiles
from bot.store.readers.follows import Follows
from bot.store.readers.saved import SavedPapers
from bot.store.readers.tellings import Tellings
from bot.store.readers.tokens import Tokens
from bot.store.readers.vote_uses import VoteUses
from bot.store.readers.votes import PaperVotes
from bot.store.readers.zotero import ZoteroStore
from bot.store.requests import Requests, Tasks
from bot.store.scores import Scores
from bot.store.shown_papers import ShownPapers
from bot.store.subscriptions import Subscriptions
from bot.store.values.lease import Lease
from bot.store.values.quarantine import ValueReader
from bot.store.values.round_trips import RoundTrips
from bot.store.values.stored_forms import SHORT_RETENTION, parse_int_pair
from bot.store.watching.counts import Counts
from bot.store.watching.ledger import Ledger
from bot.store.watching.troubles import Sightings, Troubles


class LeftBehind(Protocol):
    """A store of what people leave behind: what a person left in a workspace can be seen, and
    erased for good."""

    def traces(self, workspace_key: str, person: str, /) -> list[Trace]: ...

    def erase(self, workspace_key: str, person: str, /) -> None: ...


class Store:
    """Every write may be repeated without harm, because redis-py itself repeats a write whose
    answer was lost."""

    def __init__(self, redis: Redis) -> None:
        """`redis` must decode responses to str."""
        self.redis, self.reader = redis, ValueReader(redis)
        self.trips = RoundTrips(redis)
        self.papers = Papers(redis)
        self.profiles = Profiles(redis)
        self.lists = Lists(redis, self.papers)
        self.vectors = Vectors(redis)
        self.scores = Scores(redis)
        self.days = Days(redis, self.papers, self.lists)
        self.shown_papers = ShownPapers(redis)
        self.tellings = Tellings(redis)
        self.follows = Follows(redis, self.tellings)
        self.history = History(redis, self.lists, self.days, self.shown_papers, self.tellings)
        self.requests = Requests(redis, self.lists)
        self.subscriptions = Subscriptions(redis)
        self.tasks = Tasks(redis)
        self.vote_uses = VoteUses(redis)
        self.votes = PaperVotes(redis, self.vote_uses)
        self.cards = Cards(redis, self.shown_papers, self.votes)
        self.saved = SavedPapers(redis)
        self.zotero = ZoteroStore(redis)
        self.tokens = Tokens(redis)
        self.left_behind: tuple[LeftBehind, ...] = (
            self.votes,
            self.saved,
            self.follows,
            self.zotero,
            self.tokens,
        )
        self.events = Events(redis)
        self.outages = Outages(redis)
        self.installations, self.install_states = Installations(redis), InstallStates(redis)
        self.ledger = Ledger(redis)
        self.sightings, self.troubles = Sightings(redis), Troubles(redis)
        self.counts = Counts(redis)

    def lease(self, name: str, seconds: float, wait: float, holder: str = "") -> Lease | None:
        """As Lease.take, by a name instead of a key."""
        return Lease.take(self.redis, f"pb:lease:{name}", seconds, wait, holder=holder)

    def free_dead_lease(self, name: str, is_dead: Callable[[str], bool]) -> None:
        """As Lease.free_dead, by a name instead of a key."""
        Lease.free_dead(self.redis, f"pb:lease:{name}", is_dead)

    def put_progress(self, step: str, done: int, total: int) -> None:
        """How many of how many parts of a step (an id) are done; forgotten after six hours."""
        self.redis.set(f"pb:progress:{step}", f"{done}/{total}", ex=SHORT_RETENTION)

    def progress(self, step: str) -> tuple[int, int]:
        """(done, total); (0, 0) before the step reports anything."""
        return self.reader.get(f"pb:progress:{step}", _parse_progress) or (0, 0)


def _parse_progress(text: str) -> tuple[int, int]:
    return parse_int_pair(text.replace("/", " "))
