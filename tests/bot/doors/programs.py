"""Programs of people on a Slack on loopback: the token they are given, what they ask and get."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2

from bot.domain.digest import Outcome
from bot.domain.papers import Profile
from bot.domain.request import Address
from bot.store.store import Store
from tests.bot.slack.conversations import type_command
from tests.factories import NOW, decision, digest, listing, profile, subscription
from tests.servers.fake_slack import FakeSlack
from tests.workers.run_task_job import do_waiting_tasks

# In C1 everybody is; C2 is private, and only U2 is in it.
MINE, THEIRS, BELOW = "2503.10000", "2503.11111", "2503.12222"
OURS = profile()
OTHERS = profile(name="others", title="What others do", maximum=7)
HERE = Address(platform="slack", workspace="T1", channel="C1")


@dataclass
class Programs:
    """What can be asked at `url`, and the people around it."""

    url: str
    fake_slack: FakeSlack
    store: Store

    def new_token(self, user: str = "U1") -> str:
        """As a person makes one."""
        shown = type_command(self.fake_slack, "token new", user=user)
        found = re.search(r"paperboy_[\w-]{43}", shown)
        assert found, shown
        return found[0]

    def get(self, path: str, token: str = "", method: str = "GET", **asked: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with httpx2.Client(trust_env=False, timeout=60) as client:
            return client.request(
                method, f"{self.url}{path}", params=asked or None, headers=headers
            )

    def work(self) -> None:
        """The workers do what waits."""
        do_waiting_tasks(self.store)


def give(
    store: Store, channel: str, id: str, name: str, profile: Profile = OURS, **fields: Any
) -> None:
    """A digest is in a channel, which is subscribed: one paper was posted, another was not."""
    at = Address(platform="slack", workspace="T1", channel=channel).model_copy(update=fields)
    rows = [decision(id, Outcome.PICKED), decision(BELOW, Outcome.BELOW_CUTOFF, 3)]
    day = digest(*rows, judged_at=NOW, profile=profile)
    store.lists.add("b", listing(*(d.announced for d in day.decisions)), NOW)
    store.days.put_decided(name, day)
    when = NOW + timedelta(minutes=len(store.redis.keys("pb:history:*")))
    store.history.put_delivered(at, f"{at}:{name}", day, when, "17.1")
    own = subscription(profile=profile.name, address=at)
    store.subscriptions.put(own)
