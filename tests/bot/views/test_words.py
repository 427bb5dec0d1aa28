"""What is said to a channel when nobody asked."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.checkup import Outage, SlackCheckup
from bot.domain.digest import Judge
from bot.domain.message import Head
from bot.domain.papers import Trouble
from bot.domain.status import Status, SubscriptionStatus
from bot.domain.subscription import Paused
from bot.terminal.render import as_text
from bot.views import refusals, subscriptions
from bot.views.doctor import discord_text, server_text, slack_text
from bot.views.status import status_text
from tests.bot.planning.test_plan import scheduled
from tests.bot.runtime.test_bot import subscription
from tests.conftest import check_golden
from tests.make import NOW


def told(*heads: Head) -> str:
    return "\n".join(as_text([head]) for head in heads)


def test_the_notes_of_a_channel() -> None:
    resting = subscription(paused=Paused(at=NOW, trouble=Trouble.NOT_A_MEMBER))
    notes = [
        subscriptions.late(subscription(), scheduled(0), Trouble.EMPTY_WEEKDAY),
        subscriptions.late(subscription(), scheduled(0), Trouble.STILL_AT_IT),
        subscriptions.quiet(),
        subscriptions.healed(subscription(), NOW),
        refusals.before("https://example.org/archives/C1/p1"),
        refusals.failed(),
        refusals.given_up(),
        refusals.one_moment(),
        refusals.stopped(resting.address, [resting], Trouble.NOT_A_MEMBER),
        refusals.stopped(resting.address, [], Trouble.BAD_TOKEN),
    ]
    check_golden("notes.txt", told(*notes))


def test_what_the_operator_is_told() -> None:
    status = Status(
        at=NOW,
        server="Redis 7.4.1",
        memory=3_400_000,
        persistent=False,
        policy="allkeys-lru",
        judge=Judge(),
        queues=(),
        outages=(
            Outage(what="slack", why="Slack did not answer.", since=NOW - timedelta(hours=1)),
        ),
        subscriptions=(
            SubscriptionStatus(
                subscription=subscription(), next=NOW + timedelta(days=1), last=None
            ),
        ),
    )
    good = SlackCheckup(team="Testers", bot="paperboy", by="Socket Mode", unheard=("app_mention",))
    bad = SlackCheckup(trouble="Slack says invalid_auth.", app_trouble="Slack says not_authed.")
    heads = [
        status_text(status),
        server_text(status),
        slack_text(good),
        slack_text(good.model_copy(update={"missing_scopes": ("users:read",)})),
        slack_text(bad),
        discord_text(True, ["Discord takes the token.", "https://example.org/" + "x" * 120]),
    ]
    check_golden("operator.txt", told(*heads))
