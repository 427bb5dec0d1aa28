"""Redis: what channels asked for and said: subscriptions, their own profiles, votes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime, timedelta

from redis import Redis

from bot.domain.checkup import Outage
from bot.domain.papers import Profile
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address, DigestRequest
from bot.domain.subscription import Paused, Subscription, Vote, Votes
from bot.store.days import Store
from bot.store.stored_forms import RETENTION, N, parse_aware_time, reader_for, serialise

# Slack and Discord deliver an event again for some minutes at most.
_AGAIN = timedelta(hours=1)
_OVERDUE = timedelta(days=2)

# One person has one vote a paper; the same vote again takes it back. In one step, because people
# press at the same moment.
_VOTE = """
if redis.call('hget', KEYS[1], ARGV[1]) == ARGV[2] then
  redis.call('hdel', KEYS[1], ARGV[1])
else
  redis.call('hset', KEYS[1], ARGV[1], ARGV[2])
  redis.call('expire', KEYS[1], ARGV[3])
end
"""

# A row takes another's place only while that one stands there ('' is no row). What redis-py repeats
# finds its own row and is done.
_SWAP = """
local now = redis.call('hget', KEYS[1], ARGV[1]) or ''
if now == ARGV[3] then return 1 end
if now ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('hdel', KEYS[1], ARGV[1])
else
  redis.call('hset', KEYS[1], ARGV[1], ARGV[3])
