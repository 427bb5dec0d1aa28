"""What is said to a channel when nobody asked."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.judge import Judge
from bot.domain.message import Message
from bot.domain.papers import ArchiveNote
from bot.domain.reasons import ArxivReason, ChannelReason, ModelReason
from bot.domain.status import Outage, Status, SubscriptionStatus
from bot.domain.subscription import Paused
from bot.domain.watching.checkup import SlackCheckup
from bot.terminal.render import as_text
from bot.views import refusals, subscriptions
from bot.views.status import status_text
from bot.views.watching.doctor import discord_text, server_text, slack_text
from tests.conftest import check_golden
from tests.factories import NOW, scheduled_request, subscription


def told(*heads: Message) -> str:
    return "\n".join(as_text([head]) for head in heads)


def test_channel_notices() -> None:
    resting = subscription(paused=Paused(at=NOW, trouble=ChannelReason.NOT_A_MEMBER))
    notes = [
        subscriptions.late(subscription(), scheduled_request(0), ArxivReason.EMPTY_WEEKDAY),
        subscriptions.late(subscription(), scheduled_request(0), ModelReason.STILL_AT_IT),
        subscriptions.late(subscription(), scheduled_request(0), ModelReason.MODEL_DOWN),
        subscriptions.quiet(),
        subscriptions.reactivated(subscription(), NOW),
        refusals.delivered_before("https://example.org/archives/C1/p1"),
        refusals.failed(),
        refusals.given_up(),
        refusals.database_unreachable(),
        refusals.stopped(resting.address, [resting], ChannelReason.NOT_A_MEMBER),
        refusals.stopped(resting.address, [], ChannelReason.BAD_TOKEN),
    ]
    check_golden("views/notes.txt", told(*notes))


def test_status_and_doctor_notices() -> None:
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
                subscription=subscription(),
                next=NOW + timedelta(days=1),
                last=None,
                archive=ArchiveNote(
                    at=NOW, why=ArxivReason.NO_LIST, categories=("cs.LG",), papers=40, unclear=3
                ),
            ),
        ),
    )
    good = SlackCheckup(
        team="Testers", bot="paperboy", by="Socket Mode", unseen_events=("app_mention",)
    )
    bad = SlackCheckup(
        bot_token_error="Slack says invalid_auth.", app_token_error="Slack says not_authed."
    )
    heads = [
        status_text(status),
        server_text(status),
        slack_text(good),
        slack_text(good.model_copy(update={"missing_scopes": ("users:read",)})),
        slack_text(bad),
        discord_text(True, ["Discord accepts the token.", "https://example.org/" + "x" * 120]),
    ]
    check_golden("views/operator.txt", told(*heads))
