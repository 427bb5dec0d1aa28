"""`/digest me`: what a person left in a workspace, and having it forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.commands.context import Answer, Context, Invocation
from bot.domain.readers.traces import Trace
from bot.errors import Refused
from bot.views.keeping import me as views
from bot.views.keeping.saved import not_in_terminal


def me(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`me`, `me forget`."""
    if words and [word.lower() for word in words] != ["forget"]:
        raise Refused(views.unknown_words())
    if words:
        return asked_to_forget(invocation, context, "")
    traces = _traces(invocation, context)
    return Answer(views.left_text(traces, list(_kept(invocation, context)), _is_apart(invocation)))


def asked_to_forget(invocation: Invocation, context: Context, value: str) -> Answer:
    """Asks for confirmation where it is typed, and where the platform has no dialog for that."""
    traces = _some_traces(invocation, context)
    return Answer(views.confirm_forget_me(traces, _is_apart(invocation)))


def forget(invocation: Invocation, context: Context, value: str) -> Answer:
    """Erases for good all that this person left in this workspace."""
    traces = _some_traces(invocation, context)
    for store in context.store.left_behind:
        store.erase(invocation.address.workspace_key, invocation.by)
    kept = list(_kept(invocation, context))
    return Answer(views.forgotten_me(traces, kept, _is_apart(invocation)))


def _some_traces(invocation: Invocation, context: Context) -> list[Trace]:
    """Raises Refused where there are none."""
    traces = _traces(invocation, context)
    if not traces:
        raise Refused(views.nothing_left(_is_apart(invocation)))
    return traces


def _traces(invocation: Invocation, context: Context) -> list[Trace]:
    if not invocation.by:
        raise Refused(not_in_terminal())
    place = invocation.address.workspace_key
    return [
        trace for store in context.store.left_behind for trace in store.traces(place, invocation.by)
    ]


def _kept(invocation: Invocation, context: Context) -> Iterator[str]:
    """What names this person and stays, because others rely on it."""
    place, person = invocation.address, invocation.by
    here = context.store.subscriptions.of_workspace(place.platform, place.workspace)
    channels = {each.address.channel for each in here if each.by == person}
    if channels:
        yield views.subscribed(len(channels))
    if names := context.store.profiles.changed_by(place, person):
        yield views.changed_profiles(names)


def _is_apart(invocation: Invocation) -> bool:
    """In direct messages on Discord, which belong to no server: what was left on one is there."""
    return invocation.address.platform == "discord" and not invocation.address.workspace
