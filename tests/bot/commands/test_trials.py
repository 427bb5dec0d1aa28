"""Who may have a model score the papers of a preview, and who pays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands import dispatch, tasks
from bot.commands.context import Context
from bot.domain.judge import Judge
from bot.domain.status import Status
from bot.domain.tasks.task import Task, TaskResult
from bot.domain.tasks.trial import Trial, TrialDay, TrialResult
from bot.errors import Refused
from bot.store.lookups import Lookups
from bot.store.store import Store
from tests.bot.commands.samples import CHANNEL_ADDRESS, INVOCATION
from tests.factories import DAY, NOW, profile

FOUND = TrialResult(
    days=(TrialDay(date=DAY, announced=5, picked=2),), stored=1, unscored=4, usd_to_score=0.002
)


@pytest.fixture
def context(store: Store) -> Context:
    judge = Judge(model="gpt-6-luna")
    return Context(store, Lookups(store), judge, lambda: Status.model_validate({}))


def test_the_button_says_the_price_and_asks_the_model_for_who_saw_the_preview(
    context: Context,
) -> None:
    task = Task(trial=Trial(profile=profile()), workspace="slack:T1", by="U1", since=NOW)
    context.store.tasks.put(task)
    shown = tasks.result(INVOCATION, context, task, TaskResult(trial=FOUND)).head
    assert shown is not None
    (button,) = shown.buttons
    assert button.label == "Let the model score 4 papers, about $0.0020"
    answer = dispatch.press(INVOCATION, button.action, button.value, context)
    assert answer.task is not None
    assert answer.task.trial == Trial(profile=profile(), model="gpt-6-luna", buys=True)
    assert (answer.task.workspace, answer.task.by) == ("slack:T1", "U1")
    elsewhere = CHANNEL_ADDRESS.model_copy(update={"workspace": "T2"})
    for other in (replace(INVOCATION, by="U2"), replace(INVOCATION, address=elsewhere)):
        with pytest.raises(Refused, match="That preview is over"):
            dispatch.press(other, button.action, button.value, context)