end
return 1
"""

# The last day seen to only moves on, and only of a subscription that there still is.
_SERVED = """
if redis.call('hexists', KEYS[1], ARGV[1]) == 0 then return end
local before = redis.call('hget', KEYS[2], ARGV[1])
if not before or before < ARGV[2] then redis.call('hset', KEYS[2], ARGV[1], ARGV[2]) end
"""

# What makes of a row (None where there is none) the one that takes its place (None ends it).
RowUpdate = Callable[[N | None], N | None]


class Subscriptions:
    """On the same server as the store."""

    def __init__(self, store: Store) -> None:
        self._redis: Redis = store.redis
        self._rows = store.reader
        self._store = store

    # -- subscriptions

    def change(
        self, address: Address, profile: str, updated: RowUpdate[Subscription]
    ) -> tuple[Subscription | None, Subscription | None]:
        """Change a channel's subscription to a profile (a name) in one step, as `how` says of the
        one that stands there; it is asked again when somebody else was faster. Returns what stood
        there, and what stands there now."""
        key = _key(address, profile)
        before, after = self._change("pb:subscriptions", key, Subscription, updated)
        if before is None or after is None:  # what an earlier one was given is not this one's
            self._redis.hdel("pb:served", key)
        return before, after

    def put(self, subscription: Subscription) -> None:
        """One for each channel and profile; an older one goes."""
        self.change(subscription.address, subscription.profile, lambda _: subscription)

    def drop(self, subscription: Subscription) -> bool:
        """End it, however it was changed meanwhile; False when it had ended before."""
        before, _ = self.change(subscription.address, subscription.profile, lambda _: None)
        return before is not None

    def all(self) -> list[Subscription]:
        """Every subscription, by channel and profile."""
        return list(
            self._rows.hgetall_sorted("pb:subscriptions", reader_for(Subscription)).values()
        )

    def of(self, address: Address) -> list[Subscription]:
        """A channel's, by profile."""
        return [found for found in self.all() if found.address == address]

    def of_workspace(self, platform: str, workspace: str) -> list[Subscription]:
        """A workspace's, by channel and profile; another one's never."""
        wanted = (platform, workspace)
        return [s for s in self.all() if (s.address.platform, s.address.workspace) == wanted]

    def pause_channel(
        self, address: Address, reason: ChannelReason, at: datetime
    ) -> list[Subscription]:
        """Pause what a channel that cannot be posted to subscribed; returns those it stopped."""
        return self._each(
            self.of(address), lambda s: s.paused is None, Paused(at=at, trouble=reason)
        )

    def reactivate(
        self,
        platform: str,
        workspace: str,
        channel: str | None,
        reasons: Collection[ChannelReason],
    ) -> list[Subscription]:
        """What rested for one of these troubles goes on, in one channel or all; returns what does.
        The days that fell into the rest are owed."""
        every = self.of_workspace(platform, workspace)
        return self._each(
            [s for s in every if channel is None or s.address.channel == channel],
            lambda s: s.paused is not None and s.paused.trouble in reasons,
            None,
        )

    def set_paused(
        self, every: Collection[Subscription], paused: Paused | None
    ) -> list[Subscription]:
        """Pause these, or let them go on; returns those for which that is a change. One that was
        ended meanwhile stays ended."""
        return self._each(every, lambda s: (s.paused is None) != (paused is None), paused)

    def _each(
        self,
        every: Collection[Subscription],
        concerned: Callable[[Subscription], bool],
        paused: Paused | None,
    ) -> list[Subscription]:
        def how(found: Subscription | None) -> Subscription | None:
            if found is None or not concerned(found):
                return found
            return found.model_copy(update={"paused": paused})

        changes = [self.change(s.address, s.profile, how) for s in every]
        return [after for before, after in changes if after is not None and after != before]

    # -- the days that were seen to

    def last_served_days(self) -> dict[str, date]:
        """By a subscription's key, the last day (New York's) that was seen to."""
        return self._rows.hgetall("pb:served", date.fromisoformat)

    def put_last_served(self, subscription: str, day: date) -> None:
        """Remember that it was; an earlier day, or one of a subscription that has ended, changes
        nothing."""
        keys = ("pb:subscriptions", "pb:served")
        self._redis.eval(_SERVED, 2, *keys, subscription, day.isoformat())

    def overdue(self, requests: Sequence[DigestRequest]) -> list[datetime | None]:
        """When each schedule's wish was first seen to be past its time, if it was."""
        return self._rows.mget([_overdue(request) for request in requests], parse_aware_time)

    def put_overdue(self, request: DigestRequest, now: datetime) -> None:
        """Remember when it was first seen to be; a bot that was away itself does not blame the
        workers."""
        self._redis.set(_overdue(request), now.isoformat(), nx=True, ex=_OVERDUE)

    # -- a workspace's own profiles

    def change_profile(
        self, address: Address, name: str, updated: RowUpdate[Profile]
    ) -> Profile | None:
        """Change this workspace's own profile of a name in one step, as `change` does; returns
        what stands there now."""
        return self._change(_profiles(address), name, Profile, updated)[1]

    def put_profile(self, address: Address, profile: Profile) -> None:
        """Add it to the profiles of this workspace only; it goes before one of the same name."""
        self.change_profile(address, profile.name, lambda _: profile)

    def profiles(self, address: Address) -> dict[str, Profile]:
        """The installation's profiles, then this workspace's own."""
        return self._store.named_profiles() | self._rows.hgetall_sorted(
            _profiles(address), reader_for(Profile)
        )

    def profiles_by_workspace(self, addresses: Iterable[Address]) -> dict[str, dict[str, Profile]]:
        """The same for many addresses, by workspace, each looked up once."""
        places = {address.workspace_key: _profiles(address) for address in addresses}
        if not places:
            return {}
        own = self._rows.hgetall_many(list(places.values()), reader_for(Profile))
        shared = self._store.named_profiles()
        return {place: shared | dict(sorted(own[key].items())) for place, key in places.items()}

    # -- votes

    def vote(self, address: Address, paper: str, person: str, vote: Vote) -> None:
        """Vote, vote otherwise, or take the same vote back."""
        seconds = int(RETENTION.total_seconds())
        self._redis.eval(_VOTE, 1, f"pb:votes:{address}:{paper}", person, vote, seconds)

    def votes(self, address: Address, paper: str) -> Votes:
        rows: list[str] = self._redis.hvals(f"pb:votes:{address}:{paper}")  # type: ignore[assignment]
        counts = Counter(rows)
        return Votes(up=counts[Vote.UP], down=counts[Vote.DOWN])

    # -- what is away

    def put_outage(self, what: str, why: str, at: datetime) -> bool:
        """Remember that something does not serve us; True when that is news."""
        outage = Outage(what=what, why=why, since=at)
        return bool(self._redis.hsetnx("pb:outages", what, serialise(outage)))

    def end_outage(self, what: str) -> bool:
        """It is back; True when that is news."""
        return bool(self._redis.hdel("pb:outages", what))

    def outages(self) -> list[Outage]:
        return list(self._rows.hgetall_sorted("pb:outages", reader_for(Outage)).values())

    # -- events

    def is_first_delivery(self, event: str) -> bool:
        """True for the first to ask about an event (a fingerprint): platforms deliver again."""
        return bool(self._redis.set(f"pb:event:{event}", 1, nx=True, ex=_AGAIN))

    def put_event_seen(self, platform: str, kind: str) -> None:
        """Remember that this kind of event reaches us."""
        self._redis.sadd(f"pb:heard:{platform}", kind)

    def event_kinds_seen(self, platform: str) -> set[str]:
        return set(map(str, self._redis.smembers(f"pb:heard:{platform}")))

    # -- rows

    def _change(
        self, key: str, field: str, value: type[N], how: RowUpdate[N]
    ) -> tuple[N | None, N | None]:
        while True:
            row = str(self._redis.hget(key, field) or "")
            before = self._rows.decode(key, field, row, reader_for(value))
            if row and before is None:
                continue  # it could not be read, and is set aside: there is none now
            after = how(before)
            anew = "" if after is None else serialise(after)
            if after == before or self._redis.eval(_SWAP, 1, key, field, row, anew):
                return before, after


def _key(address: Address, profile: str) -> str:
    """As Subscription.key."""
    return f"{address} {profile}"


def _profiles(address: Address) -> str:
    return f"pb:profiles:{address.workspace_key}"


def _overdue(request: DigestRequest) -> str:
    return f"pb:overdue:{request.subscription}:{request.at}"
