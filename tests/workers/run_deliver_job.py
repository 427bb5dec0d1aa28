"""Run DELIVER on a judged day, and see what the channels got."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time

from bot.domain.digest import Outcome
from bot.domain.request import Address, DigestRequest, digest_name
from bot.domain.schedule import Schedule
from bot.domain.subscription import Subscription
from bot.settings import Settings
from bot.store.requests import DueDeliveries
from bot.store.store import Store
from tests.factories import (
    DAY,
    NOW,
    decision,
    digest,
    digest_request,
    list_result,
    listing,
    paper_ids,
    profile,
)
from tests.servers.fake_slack import FakeSlack
from workers import deliver_job


def slack_address(channel: str) -> Address:
    return Address(platform="slack", workspace="T1", channel=channel)


def put_judged_day(
    store: Store, *channels: str, by: str = "", top: int | None = None
) -> list[DigestRequest]:
    """A judged day of six picked papers, and who waits for it."""
    fingerprint = store.profiles.put(profile())
    base = digest_request().model_copy(update={"profile": fingerprint, "by": by, "top": top})
    requests = [base.model_copy(update={"address": slack_address(channel)}) for channel in channels]
    papers = [decision(id, Outcome.PICKED) for id in paper_ids(6)]
    store.lists.add(str(DAY), listing(*(d.announced for d in papers)), NOW)
    found = list_result(NOW)
    store.lists.put_result(base.wanted, found)
    store.days.put_decided(digest_name(base, found), digest(*papers))
    for each in requests:
        store.requests.put(each)
    return requests


def subscribed(store: Store, channel: str, by: str) -> None:
    store.subscriptions.put(
        Subscription(
            address=slack_address(channel),
            profile="matters",
            schedule=Schedule(at=time(9), tz="UTC"),
            by=by,
            since=NOW,
        )
    )


def run_deliver_job(
    fake_slack: FakeSlack,
    store: Store,
    requests: list[DigestRequest],
    now: datetime | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    part: int = 0,
    parts: int = 1,
) -> None:
    """The job, for those whom the clock found due."""
    DueDeliveries(store.redis, "slack").put(requests)
    settings = Settings(SLACK_BOT_TOKEN="xoxb-1", SLACK_API_URL=fake_slack.url)
    clock = lambda: now or datetime.now(UTC)  # noqa: E731
    deliver_job.deliver("slack", store, settings, clock, should_stop, part, parts)


def replies(fake_slack: FakeSlack, channel: str) -> int:
    return len(fake_slack.visible_messages(channel)) - 1
