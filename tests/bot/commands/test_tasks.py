"""What a person hears whose question the workers have."""

from __future__ import annotations

from typing import Any

import pytest

from bot.commands import dispatch, tasks
from bot.commands.context import Context
from bot.domain.judge import Judge
from bot.domain.status import Status
from bot.domain.tasks.search import Search
from bot.domain.tasks.task import Drafting, Task
from bot.domain.tasks.trial import Trial
from bot.domain.tasks.zotero import ZoteroErrand
from bot.errors import Refused
from bot.store.lookups import Lookups
from bot.store.store import Store
from bot.terminal.render import as_text
from tests.bot.commands.samples import INVOCATION
from tests.factories import NOW, profile


@pytest.fixture
def context(store: Store) -> Context:
    return Context(store, Lookups(store), Judge(), lambda: Status.model_validate({}))


@pytest.mark.parametrize("buys", [False, True])
def test_who_gets_no_answer_hears_that_the_workers_may_not_be_running(
    buys: bool, context: Context
) -> None:
    trial = Trial(profile=profile(), buys=buys)
    task = Task(trial=trial, workspace="slack:T1", by="U1", since=NOW)
    with pytest.raises(Refused, match="workers are still busy, or not running"):
        tasks.result(INVOCATION, context, task, None)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"search": Search(title="tides", places=())}, 'looked for papers about "tides"'),
        ({"trial": Trial(profile=profile())}, "tried Matters of importance on the last days"),
        ({"drafting": Drafting(text="tides")}, "drafted a profile"),
        ({"zotero": ZoteroErrand(what="send")}, "talking to Zotero"),
    ],
)
def test_who_was_interrupted_hears_in_what(what: dict[str, Any], said: str) -> None:
    task = Task(**what, workspace="slack:T1", by="U1", since=NOW)
    shown = as_text([tasks.interrupted(task)])
    assert shown.startswith("Paperboy was restarted while it ")
    assert said in shown


def test_who_bought_scores_that_take_long_hears_that_they_are_kept_and_looks_again(
    context: Context,
) -> None:
    trial = Trial(profile=profile(), buys=True)
    task = Task(trial=trial, workspace="slack:T1", by="U1", since=NOW)
    context.store.tasks.put(task)
    context.store.put_progress(f"task-{task.key}", 80, 240)
    shown = tasks.result(INVOCATION, context, task, None).head
    assert shown is not None
    assert "The model has scored 80 of 240 papers" in as_text([shown])
    assert "every score is kept" in as_text([shown])
    (again,) = shown.buttons
    answer = dispatch.press(INVOCATION, again.action, again.value, context)
    assert answer.task is not None
    assert answer.task.trial == trial.model_copy(update={"model": context.judge.model})
