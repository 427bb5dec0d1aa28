"""Who may do what: the one rule, asked by every way in; pure.

Members of a channel change its subscriptions; a profile is changed by who made it, by members of
the channels that use it and by admins. Everybody may ask why, and vote.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from bot.domain.papers import Value
from bot.errors import Refused
from bot.views import refusals


class PersonKind(StrEnum):
    """What somebody is to a workspace. The last four may ask why and vote, and no more."""

    ADMIN = "admin"
    MEMBER = "member"
    GUEST = "guest"
    STRANGER = "stranger"  # of another workspace, in a channel that both share
    BARRED = "barred"  # a member to whom a Discord server's settings do not offer /digest
    ALONE = "alone"  # in a conversation with the bot that belongs to no server


class Right(StrEnum):
    """What a command, a button or a form takes."""

    ASK = "ask"  # why, a vote: whoever is there
    USE = "use"  # what is said or shown in a channel: its members
    CHANGE = "change"  # its members, or only admins where PAPERBOY_ADMINS_ONLY says so


class Person(Value):
    """Who asks, by what the platform says at this moment: `channels` are the ids of those that he
    or she is in, the own conversation with the bot among them."""

    kind: PersonKind
    channels: frozenset[str] = frozenset()

    @property
    def may_use(self) -> bool:
        """Whether more than questions and votes is open to this person."""
        return self.kind in (PersonKind.ADMIN, PersonKind.MEMBER)


def require_right(who: Person | None, right: Right, channel: str, admins_only: bool) -> None:
    """Whether this person may do this in a channel, or, where none is named, in the workspace.
    `who` is None when it could not be found out.

    Raises Refused, with the reason, for who may not.
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
    """Whether this person may change what belongs to the channels that he or she is in."""
    return who.kind is PersonKind.ADMIN or (who.kind is PersonKind.MEMBER and not admins_only)


def require_profile_right(
    who: Person | None, is_maker: bool, used_in: Collection[str] | None
) -> None:
    """Whether this person, who may change something here, may change a profile: who `made` it,
    whose channel it is `used_in`, or an admin. None for one that is nobody's yet.

    Raises Refused.
    """
    if who is None:
        raise Refused(refusals.identity_unknown())
    if who.kind is PersonKind.ADMIN or is_maker or used_in is None:
        return
    if not who.channels.intersection(used_in):
        raise Refused(refusals.not_your_profile())
