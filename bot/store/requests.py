"""Redis: who waits for what: requests, how far each has come, deliveries due on a chat platform."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from redis import Redis

from bot.domain.digest import ListResult
from bot.domain.papers import Value, fingerprint
from bot.domain.request import Address, DigestRequest, delivery_name, digest_name
from bot.domain.tasks.task import Task, TaskResult
from bot.planning.plan import DayState, RequestState, StepRecord
from bot.store.lists import Lists
from bot.store.values.quarantine import ValueReader
from bot.store.values.stored_forms import SHORT_RETENTION, parse_aware_time, reader_for, serialise

# The platforms that get threads; a terminal shows its days itself.
CHATS = ("slack", "discord")

_OVERDUE = timedelta(days=2)
# Longer than a digest may be improved after its time.
_BEGUN = timedelta(days=2)
# Nobody waits longer for a task.
_WAITS = timedelta(hours=1)


class Requests:
    """By DigestRequest.key: asking for the same again replaces the request."""

    def __init__(self, redis: Redis, lists: Lists) -> None:
        self._redis, self._rows, self._lists = redis, ValueReader(redis), lists

    def put(self, request: DigestRequest) -> None:
        """Keep a request until it is fulfilled, over all restarts."""
        self._redis.hset("pb:wishes", request.key, serialise(request))

    def all(self) -> list[DigestRequest]:
        """People's, as long as they are not over, in a fixed order."""
        return list(self._rows.hgetall_sorted("pb:wishes", reader_for(DigestRequest)).values())

    def drop(self, request: DigestRequest) -> None:
        """Forget a request, unless the same was asked for again meanwhile."""
        self._change(request, None)

    def renew(self, request: DigestRequest, since: datetime) -> None:
        """Treat a request as made at `since`, unless it was in fact made again meanwhile."""
        renewed = request.model_copy(
            update={"since": since, "asked": request.asked or request.since}
        )
        self._change(request, renewed)

    def _change(self, request: DigestRequest, after: DigestRequest | None) -> None:
        def updated(stored: DigestRequest | None) -> DigestRequest | None:
            same = stored is not None and stored.origin_key == request.origin_key
            return after if same else stored

        # Releases before 2026-12 kept one request for all who had asked, without their names.
        for key in dict.fromkeys((request.key, request.subject)):
            self._rows.change("pb:wishes", key, DigestRequest, updated)

    # -- how far a request has come

    def state(self, request: DigestRequest) -> RequestState:
        """What the steps towards a request have left behind."""
        return self.states([request])[0]

    def states(self, requests: Sequence[DigestRequest]) -> list[RequestState]:
        """The same for many, each thing looked up once, in two round trips."""
        queries = {query.key: query for request in requests for query in request.queries}
        results = self._lists.results(list(queries.values()))

        def record_keys(request: DigestRequest) -> list[str]:
            """Keys of the records that it was delivered, and that each of its days was judged;
            where there is no list there is neither."""
            result = results.get(request.wanted.key)
            keys = [f"pb:delivered:{delivery_name(request, result)}" if result else ""]
            for query in request.queries:
                result = results.get(query.key)
                single = request.for_single_day(query, request.since)
                keys.append(f"pb:judged:{digest_name(single, result)}" if result else "")
            return keys

        rows = [record_keys(request) for request in requests]
        unique = [key for key in dict.fromkeys(key for keys in rows for key in keys) if key]
        records = self._rows.mget_by_name(unique, unique, reader_for(StepRecord))
        return [
            _state(request, results, [records.get(key) for key in keys])
            for request, keys in zip(requests, rows, strict=True)
        ]

    def begun(self, subscriptions: Sequence[str]) -> list[DigestRequest | None]:
        """For the keys of subscriptions, the request of each whose posting began last."""
        return self._rows.mget([_begun(key) for key in subscriptions], reader_for(DigestRequest))

    def put_begun(self, request: DigestRequest) -> None:
        """Record that a schedule's digest is being posted: it is completed as it was begun."""
        self._redis.set(_begun(request.subscription), serialise(request), ex=_BEGUN)

    def overdue(self, requests: Sequence[DigestRequest]) -> list[datetime | None]:
        """When each schedule's request was first seen to be past its time, if it was."""
        return self._rows.mget([_overdue(request) for request in requests], parse_aware_time)

    def put_overdue(self, request: DigestRequest, now: datetime) -> None:
        """Record when it was first seen to be; a bot that was away itself does not blame the
        workers."""
        self._redis.set(_overdue(request), now.isoformat(), nx=True, ex=_OVERDUE)


def _state(
    request: DigestRequest,
    results: Mapping[str, ListResult],
    records: Sequence[StepRecord | None],
) -> RequestState:
    delivered, *judged = records
    *earlier, day = (
        DayState(listed=results.get(query.key), judged=record)
        for query, record in zip(request.queries, judged, strict=True)
    )
    return RequestState(
        listed=day.listed, judged=day.judged, earlier=tuple(earlier), delivered=delivered
    )


