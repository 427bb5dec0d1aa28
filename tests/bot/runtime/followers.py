"""People who follow something, and the digests of three profiles in two channels of a Slack."""

from __future__ import annotations

import asyncio
from datetime import datetime

from pydantic import SecretStr

from bot.commands.context import Context
from bot.domain.digest import Decision, Outcome
from bot.domain.judge import Judge
from bot.domain.papers import Change
from bot.domain.readers.following import Follow, FollowKind
from bot.domain.request import Address, DigestRequest, digest_name
from bot.domain.status import Status
from bot.runtime.announcements import Wakeup
from bot.runtime.answers import Services
from bot.runtime.lookup_waiter import LookupWaiter
from bot.runtime.task_waiter import TaskWaiter
from bot.runtime.teller import tell
from bot.slack.answers import SlackAnswers
from bot.slack.poster import open_poster
from bot.store.lookups import Lookups
from bot.store.store import Store
from tests.factories import (
    DAY,
    NOW,
    announced,
    decision,
    digest,
    digest_request,
    list_result,
    listing,
    profile,
)
from tests.killed import KilledPoster
from tests.servers.fake_slack import FakeSlack
from tests.servers.slack_rules import draw_slack
from tests.workers.run_deliver_job import run_deliver_job, slack_address


class _Even:
    """A pace that lets everybody pass."""

    async def acquire(self, address: Address) -> None:
        """At once."""


def by(author: str, id: str = "2503.10000", outcome: Outcome = Outcome.PICKED) -> Decision:
    """A paper of a day, by this author and one more."""
    found = decision(id, outcome, 8 if outcome is Outcome.PICKED else 3)
    written = announced(id, authors=(author, "Grace Hopper"))
    return found.model_copy(update={"announced": written})


def follows(
    store: Store, person: str, what: str = "Ada Lovelace", kind: str = "author", team: str = "T1"
) -> Follow:
    follow = Follow(
        workspace=f"slack:{team}", by=person, kind=FollowKind(kind), what=what, since=NOW
    )
    store.follows.put(follow)
    return follow


def deliver(
    fake_slack: FakeSlack,
    store: Store,
    name: str,
    channel: str,
    *decisions: Decision,
    changes: tuple[Change, ...] = (),
) -> DigestRequest:
    """A profile's day is posted in a channel."""
    mine, found = profile(name=name, title=name.title()), list_result(NOW)
    request = digest_request().model_copy(
        update={"profile": store.profiles.put(mine), "address": slack_address(channel)}
    )
    listed = listing(*(d.announced for d in decisions))
    replaced = tuple((change.paper, ("cs.LG",)) for change in changes)
    listed = listed.model_copy(update={"replaced": replaced, "changes": changes})
    store.lists.add(str(DAY), listed, NOW)
    store.lists.put_result(request.wanted, found)
    store.days.put_decided(digest_name(request, found), digest(*decisions, profile=mine))
    store.requests.put(request)
    run_deliver_job(fake_slack, store, [request], NOW)
    return request


def told(
    fake_slack: FakeSlack,
    store: Store,
    now: datetime = NOW,
    killed: tuple[int, bool] = (0, False),
) -> None:
    """One round of a bot that has just started."""

    async def run() -> None:
        async with open_poster(SecretStr("xoxb-1"), fake_slack.url) as out:
            line = KilledPoster(out.workspaces)
            line.last, line.after = killed
            nobody = LookupWaiter(context, lambda: None)
            tasks = TaskWaiter(context, lambda key, _: None)
            services = Services(context, _Even(), Wakeup(), nobody, tasks)  # type: ignore[arg-type]
            await tell(context, "slack", SlackAnswers(line, services), now)

    context = Context(store, Lookups(store), Judge(), lambda: Status.model_validate({}))
    asyncio.run(run())


def mentions(fake_slack: FakeSlack, channel: str) -> list[str]:
    """Who is mentioned in a channel, with what, in order."""
    shown = fake_slack.visible_messages(channel)
    return [draw_slack(message) for message in shown if message["text"].startswith("<@")]


def directly(fake_slack: FakeSlack, person: str) -> list[str]:
    """What stands in the direct messages with a person."""
    if f"D{person[1:]}" not in fake_slack.channels:
        return []
    return list(map(draw_slack, fake_slack.visible_messages(f"D{person[1:]}")))
