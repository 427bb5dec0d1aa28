"""What is measured of an installation at one moment, and of the process that tells it; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.domain.budget import Period, SpentTotals
from bot.domain.papers import Value


class QueueLoad(Value):
    """One queue: live workers, jobs by what becomes of them, and since when the oldest waits."""

    workers: int
    waiting: int
    running: int
    failed: int
    oldest: datetime | None = None


class Figures(Value):
    """What is stored, so that a restart changes nothing and every process says the same.

    `counts` are those of store.watching.counts; `waiting` deliveries are open and may still come.
    `lists` has when arXiv last answered with a category's list. `unreachable` counts, by chat, the
    workspaces in which nothing can be posted now.
    """

    at: datetime
    counts: Mapping[str, int]
    waiting: int
    unexplained: int
    spent: Mapping[Period, SpentTotals]
    queues: Mapping[str, QueueLoad]
    lists: Mapping[str, datetime]
    subscriptions: int
    paused: int
    unreadable: int
    unreachable: Mapping[str, int] = {}


class Vitals(Value):
    """Of the bot process: when its clock last ticked, whether each chat's events come in, why no
    workspace can be served all the same, and whether it stands by while another serves."""

    ticked_at: datetime | None
    chats: Mapping[str, bool]
    unserved: tuple[str, ...] = ()
    stands_by: bool = False
