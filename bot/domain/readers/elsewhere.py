"""Papers that several channels of a workspace show: who reads a channel, and where a card points;
no I/O."""

from __future__ import annotations

from enum import StrEnum


class Audience(StrEnum):
    """Who may read a channel."""

    EVERYONE = "everyone"  # who belongs to the workspace, and nobody else
    MEMBERS = "members"  # those of the channel alone
    OUTSIDERS = "outsiders"  # people of other workspaces, too
