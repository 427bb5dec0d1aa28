"""What the clock and people's commands take, by how many channels are subscribed.

    python -m tests.benchmarks.bench_size [CHANNELS ...]

Channels are shared out over Slack and Discord and, twenty each, over workspaces; they have fifty
profiles between them, and each had yesterday's day of 450 papers, and a digest on each weekday of
the half year before. Then: a tick in which nothing is
due, one after midnight in New York, when lists are, one in which every digest is and no list is
there, and one in which all are judged and wait to be posted; and `/digest list`, Slack's home tab,
`/why` and `/digest status` of one person, who is in all channels of their workspace. The last rows
put all channels into one workspace. Milliseconds are of processor time, of this process and of the
embedded server, the median of several times; commands are Redis's own count.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from statistics import median

from redis import Redis

from bot.commands import dispatch, due, subscriptions
from bot.commands.context import Context, Invocation
from bot.domain.digest import Digest, ListResult, Outcome
from bot.domain.judge import Judge
from bot.domain.papers import Profile
from bot.domain.request import Address, digest_name
from bot.domain.schedule import Schedule
from bot.domain.subscription import Subscription
from bot.runtime import status, tick
from bot.store.connection import connect
from bot.store.lookups import Lookups
from bot.store.queues import Queues
from bot.store.store import Store
from tests.factories import (
    announced,
    decision,
    digest,
    listing,
    person_in,
    profile,
    save_own_profile,
)
from workers.runtime.server import embedded

_PROFILES, _IN_WORKSPACE, _PAPERS, _TIMES = 50, 20, 450, 5
_WEEKDAYS = 135  # bot.store.values.stored_forms.LOOKING_BACK
_THURSDAY, _FRIDAY = date(2025, 3, 20), date(2025, 3, 21)
_BEGUN = datetime(2025, 3, 19, 12, tzinfo=UTC)
_DELIVERED = datetime(2025, 3, 20, 8, 5, tzinfo=UTC)
_BEFORE, _DUE = datetime(2025, 3, 21, 7, tzinfo=UTC), datetime(2025, 3, 21, 8, 5, tzinfo=UTC)
_QUIET = datetime(2025, 3, 20, 21, tzinfo=UTC)
_IDS = [f"2503.{10000 + n}" for n in range(_PAPERS)]


@dataclass
class _Measured:
    """What one thing took."""

    milliseconds: float
    server: float
    commands: int
    writes: int

    def __str__(self) -> str:
        return f"{self.milliseconds:>8.1f} {self.server:>6.1f} {self.commands:>6} {self.writes:>6}"


def main(counts: list[int]) -> None:
    """Print a table for each number of channels."""
    print(f"{'channels':>8} workspaces  what                     ms  redis  cmds  writes")
    for count in counts:
        for row in measured(count, _IN_WORKSPACE):
            print(row, flush=True)
    for row in measured(counts[-1], counts[-1]):
        print(row, flush=True)


def measured(count: int, in_workspace: int) -> list[str]:
    """The rows of an installation of so many channels."""
    with tempfile.TemporaryDirectory() as folder, embedded(Path(folder)) as url:
        store = Store(connect(url))
        queues = Queues(Redis.from_url(url))
        judge = Judge(model="gpt-6-luna")
        context = Context(store, Lookups(store), judge, lambda: status.gather(queues, store, judge))
        every = _subscribed(store, count, in_workspace)
        _delivered(store, context, every)
        here = every[0].address
        workspaces = len({each.address.workspace_key for each in every})
        member = person_in(*(e.address.channel for e in every if _is_beside(e.address, here)))
        said = Invocation("", here, _BEFORE, "U1", "Europe/Berlin", person=member)
        probe = _Probe(store)

        def typed(words: str) -> Callable[[], object]:
            return lambda: dispatch.answer(replace(said, text=words), context)

        rows = {
            "a tick, nothing due": probe.took(lambda: tick.tick(context, queues, _QUIET)),
            "a tick, lists due": probe.took(lambda: tick.tick(context, queues, _BEFORE)),
            "/digest list": probe.took(
                lambda: dispatch.answer(replace(said, text="list"), context)
            ),
            "home": probe.took(lambda: subscriptions.home(said, context)),
            "/why": probe.took(
                lambda: dispatch.answer(replace(said, text=f"why {_IDS[7]}"), context)
            ),
            "/digest status": probe.took(
                lambda: dispatch.answer(replace(said, text="status"), context)
            ),
            "a tick, all due": probe.took(lambda: tick.tick(context, queues, _DUE)),
        }
        _judged(store, context)
        tick.tick(context, queues, _DUE)
        rows["a tick, all judged"] = probe.took(
            lambda: tick.tick(context, queues, _DUE + timedelta(seconds=5))
        )
        store.redis.close()
    return [f"{count:>8} {workspaces:>10}  {what:<20} {took}" for what, took in rows.items()]


class _Probe:
    """Measures what this process and the server do for a call."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    def took(self, act: Callable[[], object]) -> _Measured:
        """The first time does what is left to do; the others are measured."""
        act()
        milliseconds, server, commands, writes = list[float](), list[float](), 0, 0
        for _ in range(_TIMES):
            before, busy, at = self._counts(), self._busy(), time.process_time()
            act()
            milliseconds.append(1000 * (time.process_time() - at))
            server.append(1000 * (self._busy() - busy))
            after = self._counts()
            commands, writes = (b - a for a, b in zip(before, after, strict=True))
        return _Measured(median(milliseconds), median(server), commands, writes)

    def _counts(self) -> tuple[int, int]:
        """Commands so far, without those that count, and those of them that write."""
        rows = self._redis.info("commandstats")
        calls = {name.partition("_")[2]: int(row["calls"]) for name, row in rows.items()}
        writes = sum(n for name, n in calls.items() if name in _WRITES)
        return sum(n for name, n in calls.items() if name != "info"), writes

    def _busy(self) -> float:
        usage = self._redis.info("cpu")
        return float(usage["used_cpu_user"]) + float(usage["used_cpu_sys"])


