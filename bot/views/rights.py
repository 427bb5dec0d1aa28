"""What the bot says to who may not do what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# By the kind of person (bot.permissions.Kind).
ONLY_ASKS: Final[Mapping[str, str]] = {
    "guest": "Guests may ask /why and vote; the rest is for members of this workspace.",
    "stranger": "People of other workspaces may ask /why and vote; the rest is for members of "
    "this one.",
    "barred": "On this server /digest is for people with Manage Server, and for those whom its "
    "settings allow it; everybody may ask /why and vote.",
    "alone": "Alone with Paperboy you may ask /why; the rest is done in a server's channels.",
}


def unchecked() -> str:
    """When the platform did not say who somebody is."""
    return "Paperboy could not check whether you may do this; try again in a minute."


def not_in_channel() -> str:
    return "That is for members of the channel it is about, and you are not one, or not any more."


def admins_only() -> str:
    return "Here only admins change subscriptions and profiles (PAPERBOY_ADMINS_ONLY)."


def not_your_profile() -> str:
    return (
        "A profile is changed by who made it, by members of the channels that use it, and by "
        "admins; /digest new makes one of your own."
    )
