"""What a profile would have brought: asked of the workers, and told to who asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.commands.context import Answer, Context, Invocation
from bot.commands.naming import number_in, with_names
from bot.commands.profiles import read_form
from bot.domain.papers import Profile
from bot.domain.tasks.task import Task
from bot.domain.tasks.trial import DAYS, MOST_DAYS, Trial
from bot.errors import Refused
from bot.views.making import previews as views
from bot.views.making import profile_versions as version_views


def of_profile(
    invocation: Invocation, context: Context, profile: Profile, days: int = DAYS
) -> Answer:
    """A profile as it is."""
    return _asked(invocation, context, profile, None, days)


def pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """`NAME`: the profile as it is; `NAME NUMBER`: that version of it, compared with the profile as
    it is."""
    every = context.profiles(invocation.address)
    name, *number = with_names(value.split(), every) or [""]
    profile = context.find_profile(name, invocation.address)
    if not number:
        return of_profile(invocation, context, profile)
    versions = context.store.profiles.versions(invocation.address, profile.name)
    version = versions.get(number_in(number[0]) or 0)
    if version is None or version.profile is None:
        raise Refused(version_views.version_gone())
    return _asked(invocation, context, version.profile, profile)


def of_form(
    invocation: Invocation, context: Context, about: str, answers: Mapping[str, str]
) -> Answer:
    """A profile's form as it is filled in, compared with what is stored; nothing is saved. Raises
    what saving it would raise."""
    before, profile = read_form(invocation, context, about, answers)
    return _asked(invocation, context, profile, None if before == profile else before)


def buy_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """The model is asked about the papers of a preview (a Task's key), which the workspace pays
    for."""
    before = context.store.tasks.get(value)
    mine = before and (before.workspace, before.by) == (
        invocation.address.workspace_key,
        invocation.by,
    )
    if before is None or before.trial is None or not mine:
        raise Refused(views.preview_expired())
    trial = before.trial.model_copy(update={"buys": True, "model": context.judge.model})
    task = before.model_copy(update={"trial": trial, "since": invocation.at})
    return Answer(views.buying(trial.profile, 0, 0), task=task)


def _asked(
    invocation: Invocation,
    context: Context,
    profile: Profile,
    before: Profile | None,
    days: int = DAYS,
) -> Answer:
    model = context.judge.model
    trial = Trial(profile=profile, before=before, days=days, model=model)
    task = Task(
        trial=trial,
        workspace=invocation.address.workspace_key,
        by=invocation.by,
        since=invocation.at,
    )
    return Answer(views.under_way(profile, 0, 0), task=task)


def split_last(words: Sequence[str]) -> tuple[list[str], int | None]:
    """`PROFILE... [last 5]`: the other words, and the days. Raises Refused."""
    at = next((n for n, word in enumerate(words) if word.lower() == "last"), None)
    if at is None:
        return list(words), None
    number = words[at + 1] if at + 1 < len(words) else ""
    days = number_in(number) or 0
    if not 1 <= days <= MOST_DAYS:
        raise Refused(views.wrong_days())
    rest = [word for word in words[at + 2 :] if word.lower() not in ("days", "day")]
    return [*words[:at], *rest], days
