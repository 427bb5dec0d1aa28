"""Votes from one morning to the next, as a channel in Slack sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import redis.asyncio

from bot.domain.digest import Decision, ListResult, Outcome
from bot.domain.papers import Announced, AnnounceType
from bot.domain.request import digest_name
from bot.settings import Settings
from bot.store.requests import DueDeliveries
from bot.store.store import Store
from tests.bot.slack.conversations import (
    SECRETS,
    assert_acked,
    button,
    private_answer,
    put_day,
    type_command,
)
from tests.factories import DAY, decision, digest, listing, profile
from tests.servers.fake_slack import FakeSlack, Json
from tests.servers.slack_rules import draw_slack
from tests.workers.gate.tide_papers import tide_papers
from workers.deliver_job import deliver

MINE = profile(maximum=3)


def put_morning(n: int) -> list[Decision]:
    """The n-th day: twelve papers with the same scores, the two on tides first on the first day
    and just over the limit on the others."""
    papers, is_tidal = tide_papers(12, n)
    tidal, others = (
        [p for p, was in zip(papers, is_tidal, strict=True) if was is kind]
        for kind in (True, False)
    )
    ordered = [*others[: 3 * (n > 1)], *tidal, *others[3 * (n > 1) :]]
    return [
        decision("-", Outcome.PICKED if place < 3 else Outcome.OVER_LIMIT).model_copy(
            update={"announced": Announced(paper=paper, announce_type=AnnounceType.NEW)}
        )
        for place, paper in enumerate(ordered)
    ]


def morning(redis_url: str, store: Store, fake_slack: FakeSlack, n: int) -> list[Json]:
    """The n-th day is judged and delivered to C1; returns its thread, parent first."""
    decisions, day, now = put_morning(n), DAY + timedelta(days=n), datetime.now(UTC)
    before = len(fake_slack.visible_messages("C1"))
    query = put_day(store).wanted.model_copy(update={"latest": False, "date": day})
    request = put_day(store).model_copy(
        update={"wanted": query, "profile": store.profiles.put(MINE)}
    )
    listed = ListResult(batch=str(day), date=day, asked_at=now, changed_at=now)
    store.lists.add(listed.batch, listing(*(d.announced for d in decisions), day=day), now)
    store.lists.put_result(query, listed)
    judged = digest(*decisions, profile=MINE, listed=listed, judged_at=now)
    store.days.put_decided(digest_name(request, listed), judged)
    DueDeliveries(store.redis, "slack").put([request])
    config = Settings.model_validate(SECRETS | {"slack_api_url": fake_slack.url})
    deliver("slack", store, config, redis.asyncio.Redis.from_url(redis_url), lambda: now)
    return fake_slack.visible_messages("C1")[before:]


def test_votes_of_one_morning_change_the_next_until_they_are_forgotten(
    running_bot: None, fake_slack: FakeSlack, redis_url: str, store: Store
) -> None:
    head, *cards = morning(redis_url, store, fake_slack, 1)
    assert "by your votes" not in draw_slack(head)
    for user in ("U1", "U2", "U3"):
        for card in cards[:2]:
            assert_acked(fake_slack.press(button(card, "👍"), message_ts=card["ts"], user=user))
    fake_slack.wait_until(lambda: len(store.votes.lessons("slack:T1", "matters")) == 6)
    second = morning(redis_url, store, fake_slack, 2)
    said = draw_slack(second[0])
    assert "is here by your votes: 3 of you liked papers like “On " in said
    assert "6 votes of 3 people: 6 👍, 0 👎." in type_command(fake_slack, "taught matters")
    asked = fake_slack.ephemeral[-1]
    forget = button(asked, "Forget all")
    gone = private_answer(fake_slack, lambda: fake_slack.press(forget, message_ts=""))
    assert "Forgot 6 votes" in gone
    third = morning(redis_url, store, fake_slack, 3)
    assert "by your votes" not in draw_slack(third[0])
    plain = [each.paper.title for each in put_morning(3)[:3]]
    assert all(t in draw_slack(card) for t, card in zip(plain, third[1:], strict=True))
