"""How things stand: server, workers, queues and judge, gathered for people and programs."""

from __future__ import annotations

from datetime import UTC, datetime

from rq import Queue, Worker
from rq.serializers import JSONSerializer

from bot.domain import Noun
from bot.ledger import Judge
from bot.store_channels import Channels
from bot.tasks import Tasks


class QueueStatus(Noun):
    """One queue: its workers alive, and its jobs waiting, under way and given up."""

    name: str
    workers: int
    waiting: int
    under_way: int
    failed: int


class Status(Noun):
    """The state of one installation at one moment; `memory` is the server's, in bytes."""

    at: datetime
    server: str
    memory: int
    persistent: bool
    judge: Judge
    queues: tuple[QueueStatus, ...]
    wishes: tuple[str, ...]


def gather(tasks: Tasks, channels: Channels, judge: Judge) -> Status:
    """Ask the server about these queues and who waits."""
    info = channels.store.redis.info()
    rows = []
    for name, queue_name in tasks.queues.items():
        queue = Queue(queue_name, connection=tasks.redis, serializer=JSONSerializer)
        rows.append(
            QueueStatus(
                name=name,
                workers=Worker.count(queue=queue),
                waiting=queue.count,
                under_way=queue.started_job_registry.count,
                failed=queue.failed_job_registry.count,
            )
        )
    return Status(
        at=datetime.now(UTC),
        server=f"Valkey {info['valkey_version']}"
        if "valkey_version" in info
        else "Redis " + str(info["redis_version"]),
        memory=int(info["used_memory"]),
        persistent=bool(int(info["aof_enabled"])),
        judge=judge,
        queues=tuple(rows),
        wishes=tuple(
            f"{w.address} waits for {', '.join(w.wanted.categories)}" for w in channels.wishes()
        ),
    )
