"""What a person hears whose question the workers have."""

from __future__ import annotations

import pytest

from bot.commands import tasks
from bot.commands.context import Context
from bot.domain.judge import Judge
from bot.domain.status import Status
from bot.domain.tasks.task import Task
from bot.domain.tasks.trial import Trial
from bot.errors import Refused
from bot.store.lookups import Lookups
from bot.store.store import Store
from tests.bot.commands.samples import INVOCATION
from tests.factories import NOW, profile


def test_who_gets_no_answer_hears_that_the_workers_may_not_be_running(store: Store) -> None:
    context = Context(store, Lookups(store), Judge(), lambda: Status.model_validate({}))
    task = Task(trial=Trial(profile=profile()), workspace="slack:T1", by="U1", since=NOW)
    with pytest.raises(Refused, match="workers are still busy, or not running"):
        tasks.result(INVOCATION, context, task, None)
