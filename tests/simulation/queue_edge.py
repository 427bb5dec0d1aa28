"""rq in the simulation: queues, a worker for each, and jobs that outlive their worker."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.watching.figures import QueueLoad
from bot.store.queues import QUEUES, Queues
from tests.simulation.scheduler import Killed, Process, Scheduler, Signal
from workers import jobs

# As in workers/runtime and bot/store/queues: when a dead worker's job goes to another, how often a
# job is tried, and how long its id is taken after its end.
_MISSED_SECONDS = 16.0
_TRIES = 10
_TAKEN_SECONDS = {"finished": 2.0, "failed": 60.0}
_IDLE_SECONDS = 6 * 3600.0


@dataclass
class Job:
    name: str
    args: list[Any]
    id: str
    state: str = "queued"
    tries: int = 0
    over_at: float = 0.0
    lane: str = ""  # whose worker has it


# Each queue has a worker, and Slack's two, which share its deliveries.
_LANES = (*QUEUES, "post-slack 2")


class Lanes:
    """rq's queues, and a worker process for each; a lane is a worker's place at its queue, by the
    queue's name and its number there."""

    def __init__(self, scheduler: Scheduler, is_expected: Callable[[Exception], bool]) -> None:
        """`is_expected` says of a job's error that the simulation is to blame."""
        self.scheduler, self.is_expected = scheduler, is_expected
        self.workers: dict[str, Process] = {}
        self._ever: list[Process] = []
        # The lane of a job that begins; and of one that asks the model.
        self.begun, self.scoring = Signal(scheduler), Signal(scheduler)
        self.faults: list[str] = []  # jobs that failed through our fault
        # When (monotonic) a run of a job was cut short, by a death or an error: process and number.
        self.disturbed = dict[tuple[Process, int], float]()
        self._jobs: dict[str, Job] = {}
        self._queues: dict[str, list[Job]] = defaultdict(list)

    def start(self) -> None:
        for lane in _LANES:
            self._start_worker(lane)

    def put(self, queue: str, job: Job) -> None:
        if self.find(job.id) is None:
            self._jobs[job.id] = job
            self._queues[queue].append(job)
            for lane, worker in self.workers.items():
                if _queue(lane) == queue:
                    self.scheduler.wake(worker)

    def count(self, queue: str) -> int:
        """How many workers serve a queue."""
        return sum(_queue(lane) == queue for lane in _LANES)

    def load(self, queue: str) -> QueueLoad:
        """What a queue holds; a worker is known to be dead as soon as another is to take over."""
        states = Counter(job.state for job in self._queues[queue])
        failed = [
            job.over_at > self.scheduler.now
            for job in self._jobs.values()
            if job.state == "failed" and _queue(job.lane) == queue
        ]
        return QueueLoad(
            workers=sum(w.alive for lane, w in self.workers.items() if _queue(lane) == queue),
            waiting=states["queued"],
            running=states["started"],
            failed=sum(failed),
        )

    def find(self, id: str) -> Job | None:
        job = self._jobs.get(id)
        if job and job.state in _TAKEN_SECONDS and job.over_at <= self.scheduler.now:
            del self._jobs[id]
            return None
        return job

    def kill_all(self) -> None:
        """As when the machine goes down, with all that is queued (rq's keys are not backed up)."""
        for worker in self._ever:
            worker.alive = False
            self._cut_short(worker)
        self._jobs.clear()
        self._queues.clear()

    def _start_worker(self, lane: str) -> None:
        worker = Process(f"worker {lane}", lambda: self._work(lane))
        worker.on_death = lambda: self._died(lane, worker)
        self.workers[lane] = worker
        self._ever.append(worker)
        self.scheduler.spawn(worker)

    def freeze(self, lane: str, seconds: float, at: tuple[str, ...]) -> None:
        """A worker stands still for so long, at the next of these effects; after a while it is
        taken for dead, and another works beside it."""
        worker = self.workers[lane]
        worker.frozen_until, worker.frozen_at = self.scheduler.now + seconds, at
        if seconds > _MISSED_SECONDS:
            self._died(lane, worker)

    def orphan(self, lane: str) -> None:
        """A worker dies, and its job lives on as a process of its own; soon another takes the job,
        too."""
        self._replace(lane)

    def _work(self, lane: str) -> None:
        me = self.workers[lane]
        while self.workers[lane] is me:
            waiting = [job for job in self._queues[_queue(lane)] if job.state == "queued"]
            if waiting:
                self._take(lane, waiting[0])
            else:
                self.scheduler.wait(_IDLE_SECONDS)

    def _take(self, lane: str, job: Job) -> None:
        worker = self.workers[lane]
        self._begin(lane, worker, job)
        try:
            getattr(jobs, job.name)(*job.args)
            self.scheduler.effect("job done")
        except Killed:
            raise
        except Exception as error:  # noqa: BLE001  # as rq does
            self._cut_short(worker)
            if self.workers[lane] is worker:
                self._failed(job, error)
            self.scheduler.sleep(0.5)
        else:
            if self.workers[lane] is worker:
                job.state = "finished"
        if self.workers[lane] is not worker:
            return  # it was taken for dead, and the job is another's
        if job.state in _TAKEN_SECONDS:  # else it is tried again, perhaps by the other already
            job.over_at = self.scheduler.now + _TAKEN_SECONDS[job.state]
            if job in self._queues[_queue(lane)]:
                self._queues[_queue(lane)].remove(job)

    def _begin(self, lane: str, worker: Process, job: Job) -> None:
        job.state, job.tries, job.lane = "started", job.tries + 1, lane
        worker.job += 1
        if worker.frozen_until > self.scheduler.now:
            self._cut_short(worker)  # it stands still from the begin
        self.begun.give(lane)
        if job.name == "score":
            self.scoring.give(lane)

    def _cut_short(self, worker: Process) -> None:
        self.disturbed[worker, worker.job] = self.scheduler.now

    def _failed(self, job: Job, error: Exception) -> None:
        what = f"{job.id}: {type(error).__name__}: {error}"
        if not self.is_expected(error):
            self.faults.append(what)
            self.scheduler.fault = error  # it would fail again and again: the run ends here
        job.state = "queued" if job.tries < _TRIES else "failed"

    def _died(self, lane: str, worker: Process) -> None:
        """Its job is found to be nobody's after a while, and another worker takes it."""
        self._cut_short(worker)
        if self.workers[lane] is worker:
            self._replace(lane)

    def _replace(self, lane: str) -> None:
        def take_over() -> None:
            for job in self._queues[_queue(lane)]:
                if job.state == "started" and job.lane == lane:
                    job.state = "queued" if job.tries < _TRIES else "failed"
                    job.over_at = self.scheduler.now + _TAKEN_SECONDS["failed"]
            self._start_worker(lane)

        pool = Process(f"pool {lane}", take_over, is_mortal=False)
        self.scheduler.spawn(pool, after=_MISSED_SECONDS)


def _queue(lane: str) -> str:
    return lane.partition(" ")[0]


class SimulatedQueues(Queues):
    """bot.store.queues on the simulated lanes, by the methods that speak to rq."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self.private, self._suffix = "", ""

    def _queue(self, name: str, job: str, args: list[Any], id: str, seconds: int) -> None:
        self._lanes.scheduler.effect("queue")
        self._lanes.put(name, Job(job, args, id))
        self._lanes.scheduler.effect("queued")

    def _states(self, ids: Sequence[str]) -> dict[str, str]:
        self._lanes.scheduler.effect("queues")
        found = {id: self._lanes.find(id) for id in ids}
        return {id: job.state for id, job in found.items() if job}

    def loads(self) -> dict[str, QueueLoad]:
        self._lanes.scheduler.effect("queues")
        return {name: self._lanes.load(name) for name in QUEUES}

    def posters(self, platform: str) -> int:
        return self._lanes.count(f"post-{platform}")
