"""Who may do what: the one rule for commands, buttons and forms; pure.

Members of a channel may change its subscriptions. A profile may be changed by who made it, by
members of the channels that use it, and by admins. Everybody may ask why, and vote.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from bot.domain.papers import Value
from bot.errors import Refused
from bot.views import refusals


class PersonKind(StrEnum):
    """What a person is in a workspace. The last four may only ask why and vote."""

    ADMIN = "admin"
    MEMBER = "member"
    GUEST = "guest"
    STRANGER = "stranger"  # of another workspace, in a shared channel
    BARRED = "barred"  # a member to whom the Discord server's settings deny /digest
    ALONE = "alone"  # in a private conversation on Discord, which belongs to no server


class Right(StrEnum):
    """The right that a command, a button or a form takes."""

    ASK = "ask"  # why, a vote: everybody
    USE = "use"  # whatever shows or posts something in a channel: its members
    CHANGE = "change"  # its members, or only admins where PAPERBOY_ADMINS_ONLY says so


class Person(Value):
    """Who asks, as the platform says now. `channels` are the ids of the channels this person is a
    member of, the private conversation with the bot included."""

    kind: PersonKind
    channels: frozenset[str] = frozenset()

    @property
    def may_use(self) -> bool:
        """Whether this person may do more than ask why and vote."""
        return self.kind in (PersonKind.ADMIN, PersonKind.MEMBER)


def require_right(who: Person | None, right: Right, channel: str, admins_only: bool) -> None:
    """Check a right in a channel or, where none is named, in the workspace. `who` is None when the
    platform could not be asked.

    Raises Refused, with the reason.
    """
    if right is Right.ASK:
        return
    if who is None:
        raise Refused(refusals.identity_unknown())
    if not who.may_use:
        raise Refused(refusals.MAY_ONLY_ASK[who.kind])
    if channel and channel not in who.channels:
        raise Refused(refusals.not_in_channel())
    if right is Right.CHANGE and not may_change(who, admins_only):
        raise Refused(refusals.admins_only())


def may_change(who: Person, admins_only: bool) -> bool:
    """Whether this person may change what belongs to the channels they are a member of."""
    return who.kind is PersonKind.ADMIN or (who.kind is PersonKind.MEMBER and not admins_only)


def require_profile_right(
    who: Person | None, is_maker: bool, used_in: Collection[str] | None
) -> None:
    """Check that a person with the right CHANGE may change this profile: as its maker, as a member
    of a channel it is `used_in`, or as an admin. `used_in` is None for a profile nobody owns yet.

    Raises Refused.
    """
    if who is None:
        raise Refused(refusals.identity_unknown())
    if who.kind is PersonKind.ADMIN or is_maker or used_in is None:
        return
    if not who.channels.intersection(used_in):
        raise Refused(refusals.not_your_profile())
