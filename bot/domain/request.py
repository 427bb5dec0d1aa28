"""The nouns of who gets a day: a channel's address, a wish, a delivery; no I/O."""

from __future__ import annotations

from datetime import date as date_
from datetime import datetime
from typing import Self

from pydantic import Field

from bot.domain.digest import Judge, ListQuery, ListResult
from bot.domain.papers import Value, fingerprint
from bot.domain.reasons import ChannelReason


class Address(Value):
    """One channel of one platform: where digests go and what remembers what it had.

    `workspace` is Slack's team or Discord's guild, empty where there is no such thing.
    """

    platform: str = Field(pattern=r"^[a-z]+$")
    workspace: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,64}$")
    channel: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")

    def __str__(self) -> str:
        return f"{self.platform}:{self.workspace}:{self.channel}"

    @property
    def workspace_key(self) -> str:
        """Names the workspace, over all platforms."""
        return f"{self.platform}:{self.workspace}"


class DigestRequest(Value):
    """Somebody waits for a profile's day at an address.

    `profile` is a fingerprint; `since` is when it was asked for: what failed before then is tried
    again, what is complete is used as it is. `by` is the id of the person who asked, empty for a
    schedule; `top` the most papers this channel wants.

    A schedule's wish names its `subscription`: it is not delivered before `at`, may be improved
    `until` then, and brings `earlier` days with it that the channel is owed; `left_out` are too
    many. `asked` is when a person's wish was first made, once it is tried anew.
    """

    profile: str
    wanted: ListQuery
    judge: Judge
    address: Address
    since: datetime
    by: str = ""
    top: int | None = None
    earlier: tuple[ListQuery, ...] = ()
    left_out: int = 0
    at: datetime | None = None
    until: datetime | None = None
    subscription: str = ""
    asked: datetime | None = None

    @property
    def key(self) -> str:
        """Names it among those that wait: the same day for the same channel is one wish."""
        return f"{self.address} {self.profile} {self.wanted.key}"

    @property
    def origin_key(self) -> str:
        """Names who asked and when: the same after it was tried anew, another when somebody asks
        for the same day again."""
        return f"{self.by} {(self.asked or self.since).isoformat()}"

    @property
    def queries(self) -> tuple[ListQuery, ...]:
        """All of its days, the newest last."""
        return (*self.earlier, self.wanted)

    def for_single_day(self, query: ListQuery, since: datetime) -> Self:
        """One of its days alone, as if it was asked for at `since`."""
        plain = {"earlier": (), "left_out": 0, "at": None, "until": None}
        return self.model_copy(update={"wanted": query, "since": since, **plain})


class Delivery(Value):
    """What a channel was given, in short: `day` names the digest, `message` is the platform's id
    of the head (empty where there is none), `at` when it was last complete or tried. `days` name
    the decided days it was made of, the newest last; empty, it was `day` alone. `ended` is why
    nothing more can be posted there: somebody deleted the thread, say."""

    day: str
    days: tuple[str, ...] = ()
    profile: str
    date: date_
    earlier: tuple[date_, ...] = ()
    announced: int
    picked: int
    complete: bool
    message: str = ""
    at: datetime
    ended: ChannelReason | None = None


def digest_name(request: DigestRequest, list_result: ListResult) -> str:
    """Names a profile's decided day, whoever asks for it."""
    return fingerprint(
        request.profile, request.judge.model or "", list_result.batch or request.wanted.key
    )


def delivery_name(request: DigestRequest, list_result: ListResult) -> str:
    """Names that day as delivered to one address; several days by their dates, which do not
    change when one of them turns up late."""
    name = digest_name(request, list_result)
    if request.earlier:
        keys = [query.key for query in request.queries]
        name = fingerprint(request.profile, request.judge.model or "", *keys)
    return f"{request.address}:{name}"