_WRITES = frozenset(
    {
        *("set", "setex", "del", "expire", "pexpire", "incr", "hincrby", "eval", "evalsha"),
        *("hset", "hsetnx", "hdel", "sadd", "srem", "zadd", "zrem", "zremrangebyscore"),
        *("lpush", "rpush"),
    }
)


def _is_beside(other: Address, here: Address) -> bool:
    return other.workspace_key == here.workspace_key


def _subscribed(store: Store, count: int, in_workspace: int) -> list[Subscription]:
    every = []
    for number in range(count):
        platform = "slack" if number // in_workspace % 2 == 0 else "discord"
        workspace = str(1000 + number // in_workspace)
        address = Address(platform=platform, workspace=workspace, channel=str(500000 + number))
        mine = _profile(number % _PROFILES)
        save_own_profile(store, address, mine)
        every.append(
            Subscription(
                address=address,
                profile=mine.name,
                schedule=Schedule(at=clock_time(9), tz="Europe/Berlin"),
                by="U1",
                since=_BEGUN,
            )
        )
        store.subscriptions.put(every[-1])
        store.subscriptions.put_last_served(every[-1].key, _THURSDAY)
    return every


def _profile(number: int) -> Profile:
    return profile(name=f"matters-{number}", title=f"Matters of the {number}th kind")


def _day(of: Profile, on: date, at: datetime) -> Digest:
    listed = ListResult(batch=str(on), date=on, asked_at=at, changed_at=at, settled=True)
    outcomes = [Outcome.PICKED] * 8 + [Outcome.BELOW_CUTOFF] * (_PAPERS - 8)
    return digest(
        *(decision(id, outcome) for id, outcome in zip(_IDS, outcomes, strict=True)),
        profile=of,
        listed=listed,
        judged_at=at,
    )


def _delivered(store: Store, context: Context, every: list[Subscription]) -> None:
    """Each channel had Thursday's digest."""
    store.lists.add(str(_THURSDAY), listing(*(announced(id) for id in _IDS)), _DELIVERED)
    snapshot = due.take_snapshot(context)
    days = dict[str, Digest]()
    for each in every:
        mine = snapshot.profile(each)
        assert mine is not None
        name = f"thursday-{mine.name}"
        if name not in days:
            days[name] = _day(mine, _THURSDAY, _DELIVERED)
            store.days.put_decided(name, days[name])
        head = f"17.{each.address.channel}"
        at = each.address
        store.history.put_delivered(at, f"{at}:{name}", days[name], _DELIVERED, head)
        _aged(store, at, f"thursday-{mine.name}")


def _aged(store: Store, address: Address, name: str) -> None:
    """Each weekday of half a year left what this day (a name) did."""
    for key in (f"pb:history:{address}", f"pb:had:{address}"):
        ((field, text),) = store.redis.hgetall(key).items()
        earlier = {}
        for number in range(_WEEKDAYS):
            before = _THURSDAY - timedelta(days=1 + number * 7 // 5)
            row = text.replace(str(_THURSDAY), str(before)).replace(name, f"{name}-{number}")
            for id in _IDS[:8]:
                row = row.replace(id, f"2501.{10000 + 8 * number + int(id[-1])}")
            earlier[field.replace(name, f"{name}-{number}")] = row
        store.redis.hset(key, mapping=earlier)


def _judged(store: Store, context: Context) -> None:
    """Friday's list is there, and every profile's day is judged."""
    store.lists.add(str(_FRIDAY), listing(*(announced(id) for id in _IDS)), _DUE)
    made, snapshot = set[str](), due.take_snapshot(context)
    for each, request, _ in due.due_requests(context, snapshot, _DUE):
        at = ListResult(
            batch=str(_FRIDAY), date=_FRIDAY, asked_at=_DUE, changed_at=_DUE, settled=True
        )
        name = digest_name(request, at)
        if name in made:
            continue
        made.add(name)
        store.lists.put_result(request.wanted, at)
        mine = snapshot.profile(each)
        assert mine is not None
        store.profiles.put(mine)
        store.days.put_decided(name, _day(mine, _FRIDAY, _DUE))


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1, 10, 100, 1000, 3000])