def _begun(subscription: str) -> str:
    return f"pb:begun:{subscription}"


def _overdue(request: DigestRequest) -> str:
    return f"pb:overdue:{request.subscription}:{request.at}"


class FailedAttempt(Value):
    """A delivery was tried without success: the platform was down, or (`fault`) it failed through a
    fault of ours."""

    at: datetime
    fault: bool = False


class DueDeliveries:
    """One platform's, left by the clock and taken by the workers; by `content_key`: a request that
    was changed is another one. Workers share them: of so many `parts` each takes one, by channel,
    and has newcomers of its `part` alone."""

    def __init__(self, redis: Redis, platform: str, part: int = 0, parts: int = 1) -> None:
        self._redis, self._rows = redis, ValueReader(redis)
        self._part, self._parts = part, parts
        self._of_others = set[str]()  # keys of other parts
        self._due, self._failed = f"pb:due:{platform}", f"pb:tried:{platform}"

    def put(self, requests: Iterable[DigestRequest]) -> None:
        """They are due, and wait for a worker."""
        rows: dict[Any, Any] = {content_key(request): serialise(request) for request in requests}
        if rows:
            self._redis.hset(self._due, mapping=rows)

    def waiting_and_failed(self) -> tuple[set[str], dict[str, FailedAttempt]]:
        """The keys of those that wait, and the failed attempts by key."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hkeys(self._due)
            pipe.hgetall(self._failed)
            keys, failed = pipe.execute()
        return set(keys), self._rows.decode_hash(self._failed, failed, reader_for(FailedAttempt))

    def newcomers(self, known: Collection[str]) -> dict[str, DigestRequest]:
        """Those that wait, without the known ones (keys), in a fixed order. A channel's are all in
        the same part: only one of them is posted at a time."""
        due = set(map(str, self._redis.hkeys(self._due)))
        self._of_others &= due
        keys = sorted(due - set(known) - self._of_others)
        pairs = zip(keys, self._rows.hmget(self._due, keys, reader_for(DigestRequest)), strict=True)
        found = {key: request for key, request in pairs if request is not None}
        self._of_others |= {key for key, each in found.items() if not self._is_ours(each)}
        return {key: each for key, each in found.items() if key not in self._of_others}

    def _is_ours(self, request: DigestRequest) -> bool:
        return int(fingerprint(str(request.address)), 16) % self._parts == self._part

    def under_way(self) -> set[tuple[Address, str]]:
        """The channels and profiles (fingerprints) whose digest is being posted."""
        return {(each.address, each.profile) for each in self.newcomers(()).values()}

    def drop(self, keys: Collection[str]) -> None:
        """They (by content_key) wait no more."""
        if keys:
            self._redis.hdel(self._due, *keys)

    def put_failed(self, key: str, attempt: FailedAttempt) -> None:
        """Stop waiting; the clock makes it due again when it is time."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._failed, key, serialise(attempt))
            pipe.expire(self._failed, SHORT_RETENTION)
            pipe.hdel(self._due, key)
            pipe.execute()

    def forget_failures(self, keys: Collection[str]) -> None:
        """Of these (by content_key)."""
        if keys:
            self._redis.hdel(self._failed, *keys)


def content_key(request: DigestRequest) -> str:
    """A request with all it says."""
    return fingerprint(request.model_dump_json())


class Tasks:
    """What the workers do for one person who waits, by key (Task.key), which no other person's task
    has."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    def put(self, task: Task) -> None:
        """Leave it for the workers, for an hour: nobody waits longer."""
        self._redis.set(f"pb:task:{task.key}", serialise(task), ex=_WAITS)

    def get(self, key: str) -> Task | None:
        """None for one that was never put, or an hour ago."""
        return self._rows.get(f"pb:task:{key}", reader_for(Task))

    def put_told(self, key: str) -> None:
        """Whoever waited has an answer, be it that it takes too long."""
        self._redis.set(f"pb:task-told:{key}", "1", ex=_WAITS)

    def untold(self, platform: str) -> list[Task]:
        """The tasks of a platform whose people have no answer yet, the oldest first."""
        keys = [
            str(name).rpartition(":")[2] for name in self._redis.scan_iter("pb:task:*", count=1000)
        ]
        left = (self.get(key) for key in keys if not self._redis.exists(f"pb:task-told:{key}"))
        mine = [task for task in left if task and task.workspace.startswith(f"{platform}:")]
        return sorted(mine, key=lambda task: (task.since, task.key))

    def put_result(self, key: str, result: TaskResult) -> None:
        """What came of a task, for who waits."""
        self._redis.set(f"pb:task-result:{key}", serialise(result), ex=_WAITS)

    def result(self, key: str) -> TaskResult | None:
        """None while the workers are at it."""
        return self._rows.get(f"pb:task-result:{key}", reader_for(TaskResult))
