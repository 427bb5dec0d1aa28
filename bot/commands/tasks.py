"""What the workers did for one person who waited, as an answer."""

from __future__ import annotations

from bot.commands import drafts, search, zotero
from bot.commands.context import Answer, Context, Invocation
from bot.domain.message import Message
from bot.domain.tasks.task import Task, TaskResult
from bot.errors import Refused
from bot.views.keeping import zotero as zotero_views
from bot.views.looking import search as search_views
from bot.views.making import drafts as draft_views
from bot.views.making import previews as views


def result(
    invocation: Invocation, context: Context, task: Task, found: TaskResult | None
) -> Answer:
    """`found` is None where it took too long. Raises Refused where nothing came of it."""
    if found is None:
        done, total = context.store.progress(f"task-{task.key}")
        if task.trial and task.trial.buys and total:
            return Answer(views.still_buying(task.trial.profile, done, total, task.key))
        raise Refused(views.too_slow())
    if task.zotero and found.refused:
        return Answer(zotero_views.not_done(task.zotero, found.refused))
    if found.refused:
        raise Refused(found.refused)
    if task.trial and found.trial:
        return Answer(views.trial_result(task.trial, found.trial, task.key))
    if task.search and found.search:
        return search.found(invocation, context, task.search, found.search)
    if task.zotero and found.zotero:
        return zotero.done(invocation, context, task.zotero, found.zotero)
    if task.drafting and found.namesakes:
        name = task.drafting.author
        return Answer(draft_views.which_author(name, found.namesakes, task.key))
    if found.draft:
        form = drafts.draft_form(invocation, context, found.draft)
        return Answer(draft_views.draft_ready(task.key), form=form)
    raise AssertionError("a result is of its task")


def interrupted(task: Task) -> Message:
    """What somebody is told who waited for a task when the bot was restarted."""
    if task.search:
        return search_views.interrupted(task.search)
    if task.trial:
        return views.interrupted(task.trial.profile, task.trial.buys)
    return zotero_views.interrupted() if task.zotero else draft_views.interrupted()


def progress(task: Task, done: int, total: int) -> Message | None:
    """What is said meanwhile; None where there is nothing to count."""
    if task.search:
        return search_views.looking(task.search, done, total)
    if task.zotero:
        return zotero_views.sending(total, done)
    if task.trial is None:
        return None
    if task.trial.buys:
        return views.buying(task.trial.profile, done, total)
    return views.under_way(task.trial.profile, done, total)
