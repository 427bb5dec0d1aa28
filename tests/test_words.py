"""What is said to a channel when nobody asked."""

from __future__ import annotations

from datetime import timedelta

from bot import words_channels, words_wrong
from bot.checkup import Outage, SlackCheckup
from bot.domain import Trouble
from bot.ledger import Judge
from bot.message import Head
from bot.status_values import Status, SubscriptionStatus
from bot.subscription import Paused
from bot.terminal_render import as_text
from bot.words_doctor import discord_text, server_text, slack_text
from bot.words_status import status_text
from tests.conftest import check_golden
from tests.make import NOW
from tests.test_bot import subscription
from tests.test_plan import scheduled


def told(*heads: Head) -> str:
    return "\n".join(as_text([head]) for head in heads)


def test_the_notes_of_a_channel() -> None:
    resting = subscription(paused=Paused(at=NOW, trouble=Trouble.NOT_A_MEMBER))
    notes = [
        words_channels.late(subscription(), scheduled(0), Trouble.EMPTY_WEEKDAY),
        words_channels.late(subscription(), scheduled(0), Trouble.STILL_AT_IT),
        words_channels.quiet(),
        words_channels.healed(subscription(), NOW),
        words_wrong.before("https://example.org/archives/C1/p1"),
        words_wrong.failed(),
        words_wrong.given_up(),
        words_wrong.one_moment(),
        words_wrong.stopped(resting.address, [resting], Trouble.NOT_A_MEMBER),
        words_wrong.stopped(resting.address, [], Trouble.BAD_TOKEN),
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
