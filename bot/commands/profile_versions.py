"""The versions of a workspace's own profile: shown, taken back, gone back to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.commands.context import Answer, Context, Invocation
from bot.commands.naming import number_in, with_names
from bot.commands.permissions import may_change
from bot.commands.profile_changes import (
    broadcasts,
    require_right_to_change,
    require_room,
    save_change,
    subscribers,
)
from bot.domain.papers import Profile
from bot.domain.profile_version import ProfileVersion
from bot.errors import Refused
from bot.views import profiles, refusals
from bot.views.making import profile_versions as views

# In the place of a version's number: what ships with Paperboy.
SHIPPED: Final = "shipped"


def history(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`history [PROFILE [NUMBER]]`: its versions from the newest, or from that number, down; of the
    channel's profile, where none is named."""
    top = number_in(words[-1]) if len(words) > 1 else None
    name = _named(invocation, context, words[:-1] if top is not None else words)
    address, person = invocation.address, invocation.person
    installed = context.installed_profiles().get(name)
    own = name in context.store.profiles.own_names(address)
    return Answer(
        views.history_page(
            name,
            context.store.profiles.versions(address, name),
            context.profiles(address).get(name),
            installed if own else None,
            person is not None and may_change(person, context.admins_only),
            invocation.zone,
            top,
        )
    )


def undo_typed(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`undo [PROFILE]`: back to the version before. Typed again, it takes itself back."""
    if invocation.address.platform == "terminal":
        raise Refused(refusals.form_in_terminal())
    name = _named(invocation, context, words)
    versions = context.store.profiles.versions(invocation.address, name)
    numbers = list(versions)
    if len(numbers) < 2:
        raise Refused(views.nothing_to_undo(name, bool(numbers)))
    return _go_back(invocation, context, name, versions[numbers[-2]].profile, undone=True)


def restore_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """`NAME NUMBER`: back to that version; `NAME shipped`: back to what ships with Paperboy."""
    name, _, number = value.partition(" ")
    if number == SHIPPED:
        return _go_back(invocation, context, name, context.installed_profiles().get(name))
    versions = context.store.profiles.versions(invocation.address, name)
    version = versions.get(number_in(number) or 0)
    if version is None:
        raise Refused(views.version_gone())
    return _go_back(invocation, context, name, version.profile)


def undo_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """Take a change back, unless the profile was changed again since. An undo can be undone."""
    change = context.store.profiles.undo(invocation.address, value)
    before = context.profiles(invocation.address)
    if change is None or not (change.name in before or change.after is None):
        raise Refused(profiles.undo_expired())
    return _replace(invocation, context, change.name, change.after, change.before, undone=True)


def _go_back(
    invocation: Invocation,
    context: Context,
    name: str,
    target: Profile | None,
    undone: bool = False,
) -> Answer:
    """Make a profile what it was in a version. What is installed under its name is not copied: the
    workspace then has none of its own, and a newer release changes it."""
    if target is None:
        raise Refused(views.no_such_profile_then())
    counts = context.profiles(invocation.address).get(name)
    if target == counts:
        return Answer(profiles.unchanged(target))
    is_own = name in context.store.profiles.own_names(invocation.address)
    installed = context.installed_profiles().get(name)
    return _replace(
        invocation,
        context,
        name,
        counts if is_own else None,
        None if target == installed else target,
        undone,
    )


def _replace(
    invocation: Invocation,
    context: Context,
    name: str,
    own: Profile | None,
    target: Profile | None,
    undone: bool,
) -> Answer:
    """Replace the workspace's own profile, if it still is `own`, and tell who uses it. `undone`: by
    what it was before its last change."""
    require_right_to_change(invocation, context, name)
    before = context.profiles(invocation.address)
    if own is None and target is not None:
        require_room(invocation, context)
    used_in = subscribers(invocation, context, name)
    if used_in and target is None and name not in context.installed_profiles():
        raise Refused(profiles.still_used(before[name]))
    token = save_change(
        invocation, context, name, own, target, Refused(profiles.changed_again(name))
    )
    was = before.get(name) or target
    assert was is not None, "there is a profile before or after"
    after = context.profiles(invocation.address).get(name, was)
    told = broadcasts(invocation, context, was, after, token, undone)
    different = profiles.changes(was, after)
    head = profiles.taken_back(after, different, bool(told), undone)
    return Answer(head, broadcasts=told)


def _named(invocation: Invocation, context: Context, words: Sequence[str]) -> str:
    """The name of the profile that is meant, also of one that was deleted. Raises Refused."""
    every: Mapping[str, Profile] = context.profiles(invocation.address)
    if not words:
        here = [each.profile for each in context.store.subscriptions.of(invocation.address)]
        if len(here) != 1:
            raise Refused(views.which_profile(here))
        return here[0]
    name = " ".join(with_names(words, every)).lower()
    if name not in every and _versions(invocation, context, name):
        return name
    return context.find_profile(name, invocation.address).name


def _versions(invocation: Invocation, context: Context, name: str) -> Mapping[int, ProfileVersion]:
    """None for what can't be a profile's name."""
    if not views.NAME.fullmatch(name):
        return {}
    return context.store.profiles.versions(invocation.address, name)
