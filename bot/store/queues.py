"""RQ: jobs for the workers, queued by name, with arguments as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from redis import Redis
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError
from rq.executions import ExecutionRegistry
from rq.job import Job, JobStatus
from rq.results import Result
from rq.serializers import JSONSerializer

from bot.domain.papers import fingerprint
from bot.domain.watching.figures import QueueLoad
from bot.planning.plan import Step, StepKind

# Lookups; days that people wait for; days of schedules, and training; posts. Each has a worker of
# its own: a lookup does not wait for a day, a schedule not for a person's day, Slack not for
# Discord.
QUEUES = ("ask", "now", "batch", "post-slack", "post-discord")
# A command's own workers serve only these.
_PRIVATE = ("ask", "now")

_SECONDS = {StepKind.FETCH: 300, StepKind.SCORE: 3600, StepKind.DELIVER: 300}
_POST_SECONDS, _INQUIRE_SECONDS, _LEARN_SECONDS = 1200, 1200, 1800
_TASK_SECONDS = 300

# A job that no worker took for a day is dropped: whoever still waits has asked again.
_STALE_SECONDS = 24 * 3600
# How long a job's id stays taken after its end. A step that was taken has another id from then on;
# one that found the lease held may be queued again this soon. These two look for newcomers until
# they end.
_TAKEN_SECONDS = {"inquire": 1, "deliver": 1}
_TAKEN_OTHERWISE = 2


def queue_names(private: str = "", only: Sequence[str] = ()) -> tuple[str, ...]:
    """The queues of the installation, or those of one command's own workers: all, or some."""
    return tuple(f"{name}-{private}" for name in only or _PRIVATE) if private else QUEUES


