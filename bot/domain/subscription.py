"""Subscriptions, why they are paused, and votes; no I/O."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from bot.domain.papers import Value
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.domain.schedule import Schedule


class Paused(Value):
    """Why a subscription is paused: a person did it (`by`), or posting failed (`trouble`)."""

    at: datetime
    by: str = ""
    trouble: ChannelReason | None = None


class Subscription(Value):
    """A channel gets a profile's digest on a schedule. `profile` is a name, so that a change to
    the profile reaches its subscribers; `top` limits the papers below the profile's own maximum;
    `by` is the id of the person who subscribed, who is told when the subscription is paused."""

    address: Address
    profile: str
    schedule: Schedule
    top: int | None = None
    by: str
    since: datetime
    paused: Paused | None = None

    @property
    def key(self) -> str:
        return f"{self.address} {self.profile}"


class Vote(StrEnum):
    """One person's vote on a paper."""

    UP = "up"
    DOWN = "down"


class Votes(Value):
    """How many people of a channel voted a paper up and down."""

    up: int = 0
    down: int = 0
