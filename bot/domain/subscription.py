"""The nouns of a channel's own: what it subscribed to, why that rests, and who liked what; pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from bot.domain.papers import Value
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.domain.schedule import Schedule


class Paused(Value):
    """Why nothing comes: somebody said so (`by`), or it cannot be posted there (`trouble`)."""

    at: datetime
    by: str = ""
    trouble: ChannelReason | None = None


class Subscription(Value):
    """A channel gets a profile's digest at its local time. `profile` is a name, so that a change
    of the profile reaches its subscribers; `top` caps the papers below the profile's own maximum;
    `by` is the id of the person who subscribed the channel, who is told when it stops."""

    address: Address
    profile: str
    schedule: Schedule
    top: int | None = None
    by: str
    since: datetime
    paused: Paused | None = None

    @property
    def key(self) -> str:
        """Names it among all."""
        return f"{self.address} {self.profile}"


class Vote(StrEnum):
    """A vote."""

    UP = "up"
    DOWN = "down"


class Votes(Value):
    """How many people of a channel voted a paper up and down."""

    up: int = 0
    down: int = 0