class Queues:
    """`redis` must not decode responses: rq reads bytes.

    `private` names a command's own queues: they are served only by workers with its settings, who
    serve no others.
    """

    def __init__(self, redis: Redis, private: str = "") -> None:
        self.redis, self.private = redis, private
        self._suffix = f"-{private}" if private else ""
        self.queues = dict(zip(_PRIVATE if private else QUEUES, queue_names(private), strict=True))

    def missing_and_failed(self, steps: Iterable[Step]) -> tuple[list[Step], set[str]]:
        """The steps (each once) that are neither queued nor running, and the ids of those that
        failed in the workers: a fault of ours, explained in their log. Nothing is written."""
        asked: dict[str, Step] = {}
        for step in steps:
            if step.id not in asked or (step.is_urgent and not asked[step.id].is_urgent):
                asked[step.id] = step
        lanes = [self._id(step, urgent) for step in asked.values() for urgent in (True, False)]
        states = self._states(lanes)
        missing, failed_ids = [], set()
        for step in asked.values():
            own, other = (
                states.get(self._id(step, h)) for h in (step.is_urgent, not step.is_urgent)
            )
            if own == JobStatus.FAILED:
                failed_ids.add(step.id)
            elif own is None and not _serves(other, step.is_urgent):
                missing.append(step)
        return missing, failed_ids

    def enqueue_step(self, step: Step) -> None:
        """Queue a step, unless it is queued. Schedules have a queue of their own: no person
        waits behind them."""
        name = "now" if step.is_urgent else "batch"
        job = "show" if step.kind is StepKind.DELIVER else step.kind
        args = [step.model_dump(mode="json")]
        self._queue(name, job, args, self._id(step, step.is_urgent), _SECONDS[step.kind])

    def delivery_jobs_state(self, platform: str, parts: int) -> tuple[bool, bool]:
        """Whether the jobs that post a platform's due deliveries, each its part, exist, and whether
        one failed."""
        ids = [_delivery(platform, part, parts) for part in range(parts)]
        states = self._states(ids)
        return len(states) == parts, JobStatus.FAILED in states.values()

    def enqueue_deliveries(self, platform: str, parts: int) -> None:
        """Queue those jobs, unless they exist: a running one takes up newcomers."""
        for part in range(parts):
            # A worker of an older release knows nothing of parts. It is to take the job, and to
            # end as one that is too old to read what is stored.
            args: list[Any] = [platform, None, part, parts] if parts > 1 else [platform]
            id = _delivery(platform, part, parts)
            self._queue(f"post-{platform}", "deliver", args, id, _POST_SECONDS)

    def posters(self, platform: str) -> int:
        """How many workers share a platform's deliveries: those that beat, at least one."""
        name = self.queues[f"post-{platform}"]
        workers = sorted(self.redis.smembers(f"rq:workers:{name}"))
        return max(1, self.redis.exists(*workers)) if workers else 1

    def has_training_job(self, profile: str, night: date, owner: str = "") -> bool:
        """Whether the training of a profile's (a fingerprint's) gate is queued or failed."""
        return bool(self._states([_training(profile, night, owner)]))

    def enqueue_training(self, profile: str, model: str, night: date, owner: str = "") -> None:
        """Queue the training of a gate (of its `owner`, as in gate_key), unless it is queued."""
        args = [profile, model, night.isoformat(), *([owner] if owner else [])]
        self._queue("batch", "learn", args, _training(profile, night, owner), _LEARN_SECONDS)

    def enqueue_lookups(self) -> None:
        """Queue the job that answers lookups, unless it exists."""
        id = f"inquire{self._suffix}"  # a running one takes up newcomers
        self._queue("ask", "inquire", [self.private], id, _INQUIRE_SECONDS)

    def enqueue_task(self, key: str, is_quick: bool) -> None:
        """Queue what one person waits for, unless it exists: beside lookups where it is done in
        seconds, otherwise beside days."""
        lane, id = "ask" if is_quick else "now", f"task-{key}{self._suffix}"
        self._queue(lane, "task", [key], id, _TASK_SECONDS)

    def _queue(self, name: str, job: str, args: list[Any], id: str, seconds: int) -> None:
        """Every job may be retried by another worker, nine times, because it goes on from what is
        stored (without Retry a job is lost with its worker). Its id is free soon after its end, but
        never at once: with a result_ttl of 0, rq 2.12 fails a recovered job in its clean-up."""
        queue = Queue(self.queues[name], connection=self.redis, serializer=JSONSerializer)
        taken = _TAKEN_SECONDS.get(job, _TAKEN_OTHERWISE)
        try:
            queue.enqueue(
                f"workers.jobs.{job}",
                args=args,
                job_id=id,
                unique=True,
                retry=Retry(max=9),
                job_timeout=seconds,
                ttl=_STALE_SECONDS,
                result_ttl=taken,
                # Training that fails, which is a fault of ours, is tried again the next night.
                failure_ttl=_STALE_SECONDS if job == "learn" else 60,
                description=id,
            )
        except DuplicateJobError:  # it is queued, as it should be
            # A finished one expires soon, unless the server's clock was set back.
            key = Job.key_for(id)
            if self.redis.hget(key, "status") == b"finished" and self.redis.ttl(key) > taken:
                self.redis.expire(key, taken)

    def loads(self) -> dict[str, QueueLoad]:
        """What each queue holds, by name, in three round trips; of workers, those that beat."""
        queues = {
            name: Queue(own, connection=self.redis, serializer=JSONSerializer)
            for name, own in self.queues.items()
        }
        with self.redis.pipeline(transaction=False) as pipe:
            for queue in queues.values():
                pipe.llen(queue.key)
                pipe.zcard(queue.started_job_registry.key)
                pipe.zcard(queue.failed_job_registry.key)
                pipe.lindex(queue.key, 0)
                pipe.smembers(f"rq:workers:{queue.name}")
            answers = pipe.execute()
        rows = [answers[n : n + 5] for n in range(0, len(answers), 5)]
        oldest = self._enqueued([row[3] for row in rows])
        with self.redis.pipeline(transaction=False) as pipe:
            for row in rows:  # a worker that was killed is still named there
                pipe.exists(*sorted(row[4]) or [b"rq:worker:"])
            alive = pipe.execute()
        return {
            name: QueueLoad(workers=live, waiting=row[0], running=row[1], failed=row[2], oldest=at)
            for name, row, at, live in zip(queues, rows, oldest, alive, strict=True)
        }

    def _enqueued(self, ids: Sequence[bytes | None]) -> list[datetime | None]:
        """When each of these jobs was queued; None where there is none."""
        with self.redis.pipeline(transaction=False) as pipe:
            for id in ids:
                pipe.hget(Job.key_for((id or b"").decode()), "enqueued_at")
            times = pipe.execute()
        return [_queued_at(time) for time in times]

    def forget(self) -> None:
        """Delete these queues and all they hold; for a command's own, at its end."""
        for name in self.queues.values():
            queue = Queue(name, connection=self.redis, serializer=JSONSerializer)
            registries = (
                *(queue.started_job_registry, queue.finished_job_registry),
                *(queue.failed_job_registry, queue.deferred_job_registry),
                *(queue.scheduled_job_registry, queue.canceled_job_registry),
            )
            # rq cleans a registry when a worker of its queue does; this queue will have none.
            for registry in registries:
                for id in registry.get_job_ids(cleanup=False):
                    # By key: rq's Job.delete needs a status, which may have expired by now, and
                    # executions, which a worker that was killed does not leave.
                    execution = ExecutionRegistry(id, connection=self.redis)
                    result = Result.get_key(id)  # type: ignore[no-untyped-call]
                    own = Job.key_for(id), Job.dependents_key_for(id)
                    self.redis.delete(*own, result, execution.key)
                self.redis.delete(registry.key)
            queue.delete()
            self.redis.delete(f"rq:workers:{name}", f"rq:clean_registries:{name}")

    def _states(self, ids: Sequence[str]) -> dict[str, str]:
        """By id, the status of the jobs that exist, in one round trip."""
        with self.redis.pipeline(transaction=False) as pipe:
            for id in ids:
                pipe.hget(Job.key_for(id), "status")
            states = pipe.execute() if ids else []
        return {id: state.decode() for id, state in zip(ids, states, strict=True) if state}

    def _id(self, step: Step, urgent: bool) -> str:
        """A step has another id in the schedules' queue, so that a person does not wait for it
        there, and in a command's own queues, which may have died."""
        return step.id + ("" if urgent else "-ahead") + self._suffix


def _queued_at(text: bytes | None) -> datetime | None:
    """As rq writes it."""
    try:
        found = datetime.fromisoformat(text.decode()) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _serves(other: str | None, urgent: bool) -> bool:
    """Whether the same step in the other queue is enough: for a schedule, one that a person waits
    for; for a person, a schedule's once it has started."""
    exists = other is not None and other != JobStatus.FAILED
    return other == JobStatus.STARTED if urgent else exists


def _delivery(platform: str, part: int, parts: int) -> str:
    return f"deliver-{platform}" + (f"-{part}-of-{parts}" if parts > 1 else "")


def _training(profile: str, night: date, owner: str) -> str:
    whose = fingerprint(profile, owner) if owner else profile
    return f"learn-{whose}-{night:%Y%m%d}"
