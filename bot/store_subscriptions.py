"""Redis: what channels asked for and said: subscriptions, their own profiles, votes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import date, datetime, timedelta

from redis import Redis

from bot.checkup import Outage
from bot.domain import Profile, Trouble
from bot.store import KEEP, Store
from bot.subscription import Paused, Subscription, Votes, Way
from bot.wish import Address, Wish

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


class Subscriptions:
    """On the same server as the store."""

    def __init__(self, store: Store) -> None:
        self._redis: Redis = store.redis
        self._store = store

    # -- subscriptions

    def put(self, subscription: Subscription) -> None:
        """One for each channel and profile; an older one goes."""
        self._redis.hset("pb:subscriptions", subscription.key, subscription.model_dump_json())

    def drop(self, subscription: Subscription) -> None:
        self._redis.hdel("pb:subscriptions", subscription.key)
        self._redis.hdel("pb:served", subscription.key)

    def all(self) -> list[Subscription]:
        """Every subscription, by channel and profile."""
        rows: dict[str, str] = self._redis.hgetall("pb:subscriptions")  # type: ignore[assignment]
        return [Subscription.model_validate_json(rows[key]) for key in sorted(rows)]

    def of(self, address: Address) -> list[Subscription]:
        """A channel's, by profile."""
        return [found for found in self.all() if found.address == address]

    def of_workspace(self, platform: str, workspace: str) -> list[Subscription]:
        """A workspace's, by channel and profile; another one's never."""
        wanted = (platform, workspace)
        return [s for s in self.all() if (s.address.platform, s.address.workspace) == wanted]

    def halt(self, address: Address, trouble: Trouble, at: datetime) -> list[Subscription]:
        """Pause what a channel that cannot be posted to subscribed; returns those it stopped."""
        stopped = []
        for found in self.of(address):
            if found.paused is None:
                paused = Paused(at=at, trouble=trouble)
                stopped.append(found.model_copy(update={"paused": paused}))
                self.put(stopped[-1])
        return stopped

    def heal(
        self,
        platform: str,
        workspace: str,
        channel: str | None,
        troubles: Collection[Trouble],
    ) -> list[Subscription]:
        """What rested for one of these troubles goes on, in one channel or all; returns what does.
        The days that fell into the rest are owed."""
        healed = []
        for found in self.of_workspace(platform, workspace):
            here = channel is None or found.address.channel == channel
            if here and found.paused and found.paused.trouble in troubles:
                healed.append(found.model_copy(update={"paused": None}))
                self.put(healed[-1])
        return healed

    # -- the days that were seen to

    def served(self) -> dict[str, date]:
        """By a subscription's key, the last day (New York's) that was seen to."""
        rows: dict[str, str] = self._redis.hgetall("pb:served")  # type: ignore[assignment]
        return {key: date.fromisoformat(day) for key, day in rows.items()}

    def put_served(self, subscription: str, day: date) -> None:
        self._redis.hset("pb:served", subscription, day.isoformat())

    def overdue_since(self, wish: Wish, now: datetime) -> datetime:
        """When a schedule's wish was first seen to be past its time; now, the first time: a bot
        that was away itself does not blame the workers."""
        key = f"pb:overdue:{wish.subscription}:{wish.at}"
        self._redis.set(key, now.isoformat(), nx=True, ex=_OVERDUE)
        return datetime.fromisoformat(str(self._redis.get(key)))

    # -- a workspace's own profiles

    def put_profile(self, address: Address, profile: Profile) -> None:
        """Add it to the profiles of this workspace only; it goes before one of the same name."""
        self._redis.hset(_profiles(address), profile.name, profile.model_dump_json())

    def profiles(self, address: Address) -> dict[str, Profile]:
        """The installation's profiles, then this workspace's own."""
        rows: dict[str, str] = self._redis.hgetall(_profiles(address))  # type: ignore[assignment]
        own = {name: Profile.model_validate_json(rows[name]) for name in sorted(rows)}
        return self._store.named_profiles() | own

    # -- votes

    def vote(self, address: Address, paper: str, person: str, way: Way) -> None:
        """Vote, vote otherwise, or take the same vote back."""
        seconds = int(KEEP.total_seconds())
        self._redis.eval(_VOTE, 1, f"pb:votes:{address}:{paper}", person, way, seconds)

    def votes(self, address: Address, paper: str) -> Votes:
        rows: list[str] = self._redis.hvals(f"pb:votes:{address}:{paper}")  # type: ignore[assignment]
        counts = Counter(rows)
        return Votes(up=counts[Way.UP], down=counts[Way.DOWN])

    # -- what is away

    def put_outage(self, what: str, why: str, at: datetime) -> bool:
        """Remember that something does not serve us; True when that is news."""
        outage = Outage(what=what, why=why, since=at)
        return bool(self._redis.hsetnx("pb:outages", what, outage.model_dump_json()))

    def end_outage(self, what: str) -> bool:
        """It is back; True when that is news."""
        return bool(self._redis.hdel("pb:outages", what))

    def outages(self) -> list[Outage]:
        rows: dict[str, str] = self._redis.hgetall("pb:outages")  # type: ignore[assignment]
        return [Outage.model_validate_json(rows[what]) for what in sorted(rows)]

    # -- events

    def first_time(self, event: str) -> bool:
        """True for the first to ask about an event (a fingerprint): platforms deliver again."""
        return bool(self._redis.set(f"pb:event:{event}", 1, nx=True, ex=_AGAIN))

    def put_heard(self, platform: str, kind: str) -> None:
        """Remember that this kind of event reaches us."""
        self._redis.sadd(f"pb:heard:{platform}", kind)

    def heard(self, platform: str) -> set[str]:
        return set(map(str, self._redis.smembers(f"pb:heard:{platform}")))


def _profiles(address: Address) -> str:
    return f"pb:profiles:{address.workspace_key}"
