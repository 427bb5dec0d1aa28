"""What a command waits for: a step that the workers gave up is told at once."""

from __future__ import annotations

import pytest
from redis import Redis
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from bot.planning.plan import StepKind, next_step
from bot.store.queues import Queues
from bot.store.store import Store
from tests.factories import digest_request
from workers.cli import progress


def test_a_step_the_workers_gave_up_is_reported_at_once(store: Store, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        asked, queues = digest_request(), Queues(redis)
        progress.advance(asked, store, queues)
        step = next_step(asked, store.requests.state(asked))
        assert step is not None
        assert step.kind is StepKind.FETCH
        job = Job.fetch(step.id, connection=redis, serializer=JSONSerializer)
        job.set_status(JobStatus.FAILED)
        with pytest.raises(progress.WorkerFault, match=step.id):
            progress.advance(asked, store, queues)
