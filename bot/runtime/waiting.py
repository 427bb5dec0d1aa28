"""Waiting for what the workers do for an answer, apart from the press or command that asked."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import redis
import structlog

from bot.commands import tasks
from bot.commands.context import HOME, Answer, Invocation
from bot.domain.lookup import Lookup
from bot.domain.message import Button, Message
from bot.domain.request import Address
from bot.domain.tasks.task import Task
from bot.errors import PaperboyError, Refused
from bot.runtime.lookup_waiter import LookupWaiter
from bot.runtime.task_waiter import TaskWaiter
from bot.views import refusals

if TYPE_CHECKING:
    from bot.runtime.answers import Answers, Interaction

log = structlog.get_logger()

# An answer that can't be edited later waits so long for its lookup, so as to come whole: a model
# answers within that time.
_WHOLE_SECONDS = 3.0
# Who waited for a task before the bot was restarted has given up after this.
_INTERRUPTED_FOR = timedelta(minutes=30)

I = TypeVar("I", bound="Interaction")  # noqa: E741


class Waiting(Generic[I]):
    """What one platform's answers wait for."""

    def __init__(self, answers: Answers[I], lookups: LookupWaiter, tasks: TaskWaiter) -> None:
        self._answers, self._lookups, self._tasks = answers, lookups, tasks
        self._running: set[asyncio.Task[None]] = set()
        self._waited: set[str] = set()

    def start(self, interaction: I, invocation: Invocation, answer: Answer) -> None:
        """Show later what a lookup or a task of an answer brings, if it has one."""
        if answer.lookup:
            self._run(self._look_up(interaction, invocation, answer, answer.lookup))
        if answer.task:
            self._waited.add(answer.task.key)
            self._run(self._work(interaction, invocation, answer, answer.task))

    def tell_interrupted(self, platform: str, now: datetime) -> None:
        """Tell those whose answer a process owed that is no more, in direct messages, that they
        have to ask again."""
        self._run(self._tell_interrupted(platform, now))

    async def _tell_interrupted(self, platform: str, now: datetime) -> None:
        try:
            await self._tell_each(platform, now)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)

    async def _tell_each(self, platform: str, now: datetime) -> None:
        store, announcer = self._answers.context.store.tasks, self._answers.announcer
        for task in await asyncio.to_thread(store.untold, platform):
            if task.key in self._waited or now - task.since > _INTERRUPTED_FOR:
                continue
            workspace = task.workspace.partition(":")[2]
            place = Address(platform=platform, workspace=workspace, channel=HOME)
            try:
                direct = await announcer.poster.open_direct(place, task.by)
            except PaperboyError as error:
                log.warning("who waited is not told", workspace=task.workspace, why=str(error))
                continue
            if await announcer.say(direct, tasks.interrupted(task), f"task {task.key}"):
                await asyncio.to_thread(store.put_told, task.key)

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
        except Exception:
            log.exception("could not answer")
            await answers.say(interaction, refusals.our_fault())
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
        except Exception:
            log.exception("could not answer")
            answer = Answer(refusals.our_fault())
        head = answer.head and with_buttons(answer.head, first.more)
        await answers.show_task(interaction, replace(answer, head=head), is_done=True)
        with suppress(redis.RedisError):  # they are told twice then, should this process end now
            await asyncio.to_thread(answers.context.store.tasks.put_told, task.key)
        self._waited.discard(task.key)

    async def _as_now(self, invocation: Invocation) -> Invocation:
        """With who asked as they are by now: they may have left since."""
        place = invocation.address
        person = await self._answers.find_person(place.workspace, invocation.by)
        return replace(invocation, person=person)


def with_buttons(head: Message, more: tuple[Button, ...]) -> Message:
    """A message with more buttons below it."""
    return head.model_copy(update={"buttons": (*head.buttons, *more)})
