"""Redis: subscriptions of channels to profiles, and the last day each was served."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime

from redis import Redis

from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.domain.subscription import Paused, Subscription
from bot.store.values.quarantine import RowUpdate, ValueReader
from bot.store.values.stored_forms import reader_of_often_read

# The last served day only moves forward, and only of a subscription that still exists.
_SERVED = """
if redis.call('hexists', KEYS[1], ARGV[1]) == 0 then return end
local before = redis.call('hget', KEYS[2], ARGV[1])
if not before or before < ARGV[2] then redis.call('hset', KEYS[2], ARGV[1], ARGV[2]) end
"""

_WEEKLY_BEST = "pb:weekly-best"


class Subscriptions:
    """One for each channel and profile (a name)."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    def change(
        self, address: Address, profile: str, updated: RowUpdate[Subscription]
    ) -> tuple[Subscription | None, Subscription | None]:
        """Change a channel's subscription to a profile (a name) in one step; `updated` is called
        again when somebody else was faster. Returns the subscription before and after."""
        key = _key(address, profile)
        before, after = self._rows.change("pb:subscriptions", key, Subscription, updated)
        if before is None or after is None:  # a new subscription does not inherit served days
            self._redis.hdel("pb:served", key)
        return before, after

    def put(self, subscription: Subscription) -> None:
        """Replaces an older one of the same channel and profile."""
        self.change(subscription.address, subscription.profile, lambda _: subscription)

    def drop(self, subscription: Subscription) -> bool:
        """End it, however it was changed meanwhile; False when it had ended before."""
        before, _ = self.change(subscription.address, subscription.profile, lambda _: None)
        return before is not None

    def all(self) -> list[Subscription]:
        """Every subscription, by channel and profile."""
        rows = self._rows.hgetall_sorted("pb:subscriptions", reader_of_often_read(Subscription))
        return list(rows.values())

    def of(self, address: Address) -> list[Subscription]:
        """A channel's, by profile."""
        return [s for s in self.all() if s.address == address]

    def of_workspace(self, platform: str, workspace: str) -> list[Subscription]:
        """A workspace's, by channel and profile."""
        wanted = (platform, workspace)
        return [s for s in self.all() if (s.address.platform, s.address.workspace) == wanted]

    def pause_channel(
        self, address: Address, reason: ChannelReason, at: datetime
    ) -> list[Subscription]:
        """Pause all subscriptions of a channel that cannot be posted to; returns those that were
        running."""
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
        """Resume subscriptions paused for one of these reasons, in one channel or all; returns
        them. Days missed during the pause are caught up."""
        every = self.of_workspace(platform, workspace)
        return self._each(
            [s for s in every if channel is None or s.address.channel == channel],
            lambda s: s.paused is not None and s.paused.trouble in reasons,
            None,
        )

    def set_paused(
        self, every: Collection[Subscription], paused: Paused | None
    ) -> list[Subscription]:
        """Pause or resume these; returns those that were changed. One that was ended meanwhile
        stays ended."""
        return self._each(every, lambda s: (s.paused is None) != (paused is None), paused)

    def _each(
        self,
        every: Collection[Subscription],
        concerned: Callable[[Subscription], bool],
        paused: Paused | None,
    ) -> list[Subscription]:
        def updated(stored: Subscription | None) -> Subscription | None:
            if stored is None or not concerned(stored):
                return stored
            return stored.model_copy(update={"paused": paused})

        changes = [self.change(s.address, s.profile, updated) for s in every]
        return [after for before, after in changes if after is not None and after != before]

    # -- the best of the week, on Fridays

    def with_weekly_best(self) -> set[str]:
        """The channels (addresses) that want it, subscribed or not any more."""
        return set(map(str, self._redis.smembers(_WEEKLY_BEST)))

    def put_weekly_best(self, address: Address, is_wanted: bool) -> None:
        """Whether a channel is one of those from now on."""
        if is_wanted:
            self._redis.sadd(_WEEKLY_BEST, str(address))
        else:
            self._redis.srem(_WEEKLY_BEST, str(address))

    # -- days that were served

    def last_served_days(self) -> dict[str, date]:
        """By subscription key, the last day (in New York) that was served."""
        return self._rows.hgetall("pb:served", date.fromisoformat)

    def put_last_served(self, subscription: str, day: date) -> None:
        """Record a served day; an earlier day, or one of a subscription that has ended, changes
        nothing."""
        keys = ("pb:subscriptions", "pb:served")
        self._redis.eval(_SERVED, 2, *keys, subscription, day.isoformat())


def _key(address: Address, profile: str) -> str:
    """As Subscription.key."""
    return f"{address} {profile}"
