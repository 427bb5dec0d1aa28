"""Waiting for what the workers do for an answer, apart from the press or command that asked."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import redis
import structlog

from bot.commands import tasks
from bot.commands.context import Answer, Invocation
from bot.domain.lookup import Lookup
from bot.domain.message import Button, Message
from bot.domain.tasks.task import Task
from bot.errors import Refused
from bot.runtime.lookup_waiter import LookupWaiter
from bot.runtime.task_waiter import TaskWaiter
from bot.views import refusals

if TYPE_CHECKING:
    from bot.runtime.answers import Answers, Interaction

log = structlog.get_logger()

# An answer that can't be edited later waits so long for its lookup, so as to come whole: a model
# answers within that time.
_WHOLE_SECONDS = 3.0

I = TypeVar("I", bound="Interaction")  # noqa: E741


class Waiting(Generic[I]):
    """What one platform's answers wait for."""

    def __init__(self, answers: Answers[I], lookups: LookupWaiter, tasks: TaskWaiter) -> None:
        self._answers, self._lookups, self._tasks = answers, lookups, tasks
        self._running: set[asyncio.Task[None]] = set()

    def start(self, interaction: I, invocation: Invocation, answer: Answer) -> None:
        """Show later what a lookup or a task of an answer brings, if it has one."""
        if answer.lookup:
            self._run(self._look_up(interaction, invocation, answer, answer.lookup))
        if answer.task:
            self._run(self._work(interaction, invocation, answer, answer.task))

    def _run(self, waiting: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(waiting)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _look_up(
        self, interaction: I, invocation: Invocation, first: Answer, lookup: Lookup
    ) -> None:
        answers = self._answers
        asking = asyncio.create_task(self._lookups.wait_for(invocation, lookup))
        try:
            if not answers.can_edit_answer(interaction):
                await asyncio.wait({asking}, timeout=_WHOLE_SECONDS)
                if asking.done():
                    found = asking.result()
                    whole = found.update if isinstance(found.update, Message) else found.head
                    await answers.respond(interaction, Answer(whole))
                    return
                await answers.respond(interaction, first)
            await answers.follow_up(interaction, await asking)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)
            await answers.say(interaction, refusals.database_unreachable())
        finally:
            asking.cancel()

    async def _work(
        self, interaction: I, invocation: Invocation, first: Answer, task: Task
    ) -> None:
        answers = self._answers

        async def report(done: int, total: int) -> None:
            if head := tasks.progress(task, done, total):
                said = Answer(with_buttons(head, first.more))
                await answers.show_task(interaction, said, is_done=False)

        try:
            found = await self._tasks.wait_for(task, report)
            if task.search:
                invocation = await self._as_now(invocation)
            answer = await asyncio.to_thread(tasks.result, invocation, answers.context, task, found)
        except Refused as refused:
            answer = Answer(Message(title=str(refused)))
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)
            answer = Answer(refusals.database_unreachable())
        head = answer.head and with_buttons(answer.head, first.more)
        await answers.show_task(interaction, replace(answer, head=head), is_done=True)

    async def _as_now(self, invocation: Invocation) -> Invocation:
        """With who asked as they are by now: they may have left since."""
        place = invocation.address
        person = await self._answers.find_person(place.workspace, invocation.by)
        return replace(invocation, person=person)


def with_buttons(head: Message, more: tuple[Button, ...]) -> Message:
    """A message with more buttons below it."""
    return head.model_copy(update={"buttons": (*head.buttons, *more)})
