"""The state of the server, workers, queues and subscriptions, for `/digest status` and the CLI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from bot.arxiv.calendar import new_york_date
from bot.domain.budget import GateReport
from bot.domain.judge import Judge
from bot.domain.papers import fingerprint
from bot.domain.readers.teaching import VoteUse
from bot.domain.status import PendingRequest, QueueStatus, Status, SubscriptionStatus
from bot.domain.watching.checkup import ServerCheckup
from bot.profiles import library
from bot.store.gates import Gates, gate_key
from bot.store.queues import Queues
from bot.store.readers.vote_uses import use_name
from bot.store.store import Store
from bot.store.values.quarantine import quarantine_counts


def examine_server(redis: Redis) -> ServerCheckup:
    """Whether the server persists its data; a hosted one that does not say counts as persistent."""
    return _server(redis.info())


def _server(info: Mapping[str, Any]) -> ServerCheckup:
    kind = "Valkey" if "valkey_version" in info else "Redis"
    return ServerCheckup(
        server=f"{kind} {info.get(f'{kind.lower()}_version', '')}".strip(),
        persistent=bool(int(info.get("aof_enabled", 1))),
        policy=str(info.get("maxmemory_policy", "noeviction")),
    )


def gather(queues: Queues, store: Store, judge: Judge) -> Status:
    """The state of these queues, of the requests that wait, and of every subscription."""
    info = store.redis.info()
    server = _server(info)
    rows = []
    for name, queue_name in queues.queues.items():
        queue = Queue(queue_name, connection=queues.redis, serializer=JSONSerializer)
        rows.append(
            QueueStatus(
                name=name,
                workers=Worker.count(queue=queue),
                waiting=queue.count,
                # Without rq's clean-up: reading the status changes nothing.
                under_way=queue.started_job_registry.get_job_count(cleanup=False),
                failed=queue.failed_job_registry.get_job_count(cleanup=False),
            )
        )
    now = datetime.now(UTC)
    return Status(
        at=now,
        server=server.server,
        memory=int(info.get("used_memory", 0)),
        persistent=server.persistent,
        judge=judge,
        queues=tuple(rows),
        policy=server.policy,
        wishes=tuple(
            PendingRequest(address=w.address, categories=w.wanted.categories, since=w.since)
            for w in store.requests.all()
        ),
        outages=tuple(store.outages.all()),
        aside=tuple(quarantine_counts(store.redis).items()),
        untold=tuple((each.workspace, each.why.value) for each in store.tellings.all_unreachable()),
        subscriptions=tuple(_subscriptions(store, judge, now)),
    )


def _subscriptions(store: Store, judge: Judge, now: datetime) -> Iterator[SubscriptionStatus]:
    """The status of each subscription; each channel, profile and gate is read once."""
    subscriptions = store.subscriptions
    every = subscriptions.all()
    addresses = [each.address for each in every]
    lasts = store.history.lasts((each.address, each.profile) for each in every)
    own_profiles = store.profiles.by_workspace(addresses)
    uses = store.vote_uses.all()
    archives = store.lists.archive_lists(new_york_date(now))
    gates, reports = Gates(store), dict[str, GateReport | None]()
    for each in every:
        profiles = library.shipped() | own_profiles[each.address.workspace_key]
        profile = profiles.get(each.profile)
        place = each.address.workspace_key
        use = uses.get(use_name(place, each.profile), VoteUse())
        owner = use.judge(judge, place).owner
        key = gate_key(profile, judge.model, owner) if profile and judge.model else ""
        if key and key not in reports:
            reports[key] = gates.report(key)
        archived = profile and archives.get(fingerprint(*profile.categories))
        yield SubscriptionStatus(
            subscription=each,
            next=None if each.paused else each.schedule.next(now),
            last=lasts.get((each.address, each.profile)),
            gate=reports.get(key),
            archive=archived.note if archived else None,
        )
