"""Ask the workers for something, by job name, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from redis import Redis
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from bot.plan import Kind, Step
from bot.wish import Wish

# A person is waiting; something has to be posted; nobody waits.
QUEUES = ("ask", "post", "batch")

_SECONDS = {Kind.FETCH: 300, Kind.SCORE: 3600, Kind.DELIVER: 900}
_INQUIRE_SECONDS, _LEARN_SECONDS = 1200, 1800

# A job nobody took for a day is not worth doing: who still waits has asked again.
_STALE_SECONDS = 24 * 3600


def queue_names(private: str = "") -> tuple[str, ...]:
    """The queues of the installation, or those of one command's own workers."""
    return tuple(f"{name}-{private}" if private else name for name in QUEUES)


class Tasks:
    """The queues. `redis` must not decode responses: rq reads bytes.

    `private` names a command's own: it is served by workers with its own settings only, and they
    serve nobody else.
    """

    def __init__(self, redis: Redis, private: str = "") -> None:
        self.redis, self.private = redis, private
        self._suffix = f"-{private}" if private else ""
        self.queues = dict(zip(QUEUES, queue_names(private), strict=True))

    def ask(self, step: Step, wishes: Sequence[Wish]) -> None:
        """Queue a step for those who wish it, unless the same one is queued, running or just done.
        What a schedule wants waits in a queue of its own: nobody who asks waits behind it."""
        waits = any(wish.by or not wish.subscription for wish in wishes)
        name = "post" if step.kind is Kind.DELIVER else "ask" if waits else "batch"
        rows = [wish.model_dump(mode="json") for wish in wishes]
        self._queue(name, step.kind, [step.id, rows], self._id(step), _SECONDS[step.kind])

    def learn(self, profile: str, model: str, night: date) -> None:
        """Queue a night's lesson of a profile's (a fingerprint's) gate, unless it is there."""
        id = f"learn-{profile}-{night:%Y%m%d}"
        self._queue("batch", "learn", [profile, model, night.isoformat()], id, _LEARN_SECONDS)

    def inquire(self) -> None:
        """Queue the job that answers what people want to know of papers, unless it is there."""
        id = f"inquire{self._suffix}"  # one that is there takes up what came meanwhile
        self._queue("ask", "inquire", [self.private], id, _INQUIRE_SECONDS)

    def _queue(self, name: str, job: str, args: list[Any], id: str, seconds: int) -> None:
        """Every job may be taken up again by another worker, nine times, because each time it goes
        on from what is there (a job without Retry is lost with its worker). Its id is free soon
        after its end; never at once: with a time of 0, rq 2.12 fails a recovered job in its
        clean-up."""
        queue = Queue(self.queues[name], connection=self.redis, serializer=JSONSerializer)
        try:
            queue.enqueue(
                f"workers.jobs.{job}",
                args=args,
                job_id=id,
                unique=True,
                retry=Retry(max=9),
                job_timeout=seconds,
                ttl=_STALE_SECONDS,
                result_ttl=1 if job == "inquire" else 10,
                # A lesson that fails, which is a fault of ours, is tried again the next night.
                failure_ttl=_STALE_SECONDS if job == "learn" else 60,
                description=id,
            )
        except DuplicateJobError:
            return  # that it is there is what was asked for

    def forget(self) -> None:
        """Leave nothing of these queues behind; for a command's own, at its end."""
        for name in self.queues.values():
            Queue(name, connection=self.redis, serializer=JSONSerializer).delete()

    def failed(self, step: Step) -> bool:
        """True when the workers have given this step up: a fault of ours, their log has it."""
        try:
            job = Job.fetch(self._id(step), connection=self.redis, serializer=JSONSerializer)
        except NoSuchJobError:
            return False
        return job.get_status(refresh=False) is JobStatus.FAILED

    def _id(self, step: Step) -> str:
        """A command that died must not keep others from asking for the same in their queues."""
        return step.id + self._suffix
