"""How things stand: server, workers, queues and judge, gathered for people and programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from bot.domain.budget import GateReport
from bot.domain.checkup import ServerCheckup
from bot.domain.digest import Judge
from bot.domain.status import PendingRequest, QueueStatus, Status, SubscriptionStatus
from bot.profiles import library
from bot.store.channels import Channels
from bot.store.gates import Gates, gate_key
from bot.store.quarantine import quarantine_counts
from bot.store.queues import Queues
from bot.store.subscriptions import Subscriptions


def examine_server(redis: Redis) -> ServerCheckup:
    """Ask the server whether it keeps what it is told. A hosted one may not say; then it does."""
    return _server(redis.info())


def _server(info: Mapping[str, Any]) -> ServerCheckup:
    kind = "Valkey" if "valkey_version" in info else "Redis"
    return ServerCheckup(
        server=f"{kind} {info.get(f'{kind.lower()}_version', '')}".strip(),
        persistent=bool(int(info.get("aof_enabled", 1))),
        policy=str(info.get("maxmemory_policy", "noeviction")),
    )


def gather(queues: Queues, channels: Channels, judge: Judge) -> Status:
    """Ask the server about these queues and who waits."""
    info = channels.store.redis.info()
    server = _server(info)
    rows = []
    for name, queue_name in queues.queues.items():
        queue = Queue(queue_name, connection=queues.redis, serializer=JSONSerializer)
        rows.append(
            QueueStatus(
                name=name,
                workers=Worker.count(queue=queue),
                waiting=queue.count,
                # Without rq's clean-up: who looks changes nothing.
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
            for w in channels.requests()
        ),
        outages=tuple(Subscriptions(channels.store).outages()),
        aside=tuple(quarantine_counts(channels.store.redis).items()),
        subscriptions=tuple(_subscriptions(channels, judge, now)),
    )


def _subscriptions(channels: Channels, judge: Judge, now: datetime) -> Iterator[SubscriptionStatus]:
    """How each subscription stands; each channel, profile and gate is looked up once."""
    kept = Subscriptions(channels.store)
    every = kept.all()
    places = [found.address for found in every]
    had, known = channels.histories(places), kept.profiles_by_workspace(places)
    gates, reports = Gates(channels.store), dict[str, GateReport | None]()
    for found in every:
        own = library.shipped() | known[found.address.workspace_key]
        profile = own.get(found.profile)
        key = gate_key(profile, judge.model) if profile and judge.model else ""
        if key and key not in reports:
            reports[key] = gates.report(key)
        given = [delivery for delivery in had[found.address] if delivery.profile == found.profile]
        yield SubscriptionStatus(
            subscription=found,
            next=None if found.paused else found.schedule.next(now),
            last=given[-1] if given else None,
            gate=reports.get(key),
        )
