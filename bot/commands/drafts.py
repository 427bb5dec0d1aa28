"""A profile drafted from what somebody works on: one question, then the form, filled in."""

from __future__ import annotations

from collections.abc import Mapping

from bot.commands.context import Answer, Context, FormAgain, InvalidForm, Invocation
from bot.commands.profile_changes import require_room
from bot.commands.profiles import filled_with
from bot.domain.draft import Draft
from bot.domain.message import Form
from bot.domain.papers import Profile
from bot.domain.tasks.task import Drafting, Task
from bot.errors import Refused
from bot.profiles import form
from bot.profiles.given_work import parse_given
from bot.views.making import drafts as views


def submit_work(
    invocation: Invocation, context: Context, about: str, answers: Mapping[str, str]
) -> Answer:
    """What somebody works on, as a draft by the workers; an empty form for nothing, and a filled
    one for a profile's file."""
    require_room(invocation, context)
    file = answers.get(views.LIBRARY, "")
    try:
        given = parse_given(answers.get(views.WORK, ""), file)
    except Refused as refused:
        if file:
            raise work_again(answers, str(refused)) from refused
        raise InvalidForm({views.WORK: str(refused)}) from refused
    if given is None:
        return Answer(form=form.build_form(None).model_copy(update={"notes": views.empty_form()}))
    if isinstance(given, Profile):
        return Answer(form=_filled(given, views.from_file(), context, invocation))
    drafting = Drafting(
        text=given.text, library=given.library, author=given.author, is_file=bool(file)
    )
    return _asked(invocation, drafting)


def work_again(answers: Mapping[str, str], why: str) -> FormAgain:
    """The question once more, with what was typed, where a file could not be used: it comes after
    the form is acknowledged, too late for a sentence at the field."""
    form = views.work_form(answers.get(views.WORK, ""))
    return FormAgain(form.model_copy(update={"notes": (why,)}))


def namesake_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """`KEY ID`: of the people of that name, who wrote this paper; without an id, nobody is meant.
    Only who asked can choose."""
    key, _, paper = value.partition(" ")
    drafting = _own(key, invocation, context)
    if not paper:
        text = drafting.text or drafting.author
        return _asked(invocation, drafting.model_copy(update={"text": text, "author": ""}))
    return _asked(invocation, drafting.model_copy(update={"chosen": paper}))


def draft_pressed(invocation: Invocation, context: Context, key: str) -> Answer:
    """The form with a draft that is ready, for who asked for it."""
    _own(key, invocation, context)
    found = context.store.tasks.result(key)
    if found is None or found.draft is None:
        raise Refused(views.draft_gone())
    return Answer(form=draft_form(invocation, context, found.draft))


def draft_form(invocation: Invocation, context: Context, draft: Draft) -> Form:
    """The form of a new profile, filled in with a draft; nothing is saved."""
    return _filled(draft.profile, views.draft_notes(draft), context, invocation)


def _own(key: str, invocation: Invocation, context: Context) -> Drafting:
    """What the one who presses asked to be drafted. Raises Refused where somebody else did, or it
    is forgotten."""
    task = context.store.tasks.get(key) if key else None
    person = invocation.by, invocation.address.workspace_key
    if task is None or task.drafting is None or (task.by, task.workspace) != person:
        raise Refused(views.draft_gone())
    return task.drafting


def _asked(invocation: Invocation, drafting: Drafting) -> Answer:
    task = Task(
        drafting=drafting,
        workspace=invocation.address.workspace_key,
        by=invocation.by,
        since=invocation.at,
    )
    return Answer(views.drafting(), task=task)


def _filled(
    profile: Profile, notes: tuple[str, ...], context: Context, invocation: Invocation
) -> Form:
    """With a title that no other profile's name is made from, and as many topics as fit."""
    known = context.profiles(invocation.address)
    title, number = profile.title, 2
    while form.name_from(title, *profile.categories[:1]) in known:
        title, number = views.numbered(profile.title, number), number + 1
    values = form.values_of(profile) | {"title": title}
    topics = list(profile.topics)
    while len(topics) > 1 and not form.fits(values):
        topics.pop()
        values |= form.topic_answers(topics)
    empty = form.build_form(None)
    update = {"notes": notes, "metadata": filled_with(profile, context)}
    return empty.filled(values).model_copy(update=update)
