"""Ask the workers for something, by job name, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from redis import Redis
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError
from rq.executions import ExecutionRegistry
from rq.job import Job, JobStatus
from rq.results import Result
from rq.serializers import JSONSerializer

from bot.planning.plan import Step, StepKind

# Questions about papers; days that people wait for; days of schedules, and lessons; what is posted.
# Each has a worker of its own: a question does not wait for a day, a morning not for a person's
# day, Slack not for Discord.
QUEUES = ("ask", "now", "batch", "post-slack", "post-discord")
# A command's own workers get no more to do than these.
_PRIVATE = ("ask", "now")

_SECONDS = {StepKind.FETCH: 300, StepKind.SCORE: 3600, StepKind.DELIVER: 300}
_POST_SECONDS, _INQUIRE_SECONDS, _LEARN_SECONDS = 1200, 1200, 1800

# A job nobody took for a day is not worth doing: who still waits has asked again.
_STALE_SECONDS = 24 * 3600
# How long an id is taken after its job's end. What a job did has another id from then on; one that
# found the work in other hands may be asked for again so soon. These two look for newcomers until
# they end.
_TAKEN_SECONDS = {"inquire": 1, "deliver": 1}
_TAKEN_OTHERWISE = 2


def queue_names(private: str = "", only: Sequence[str] = ()) -> tuple[str, ...]:
    """The queues of the installation, or those of one command's own workers: all, or some."""
    return tuple(f"{name}-{private}" for name in only or _PRIVATE) if private else QUEUES


class Queues:
    """The queues. `redis` must not decode responses: rq reads bytes.

    `private` names a command's own: it is served by workers with its own settings only, and they
    serve nobody else.
    """

    def __init__(self, redis: Redis, private: str = "") -> None:
        self.redis, self.private = redis, private
        self._suffix = f"-{private}" if private else ""
        self.queues = dict(zip(_PRIVATE if private else QUEUES, queue_names(private), strict=True))

    def missing_and_failed(self, steps: Iterable[Step]) -> tuple[list[Step], set[str]]:
        """Those of the steps (each once) that nobody is at, and the ids of those that the workers
        have given up: a fault of ours, their log has it. Nothing is written."""
        asked: dict[str, Step] = {}
        for step in steps:
            if step.id not in asked or (step.is_urgent and not asked[step.id].is_urgent):
                asked[step.id] = step
        lanes = [self._id(step, hurried) for step in asked.values() for hurried in (True, False)]
        states = self._states(lanes)
        missing, given_up = [], set()
        for step in asked.values():
            own, other = (
                states.get(self._id(step, h)) for h in (step.is_urgent, not step.is_urgent)
            )
            if own == JobStatus.FAILED:
                given_up.add(step.id)
            elif own is None and not _serves(other, step.is_urgent):
                missing.append(step)
        return missing, given_up

    def enqueue_step(self, step: Step) -> None:
        """Queue a step, unless it is there. What a schedule wants waits in a queue of its own:
        nobody who asks waits behind it."""
        name = "now" if step.is_urgent else "batch"
        job = "show" if step.kind is StepKind.DELIVER else step.kind
        args = [step.model_dump(mode="json")]
        self._queue(name, job, args, self._id(step, step.is_urgent), _SECONDS[step.kind])

    def delivery_job_state(self, platform: str) -> tuple[bool, bool]:
        """Whether the job that posts to all who wait on a platform is there, and whether the
        workers have given it up."""
        id = _delivery(platform)
        state = self._states([id]).get(id)
        return state is not None, state == JobStatus.FAILED

    def enqueue_delivery(self, platform: str) -> None:
        """Queue that job, unless it is there: then it takes up who came meanwhile."""
        args, id = [platform], _delivery(platform)
        self._queue(f"post-{platform}", "deliver", args, id, _POST_SECONDS)

    def has_training_job(self, profile: str, night: date) -> bool:
        """Whether a night's lesson of a profile's (a fingerprint's) gate is queued or given up."""
        return bool(self._states([_lesson(profile, night)]))

    def enqueue_training(self, profile: str, model: str, night: date) -> None:
        """Queue a night's lesson, unless it is there."""
        args = [profile, model, night.isoformat()]
        self._queue("batch", "learn", args, _lesson(profile, night), _LEARN_SECONDS)

    def enqueue_lookups(self) -> None:
        """Queue the job that answers what people want to know of papers, unless it is there."""
        id = f"inquire{self._suffix}"  # one that is there takes up what came meanwhile
        self._queue("ask", "inquire", [self.private], id, _INQUIRE_SECONDS)

    def _queue(self, name: str, job: str, args: list[Any], id: str, seconds: int) -> None:
        """Every job may be taken up again by another worker, nine times, because each time it goes
        on from what is there (a job without Retry is lost with its worker). Its id is free soon
        after its end; never at once: with a time of 0, rq 2.12 fails a recovered job in its
        clean-up."""
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
                # A lesson that fails, which is a fault of ours, is tried again the next night.
                failure_ttl=_STALE_SECONDS if job == "learn" else 60,
                description=id,
            )
        except DuplicateJobError:  # that it is there is what was asked for
            # One that is over goes by itself, soon, unless the server's clock was set back.
            key = Job.key_for(id)
            if self.redis.hget(key, "status") == b"finished" and self.redis.ttl(key) > taken:
                self.redis.expire(key, taken)

    def forget(self) -> None:
        """Leave nothing of these queues behind; for a command's own, at its end."""
        for name in self.queues.values():
            queue = Queue(name, connection=self.redis, serializer=JSONSerializer)
            registries = (
                *(queue.started_job_registry, queue.finished_job_registry),
                *(queue.failed_job_registry, queue.deferred_job_registry),
                *(queue.scheduled_job_registry, queue.canceled_job_registry),
            )
            # rq cleans a registry when a worker of its queue does; here there will be none.
            for registry in registries:
                for id in registry.get_job_ids(cleanup=False):
                    # By their keys: rq's Job.delete asks for a status, which may have expired by
                    # now, and for executions, which a worker that was killed leaves nowhere.
                    execution = ExecutionRegistry(id, connection=self.redis)
                    result = Result.get_key(id)  # type: ignore[no-untyped-call]
                    own = Job.key_for(id), Job.dependents_key_for(id)
                    self.redis.delete(*own, result, execution.key)
                self.redis.delete(registry.key)
            queue.delete()
            self.redis.delete(f"rq:workers:{name}", f"rq:clean_registries:{name}")

    def _states(self, ids: Sequence[str]) -> dict[str, str]:
        """The state of those of these jobs that are there, in one question."""
        with self.redis.pipeline(transaction=False) as pipe:
            for id in ids:
                pipe.hget(Job.key_for(id), "status")
            found = pipe.execute() if ids else []
        return {id: state.decode() for id, state in zip(ids, found, strict=True) if state}

    def _id(self, step: Step, hurried: bool) -> str:
        """A step that a schedule wants ahead must not keep a person waiting in its queue, nor a
        command that died others in theirs."""
        return step.id + ("" if hurried else "-ahead") + self._suffix


def _serves(other: str | None, hurried: bool) -> bool:
    """Whether the same step in the other queue will do: what a person waits for does for a
    schedule, what a schedule wants for a person once it has begun."""
    there = other is not None and other != JobStatus.FAILED
    return other == JobStatus.STARTED if hurried else there


def _delivery(platform: str) -> str:
    return f"deliver-{platform}"


def _lesson(profile: str, night: date) -> str:
    return f"learn-{profile}-{night:%Y%m%d}"
