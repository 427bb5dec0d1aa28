"""The state of one installation at one moment; no I/O."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from bot.domain.budget import GateReport
from bot.domain.judge import Judge
from bot.domain.papers import ArchiveNote, Value
from bot.domain.request import Address, Delivery
from bot.domain.subscription import Subscription


class Outage(Value):
    """Something outside is down, why, and since when (UTC); it is retried. `what` is a platform,
    its login, or one workspace of it (Address.workspace_key)."""

    what: str
    why: str
    since: datetime

    @property
    def is_of_workspace(self) -> bool:
        return ":" in self.what


class QueueStatus(Value):
    """One queue: live workers, and jobs waiting, under way and failed."""

    name: str
    workers: int
    waiting: int
    under_way: int
    failed: int


class SubscriptionStatus(Value):
    """One subscription, its next moment (UTC) unless it is paused, its last delivery, its profile's
    gate, once that has a day to learn from, and what arXiv's archive told of its list today."""

    subscription: Subscription
    next: datetime | None
    last: Delivery | None
    gate: GateReport | None = None
    archive: ArchiveNote | None = None


class PendingRequest(Value):
    """A request that is not fulfilled yet."""

    address: Address
    categories: tuple[str, ...]
    since: datetime


class Status(Value):
    """`memory` is the server's, in bytes, `policy` its maxmemory-policy. `wishes` are pending
    requests; `aside` counts, by kind, the stored values that could not be read. `untold` are people
    who cannot be told of what they follow, each by workspace and why (Unreachable)."""

    at: datetime
    server: str
    memory: int
    persistent: bool
    policy: str = "noeviction"
    judge: Judge
    queues: tuple[QueueStatus, ...]
    wishes: tuple[PendingRequest, ...] = ()
    subscriptions: tuple[SubscriptionStatus, ...] = ()
    outages: tuple[Outage, ...] = ()
    aside: tuple[tuple[str, int], ...] = ()
    untold: tuple[tuple[str, str], ...] = ()

    def of(self, workspace: str, channels: Collection[str]) -> Status:
        """The part that somebody may see who is in these channels of a workspace
        (Address.workspace_key): others are neither named nor counted."""

        def is_theirs(address: Address) -> bool:
            return address.workspace_key == workspace and address.channel in channels

        return self.model_copy(
            update={
                "wishes": tuple(w for w in self.wishes if is_theirs(w.address)),
                "subscriptions": tuple(
                    s for s in self.subscriptions if is_theirs(s.subscription.address)
                ),
                "outages": tuple(
                    o for o in self.outages if not o.is_of_workspace or o.what == workspace
                ),
                "untold": tuple(row for row in self.untold if row[0] == workspace),
            }
        )
