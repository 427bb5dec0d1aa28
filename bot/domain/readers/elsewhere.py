"""Who may read a channel: whether others may point to it; no I/O."""

from __future__ import annotations

from enum import StrEnum


class Audience(StrEnum):
    """Who may read a channel."""

    EVERYONE = "everyone"  # who belongs to the workspace, and nobody else
    MEMBERS = "members"  # those of the channel alone
    OUTSIDERS = "outsiders"  # people of other workspaces, too
