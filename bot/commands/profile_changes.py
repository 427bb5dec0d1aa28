"""Change one of a workspace's own profiles: who may, in one step, and who hears of it."""

from __future__ import annotations

from typing import Final

from bot.commands.context import Context, Invocation
from bot.commands.permissions import require_profile_right
from bot.domain.message import Message
from bot.domain.papers import Profile
from bot.domain.profile_version import ProfileVersion
from bot.domain.request import Address
from bot.errors import Refused
from bot.store.profiles import ProfileChange
from bot.views import profiles, refusals

# Profiles of a workspace: as many as one message can list and a form can offer (Slack: 100 choices,
# with the profiles that ship).
_MOST: Final = 80


def save(
    invocation: Invocation,
    context: Context,
    name: str,
    before: Profile | None,
    after: Profile | None,
    wrong: Refused,
) -> None:
    """Replace one of the workspace's own profiles in one step, and keep the version; None stands
    for having no profile of that name. Raises `wrong` when the stored profile is no longer
    `before`."""
    own, at = context.store.profiles, invocation.address
    counts = after or context.installed_profiles().get(name)
    version = ProfileVersion(profile=counts, by=invocation.by, at=invocation.at)
    if not own.save(at, name, before, after, version, context.profiles(at).get(name)):
        raise wrong
    if before is None:
        own.put_maker(at, name, invocation.by)


def save_change(
    invocation: Invocation,
    context: Context,
    name: str,
    before: Profile | None,
    after: Profile | None,
    wrong: Refused,
) -> str:
    """`save`, for what can be taken back by a button; returns the token that does it."""
    save(invocation, context, name, before, after, wrong)
    change = ProfileChange(
        name=name, before=before, after=after, by=invocation.by, at=invocation.at
    )
    return context.store.profiles.put_undo(invocation.address, change)


def broadcasts(
    invocation: Invocation,
    context: Context,
    before: Profile,
    after: Profile,
    token: str,
    undone: bool = False,
) -> tuple[tuple[Address, Message], ...]:
    """For every channel that uses the profile: what changed, who changed it, and an Undo button."""
    different = profiles.changes(before, after)
    head = profiles.change_announcement(invocation.by, after, different, token, undone)
    return tuple((address, head) for address in subscribers(invocation, context, after.name))


def subscribers(invocation: Invocation, context: Context, name: str) -> tuple[Address, ...]:
    """The channels of the workspace that are subscribed to a profile, paused or not."""
    every = context.store.subscriptions.of_workspace(
        invocation.address.platform, invocation.address.workspace
    )
    return tuple(dict.fromkeys(each.address for each in every if each.profile == name))


def require_right_to_change(invocation: Invocation, context: Context, name: str) -> None:
    """Raises Refused where this person may not change the profile."""
    own_profiles = context.store.profiles
    used_in = [address.channel for address in subscribers(invocation, context, name)]
    own = name in own_profiles.own_names(invocation.address)
    is_maker = (
        own
        and bool(invocation.by)
        and own_profiles.maker(invocation.address, name) == invocation.by
    )
    require_profile_right(invocation.person, is_maker, used_in if used_in or own else None)


def require_room(invocation: Invocation, context: Context) -> None:
    """Raises Refused where the workspace has as many profiles as it can have."""
    if len(context.store.profiles.own_names(invocation.address)) >= _MOST:
        raise Refused(refusals.too_many_profiles(_MOST))
