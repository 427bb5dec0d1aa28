"""Who gets a digest: addresses, requests, deliveries; no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date as date_
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Self

from pydantic import Field

from bot.domain.digest import ListQuery, ListResult
from bot.domain.judge import Judge
from bot.domain.papers import Value, fingerprint
from bot.domain.reasons import ChannelReason

# For so long a digest may still come or change: days are caught up for a month at most, and a paper
# is posted again within days.
RECENT: Final = timedelta(days=60)


class Address(Value):
    """One channel of one platform.

    `workspace` is Slack's team or Discord's guild, empty where there is none.
    """

    platform: str = Field(pattern=r"^[a-z]+$")
    workspace: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,64}$")
    channel: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")

    def __str__(self) -> str:
        return f"{self.platform}:{self.workspace}:{self.channel}"

    @property
    def workspace_key(self) -> str:
        """Identifies the workspace across platforms."""
        return f"{self.platform}:{self.workspace}"


class DigestRequest(Value):
    """A request to deliver one profile's digest to one channel.

    `profile` is a fingerprint. `since` is when the request was made: steps that failed before are
    tried again, complete ones are used as they are. `by` is the id of the person who asked, empty
    for a schedule; `top` limits the papers in this channel.

    A schedule's request has the key of its `subscription`. It is not delivered before `at`, may be
    improved `until` then, and includes the `earlier` days that the channel missed; `left_out`
    counts those that are too many. `asked` is when a person's request was first made, once it has
    been renewed.

    A `preview` is shown to the person who asks, and delivered to nobody; one of a profile that was
    `voted` on is put in the order of the votes first.
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
    preview: bool = False
    voted: bool = Field(default=False, exclude_if=lambda flag: not flag)

    @property
    def key(self) -> str:
        """The same day of the same profile for the same channel is one request of each person, who
        is told what became of it, or one of a schedule."""
        subject = self.subject
        return f"{subject}{' preview' if self.preview else ''} {self.by}" if self.by else subject

    @property
    def subject(self) -> str:
        """The same for everybody who asks for this day of this profile in this channel."""
        return f"{self.address} {self.profile} {self.wanted.key}"

    @property
    def origin_key(self) -> str:
        """Identifies who asked and when: unchanged when the request is renewed, another when
        somebody asks for the same day again."""
        return f"{self.by} {(self.asked or self.since).isoformat()}"

    @property
    def queries(self) -> tuple[ListQuery, ...]:
        """All of its days, the newest last."""
        return (*self.earlier, self.wanted)

    @property
    def log_fields(self) -> dict[str, str]:
        """What a line of a log says it is about."""
        day = str(self.wanted.date or "")
        subscription = {"subscription": self.subscription, "profile": self.profile, "day": day}
        return {"workspace": self.address.workspace_key, **subscription}

    def for_single_day(self, query: ListQuery, since: datetime) -> Self:
        """A request for one of the days, made at `since`."""
        plain = {"earlier": (), "left_out": 0, "at": None, "until": None}
        return self.model_copy(update={"wanted": query, "since": since, **plain})


class Delivery(Value):
    """The summary of a digest that a channel was given. `day` is the digest's name, `message` the
    platform's id of the head (empty where there is none), `at` when it was last completed or
    tried. `days` are the names of the decided days it was made of, the newest last; when empty,
    `day` alone. `ended` is why nothing more can be posted: somebody deleted the thread, say.
    `judge` is the model and the prompt (papers.fingerprint, eight digits); empty without one.
    `ranked_locally` counts the papers that no model judged (Digest.stand_ins)."""

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
    # Left out where empty, so that older releases can read them.
    judge: str = Field(default="", exclude_if=lambda judge: not judge)
    ranked_locally: int = Field(default=0, exclude_if=lambda number: not number)


class RecentDeliveries(Value):
    """What is asked of a channel's deliveries of one profile all the time: the last one, and the
    dates that those of its last weeks brought completely, by day (a name)."""

    last: Delivery
    dates: dict[str, tuple[date_, ...]]

    @classmethod
    def of(cls, deliveries: Iterable[Delivery]) -> RecentDeliveries | None:
        """Of all deliveries, the oldest first; None where there is none."""
        recent: RecentDeliveries | None = None
        for each in deliveries:
            recent = recent.then(each) if recent else cls(last=each, dates={}).then(each)
        return recent

    def then(self, delivery: Delivery) -> RecentDeliveries:
        """After one more, or the last one once more."""
        is_newer = delivery.at >= self.last.at or delivery.day == self.last.day
        last = delivery if is_newer else self.last
        dates = {day: dates for day, dates in self.dates.items() if day != delivery.day}
        if delivery.complete:
            dates[delivery.day] = (*delivery.earlier, delivery.date)
        since = (last.at - RECENT).date()
        kept = {day: dates for day, dates in dates.items() if max(dates) >= since}
        return RecentDeliveries(last=last, dates=kept)


def digest_name(request: DigestRequest, list_result: ListResult) -> str:
    """The name of a profile's decided day, the same for every channel; of one that was judged with
    examples, for every channel of their workspace."""
    batch = list_result.batch or request.wanted.key
    return _name(request.profile, request.judge.key, batch)


# Kept, because a tick asks for the same names for every channel.
_name = lru_cache(maxsize=1 << 12)(fingerprint)


def delivery_name(request: DigestRequest, list_result: ListResult) -> str:
    """The name of that day's delivery to one address. Several days are named by their queries,
    which stay the same when one of the lists arrives late; so is a day that tells of others that
    were left out, because somebody may have had the same day without a word of them. A preview is
    each person's own, and made anew each time."""
    name = digest_name(request, list_result)
    if request.earlier or request.left_out:
        keys = [query.key for query in request.queries]
        name = _name(request.profile, request.judge.key, *keys)
    if request.preview:
        name = fingerprint(name, request.by, str(request.top), request.since.isoformat())
    return f"{request.address}:{name}"
